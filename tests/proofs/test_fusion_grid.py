"""R26 and the scale of issue 7: the whole grid on 2 cores, killed once and resumed.

The driver and all that it has started are killed when a fifth of the cells are there. The same
command then finishes the grid: what was done stays byte for byte, and some cells, measured once
more in this process, are equal to 1e-6.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from configs.grid import CompareJob
from trainers.comparison.cells import Cell
from trainers.comparison.run import measure_one
from trainers.tasks.build import load_tasks

CONFIG = Path(__file__).with_name("fusion_grid.yaml")
LIMIT_S = 40 * 60


def start(data: Path, out: Path) -> subprocess.Popen[str]:
    program = Path(sys.executable).with_name("weakvid")
    words = ["compare", "--config", CONFIG, "--grid.data", data, "--grid.out", out]
    return subprocess.Popen(
        [program, *words],
        stdout=(out.parent / "log").open("a"),
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def cells(out: Path) -> dict[str, bytes]:
    return {
        "/".join(path.parts[-3:]): path.read_bytes() for path in out.glob("cells/*/*/*/[0-9].json")
    }


def children(parent: int) -> list[int]:
    """All processes below one, whatever group they are in."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found += [int(stat.parent.name), *children(int(stat.parent.name))]
        except OSError:
            continue
    return found


def planned(data: Path, out: Path) -> int:
    program = Path(sys.executable).with_name("weakvid")
    words = ["compare", "--dry-run", "--config", CONFIG, "--grid.data", data, "--grid.out", out]
    said = subprocess.run([program, *words], capture_output=True, text=True, check=True).stdout
    line = next(line for line in said.splitlines() if line.startswith("  cells"))
    return int(line.split()[1].rstrip(","))


@pytest.mark.slow
@pytest.mark.timeout(2 * LIMIT_S)
def test_the_grid_is_killed_once_and_resumed_in_forty_minutes(
    test_data: Path, tmp_path: Path, figures
) -> None:
    data, out = test_data / "fusion", tmp_path / "grid"
    total = planned(data, out)
    begun = time.monotonic()
    first = start(data, out)
    while len(cells(out)) < total // 5:
        assert first.poll() is None, (tmp_path / "log").read_text()[-3000:]
        time.sleep(0.5)
    for process in [first.pid, *children(first.pid)]:
        os.kill(process, signal.SIGKILL)
    first.wait()
    before = cells(out)
    assert start(data, out).wait() == 0, (tmp_path / "log").read_text()[-3000:]
    took = time.monotonic() - begun
    after = cells(out)
    figures(cells=total, before_the_kill=len(before), minutes=round(took / 60, 1))
    assert len(after) == total
    assert {name: after[name] for name in before} == before
    compare_with_one_process(data, out, after)
    tell(json.loads((out / "summary.json").read_text()), figures)
    assert took < LIMIT_S


def compare_with_one_process(data: Path, out: Path, after: dict[str, bytes]) -> None:
    read = yaml.safe_load(CONFIG.read_text())
    read["grid"] |= {"data": str(data), "out": str(out), "tasks": ["mfeat"]}
    config = CompareJob.model_validate(read).grid
    task = load_tasks(config)["mfeat"]
    for method in ("early", "late_product", "mkl_easy"):
        cell = Cell("mfeat", method, 2)
        here, there = measure_one(config, task, cell), json.loads(after[cell.name])
        for name, value in here["figures"].items():
            assert there["figures"][name] == pytest.approx(value, abs=1e-6)
        assert there["missing"] == pytest.approx(here["missing"]) or all(
            there["missing"][kind] == pytest.approx(by, abs=1e-6)
            for kind, by in here["missing"].items()
        )


def tell(summary: dict, figures) -> None:
    """Note of each task the best method, late fusion and the best modality alone."""
    for task in summary["tasks"]:
        rows = {row["method"]: row for row in task["methods"]}
        alone = [row for name, row in rows.items() if name.startswith("alone.")]
        figures(
            **{
                f"{task['task']}_blind": round(task["blind"], 4),
                f"{task['task']}_best": f"{task['methods'][0]['method']} "
                f"{task['methods'][0]['gain']['mean']:.4f}",
                f"{task['task']}_late": round(rows[task["baseline"]]["gain"]["mean"], 4),
                f"{task['task']}_alone": round(max(row["gain"]["mean"] for row in alone), 4),
            }
        )
