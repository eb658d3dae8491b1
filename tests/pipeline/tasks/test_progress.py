import pytest

from pipeline.tasks.bundle import BundleCounts, GivenUp
from pipeline.tasks.progress import add_counts, newest_names, note_path, read_note, reporter
from shards import storage


def test_each_bundle_has_the_note_of_its_last_attempt_and_probes_have_none(tmp_path):
    out = str(tmp_path)
    for name in ("000000.9", "000000.10", "000000.p3-11", "000003.1"):
        reporter(out, name)(BundleCounts(1, 2, 0))
    wanted = ["000000", "000001", "000003"]
    assert newest_names(out, wanted) == {"000000": "000000.10", "000003": "000003.1"}
    assert newest_names(out, ["000003"]) == {"000003": "000003.1"}


def test_counts_add_up():
    counts = [BundleCounts(2, 9, 1, "ada", 60.0, retries=2), BundleCounts(1, 2, 0, retries=1)]
    assert add_counts(counts) == BundleCounts(3, 11, 1, retries=3)


def test_a_note_says_which_source_is_under_way_and_until_when(tmp_path):
    out = str(tmp_path)
    assert read_note(out, "000000.1") is None
    reporter(out, "000000.1")(BundleCounts(2, 9, 1, "ada", 60.0))
    assert read_note(out, "000000.1") == BundleCounts(2, 9, 1, "ada", 60.0)
    assert add_counts([read_note(out, "000000.1")]) == BundleCounts(2, 9, 1)


def test_an_attempt_whose_note_was_taken_away_leaves_off_and_leaves_nothing(tmp_path):
    out = str(tmp_path)
    report = reporter(out, "000000.1")
    report(BundleCounts(source="ada"))
    report(BundleCounts(source="bob"))
    storage.delete(note_path(out, "000000.1"))
    with pytest.raises(GivenUp):
        report(BundleCounts(source="cy"))
    assert list((tmp_path / "_tmp").iterdir()) == []
