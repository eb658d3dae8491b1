import json
from pathlib import Path

import pytest

from configs.runs import ReportJob, RunConfig
from pipeline.reports.inputs import load_run_files
from pipeline.stages import report


def job_in(root: Path, name: str = "a") -> ReportJob:
    return ReportJob(run=RunConfig(name=name, root=str(root)))


def write_run(root: Path, *lines: dict) -> Path:
    folder = root / "a"
    folder.mkdir()
    (folder / "config.yaml").write_text(f"data:\n  shards: {root / 'shards'}\n")
    text = "".join(json.dumps({"by": "evaluate"} | line) + "\n" for line in lines)
    for name in ("metrics.jsonl", "evaluations.jsonl"):
        (folder / name).write_text(text)
    return folder


def test_key_figures_are_those_of_metrics_jsonl(tmp_path: Path) -> None:
    folder = write_run(
        tmp_path,
        {"step": 10, "val/cyclic_relative_error": 0.9},
        {"step": 20, "val/cyclic_relative_error": 0.8125},
        {"step": 20, "eval/t2v_r10": 0.75, "eval/chance_r10": 0.05, "eval/fusion_early_mean": 0.9},
    )
    assert report.key_figures(load_run_files(folder)) == [
        "text-to-video R@10: 0.75",
        "R@10 by chance: 0.05",
        "accuracy, early: 0.9",
        "translation error / variance: 0.8125",
    ]


def test_a_run_without_figures_says_so(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    assert report.key_figures(load_run_files(folder)) == ["no figures yet: evaluate the run first"]


def test_shards_are_found_through_the_settings_of_the_run(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    assert report.shards_of(folder) is None
    (tmp_path / "shards").mkdir()
    assert report.shards_of(folder) == str(tmp_path / "shards")
    (folder / "config.yaml").write_text("data: {shards: 's3://bucket/real'}\n")
    assert report.shards_of(folder) == "s3://bucket/real"


def test_the_plan_touches_nothing(tmp_path: Path) -> None:
    assert "(not there)" in report.plan_text(job_in(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_path_of_the_report_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path, {"step": 20, "eval/t2v_r10": 0.75})
    assert report.run(job_in(tmp_path)) == 0
    path = tmp_path / "a" / "report.html"
    assert path.is_file()
    assert capsys.readouterr().out.splitlines()[-1] == f"report: {path}"


def test_a_run_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        report.run(job_in(tmp_path, "nothing"))


def test_the_report_on_shards_is_written_once(
    built_shards: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.run_on_shards(built_shards) == 0
    assert capsys.readouterr().out == f"report: {built_shards}/report.html\n"
    assert report.run_on_shards(built_shards) == 0
    assert "of these shards already" in capsys.readouterr().out
