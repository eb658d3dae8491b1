"""A million sources, and a manifest of twenty million rows: each as its benchmark measures it."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def table_of(script: str, *arguments: str) -> tuple[int, dict[str, str]]:
    """Run a benchmark; return its exit code and its lines by the name of their step."""
    done = subprocess.run(
        [sys.executable, "-u", ROOT / "benchmarks" / script, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    steps = {line[:24].strip(): " ".join(line[24:].split()) for line in lines if len(line) > 24}
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, steps


def test_a_million_sources_are_planned_in_a_minute_and_two_gibibytes(figures):
    code, steps = table_of("plan_million.py")
    figures(**{name.replace(" ", "_").replace(",", ""): text for name, text in steps.items()})
    assert "list and plan" in steps and "rerun, once planned" in steps
    assert code == 0, steps


def test_a_manifest_of_twenty_million_rows_is_folded_in_flat_memory(figures):
    code, steps = table_of("manifest_scale.py", "--rows", "20000000")
    figures(**{name.replace(" ", "_").replace(",", ""): text for name, text in steps.items()})
    assert "fold" in steps and "what a trainer needs" in steps
    assert code == 0, steps
