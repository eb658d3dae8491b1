"""Features as a table."""

import numpy as np
import pyarrow as pa
import pytest

from shards.features.table import feature_names, feature_rows, features_table


def test_a_clip_without_a_feature_has_null_and_reads_as_zeros(table: pa.Table) -> None:
    assert feature_names(table.schema) == ["embedding", "audio"]
    assert table["audio"].null_count == 1
    x_NC, there_N = feature_rows(table, "audio")
    assert x_NC.tolist() == [[0, 0.5], [0, 0], [2, 2.5], [3, 3.5]]
    assert there_N.tolist() == [True, False, True, True]


def test_rows_are_those_of_a_slice_and_of_several_chunks(table: pa.Table) -> None:
    cut = pa.concat_tables([table.slice(2), table.slice(1, 1)])
    assert feature_rows(cut, "embedding")[0][:, 0].tolist() == [2, 3, 1]
    assert feature_rows(cut, "audio")[1].tolist() == [True, True, False]
    assert feature_rows(table.slice(0, 0), "audio")[0].shape == (0, 2)


def test_a_feature_that_is_not_there_or_does_not_fit_is_refused(table: pa.Table) -> None:
    with pytest.raises(ValueError, match="one of embedding, audio, got 'video'"):
        feature_rows(table, "video")
    with pytest.raises(ValueError, match="video must have 4 rows"):
        features_table(table, {"video": np.zeros((3, 2), np.float32)}, {})
