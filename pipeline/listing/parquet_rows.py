"""A Parquet table -> rows."""

import datetime
import decimal
import math
from collections.abc import Iterator
from typing import IO, Any

from pipeline.listing.row import Row

ROWS_AT_A_TIME = 1 << 14


def parquet_rows(file: IO[bytes], path: str) -> tuple[list[str], Iterator[Row]]:
    """Return the columns and the rows of a Parquet file.

    Dates, times and decimals become text, and what is no number null, as JSON has neither.

    Raises:
        ValueError: If it is no Parquet, or a column holds bytes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
        schema = table.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} must be Parquet, got: {error}") from error
    for field in schema:
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            raise ValueError(f"{path}, column {field.name}: must be text or numbers, got bytes")
    return schema.names, _rows(table, path)


def _rows(table: Any, path: str) -> Iterator[Row]:
    import pyarrow as pa

    number = 0
    try:
        for batch in table.iter_batches(ROWS_AT_A_TIME):
            for values in batch.to_pylist():
                number += 1
                yield Row(number, {name: _json(value) for name, value in values.items()})
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}, row {number + 1}: must be readable, got: {error}") from error


def _json(value: Any) -> Any:
    match value:
        case str() | int() | None:
            return value
        case float():
            return value if math.isfinite(value) else None
        case list():
            return [_json(item) for item in value]
        case dict():
            return {str(name): _json(item) for name, item in value.items()}
        case datetime.date() | datetime.time() | datetime.timedelta() | decimal.Decimal():
            return str(value)
    raise ValueError(f"a value of {type(value).__name__} cannot be JSON")
