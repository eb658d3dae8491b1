import pytest

from pipeline.tasks.bundle import BundleCounts, GivenUp
from pipeline.tasks.progress import add_counts, note_path, read_counts, read_note, reporter
from shards import storage


def test_counts_of_bundles_add_up_and_a_missing_one_counts_nothing(tmp_path):
    out = str(tmp_path)
    reporter(out, "000000.1")(BundleCounts(1, 5, 0))
    reporter(out, "000000.1")(BundleCounts(2, 9, 1, "ada", 60.0))
    reporter(out, "000003.1")(BundleCounts(1, 2, 0))
    assert read_counts(out, ["000000", "000001", "000003"]) == BundleCounts(3, 11, 1)
    assert read_counts(out, ["000003"]) == BundleCounts(1, 2, 0)


def test_of_several_attempts_the_last_one_counts_and_probes_do_not(tmp_path):
    out = str(tmp_path)
    reporter(out, "000000.9")(BundleCounts(7, 7, 7))
    reporter(out, "000000.10")(BundleCounts(1, 2, 0))
    reporter(out, "000000.p3-11")(BundleCounts(1, 1, 1))
    assert read_counts(out, ["000000"]) == BundleCounts(1, 2, 0)


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
