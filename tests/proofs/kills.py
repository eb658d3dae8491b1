"""Kills of every process of a build at random moments, and reruns, until a quota is met.

A campaign runs the same command again and again. While it runs, one of its own processes after
the other gets SIGKILL: a Ray worker, a decoder child, the raylet, the driver. A run that ends with
code 0 ends a round: what it wrote is compared with what an undisturbed build wrote, and the next
round begins with an empty output. Only processes below the driver that we started are touched,
found in /proc by parent; never a name across the machine.
"""

import hashlib
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROLES = ("worker", "decoder", "raylet", "driver")
FATAL = frozenset({"raylet", "driver"})
"""Kills that end a run."""

LEAST_GAP_S, MOST_GAP_S = 0.3, 2.5
RUN_S = 300.0
"""After which a run counts as hung."""


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    born: str
    exe: str
    command: str

    @property
    def role(self) -> str:
        if self.exe == "raylet":
            return "raylet"
        if "pipeline.media.child" in self.command:
            return "decoder"
        # A worker that has a task bears its name; one that idles is of no interest.
        at_work = ("ray::build_remotely", "ray::PartMaker.make")
        return "worker" if self.command.startswith(at_work) else ""

    @property
    def builds(self) -> bool:
        """Whether it belongs to the build; Ray's own monitors and agents outlive a dead driver
        by some seconds, and know nothing of the output."""
        idle = ("ray::IDLE", "ray::PartMaker")
        return bool(self.role) or self.exe == "gcs_server" or self.command.startswith(idle)

    def is_alive(self) -> bool:
        now = _read(self.pid)
        return now is not None and now.born == self.born

    def signal(self, number: int) -> bool:
        """Send a signal to this very process; return whether it was there."""
        if not self.is_alive():
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True


def _read(pid: int) -> Process | None:
    root = Path("/proc") / str(pid)
    try:
        fields = (root / "stat").read_text().rpartition(")")[2].split()
        command = (root / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        exe = (root / "exe").readlink().name
    except OSError:
        return None
    return None if fields[0] == "Z" else Process(pid, int(fields[1]), fields[19], exe, command)


def below(pid: int) -> list[Process]:
    """All descendants of a process."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    children: dict[int, list[Process]] = {}
    for process in filter(None, map(_read, pids)):
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    front = [pid]
    while front:
        inner = children.get(front.pop(), [])
        found += inner
        front += [process.pid for process in inner]
    return found


@dataclass
class Run:
    """A driver that was started, and all processes that were ever seen below it."""

    command: Sequence[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    seen: set[Process] = field(default_factory=set)

    def __enter__(self) -> "Run":
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self.environment,
                start_new_session=True,
            )
        self.started = time.monotonic()
        return self

    def __exit__(self, *error: object) -> None:
        self.look()
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        for process in self.seen:  # whatever was frozen
            process.signal(signal.SIGCONT)
        self.end_of_all()

    def look(self) -> list[Process]:
        """Return what runs below the driver now."""
        found = below(self.popen.pid)
        self.seen.update(found)
        return found

    def find(self, role: str) -> list[Process]:
        if role == "driver":
            driver = _read(self.popen.pid)
            return [driver] if driver else []
        return [process for process in self.look() if process.role == role]

    def wait(self, timeout_s: float) -> int | None:
        """Return the exit code, None if it still runs then."""
        until = time.monotonic() + timeout_s
        while self.popen.poll() is None and time.monotonic() < until:
            self.look()
            time.sleep(0.1)
        return self.popen.poll()

    def end_of_all(self, timeout_s: float = 90.0) -> list[Process]:
        """Wait until all that builds is gone; return what stays. Nothing is left behind."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            left = [process for process in self.seen if process.builds and process.is_alive()]
            if not left:
                break
            time.sleep(0.1)
        for process in self.seen:
            process.signal(signal.SIGKILL)
        return left


@dataclass
class Campaign:
    """What was killed, and what came of it."""

    kills: Counter[str] = field(default_factory=Counter)
    exits: Counter[int] = field(default_factory=Counter)
    rounds: int = 0
    runs: int = 0
    orphans: list[str] = field(default_factory=list)
    """Processes of the build that were still there 90 s after its driver."""

    longest_run_s: float = 0.0

    def told(self) -> dict[str, object]:
        """Figures of a proof."""
        return {
            "kills": self.kills.total(),
            **{f"kills_of_a_{role}": self.kills[role] for role in ROLES},
            "builds_compared": self.rounds,
            "runs": self.runs,
            "exit_codes": dict(self.exits),
            "orphans": len(self.orphans),
            "longest_run_s": self.longest_run_s,
        }


def campaign(
    command: Sequence[str],
    *,
    quota: dict[str, int],
    clear: Callable[[], None],
    check: Callable[[], None],
    log: Path,
    seed: int = 0,
    environment: dict[str, str] | None = None,
) -> Campaign:
    """Kill until each role has had its quota, and every round has ended well.

    Args:
        command: The build; run again it goes on.
        quota: Kills of each of `ROLES`.
        clear: Empties the output before a round.
        check: Compares what a round wrote with the undisturbed build; raises if it differs.
        log: Receives the output of all runs.
        seed: Of the moments and of the choice of victims.
        environment: Added to ours.
    """
    random_ = random.Random(seed)
    tally = Campaign()
    while any(tally.kills[role] < count for role, count in quota.items()):
        clear()
        tally.rounds += 1
        code = None
        while code != 0:
            with Run(command, log, environment or {}) as run:
                tally.runs += 1
                code = _disturb(run, quota, tally, random_)
                tally.longest_run_s = max(tally.longest_run_s, time.monotonic() - run.started)
                tally.orphans += [process.command[:80] for process in run.end_of_all()]
            tally.exits[code] += 1
            print(f"  run {tally.runs}: exit code {code}, kills {dict(tally.kills)}", flush=True)
        check()
    return tally


def _disturb(run: Run, quota: dict[str, int], tally: Campaign, random_: random.Random) -> int:
    """Kill at random until a kill ends the run, or it ends by itself; return its exit code."""
    for role in _schedule(quota, tally.kills, random_):
        if not _reach_moment(run, role, random_):
            break
        victims = run.find(role)
        if victims and random_.choice(victims).signal(signal.SIGKILL):
            tally.kills[role] += 1
            if role in FATAL:
                break
    code = run.wait(RUN_S)
    if code is None:
        raise AssertionError(f"a run hung for {RUN_S:.0f} s; its log is {run.log}")
    return code


def _schedule(quota: dict[str, int], kills: Counter[str], random_: random.Random) -> Iterator[str]:
    """Yield whom to kill next, until nobody is left; those with most to come are more likely."""
    while left := {role: quota[role] - kills[role] for role in quota if kills[role] < quota[role]}:
        yield random_.choices(list(left), list(left.values()))[0]


def _reach_moment(run: Run, role: str, random_: random.Random) -> bool:
    """Wait for a random moment of the build; return whether the run is still there."""
    if role == "driver" and random_.random() < 0.25:
        # Any moment: start, planning, Ray coming up.
        return run.wait(random_.uniform(0.0, 8.0)) is None
    until = time.monotonic() + RUN_S
    while not run.find("worker"):  # before that there is nothing to disturb
        if run.wait(0.05) is not None or time.monotonic() > until:
            return False
    if run.wait(random_.uniform(LEAST_GAP_S, MOST_GAP_S)) is not None:
        return False
    until = time.monotonic() + 2.0
    while not run.find(role) and time.monotonic() < until:  # decoders come and go
        if run.wait(0.02) is not None:
            return False
    return True


def snapshot(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder; who held it, and how long, is no content."""
    return {
        str(path.relative_to(folder)): path.name
        if path.name in (".driver.lock", ".costs.jsonl")
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def difference(want: dict[str, str], got: dict[str, str]) -> str:
    """Say in one line where two snapshots differ; nothing where they are equal."""
    missing, stray = sorted(want.keys() - got.keys()), sorted(got.keys() - want.keys())
    changed = sorted(name for name in want.keys() & got.keys() if want[name] != got[name])
    told = {"missing": missing, "stray": stray, "changed": changed}
    return ", ".join(f"{what} {names}" for what, names in told.items() if names)
