"""Tests of pipeline/reports/colearning.py."""

import json

import pytest

from pipeline.reports.build import write_report
from pipeline.reports.colearning import MISSING, colearning_section
from pipeline.reports.inputs import RunFiles


def arm(name: str, groups: list[str], figures: list[dict], window: str | None = None) -> dict:
    runs = [{"seed": seed, "figures": one} for seed, one in enumerate(figures)]
    label = f"arm {name} <script>"
    return {
        "name": name, "label": label, "groups": groups, "target_window": window, "runs": runs
    }  # fmt: skip


def figures(without_text: float, **more: float) -> dict:
    found = {f"shown_without_{name}_mean": without_text for name in MISSING}
    return found | {"shown_all": 0.9, "t2v_r10": 0.5, "chance_r10": 0.06} | more


def tree(base: list[float], both: list[float]) -> dict:
    return {
        "steps": 300,
        "arms": [
            arm("mil_nce", ["objectives"], [figures(x) for x in base]),
            arm("both", ["objectives", "windows"], [figures(x) for x in both], "soft"),
        ],
    }


def section(content: dict):
    return colearning_section(RunFiles("r", colearning=content))


def test_a_lead_above_the_spread_is_told_from_one_below_it_and_from_the_reverse() -> None:
    found = section(tree([0.40, 0.42], [0.50, 0.52]))
    assert [lead.ahead for lead in found.leads] == [True] * 3
    assert found.leads[0].points == pytest.approx(0.1)
    assert found.leads[0].spread == pytest.approx(0.02 / 2**0.5)
    assert (found.num_ahead, found.num_behind) == (3, 0)
    near = section(tree([0.40, 0.50], [0.46, 0.48]))
    assert (near.num_ahead, near.num_behind) == (0, 0)
    assert section(tree([0.50, 0.52], [0.40, 0.42])).num_behind == 3


def test_what_a_choice_of_window_gives_to_right_ones_is_the_figure_of_that_choice() -> None:
    known = {"bag_mass": 0.6, "bag_right_first": 0.7, "bag_nearest_right": 0.3}
    arms = [
        arm(name, ["windows"], [figures(0.4, **known)], name)
        for name in ("nearest", "most_similar", "soft")
    ]
    (table,) = section({"arms": arms}).tables
    assert [row.figures[0].mean for row in table.rows if row.figures[0]] == [0.3, 0.7, 0.6]


def test_joint_features_have_a_row_of_their_own_where_they_were_measured() -> None:
    arms = [arm("both", ["objectives"], [figures(0.4, shown_joint_all=0.8)])]
    rows = section({"arms": arms}).tables[0].rows
    assert [row.label.partition(">")[2] for row in rows] == ["", ", with joint features"]
    assert rows[1].figures[1] is not None
    assert rows[1].figures[1].mean == 0.8
    assert rows[1].figures[2] is None


@pytest.mark.parametrize(
    "broken", [{}, {"arms": 3}, {"arms": [{"runs": [{"figures": 1}]}, "x"]}, {"arms": [{}]}]
)
def test_a_file_that_holds_no_figures_gives_no_section(broken: dict) -> None:
    assert section(broken).tables == []


def test_the_page_says_how_often_it_is_ahead_and_escapes_what_a_file_names(material) -> None:
    folder = material.run_dir / "colearning"
    folder.mkdir()
    (folder / "colearning.json").write_text(json.dumps(tree([0.40, 0.42], [0.50, 0.52])))
    page = write_report(material.run_dir, None, None).read_text()
    assert 'href="#colearning"' in page
    assert "<b>3 of 3</b>" in page
    assert "not ahead here" not in page
    assert "51.0\u202f% ± 1.4" in page
    assert "arm both &lt;script&gt;" in page


def test_the_page_says_plainly_where_it_is_not_ahead(material) -> None:
    folder = material.run_dir / "colearning"
    folder.mkdir()
    (folder / "colearning.json").write_text(json.dumps(tree([0.40, 0.50], [0.46, 0.48])))
    page = write_report(material.run_dir, None, None).read_text()
    assert "<b>0 of 3</b>" in page
    assert "It is not ahead here." in page


def test_a_run_without_the_comparison_has_no_such_section(material) -> None:
    assert "#colearning" not in write_report(material.run_dir, None, None).read_text()
