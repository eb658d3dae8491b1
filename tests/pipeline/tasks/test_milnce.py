import random

import numpy as np
import pytest

from pipeline.tasks.milnce import draw, seeded
from shards.schema import Window


def reference(start, end, rng, num_candidates, num_sec, min_time):
    """SHARDS.md section 8, line for line, over NumPy columns as pandas gives them.

    Returns the caption, the clip's start and the candidates, in the loader's order.
    """
    ind = rng.randint(0, len(start) - 1)
    s = e = ind
    count = 1
    first = None
    while count < num_candidates:
        if s == 0:
            first = 0
            break
        if e == len(start) - 1:
            first = s - (num_candidates - count)
            break
        if end[e] - start[s - 1] < end[e + 1] - start[s]:
            s = s - 1
        else:
            e = e + 1
        count = count + 1
    if first is None:
        first = s
    candidates = [max(0, min(len(start) - 1, first + i)) for i in range(num_candidates)]
    clip_start, clip_end = start[ind], end[ind]
    if clip_end - clip_start < min_time:
        diff = min_time - clip_end + clip_start
        clip_start = max(0, clip_start - diff / 2)
        clip_end = clip_start + min_time
    clip_start, clip_end = int(clip_start), int(clip_end)
    return ind, rng.randint(clip_start, int(max(clip_start, clip_end - num_sec))), candidates


def captions(shape):
    """Start and end of a video's captions: few or many, short and long, with gaps or overlaps."""
    count = int(shape.integers(1, 4)) if shape.random() < 0.3 else int(shape.integers(4, 120))
    starts = np.round(np.cumsum(shape.uniform(0.0, 6.0, count)), 2)
    lengths = np.where(
        shape.random(count) < 0.1, shape.uniform(8, 60, count), shape.uniform(0, 5, count)
    )
    return starts, np.round(starts + lengths, 2)


def test_ten_thousand_draws_are_those_of_the_reference():
    num_draws = 0
    num_clamped = 0
    for video in range(500):
        shape = np.random.default_rng(video)
        starts, ends = captions(shape)
        windows = [
            Window(place, float(start), float(end), "w")
            for place, (start, end) in enumerate(zip(starts, ends, strict=True))
        ]
        num_candidates = int(shape.choice([1, 3, 5, 9]))
        min_time = float(shape.choice([4.0, 5.0]))
        ours, theirs = seeded(7, str(video)), seeded(7, str(video))
        for _ in range(20):
            got = draw(windows, ours, num_candidates, 3.2, min_time)
            want = reference(starts, ends, theirs, num_candidates, 3.2, min_time)
            assert (got.caption, got.start_s, list(got.candidates)) == want
            num_draws += 1
            num_clamped += len(set(got.candidates)) < num_candidates
        assert ours.getstate() == theirs.getstate()
    assert num_draws == 10_000 and num_clamped > 500


@pytest.mark.parametrize(
    ("spans", "caption", "candidates"),
    [
        ([(0, 4), (5, 9)], 0, (0, 1, 1, 1, 1)),
        ([(0, 4), (5, 9)], 1, (0, 0, 0, 0, 1)),
        ([(0, 4)], 0, (0, 0, 0, 0, 0)),
        ([(0, 1), (2, 3), (4, 5), (40, 41), (50, 51), (60, 61), (70, 71)], 3, (2, 3, 4, 5, 6)),
        ([(0, 1), (9, 10), (11, 12), (13, 14), (15, 16), (17, 18), (60, 61)], 2, (1, 2, 3, 4, 5)),
    ],
)
def test_candidates_grow_to_the_shorter_side_and_clamp_to_duplicates(spans, caption, candidates):
    class Chosen(random.Random):
        def randint(self, low, high):
            return caption if low == 0 and high == len(spans) - 1 else low

    windows = [Window(place, *map(float, span), "w") for place, span in enumerate(spans)]
    assert draw(windows, Chosen(), 5, 3.2, 5.0).candidates == candidates


def test_a_short_caption_is_widened_and_starts_are_whole_seconds():
    windows = [Window(0, 20.4, 21.4, "w")]
    starts = {draw(windows, seeded(0, str(n)), 1, 3.2, 5.0).start_s for n in range(50)}
    # 18.4 to 23.4 becomes 18 to 23, of which the last start is int(19.8).
    assert starts == {18, 19}
    early = [Window(0, 0.2, 1.0, "w")]
    assert {draw(early, seeded(0, str(n)), 1, 3.2, 5.0).start_s for n in range(50)} == {0, 1}


def test_the_generator_of_a_video_depends_on_seed_and_id_only():
    assert seeded(0, "a").random() == seeded(0, "a").random()
    assert len({seeded(s, v).random() for s in (0, 1) for v in ("a", "b", "A")}) == 6
    assert seeded(0, "e\u0301").random() == seeded(0, "\u00e9").random()
