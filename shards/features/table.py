"""Features of clips as a table: a row a clip, a column a feature, null where there is none.

    key, video_id, split, t0_ms, t1_ms, caption      as in the manifest of the shards
    embedding, video, audio, ...                     float32, one width a column

Shape letters in this file:
    N  clips    C  width of a feature
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

ABOUT = pa.schema(
    [
        ("key", pa.string()),
        ("video_id", pa.string()),
        ("split", pa.string()),
        ("t0_ms", pa.int64()),
        ("t1_ms", pa.int64()),
        ("caption", pa.string()),
    ]
)
"""What a row says of its clip; `caption` is the nearest window."""


def features_table(
    about: pa.Table, features: Mapping[str, np.ndarray], is_there: Mapping[str, np.ndarray]
) -> pa.Table:
    """Return the table of some clips.

    Args:
        about: Rows with the columns of `ABOUT`.
        features: By name, float32 of `[N, C]`.
        is_there: By name, bool of `[N]`, for features that some clips lack.

    Raises:
        ValueError: If a feature has not one row a clip.
    """
    table = about.select(ABOUT.names).cast(ABOUT)
    for name, x_NC in features.items():
        if x_NC.ndim != 2 or len(x_NC) != table.num_rows:
            raise ValueError(f"{name} must have {table.num_rows} rows, got shape {x_NC.shape}")
        there_N = is_there.get(name)
        column = pa.FixedSizeListArray.from_arrays(
            pa.array(np.ascontiguousarray(x_NC, dtype=np.float32).reshape(-1)),
            x_NC.shape[1],
            mask=None if there_N is None else pa.array(~there_N),
        )
        table = table.append_column(name, column)
    return table


def feature_names(schema: pa.Schema) -> list[str]:
    """Return the names of the features in a table."""
    return [field.name for field in schema if pa.types.is_fixed_size_list(field.type)]


def feature_rows(table: pa.Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a feature as float32 of `[N, C]`, zeros where there is none, and bool `[N]` where is.

    Raises:
        ValueError: If the table has no such feature.
    """
    known = feature_names(table.schema)
    if name not in known:
        raise ValueError(f"feature must be one of {', '.join(known)}, got {name!r}")
    width = table.schema.field(name).type.list_size
    parts = [np.zeros((0, width), np.float32)]
    for chunk in table[name].chunks:
        values = chunk.values.slice(chunk.offset * width, len(chunk) * width)
        parts.append(values.to_numpy(zero_copy_only=False).reshape(-1, width))
    there_N = ~np.concatenate(
        [np.zeros(0, bool), *(chunk.is_null().to_numpy(False) for chunk in table[name].chunks)]
    )
    x_NC = np.concatenate(parts).astype(np.float32, copy=False)
    x_NC[~there_N] = 0
    return x_NC, there_N
