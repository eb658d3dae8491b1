"""Tests of pipeline/reports/ablation.py."""

import json

import pytest

from pipeline.reports.ablation import ablation_section, spread
from pipeline.reports.build import write_report
from pipeline.reports.inputs import RunFiles

BAG = {"clips": 300, "mass": 0.6, "uniform": 0.25, "right_first": 0.7, "nearest_right": 0.4}


def ablation(**recalls: list[float]) -> dict:
    arms = [
        {
            "name": name,
            "label": f"arm {name} <script>",
            "runs": [
                {"seed": seed, "figures": {"t2v_r10": r10, "bag_mass": 0.5, "chance_r10": 0.06}}
                for seed, r10 in enumerate(values)
            ],
        }
        for name, values in recalls.items()
    ]
    return {"steps": 150, "arms": arms}


def test_rows_have_mean_and_deviation_over_seeds_and_the_best_is_marked() -> None:
    section = ablation_section(RunFiles("r", ablation=ablation(k1=[0.2, 0.4], k3=[0.5, 0.7])))
    first, second = section.rows
    assert first.figures[2] is not None
    assert first.figures[2].mean == pytest.approx(0.3)
    assert first.figures[2].std == pytest.approx(0.1 * 2**0.5)
    assert (first.best, second.best) == (False, True)
    assert first.figures[0] is None
    assert (section.steps, section.chance) == (150, 0.06)


def test_the_lead_is_that_of_the_worse_of_the_larger_bags() -> None:
    tree = ablation(k1=[0.2], k3=[0.5], k5=[0.6], margin=[0.9])
    assert ablation_section(RunFiles("r", ablation=tree)).lead == pytest.approx(0.3)
    assert ablation_section(RunFiles("r", ablation=ablation(k3=[0.5]))).lead is None


def test_one_seed_has_no_deviation() -> None:
    one = spread([0.5])
    assert one is not None
    assert (one.mean, one.std) == (0.5, None)
    assert spread([]) is None


@pytest.mark.parametrize("broken", [{}, {"arms": 3}, {"arms": [{"runs": [{"figures": 1}]}, "x"]}])
def test_a_file_that_holds_no_figures_gives_no_table(broken: dict) -> None:
    assert ablation_section(RunFiles("r", ablation=broken)).rows == []


def test_the_run_s_own_bags_are_shown_where_all_their_figures_are_known() -> None:
    figures = {f"eval/bag_{name}": value for name, value in BAG.items()}
    assert ablation_section(RunFiles("r", evaluation=figures)).bag == BAG
    del figures["eval/bag_uniform"]
    assert ablation_section(RunFiles("r", evaluation=figures)).bag == {}


def test_the_page_shows_the_table_and_what_the_run_makes_of_its_bags(material) -> None:
    folder = material.run_dir / "ablation"
    folder.mkdir()
    (folder / "ablation.json").write_text(json.dumps(ablation(k1=[0.2, 0.4], k3=[0.5, 0.7])))
    line = {"step": 40, "by": "evaluate", **{f"eval/bag_{k}": v for k, v in BAG.items()}}
    with (material.run_dir / "evaluations.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    page = write_report(material.run_dir, None, None).read_text()
    assert 'href="#bags"' in page
    assert "30.0\u202f% ± 14.1" in page
    assert "+30.0" in page
    assert "arm k1 &lt;script&gt;" in page
    assert 'title="eval/bag_mass = 0.6"' in page


def test_a_run_without_either_has_no_such_section(material) -> None:
    assert "#bags" not in write_report(material.run_dir, None, None).read_text()
