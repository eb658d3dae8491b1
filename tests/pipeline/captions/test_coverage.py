from pipeline.captions.coverage import narrated_s, narration_end_s, num_words
from pipeline.captions.cue import Cue

CUES = [
    Cue(1.0, 9.0, "a long one"),
    Cue(2.0, 3.0, "inside"),
    Cue(8.0, 10.5, "b c"),
    Cue(20, 21, "d"),
]


def test_overlapping_cues_count_once():
    assert narrated_s(CUES) == 10.5
    assert narration_end_s(CUES) == 21 and narration_end_s(CUES[:2]) == 9.0
    assert num_words(CUES) == 7


def test_nothing_said_is_nothing():
    assert (narrated_s([]), narration_end_s([]), num_words([])) == (0.0, 0.0, 0)
