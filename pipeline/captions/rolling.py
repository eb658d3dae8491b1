"""Rolling captions, as YouTube writes them, unrolled: every word stands once.

Such a file shows two lines. Each cue repeats the line before on top and brings one new line
below, whose words carry `<00:00:01.000>` tags; a flash of 10 ms stands between two of them. The
rule is SHARDS.md 5.5: words come from new lines, the first one at the cue's start, the next at
its tag; without tags, what a cue carries over from the cue before it is stripped.
"""

import itertools
from collections.abc import Sequence

from pipeline.captions.cue import Block, Cue
from pipeline.captions.cuetext import block_cue, has_times
from pipeline.captions.text import plain
from pipeline.captions.timing import without_pause

_FLASH_S = 0.021
_MAX_GAP_S = 0.1
_MIN_SHARE = 0.3
_MIN_BLOCKS = 3
_MIN_CARRIED_WORDS = 2
# More than any screen holds; without a limit, two huge cues would cost the square of their size.
_MAX_CARRIED_ROWS = 16
_MAX_CARRIED_WORDS = 256


def unrolled_cues(blocks: Sequence[Block], flags: set[str]) -> list[Cue]:
    """Return one cue a block; of a rolling file the new words only, and `W_CAPROLL` flagged."""
    if not _is_rolling(blocks):
        return [block_cue(block, flags) for block in blocks]
    flags.add("W_CAPROLL")
    cues: list[Cue] = []
    shown: list[str] = []
    shown_until_s = 0.0
    for block in blocks:
        # Only a flash still shows what was said before a pause.
        is_flash = _is_flash(block)
        is_near = is_flash or block.start_s - shown_until_s <= _MAX_GAP_S
        fresh, num_words = _fresh_lines(block.lines, shown if is_near else [], is_flash)
        cue = block_cue(Block(block.start_s, block.end_s, fresh), flags)
        tokens = cue.text.split()[num_words:]
        if tokens:
            rest = Cue(cue.start_s, cue.end_s, " ".join(tokens), cue.words[num_words:])
            cues.append(without_pause(rest))
        shown = _texts(block.lines)
        shown_until_s = block.end_s
    return cues


def _texts(lines: Sequence[str]) -> list[str]:
    return [text for line in lines if (text := plain(line))]


def _is_rolling(blocks: Sequence[Block]) -> bool:
    if len(blocks) < _MIN_BLOCKS:
        return False
    num_rolling = sum(
        _is_flash(two) or _carries(one, two) for one, two in itertools.pairwise(blocks)
    )
    return num_rolling >= _MIN_SHARE * (len(blocks) - 1)


def _is_flash(block: Block) -> bool:
    return 0 < block.end_s - block.start_s <= _FLASH_S


def _carries(one: Block, two: Block) -> bool:
    """Whether `two` begins with all of `one`'s last line, or with all of `one`, and goes on."""
    before, after = _texts(one.lines), _texts(two.lines)
    if not before or not after or two.start_s - one.end_s > _MAX_GAP_S:
        return False
    whole, grown = " ".join(before).split(), " ".join(after).split()
    is_line = len(after) > 1 and after[0] == before[-1]
    return is_line or (len(grown) > len(whole) and grown[: len(whole)] == whole)


def _fresh_lines(lines: Sequence[str], shown: list[str], is_flash: bool) -> tuple[list[str], int]:
    """Return the lines that are new, and how many of their first words are carried over."""
    texts = [plain(line) for line in lines]
    top = next((place for place, text in enumerate(texts) if text), len(lines))
    if top > 0:
        # The upper row is blank, so nothing is carried over.
        return list(lines[top:]), 0
    timed = next((place for place, line in enumerate(lines) if has_times(line)), len(lines))
    # The last one of several rows is new, unless the cue is a flash or leaves that row blank:
    # so a line that is said twice in a row is not taken for one that stays.
    brings_row = len(lines) > 1 and not is_flash and texts[-1] != ""
    most = min(len(shown), timed, len(lines) - brings_row, _MAX_CARRIED_ROWS)
    for num_carried in range(most, 0, -1):
        if texts[:num_carried] == shown[len(shown) - num_carried :]:
            return list(lines[num_carried:]), 0
    if timed < len(lines):
        return list(lines), 0
    return list(lines), _num_carried(" ".join(texts).split(), " ".join(shown).split())


def _num_carried(words: Sequence[str], shown: Sequence[str]) -> int:
    """Length of the longest beginning of `words` that is an end of `shown`."""
    for length in range(min(len(words), len(shown), _MAX_CARRIED_WORDS), 0, -1):
        # One word may begin a line by chance where it is not all that was shown.
        is_chance = length < _MIN_CARRIED_WORDS and length < len(shown)
        if words[:length] == shown[len(shown) - length :] and not is_chance:
            return length
    return 0
