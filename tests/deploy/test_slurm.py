"""The Slurm script, run with programs that stand in for Slurm and Ray and note how they are called.

A real Slurm has run it too: docs/deploying.md.
"""

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainers.cluster.environment import OF_NODES

SHELLCHECK = Path(sys.executable).with_name("shellcheck")
JOB = "4711"

NOTE = """#!/bin/bash
printf -v words ' <%s>' "$@"
echo "${0##*/}$words" >> "$NOTES/calls"  # in one piece: others write too
"""
STAND_INS = {
    # Leaves out its own options, as srun does.
    "srun": NOTE + 'while [[ $1 == --* ]]; do shift; done; exec "$@"\n',
    "scontrol": NOTE,
    "hostname": '#!/bin/bash\n[[ $1 == -I ]] && echo "192.0.2.7 198.51.100.7" || echo head\n',
    ".venv/bin/ray": NOTE
    + """if [[ $1 == health-check ]]; then test -e "$NOTES/token"; exit; fi
env | grep ^RAY_ > "$NOTES/environment"
stat -c %a "$RAY_AUTH_TOKEN_PATH" > "$NOTES/mode"
cp "$RAY_AUTH_TOKEN_PATH" "$NOTES/token"
trap 'echo ended >> "$NOTES/ended"; exit 1' TERM
echo started >> "$NOTES/started"
while :; do sleep 0.05; done
""",
    ".venv/bin/python": NOTE + "cat > /dev/null\n",
    ".venv/bin/weakvid": NOTE
    + """trap 'echo term >> "$NOTES/terms"; exit 143' TERM
touch "$NOTES/working"
for ((i = 0; i < ${WORKS_FOR:-0}; i++)); do sleep 0.05; done
exit ${CODE:-0}
""",
}


@pytest.fixture
def script(deploy: Path) -> Path:
    return deploy / "slurm" / "weakvid.sbatch"


@pytest.fixture
def submit(script: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Run the script as Slurm would, in a project's folder with a space in its name."""
    programs, project = tmp_path / "programs", tmp_path / "my project"
    (project / ".venv" / "bin").mkdir(parents=True)
    programs.mkdir()
    for name, text in STAND_INS.items():
        path = (project if name.startswith(".venv") else programs) / name
        path.write_text(text)
        path.chmod(0o755)

    def run(*words: str, **settings: str) -> subprocess.Popen[str]:
        environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(tmp_path / "home"),
            "NOTES": str(tmp_path),
            "RAY_AUTH_TOKEN": "of-another-cluster",
            "SLURM_JOB_ID": JOB,
            "SLURM_JOB_NUM_NODES": "4",
            "SLURM_CPUS_PER_TASK": "32",
            "SLURMD_NODENAME": "node-1",
            **settings,
        }
        command = ["bash", str(script), *words]
        return subprocess.Popen(
            command, cwd=project, env=environment, text=True, stdout=-1, stderr=subprocess.STDOUT
        )

    return run


def calls(folder: Path, program: str) -> list[str]:
    lines = (folder / "calls").read_text().splitlines()
    return [line for line in lines if line.partition(" ")[0] == program]


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path.name}"
        time.sleep(0.02)


def test_the_script_passes_the_linter(script: Path) -> None:
    subprocess.run([SHELLCHECK, script], check=True)


def test_a_planted_fault_is_caught(script: Path, tmp_path: Path) -> None:
    path = tmp_path / "weakvid.sbatch"
    for right, wrong in [('"$venv/bin/weakvid" "$@"', "$venv/bin/weakvid $@"), ("fi\n", "\n")]:
        assert right in script.read_text()
        path.write_text(script.read_text().replace(right, wrong, 1))
        assert subprocess.run([SHELLCHECK, path], capture_output=True).returncode == 1


def test_slurm_is_asked_for_a_warning_and_to_queue_again(script: Path) -> None:
    asked = re.findall(r"^#SBATCH (--\S+)$", script.read_text(), flags=re.MULTILINE)
    assert "--requeue" in asked
    assert "--open-mode=append" in asked  # the log of the attempt before stays
    [warning] = [option for option in asked if option.startswith("--signal")]
    name, seconds = warning.removeprefix("--signal=B:").split("@")
    assert name == "TERM"
    assert int(seconds) >= 120


def test_ray_is_started_on_all_nodes_with_a_token_of_the_job(submit: Any, tmp_path: Path) -> None:
    job = submit("shards", "--shards.out", "a b", WORKS_FOR="4")
    assert job.wait(60) == 0, job.stdout.read()
    head, others = calls(tmp_path, "srun")
    assert "<--nodes=1> <--ntasks=1> <--cpus-per-task=32> <--nodelist=node-1>" in head
    assert "<--head> <--block> <--node-ip-address=192.0.2.7> <--port=24711>" in head
    assert "<--dashboard-host=127.0.0.1>" in head
    assert "<--nodes=3> <--ntasks=3> <--cpus-per-task=32> <--exclude=node-1>" in others
    assert "<--address=192.0.2.7:24711> <--block>" in others
    assert calls(tmp_path, "weakvid") == [
        "weakvid <shards> <--shards.out> <a b> <--ray.address> <192.0.2.7:24711>"
    ]
    environment = dict(
        line.split("=", 1) for line in (tmp_path / "environment").read_text().splitlines()
    )
    assert environment.items() >= {"RAY_AUTH_MODE": "token", **OF_NODES}.items()
    assert "RAY_AUTH_TOKEN" not in environment


def test_the_token_is_secret_and_goes_with_the_job(submit: Any, tmp_path: Path) -> None:
    job = submit("shards")
    assert job.wait(60) == 0
    token = (tmp_path / "token").read_text()
    assert re.fullmatch(r"[0-9a-f]{64}", token)
    assert (tmp_path / "mode").read_text() == "600\n"
    assert token not in (tmp_path / "calls").read_text()
    assert token not in job.stdout.read()
    folder = tmp_path / "home" / ".weakvid"
    assert list(folder.iterdir()) == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_wall_limit_drains_it_and_it_is_queued_again(submit: Any, tmp_path: Path) -> None:
    job = submit("train", WORKS_FOR="1000")
    wait_for(tmp_path / "working")
    while (tmp_path / "started").read_text() != "started\n" * 2:
        time.sleep(0.02)
    job.send_signal(signal.SIGTERM)
    assert job.wait(60) == 143
    assert (tmp_path / "terms").read_text() == "term\n"
    assert calls(tmp_path, "scontrol") == [f"scontrol <requeue> <{JOB}>"]
    assert (tmp_path / "ended").read_text() == "ended\n" * 2  # both steps of Ray
    assert list((tmp_path / "home" / ".weakvid").iterdir()) == []


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_any_other_end_is_the_jobs_own(code: int, submit: Any, tmp_path: Path) -> None:
    job = submit("evaluate", CODE=str(code), SLURM_JOB_NUM_NODES="1")
    assert job.wait(60) == code
    assert len(calls(tmp_path, "srun")) == 1
    assert calls(tmp_path, "scontrol") == []


def test_without_words_or_environment_nothing_is_started(submit: Any, tmp_path: Path) -> None:
    for job in (submit(), submit("shards", WEAKVID_VENV="/nowhere")):
        assert job.wait(60) == 2
        assert "usage: sbatch" in job.stdout.read()
    assert not (tmp_path / "calls").exists()
