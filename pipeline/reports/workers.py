"""What is known of each worker at the end of a run: how long its steps took, and its memory."""

from pipeline.reports.inputs import RunFiles
from pipeline.reports.text import as_float, clean

_SECONDS = ("step_p50_s", "step_p95_s", "own_p50_s", "data_p50_s", "wait_p50_s")


def worker_rows(run: RunFiles) -> list[dict[str, object]]:
    """Return the newest row of each worker, the slowest first; a figure not there is None."""
    newest = run.workers[-1].get("workers") if run.workers else None
    if not isinstance(newest, list):
        return []
    rows = [_row(found) for found in newest if isinstance(found, dict)]
    return sorted(rows, key=lambda row: -(as_float(row["own_p50_s"]) or 0.0))


def _row(found: dict) -> dict[str, object]:
    row: dict[str, object] = {key: as_float(found.get(key)) for key in _SECONDS}
    row |= {key: as_float(found.get(key)) for key in ("rss_bytes", "cuda_peak_bytes")}
    return row | {key: clean(str(found.get(key, "?"))) for key in ("worker", "node")}
