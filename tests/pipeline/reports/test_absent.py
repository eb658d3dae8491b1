"""Tests of pipeline/reports/absent.py."""

import json

import pytest

from pipeline.reports.absent import absent_section
from pipeline.reports.build import write_report
from pipeline.reports.inputs import RunFiles


def row(present: list[str], missing: list[str], accuracies: list[float]) -> dict:
    return {"present": present, "missing": missing, "fill": "mean", "accuracies": accuracies}


OWN = {"rows": [row(["video", "text"], [], [0.8, 0.9]), row(["video"], ["text"], [0.5, 0.5])]}
JOINT = {"rows": [row(["video", "text"], [], [0.7, 0.7])]}


def test_a_set_of_modalities_has_a_row_and_what_was_given_a_column() -> None:
    section = absent_section(RunFiles("r", absent={"own": OWN, "joint": JOINT}))
    assert len(section.headings) == 2
    assert [(one.present, one.fill) for one in section.rows] == [
        ("video, text", ""), ("video", "mean"),
    ]  # fmt: skip
    first, second = section.rows
    assert [one.mean for one in first.figures if one] == pytest.approx([0.85, 0.7])
    assert second.figures[1] is None


@pytest.mark.parametrize("broken", [{}, {"skipped": "no labels"}, {"own": 3}, {"own": {"rows": 1}}])
def test_without_figures_there_is_no_table(broken: dict) -> None:
    section = absent_section(RunFiles("r", absent=broken))
    assert (section.headings, section.rows) == ([], [])


def test_the_page_shows_the_table_where_it_was_measured(material) -> None:
    path = material.run_dir / "evaluation" / "absent.json"
    assert "With a modality missing" not in write_report(material.run_dir, None, None).read_text()
    path.write_text(json.dumps({"own": OWN}))
    page = write_report(material.run_dir, None, None).read_text()
    assert "With a modality missing" in page
    assert "85.0\u202f% ± 7.1" in page
