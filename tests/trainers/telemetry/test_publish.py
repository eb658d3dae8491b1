import re
import sys
import types
from pathlib import Path

import pytest

from trainers.telemetry import figures, publish
from trainers.telemetry.here import at


@pytest.fixture
def recorded(monkeypatch):
    """A Ray that writes down what it is handed: (name, value, tags)."""
    seen = []

    class Metric:
        def __init__(self, name, meaning, tag_keys, boundaries=None):
            self.name, self.keys = name, tag_keys

        def set(self, value, tags):
            assert set(tags) == set(self.keys)
            seen.append((self.name, value, tags))

        inc = observe = set

    metrics = types.SimpleNamespace(Gauge=Metric, Counter=Metric, Histogram=Metric)
    monkeypatch.setitem(sys.modules, "ray", types.SimpleNamespace(is_initialized=lambda: True))
    monkeypatch.setitem(sys.modules, "ray.util", types.SimpleNamespace(metrics=metrics))
    monkeypatch.setattr(publish, "_made", {})
    monkeypatch.setattr(publish, "_gauges", {})
    # No thread beside the test.
    monkeypatch.setattr(publish, "_refresher", object())
    publish.switch(on=True)
    yield seen
    publish.switch(on=True)


def test_a_figure_carries_the_run_and_what_else_it_is_of(recorded):
    with at(run="real"):
        publish.publish(figures.SOURCES, 1, code="E_MOOV")
    assert recorded == [("weakvid_sources", 1.0, {"run": "real", "code": "E_MOOV"})]


def test_a_step_hands_over_the_figures_that_it_has(recorded):
    with at(run="real"):
        publish.publish_step(7, {"train/loss": 2.5, "train/lr": 0.1, "val/loss": 9.0})
    assert [(name, value) for name, value, _ in recorded] == [
        ("weakvid_step", 7.0),
        ("weakvid_loss", 2.5),
        ("weakvid_learning_rate", 0.1),
    ]


def test_a_counter_is_left_alone_by_nothing(recorded):
    publish.publish(figures.SKIPPED_STEPS, 0)
    assert recorded == []


def test_a_gauge_is_set_again_since_ray_forgets_it_and_a_counter_is_not(recorded):
    publish.publish(figures.WORKERS, 3, run="real")
    publish.publish(figures.WORKERS, 2, run="real")
    publish.publish(figures.SKIPPED_STEPS, 1, run="real")
    recorded.clear()
    publish.refresh()
    assert recorded == [("weakvid_workers", 2.0, {"run": "real"})]


def test_switched_off_nothing_is_handed_over(recorded):
    publish.switch(on=False)
    publish.publish(figures.STEP, 1)
    assert recorded == []


def test_a_ray_that_is_being_imported_by_another_thread_is_none_yet(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", types.ModuleType("ray"))
    publish.publish(figures.STEP, 1)


def test_a_figure_that_cannot_be_handed_over_is_worth_one_word(recorded, monkeypatch, caplog):
    monkeypatch.setattr(publish, "_make", lambda figure: 1 / 0)
    publish.publish(figures.STEP, 1)
    publish.publish(figures.STEP, 2)
    assert caplog.text.count("no figures for Prometheus") == 1


def test_names_are_told_apart_and_kinds_are_exported_as_prometheus_has_them():
    names = [figure.name for figure in figures.FIGURES]
    assert len(names) == len(set(names)) and all(name.startswith("weakvid_") for name in names)
    assert figures.SOURCES.exported == "ray_weakvid_sources_total"
    assert figures.STEP.exported == "ray_weakvid_step"


def test_every_figure_is_published_somewhere(root: Path):
    packages = [path for name in ("pipeline", "trainers") for path in (root / name).rglob("*.py")]
    text = "\n".join(path.read_text() for path in packages if path.name != "figures.py")
    constants = [name for name, value in vars(figures).items() if isinstance(value, figures.Figure)]
    by_name = {name for name in constants if re.search(rf"\bpublish\((figures\.)?{name}\b", text)}
    by_step = {name for name in constants if f": figures.{name}," in text}
    assert set(constants) - by_name - by_step == set() and len(constants) == len(figures.FIGURES)
