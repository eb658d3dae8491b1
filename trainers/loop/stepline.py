"""A step's figures in one line that a human reads."""

from collections.abc import Mapping

_GIB = 2**30


def describe_step(values: Mapping[str, float]) -> str:
    """Return the figures of a step that are there, with units, the most asked for first."""
    parts = [
        _plain(values, "train/loss", "loss {:.3f}"),
        _share(values, "train/recall_at_1", "R@1"),
        _plain(values, "train/lr", "lr {:.1e}"),
        _plain(values, "train/grad_norm", "grad norm {:.3g}"),
        _plain(values, "train/clips_per_s", "{:.1f} clips/s"),
        _share(values, "train/data_wait", "data wait"),
        _share(values, "train/mfu", "MFU"),
    ]
    memory = values.get("memory/cuda_peak_bytes", values.get("memory/rss_bytes"))
    if memory is not None:
        parts.append(f"{memory / _GIB:.1f} GiB")
    return ", ".join(part for part in parts if part)


def describe_time(seconds: float) -> str:
    """Return a length of time as one reads a clock: 42 s, 3:20 min, 5:07 h."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d} min"
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d} h"


def _plain(values: Mapping[str, float], key: str, form: str) -> str:
    return form.format(values[key]) if key in values else ""


def _share(values: Mapping[str, float], key: str, name: str) -> str:
    return f"{name} {100 * values[key]:.0f} %" if key in values else ""
