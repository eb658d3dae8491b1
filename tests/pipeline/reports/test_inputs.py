import json

import pytest

from pipeline.reports.curves import curves_section, resumed_steps
from pipeline.reports.fusion import fusion_section
from pipeline.reports.inputs import load_run_files
from pipeline.reports.intake import intake_section
from pipeline.reports.retrieval import retrieval_section
from pipeline.reports.truth import Truth

PARTS = (
    "metrics.jsonl", "config.yaml", "env.json", "attempts.jsonl", "lost.jsonl", "workers.jsonl",
    "evaluation/grid.json", "evaluation/fusion.json", "evaluation/retrieval.json",
    "evaluation/alignment.json",
)  # fmt: skip


def sections_of(run_dir) -> list:
    run = load_run_files(run_dir)
    return [
        curves_section(run),
        fusion_section(run),
        retrieval_section(run, None, Truth()),
        intake_section(run, None, None),
    ]


@pytest.mark.parametrize(
    "damage", [b"[1, 2", b"\xff\xfe\x00", b"null\n", b"[" * 5000, b"- a\n- b: [\n"]
)
def test_a_damaged_file_is_named_and_left_out(tmp_path, damage):
    for part in PARTS:
        path = tmp_path / part
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(damage)
    problems = load_run_files(tmp_path).problems
    assert [p for p in problems if p.startswith("fusion.json: not a JSON object")]
    assert [p for p in problems if p.startswith("config.yaml: not a YAML mapping")]
    assert all(section.missing for section in sections_of(tmp_path))


@pytest.mark.parametrize(
    "value", [None, 3, "x", [], [[]], [3], {}, [{}], [{"hits": 3, "name": []}]]
)
def test_values_of_a_foreign_type_are_as_good_as_missing(tmp_path, value):
    (tmp_path / "evaluation").mkdir()
    for name, key in (
        ("fusion", "rows"), ("grid", "queries"), ("alignment", "right_within_k"),
    ):  # fmt: skip
        (tmp_path / "evaluation" / f"{name}.json").write_text(json.dumps({key: value}))
    line = {"step": 1, "by": "evaluate", "eval/t2v_r10": value, "val/cyclic_relative_error": value}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(line))
    (tmp_path / "evaluations.jsonl").write_text(json.dumps(line))
    assert sections_of(tmp_path)


def test_a_torn_last_line_costs_that_line_only(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "train/loss": 2.5}\n{"step": 2, "tr')
    run = load_run_files(tmp_path)
    assert run.training == [{"step": 1, "train/loss": 2.5}]
    assert len(run.problems) == 1


def test_the_newest_evaluation_counts(tmp_path):
    lines = [
        {"step": 1, "by": "evaluate", "eval/t2v_r10": 0.1},
        {"step": 2, "by": "evaluate", "eval/t2v_r10": 0.2},
        {"step": 3, "by": "beside", "eval/t2v_r10": 0.3},
    ]
    (tmp_path / "evaluations.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = load_run_files(tmp_path)
    assert run.evaluation["eval/t2v_r10"] == 0.2
    assert [line["step"] for line in run.beside] == [3]


def test_only_going_on_from_a_step_counts_as_resumed():
    events = [
        {"attempt": 1, "event": "resume", "from_step": 0},
        {"attempt": 1, "event": "end", "step": 37},
        {"attempt": 2, "event": "resume", "from_step": 30},
        {"attempt": 3, "event": "resume", "from_step": 30},
    ]
    assert resumed_steps(events) == [30]
