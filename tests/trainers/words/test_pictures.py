"""Tests of trainers/words/pictures.py."""

import gzip
import json
from pathlib import Path

import pytest

from trainers.words.counts import Counts, merge
from trainers.words.pictures import (
    KINDS,
    Lexicon,
    attribute_counts,
    box_counts,
    caption_counts,
    frequent,
    read_captions,
)

LEXICON = Lexicon(
    frozenset({"brown", "small"}),
    {
        "dog": [["dog", "domestic_dog"], ["animal"]],
        "ball": [["ball"], [], ["toy"]],
        "glass": [["glass"], ["stuff"]],
        "glas": [["glas"]],
    },
)
PICTURES = [
    ["A small , brown dog has two balls .", "The dog runs"],
    ["the brown glass"],
]


def test_captions_give_four_kinds() -> None:
    counts = caption_counts(PICTURES, LEXICON)
    assert sorted(counts.kinds) == sorted(KINDS)
    assert counts.weight("object_attribute", "dog", "brown") == 1
    assert counts.weight("object_attribute", "dog", "dog") == 2
    assert counts.weight("object_attribute", "brown", "brown") == 2
    assert counts.weight("object_attribute", "ball", "brown") == 0
    assert counts.weight("attribute_attribute", "small", "brown") == 1
    assert counts.weight("context", "dog", "ball") == 1
    assert counts.weight("context", "dog", "glass") == 0
    # Once a picture, however often its captions name it; `glass` is no plural.
    assert counts.weight("object_hypernym", "dog", "animal") == 1
    assert counts.weight("object_hypernym", "glass", "stuff") == 1


def test_parts_of_pictures_sum_to_the_whole() -> None:
    whole = merge([caption_counts(PICTURES, LEXICON)])
    parts = merge(caption_counts([picture], LEXICON) for picture in reversed(PICTURES))
    assert parts.kinds == whole.kinds
    assert list(parts.kinds["context"]) == list(whole.kinds["context"])


def test_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "captions").write_text("b.jpg#0\tOne .\na.jpg#0\tTwo .\nb.jpg#1\tThree .\n")
    assert read_captions(tmp_path / "captions") == [["Two ."], ["One .", "Three ."]]
    (tmp_path / "boxes").write_text("1,2,3,4,5,red\n1,2,3,4,5,white\n1,2,3,4,6,tall\n")
    boxes = box_counts(tmp_path / "boxes")
    assert boxes.kinds["attribute_attribute"].keys() == {("red", "white")}
    for name, size in (("color", 12), ("material", 18), ("shape", 12)):
        times = [0] * size
        times[0] = 3
        (tmp_path / f"{name}-dist.jsonl").write_text(json.dumps({"clock": times}))
    seen = attribute_counts(tmp_path)
    assert seen.weight("object_attribute", "clock", "black") == 3
    assert seen.weight("object_attribute", "clock", "bronze") == 3
    assert seen.weight("object_attribute", "clock", "white") == 0
    with gzip.open(tmp_path / "lexicon", "wt") as file:
        json.dump({"adjectives": ["red"], "noun_first_sense_hypernym_path": {"a": []}}, file)
    assert Lexicon.load(tmp_path / "lexicon") == Lexicon(frozenset({"red"}), {"a": []})


def test_rare_words_are_left_out_with_their_pairs() -> None:
    counts = Counts()
    counts.add("context", "dog", "ball", 3)
    counts.add("context", "dog", "cup", 1)
    counts.add("context", "yak", "yak", 2)
    assert frequent(counts, 3).words() == ["ball", "dog"]
    with pytest.raises(ValueError, match="floor must leave words, got 9"):
        frequent(counts, 9)
