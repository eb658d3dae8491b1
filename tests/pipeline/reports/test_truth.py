import pytest

from configs.clips import ClipsConfig
from configs.demo_corpus import DemoCorpusConfig
from configs.sources import LimitsConfig
from pipeline.captions.read import parse_captions
from pipeline.captions.windows import WindowIndex, make_windows
from pipeline.demo.captions import webvtt_text
from pipeline.demo.corpus import plan_video
from pipeline.demo.truth import cue_rows, step_rows
from pipeline.reports.truth import Truth, bag_quality, load_truth
from pipeline.tasks.clips import Subject, plan_clips
from shards.schema import Sample, Window


def sample(t0_s, *spans, video_id="a"):
    windows = tuple(Window(place, *span, "w") for place, span in enumerate(spans))
    meta = {"video_id": video_id, "t0_s": t0_s, "t1_s": t0_s + 3.2}
    return Sample(meta, b"", "w", windows)


def step(number, start_s, end_s):
    return {"video_id": "a", "start_s": start_s, "end_s": end_s, "step": number, "sentence": "s"}


TRUTH = Truth(
    steps={"a": [step(0, 0.0, 6.0), step(1, 6.0, 12.0), step(None, 12.0, 18.0)]},
    cues={"a": [step(1, 0.0, 2.0), step(None, 2.0, 4.0), step(0, 4.0, 7.0), step(1, 6.5, 9.0)]},
)


def test_the_share_of_clips_whose_bag_holds_the_right_window_grows_with_it():
    samples = [
        sample(0.0, (4.2, 5.0)),
        sample(0.0, (0.0, 2.0), (2.0, 4.0), (4.0, 6.8)),
        sample(8.0, (2.0, 4.0), (4.0, 7.0), (0.2, 1.0), (7.0, 9.0)),
        sample(8.0, (2.0, 4.0)),
    ]
    quality = bag_quality(samples, TRUTH)
    assert quality.num_clips == 4
    assert quality.share_within == {1: 0.25, 3: 0.75, 5: 0.75, 9: 0.75}


def test_clips_that_show_no_known_step_are_not_counted():
    assert bag_quality([sample(13.0, (0.0, 2.0)), sample(0.0, video_id="b")], TRUTH) is None
    assert bag_quality([sample(0.0, (4.0, 5.0))], Truth()) is None


@pytest.mark.parametrize(
    ("span", "number", "is_right"),
    [
        ((4.0, 6.9), 0, True),
        ((6.4, 8.0), 1, True),
        ((6.4, 8.0), 0, False),
        ((20.0, 21.0), 0, False),
    ],
)
def test_a_window_tells_what_the_cue_that_it_overlaps_most_tells(span, number, is_right):
    assert TRUTH.is_right(Window(0, *span, "w"), {"step": number}, "a") == is_right


def test_truth_that_is_not_there_is_empty(tmp_path):
    assert load_truth(None) == load_truth(tmp_path) == Truth()


def test_the_demo_corpus_is_as_weak_as_its_documentation_says():
    """The whole corpus, from its captions to the bags, without drawing its videos."""
    corpus, clips = DemoCorpusConfig(), ClipsConfig(policy="uniform")
    truth = Truth()
    samples = []
    for index in range(corpus.videos):
        world, spoken = plan_video(corpus, index)
        truth.steps[world.video_id] = step_rows(world)
        truth.cues[world.video_id] = cue_rows(world, spoken)
        cues = parse_captions(webvtt_text(spoken).encode(), LimitsConfig()).cues
        windows = make_windows(cues, clips.max_words)
        bags = WindowIndex(windows)
        for start in plan_clips(
            windows, Subject(world.video_id, world.duration_s, 0), clips
        ).starts:
            times = {"t0_s": start / 10, "t1_s": start / 10 + 3.2}
            bag = bags.nearest(times["t0_s"], times["t1_s"], clips.bag_size)
            samples.append(Sample({"video_id": world.video_id} | times, b"", "", bag))
    quality = bag_quality(samples, truth)
    assert quality.num_clips == 1440
    shares = {size: round(share, 3) for size, share in quality.share_within.items()}
    assert shares == {1: 0.334, 3: 0.767, 5: 0.915, 9: 0.957}
