"""The page of a grid, and the methods in a run's report."""

import json
from pathlib import Path

import pytest

from pipeline.reports.build import write_report
from pipeline.reports.grid import compared_rows, write_grid_report

SEARCH = {
    "tried": [["0,1,relu", 0.5], ["1,1,sigmoid", 0.7]],
    "architecture": [{"layers": {"audio": 1, "text": 1}, "activation": "sigmoid"}],
    "depths": {"audio": 2, "text": 2},
}


def spread(mean: float) -> dict:
    return {"mean": mean, "std": 0.01, "values": [mean - 0.01, mean + 0.01]}


def row(name: str, mean: float, difference: float, **changes) -> dict:
    curve = [mean - level / 20 for level in range(10)]
    took = {"train_cpu_s": spread(3.0), "score_ms": spread(0.5), "peak_bytes": 2**20}
    return {
        "method": name,
        "seeds": 2,
        "gain": spread(mean),
        "figures": {"f1_weighted": spread(mean), "ece": spread(0.05)},
        "at_or_below_blind": mean <= 0.25,
        "num_parameters": 1234,
        "cost": took,
        "missing": {"mean": {"video+audio": mean, "video": mean - 0.3, "audio": 0.2}},
        "corrupted": {"video": {"noise": curve}},
        "robustness": {"video": {"noise": {"relative": 0.5, "effective": -0.125}}},
        "notes": {},
        "against_baseline": {
            "difference": difference,
            "low": difference - 0.02,
            "high": difference + 0.02,
            "mcnemar_p": 0.5,
        },
    } | changes


@pytest.fixture
def summary() -> dict:
    methods = [
        row("mkl_easy", 0.9, 0.1, notes={"weights": {"audio: rbf <1>": 0.75, "video": 0.25}}),
        row("mfas", 0.81, 0.01, notes=SEARCH),
        row("late_product", 0.8, 0.0),
        row("alone.audio", 0.2, -0.6),
    ]
    task = {
        "task": "features",
        "labels": "classes",
        "classes": ["a", "b"],
        "modalities": ["video", "audio"],
        "examples": {"train": 100, "val": 20, "test": 50},
        "blind": 0.25,
        "baseline": "late_product",
        "methods": methods,
        "maps": {"video": [[0.0, 1.0, 0], [1.0, 0.5, 1]]},
        "unfit": {"chain": "it needs a label at each position"},
    }
    return {"tasks": [task], "failed": {"features/kcca/0.json": "ValueError: <b>no</b>"}}


def test_the_page_says_what_the_interval_allows_to_say(summary: dict, tmp_path: Path) -> None:
    page = Path(write_grid_report(tmp_path, summary)).read_text()
    verdicts = {one.name: one.verdict for one in compared_rows(summary)}
    assert verdicts == {
        "mkl_easy": "better",
        "mfas": "no difference shown",
        "late_product": "held against",
        "alone.audio": "worse",
    }
    assert page.count("at or below majority") == 1
    assert "+10.0" in page and "+8.0 to +12.0" in page
    assert "late_product, </b>" not in page


def test_the_page_has_all_parts_and_lets_no_markup_in(summary: dict, tmp_path: Path) -> None:
    page = Path(write_grid_report(tmp_path, summary)).read_text()
    for part in (
        "the train split&#39;s means stand in",
        "A modality that gets worse and worse",
        "What weighs how much",
        "What the search has tried",
        "what was kept",
        "1,1,sigmoid",
        "Test examples in a plane",
        "it needs a label at each position",
        "&lt;b&gt;no&lt;/b&gt;",
        "audio: rbf &lt;1&gt;",
    ):
        assert part in page, part
    assert "<script" not in page and "src=" not in page
    assert "60.0 <span" in page and "-30.0" in page  # what is left of mkl_easy, and the drop


def test_the_same_summary_gives_the_same_bytes(summary: dict, tmp_path: Path) -> None:
    first = Path(write_grid_report(tmp_path, summary)).read_bytes()
    assert Path(write_grid_report(tmp_path, summary)).read_bytes() == first


def test_of_scores_the_error_is_shown_and_not_in_per_cent(summary: dict, tmp_path: Path) -> None:
    task = summary["tasks"][0]
    task |= {"labels": "scores", "classes": [], "maps": {}, "blind": -0.97}
    for one in task["methods"]:
        one |= {"gain": spread(-0.9), "figures": {"correlation": spread(0.2)}}
        one["against_baseline"]["mcnemar_p"] = None
    page = Path(write_grid_report(tmp_path, summary)).read_text()
    assert "minus MAE" in page and "-0.900" in page and "90.0 %" not in page


def test_a_runs_report_lists_the_methods_where_they_were_compared(
    summary: dict, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    (run / "fusion").mkdir(parents=True)
    (run / "evaluation").mkdir()
    rows = [{"name": "early_concat", "kind": "early", "mean": 0.8, "std": 0.01, "accuracies": []}]
    (run / "evaluation" / "fusion.json").write_text(json.dumps({"rows": rows}))
    write_report(run, None, None)
    assert "mkl_easy" not in (run / "report.html").read_text()
    (run / "fusion" / "summary.json").write_text(json.dumps(summary))
    write_report(run, None, None)
    assert "mkl_easy" in (run / "report.html").read_text()


@pytest.mark.parametrize("broken", [{}, {"tasks": 3}, {"tasks": [{"task": "features"}]}])
def test_a_file_that_holds_no_grid_gives_no_rows(broken: dict) -> None:
    assert compared_rows(broken) == []
