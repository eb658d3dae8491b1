"""Labelled spans and their match to clips."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.evaluation.spans import Span, match_spans, read_spans


@dataclass(frozen=True)
class Clip:
    video_id: str
    start_s: float
    end_s: float


def test_a_clip_gets_the_span_that_it_overlaps_most() -> None:
    spans = [Span("v", 0.0, 4.0), Span("v", 4.0, 8.0)]
    assert match_spans([Clip("v", 2.0, 5.2), Clip("v", 3.0, 6.2)], spans) == spans


def test_equal_overlap_goes_to_the_earlier_span_whatever_the_order_of_lines() -> None:
    early, late = Span("v", 0.0, 4.0), Span("v", 4.0, 8.0)
    clip = Clip("v", 2.4, 5.6)
    assert match_spans([clip], [late, early]) == [early]
    assert match_spans([clip], [early, late]) == [early]


def test_a_clip_between_spans_or_of_another_video_gets_none() -> None:
    spans = [Span("v", 0.0, 1.0), Span("v", 9.0, 10.0)]
    assert match_spans([Clip("v", 1.0, 4.2), Clip("w", 0.0, 3.2)], spans) == [None, None]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), min_size=1, max_size=8),
    st.integers(0, 40),
)
def test_no_other_span_overlaps_more(lengths: list[tuple[int, int]], start: int) -> None:
    spans = [Span("v", float(a), float(a + n)) for a, n in lengths]
    clip = Clip("v", float(start), start + 3.2)

    def overlap(span: Span) -> float:
        return max(0.0, min(clip.end_s, span.end_s) - max(clip.start_s, span.start_s))

    [match] = match_spans([clip], spans)
    best = max(map(overlap, spans))
    assert (0.0 if match is None else overlap(match)) == pytest.approx(best, abs=2e-6)


def test_a_file_is_read_with_all_its_fields(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    path.write_text(
        '{"video_id":"v","start_s":1,"end_s":2.5,"sentence":"a","label":3,'
        '"factors":{"video":1,"audio":0},"step":4}\n\n{"video_id":"w","start_s":0,"end_s":1}\n'
    )
    assert read_spans(path) == [
        Span("v", 1.0, 2.5, "a", 3, {"video": 1, "audio": 0}, 4),
        Span("w", 0.0, 1.0),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "must be JSON"),
        ("[1]", "must be an object"),
        ('{"start_s":0,"end_s":1}', "video_id"),
        ('{"video_id":"v","start_s":"0","end_s":1}', "start_s must be a number"),
        ('{"video_id":"v","start_s":0}', "end_s must be a number"),
        ('{"video_id":"v","start_s":0,"end_s":NaN}', "end_s must be a number"),
        ('{"video_id":"v","start_s":2,"end_s":1}', "above start_s"),
        ('{"video_id":"v","start_s":0,"end_s":1,"label":1.5}', "label"),
        ('{"video_id":"v","start_s":0,"end_s":1,"sentence":7}', "sentence"),
        ('{"video_id":"v","start_s":0,"end_s":1,"factors":[1]}', "factors"),
    ],
)
def test_a_bad_line_is_named_with_file_and_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "spans.jsonl"
    path.write_text('{"video_id":"v","start_s":0,"end_s":1}\n' + line + "\n")
    with pytest.raises(ValueError, match=rf"spans\.jsonl:2: .*{said}"):
        read_spans(path)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must exist"):
        read_spans(tmp_path / "none.jsonl")
