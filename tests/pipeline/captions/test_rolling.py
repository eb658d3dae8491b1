import json
import random

import pytest

from configs.sources import LimitsConfig
from pipeline.captions.read import parse_captions

WORDS = ["now", "we", "cut", "the", "onion", "and", "no", "yeah", "stir", "it", "in", "oil"]
LIMITS = LimitsConfig()


def spoken_lines(seed, num_lines=40):
    """Lines of (start in ms, word); lines of one word, repeated ones and pauses among them."""
    draw = random.Random(seed)
    now_ms = draw.randrange(0, 3000, 10)
    lines = []
    for _ in range(num_lines):
        line = []
        if lines and draw.random() < 0.2:
            texts = [word for _, word in lines[-1]]
        else:
            texts = draw.choices(WORDS, k=draw.choice((1, 1, 3, 5, 8)))
            texts = ["no"] * 3 if draw.random() < 0.15 else texts
        for word in texts:
            line.append((now_ms, word))
            now_ms += draw.randrange(120, 700, 10)
        lines.append(line)
        now_ms += draw.choice((20, 20, 200, 4000))
    return lines


def stamp(time_ms):
    seconds, milli = divmod(time_ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milli:03}"


def tagged(line, has_tags):
    (_, first), *rest = line
    if not has_tags:
        return " ".join(word for _, word in line)
    return first + "".join(f"<{stamp(time_ms)}><c> {word}</c>" for time_ms, word in rest)


def rolling_cues(lines, has_tags, num_rows=2):
    """What YouTube writes: the lines before on top, the new one below, a flash in between."""
    cues = []
    ends_ms = [line[0][0] for line in lines[1:]] + [lines[-1][-1][0] + 900]
    for place, (line, end_ms) in enumerate(zip(lines, ends_ms, strict=True)):
        start_ms = line[0][0]
        above = [tagged(one, False) for one in lines[max(0, place + 1 - num_rows) : place]]
        cues.append((start_ms, end_ms - 10, [*(above or [" "]), tagged(line, has_tags)]))
        stays = [*above, tagged(line, False)][1 - num_rows :]
        cues.append((end_ms - 10, end_ms, [*stays, " "]))
    return cues


def as_vtt(cues):
    blocks = (
        f"{stamp(start)} --> {stamp(end)} align:start position:0%\n" + "\n".join(rows)
        for start, end, rows in cues
    )
    return "WEBVTT\nKind: captions\nLanguage: en\n\n" + "\n\n".join(blocks) + "\n"


def as_srt(cues):
    """As converters write it: without the blank rows."""
    return "\n\n".join(
        f"{index}\n{stamp(start)} --> {stamp(end)}\n".replace(".", ",")
        + "\n".join(row for row in rows if row.strip())
        for index, (start, end, rows) in enumerate(cues, start=1)
    )


def as_json3(lines):
    events = [{"tStartMs": 0, "dDurationMs": 900_000, "id": 1, "wpWinPosId": 1, "wsWinStyleId": 1}]
    for line in lines:
        start_ms = line[0][0]
        segments = [
            {"utf8": f" {word}" if place else word, "tOffsetMs": time_ms - start_ms}
            for place, (time_ms, word) in enumerate(line)
        ]
        events.append(
            {"tStartMs": start_ms, "dDurationMs": 6000, "wWinId": 1, "segs": segments},
        )
        events.append(
            {"tStartMs": start_ms, "dDurationMs": 10, "aAppend": 1, "segs": [{"utf8": "\n"}]}
        )
    return json.dumps({"wireMagic": "pb3", "events": events})


def timed(captions):
    """(word, start); the words of a cue without word times start with it."""
    return [
        (word.text, word.start_s) if cue.words else (token, cue.start_s)
        for cue in captions.cues
        for token, word in zip(
            cue.text.split(), cue.words or [None] * len(cue.text.split()), strict=True
        )
    ]


def parse(text):
    return parse_captions(text.encode(), LIMITS)


@pytest.mark.parametrize("seed", range(12))
def test_every_word_of_the_json3_stands_once_within_50_ms(seed):
    lines = spoken_lines(seed)
    truth = timed(parse(as_json3(lines)))
    assert truth == [(word, time_ms / 1000) for line in lines for time_ms, word in line]
    captions = parse(as_vtt(rolling_cues(lines, has_tags=True)))
    got = timed(captions)
    assert [word for word, _ in got] == [word for word, _ in truth]
    assert max(abs(one - two) for (_, one), (_, two) in zip(got, truth, strict=True)) <= 0.05
    assert "W_CAPROLL" in captions.flags and "W_CAPOVERLAP" not in captions.flags


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("write", [as_vtt, as_srt])
def test_without_tags_and_without_blank_rows_every_word_stands_once(seed, write):
    lines = spoken_lines(seed)
    captions = parse(write(rolling_cues(lines, has_tags=False)))
    assert [cue.text.split() for cue in captions.cues] == [[w for _, w in line] for line in lines]
    assert [cue.start_s for cue in captions.cues] == [line[0][0] / 1000 for line in lines]


def test_three_rows_roll_too():
    lines = spoken_lines(3)
    captions = parse(as_vtt(rolling_cues(lines, has_tags=True, num_rows=3)))
    assert [word for word, _ in timed(captions)] == [word for line in lines for _, word in line]


def test_a_caption_that_grows_word_by_word_is_unrolled():
    captions = parse(
        "WEBVTT\n\n00:01.000 --> 00:02.000\nnow we\n\n00:02.000 --> 00:03.000\nnow we cut\n\n"
        "00:03.000 --> 00:04.000\nnow we cut the onion\n\n"
        "00:04.000 --> 00:05.000\nthe onion there\n"
    )
    assert [cue.text for cue in captions.cues] == ["now we", "cut", "the onion", "there"]


def test_genuine_repetition_in_a_file_that_does_not_roll_is_kept():
    captions = parse(
        "WEBVTT\n\n00:01.000 --> 00:02.000\nno no no\n\n00:02.000 --> 00:03.000\nno no no\n\n"
        "00:03.000 --> 00:04.000\nno\n\n00:04.000 --> 00:05.000\nstir it\n"
    )
    assert [cue.text for cue in captions.cues] == ["no no no", "no no no", "no", "stir it"]
    assert "W_CAPROLL" not in captions.flags


def test_a_pause_belongs_to_no_word():
    lines = [[(0, "nobody"), (360, "moves")], [(5360, "and"), (5600, "go")], [(6000, "on")]]
    captions = parse(as_vtt(rolling_cues(lines, has_tags=True)))
    assert (captions.cues[0].start_s, captions.cues[0].end_s) == (0.0, 1.36)
