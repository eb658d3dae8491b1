"""Hands figures to Ray, whose agent on each node offers them to Prometheus.

Where there is no Ray, and where `operating.metrics` is off, nothing happens. A figure that cannot
be handed over is worth a word and never an error: it is watched work, not work.

Ray forgets a gauge that was not set for two of its report intervals, 20 s, since it may be that of
a process that is dead. So a thread sets all of this one's again, for as long as the process lives.
"""

import logging
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from trainers.telemetry import figures
from trainers.telemetry.figures import Figure
from trainers.telemetry.here import here

logger = logging.getLogger(__name__)

AGAIN_S = 5.0

_made: dict[str, Any] = {}
_gauges: dict[tuple[str, tuple[str, ...]], tuple[Figure, float, dict[str, str]]] = {}
_refresher: threading.Thread | None = None
_is_on = True


def switch(*, on: bool) -> None:
    """Say whether this process hands over anything."""
    global _is_on  # noqa: PLW0603 - of the process, as Ray's connection is
    _is_on = on


def publish(figure: Figure, value: float, **labels: str | int) -> None:
    """Set a gauge, add to a counter, or note a value of a histogram.

    Args:
        figure: Which.
        value: The value; of a counter what is added, and nothing happens for 0.
        labels: Those that `here` does not know.
    """
    if not _can_be_handed_over():
        return
    known = {**here(), **labels}
    tags = {name: str(known.get(name, "")) for name in figure.labels}
    if figure.kind == "gauge":
        _gauges[figure.name, tuple(tags.values())] = (figure, value, tags)
        _begin_to_refresh()
    _hand_over(figure, value, tags)


def _can_be_handed_over() -> bool:
    # Another thread may be importing Ray at this moment: then it has no such function yet.
    is_initialized = getattr(sys.modules.get("ray"), "is_initialized", None)
    return _is_on and is_initialized is not None and is_initialized()


def _begin_to_refresh() -> None:
    global _refresher  # noqa: PLW0603 - of the process
    if _refresher is None:
        _refresher = threading.Thread(target=_refresh_for_ever, name="figures", daemon=True)
        _refresher.start()


def _refresh_for_ever() -> None:
    while True:
        time.sleep(AGAIN_S)
        refresh()


def refresh() -> None:
    """Set every gauge to what it was set to last."""
    if _can_be_handed_over():
        for figure, value, tags in list(_gauges.values()):
            _hand_over(figure, value, tags)


def _hand_over(figure: Figure, value: float, tags: dict[str, str]) -> None:
    try:
        metric = _made.get(figure.name) or _make(figure)
        match figure.kind:
            case "gauge":
                metric.set(float(value), tags)
            case "counter":
                if value > 0:
                    metric.inc(float(value), tags)
            case "histogram":
                metric.observe(float(value), tags)
    except Exception as error:  # of a part of Ray that is for developers
        switch(on=False)
        logger.warning("no figures for Prometheus from here on: %s", error)


def _make(figure: Figure) -> Any:
    from ray.util import metrics

    kind = {"gauge": metrics.Gauge, "counter": metrics.Counter, "histogram": metrics.Histogram}
    bounds = {"boundaries": list(figure.bounds)} if figure.bounds else {}
    made = kind[figure.kind](figure.name, figure.meaning, tag_keys=figure.labels, **bounds)
    return _made.setdefault(figure.name, made)


_OF_A_STEP = {
    "train/loss": figures.LOSS,
    "train/lr": figures.LEARNING_RATE,
    "train/grad_norm": figures.GRAD_NORM,
    "train/step_s": figures.STEP_SECONDS,
    "train/clips_per_s": figures.CLIPS_PER_SECOND,
    "train/data_wait": figures.DATA_WAIT,
}
"""Keys of metrics.jsonl."""


def publish_step(step: int, values: Mapping[str, float]) -> None:
    """Hand over the figures of a training step."""
    publish(figures.STEP, step)
    for key, figure in _OF_A_STEP.items():
        if key in values:
            publish(figure, values[key])
