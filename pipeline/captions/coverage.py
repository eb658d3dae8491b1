"""How much of a video is spoken, and until when: hints of captions that do not belong to it."""

from collections.abc import Iterable, Sequence

from pipeline.captions.cue import Cue


def narrated_s(cues: Iterable[Cue]) -> float:
    """Return the seconds in which some cue runs; overlaps count once.

    Args:
        cues: Cues in order of time.
    """
    total_s = 0.0
    until_s = 0.0
    for cue in cues:
        total_s += max(0.0, cue.end_s - max(cue.start_s, until_s))
        until_s = max(until_s, cue.end_s)
    return round(total_s, 3)


def narration_end_s(cues: Sequence[Cue]) -> float:
    """Return when the last cue ends. Well past the end of the video, captions are another's."""
    return max((cue.end_s for cue in cues), default=0.0)


def num_words(cues: Iterable[Cue]) -> int:
    """Return how many words are said."""
    return sum(len(cue.text.split()) for cue in cues)
