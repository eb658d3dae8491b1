"""Every file of the nasty captions gives cues or one code, as docs/captions.md says."""

import re

from configs.sources import LimitsConfig
from pipeline.captions.cue import CaptionError
from pipeline.captions.read import parse_captions

ROW = re.compile(r"^\| `([^`]+)` \| (?:`([EW]_[A-Z]+)`|(\w+), (\d+)) \| ?(.*?) ?\|$", re.MULTILINE)
CODES = {"E_CAPPARSE", "E_CAPENC", "W_CAPEMPTY"}


def outcome(data):
    try:
        captions = parse_captions(data, LimitsConfig())
    except CaptionError as error:
        return error.code
    times = [(cue.start_s, cue.end_s) for cue in captions.cues]
    assert times == sorted(times) and all(0 <= start < end for start, end in times)
    assert all(cue.text for cue in captions.cues)
    return captions.format, len(captions.cues), captions.flags


def test_every_nasty_file_gives_what_the_documentation_says(test_data, root):
    page = (root / "docs" / "captions.md").read_text(encoding="utf-8")
    said = {
        name: code or (file_format, int(count), frozenset(re.findall(r"W_[A-Z]+", flags)))
        for name, code, file_format, count, flags in ROW.findall(page)
    }
    paths = sorted((test_data / "nasty_captions").iterdir())
    found = {path.name: outcome(path.read_bytes()) for path in paths}
    assert found == said
    assert {made for made in found.values() if isinstance(made, str)} <= CODES
    assert len(found) == 78


def test_damage_to_a_nasty_file_is_cues_or_one_code_too(test_data):
    for path in sorted((test_data / "nasty_captions").iterdir()):
        data = path.read_bytes()[:8000]
        for place in range(1, 8):
            cut = data[: len(data) * place // 8]
            flipped = bytearray(data)
            if data:
                flipped[(len(data) * place) // 8] ^= 1 << place
            for damaged in (cut, bytes(flipped)):
                made = outcome(damaged)
                assert made in CODES or made[1]
