"""The verb `compare`, from features of clips to the page."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from configs.grid import CompareJob
from pipeline.stages import compare


def write_features(folder: Path) -> None:
    """Clips whose label is what is seen and what is heard together; text is noise."""
    labels = {}
    for seed, (split, count) in enumerate({"train": 120, "val": 40, "test": 60}.items()):
        rng = np.random.default_rng(seed)
        label = rng.integers(4, size=count)
        keys = [f"{split}{row}" for row in range(count)]
        labels |= dict(zip(keys, label.tolist(), strict=True))
        arrays = {
            "video": (label // 2)[:, None] * 2 + rng.normal(size=(count, 3)),
            "audio": (label % 2)[:, None] * 2 + rng.normal(size=(count, 2)),
            "text": rng.normal(size=(count, 2)),
        }
        np.savez(folder / f"features_{split}.npz", keys=np.array(keys), **arrays)
    told = {"classes": ["a", "b", "<c>", "d"], "labels": labels}
    (folder / "labels.json").write_text(json.dumps(told))


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompareJob:
    monkeypatch.setenv("COLUMNS", "160")
    write_features(tmp_path)
    grid = {
        "out": str(tmp_path / "grid"),
        "features": str(tmp_path),
        "methods": ["alone", "early", "late_product", "late_weighted", "memory"],
        "dropout": ["early"],
        "seeds": 2,
        "settings": {"networks": {"steps": 60, "validations": 3}},
    }
    return CompareJob.model_validate({"grid": grid})


def test_a_table_a_summary_and_a_page_say_who_is_better(
    job: CompareJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "cells     14, of which 0 are done" in compare.plan_text(job)
    assert compare.run(job) == 0
    printed = capsys.readouterr().out
    assert re.search(r"alone.text .* at or below majority", printed)
    assert "memory is not measured: it reads streams" in printed
    summary = json.loads((tmp_path / "grid" / "summary.json").read_text())
    (task,) = summary["tasks"]
    best = {row["method"]: row["gain"]["mean"] for row in task["methods"]}
    assert best["early"] > best["alone.video"] + 0.1
    page = (tmp_path / "grid" / "report.html").read_text()
    assert "&lt;c&gt;" in page and "<c>" not in page
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    for heading in ("Which modalities are there", "gets worse and worse", "What weighs how much"):
        assert heading in page
    assert "cells     14, of which 14 are done" in compare.plan_text(job)


def test_a_cell_that_failed_is_told_and_the_verb_says_so(
    job: CompareJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    def no_luck(*_):
        raise ValueError("no such luck")

    monkeypatch.setattr("trainers.comparison.run.fit_method", no_luck)
    assert compare.run(job) == 1
    assert "failed    features/early/0.json: ValueError: no such luck" in capsys.readouterr().out
    assert "no such luck" in (tmp_path / "grid" / "report.html").read_text()
