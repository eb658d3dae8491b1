"""A part of a collection as a tar that WebDataset reads: `KEY.json` and `KEY.FEATURE.npy` a clip.

What a clip lacks has no member. Members of a clip are adjacent and in one order, times and owners
are fixed, so that equal rows give equal bytes.
"""

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from shards import storage
from shards.features.table import ABOUT, feature_names, feature_rows, features_table
from shards.hashing import FinishedFile, HashingFile
from shards.schema import canonical_json
from shards.write import TRAILER, tar_member


def write_tar(out: str, name: str, table: pa.Table, provenance: Mapping[str, Any]) -> FinishedFile:
    """Write a part; each clip's `.json` carries the provenance. It has no final name yet."""
    names = feature_names(table.schema)
    columns = {feature: feature_rows(table, feature) for feature in names}
    file = HashingFile(storage.temporary_path(out, name))
    try:
        for row, about in enumerate(table.select(ABOUT.names).to_pylist()):
            key = about["key"]
            said = canonical_json({**about, "provenance": provenance})
            file.write(tar_member(f"{key}.json", said))
            for feature, (x_NC, there_N) in columns.items():
                if there_N[row]:
                    file.write(tar_member(f"{key}.{feature}.npy", _npy(x_NC[row])))
        file.write(TRAILER)
        return file.finish()
    except BaseException:
        file.discard()
        raise


def read_tar(path: str, columns: Sequence[str], widths: Mapping[str, int]) -> pa.Table:
    """Return some columns of a part.

    Args:
        path: The tar.
        columns: Names of `ABOUT` and of features.
        widths: Width of each feature of the collection.

    Raises:
        ValueError: If it is damaged, or no part has such a column.
    """
    wanted = [name for name in columns if name not in ABOUT.names]
    lacking = [name for name in wanted if name not in widths]
    if lacking:
        raise ValueError(f"{path} must be a part of features with {', '.join(lacking)}, got none")
    about: list[dict[str, Any]] = []
    rows: dict[str, list[np.ndarray | None]] = {name: [] for name in wanted}
    try:
        with storage.open_read(path) as file, tarfile.open(fileobj=file, mode="r|") as tar:
            for member in tar:
                data = tar.extractfile(member)
                assert data is not None
                feature = member.name.partition(".")[2].removesuffix(".npy")
                if feature == "json":
                    about.append(json.loads(data.read()))
                    for column in rows.values():
                        column.append(None)
                elif feature in rows:
                    vector = np.load(io.BytesIO(data.read()), allow_pickle=False)
                    rows[feature][-1] = vector.reshape(widths[feature])
    except (tarfile.TarError, EOFError, IndexError, ValueError) as error:
        raise ValueError(f"{path} must be a whole part of features, got: {error}") from error
    return _table(about, rows, widths).select(list(columns))


def _table(
    about: Sequence[Mapping[str, Any]],
    rows: Mapping[str, Sequence[np.ndarray | None]],
    widths: Mapping[str, int],
) -> pa.Table:
    lines = [{name: row[name] for name in ABOUT.names} for row in about]
    there = {name: np.array([x is not None for x in column]) for name, column in rows.items()}
    features = {
        name: np.array(
            [np.zeros(widths[name], np.float32) if x is None else x for x in column], np.float32
        ).reshape(len(about), widths[name])
        for name, column in rows.items()
    }
    return features_table(pa.Table.from_pylist(lines, schema=ABOUT), features, there)


def _npy(x_C: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, x_C, allow_pickle=False)
    return buffer.getvalue()
