import json

import pytest

from pipeline.listing.source import SourceFile
from pipeline.tasks.quarantine import (
    QUARANTINE,
    Verdict,
    add_to_quarantine,
    forget_quarantine,
    load_quarantine,
    verdicts_on,
)


def source(name: str, stamp: str = "1") -> SourceFile:
    return SourceFile(name, f"/{name}.mp4", "", f"{name}.mp4", 10, stamp)


def verdict(name: str) -> Verdict:
    return Verdict.on(source(name), "E_OOM", "died", "task")


def test_verdicts_are_remembered_whatever_the_order_in_which_they_came(tmp_path):
    first, second = str(tmp_path / "a"), str(tmp_path / "b")
    for out, names in ((first, ["cy", "ada"]), (second, ["ada", "cy"])):
        (tmp_path / out).mkdir()
        for name in names:
            add_to_quarantine(out, [verdict(name)])
    files = [(tmp_path / out / QUARANTINE).read_bytes() for out in (first, second)]
    assert files[0] == files[1]
    assert load_quarantine(first) == [verdict("ada"), verdict("cy")]


def test_a_source_that_has_changed_is_a_new_one():
    known = [verdict("ada"), verdict("cy")]
    assert verdicts_on([source("ada"), source("bob")], known) == (verdict("ada"),)
    assert verdicts_on([source("ada", stamp="2")], known) == ()


def test_it_can_be_forgotten(tmp_path):
    add_to_quarantine(str(tmp_path), [verdict("ada")])
    forget_quarantine(str(tmp_path))
    assert load_quarantine(str(tmp_path)) == [] and list(tmp_path.iterdir()) == []


def test_a_file_that_is_none_of_ours_says_what_to_do(tmp_path):
    (tmp_path / QUARANTINE).write_text(json.dumps({"version": 1, "verdicts": [{"a": 1}]}))
    with pytest.raises(ValueError, match="delete it"):
        load_quarantine(str(tmp_path))
