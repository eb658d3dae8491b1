"""Co-learning on the demo corpus: what translation gives where a modality is missing.

All arms of benchmarks/colearning.py, 21 runs, some 40 minutes on a core. WEAKVID_COLEARNING may
name a folder to work in, as WEAKVID_ABLATION does.
"""

import json
import os
from pathlib import Path

import pytest
from tables import Table, fill, over_seeds, percent

from benchmarks.colearning import ARMS
from pipeline.reports.colearning import KINDS, MISSING, TASKS, WINDOWS, colearning_section
from pipeline.reports.inputs import RunFiles

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * 3600)]

STEPS, SEEDS = 400, 3


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(os.environ.get("WEAKVID_COLEARNING") or tmp_path_factory.mktemp("colearning"))


@pytest.fixture(scope="session")
def table(work: Path) -> Table:
    return fill("colearning", work, STEPS, SEEDS)


def test_every_arm_with_a_modality_missing_has_its_figures_and_the_report_its_verdict(
    table, work, figures
):
    """No arm has to win: what has to hold is that the report says who does, as it is."""
    figures(
        steps=STEPS,
        seeds=SEEDS,
        runs_finished_by_an_earlier_call=table.found_finished,
        queries=int(table.arms["mil_nce"][0]["num_queries"]),
        chance_of_R10=f"{100 * table.arms['mil_nce'][0]['chance_r10']:.1f} %",
    )
    for arm in ARMS:
        runs = table.arms[arm.name]
        assert len(runs) == SEEDS
        figures(**{f"{arm.label}: R@10": percent(over_seeds(runs, "t2v_r10"))})
        for task, asked in TASKS:
            for suffix, what in KINDS.items():
                prefix = f"{task}{suffix}"
                if not all(f"{prefix}_all" in run for run in runs):
                    continue
                shown = [("all", f"{prefix}_all")]
                shown += [(f"no {m}", f"{prefix}_without_{m}_mean") for m in MISSING]
                shown += [(f"no {m}, zeros", f"{prefix}_without_{m}_zero") for m in MISSING]
                line = "; ".join(f"{name} {percent(over_seeds(runs, key))}" for name, key in shown)
                figures(**{f"{arm.label}: {asked}{what}": line})
    content = json.loads((work / "runs" / "colearning.json").read_text())
    section = colearning_section(RunFiles("proof", colearning=content))
    assert len(section.leads) == len(TASKS) * len(MISSING)
    for lead in section.leads:
        base = over_seeds(table.arms["mil_nce"], lead.key)
        both = over_seeds(table.arms["both"], lead.key)
        verdict = "ahead" if lead.ahead else "behind" if lead.behind else "no difference"
        points = f"{100 * lead.points:+.1f} points, spread {100 * lead.spread:.1f}: {verdict}"
        figures(**{f"both against MIL-NCE alone, {lead.what}": points})
        assert lead.ahead == (both[0] - base[0] > max(base[1], both[1]))


def test_a_window_chosen_by_likeness_is_right_more_often_than_the_nearest(table, figures):
    right = {}
    for arm in ARMS:
        if "windows" not in arm.groups:
            continue
        runs, choice = table.arms[arm.name], arm.cyclic["target_window"]
        right[choice] = over_seeds(runs, WINDOWS[choice])
        figures(**{f"{arm.label}: given to right windows": percent(right[choice])})
        figures(
            **{f"{arm.label}: error of translation": percent(over_seeds(runs, "relative_error"))}
        )
    for choice in ("most_similar", "soft"):
        assert right[choice][0] - right["nearest"][0] > right[choice][1]
