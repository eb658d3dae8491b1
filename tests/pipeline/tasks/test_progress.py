from pipeline.tasks.bundle import BundleCounts
from pipeline.tasks.progress import read_counts, reporter


def test_counts_of_bundles_add_up_and_a_missing_one_counts_nothing(tmp_path):
    out = str(tmp_path)
    reporter(out, "000000")(BundleCounts(1, 5, 0))
    reporter(out, "000000")(BundleCounts(2, 9, 1))
    reporter(out, "000003")(BundleCounts(1, 2, 0))
    assert read_counts(out, ["000000", "000001", "000003"]) == BundleCounts(3, 11, 1)
    assert read_counts(out, ["000003"]) == BundleCounts(1, 2, 0)
