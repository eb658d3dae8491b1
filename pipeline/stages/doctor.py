"""Verb `doctor`: look at everything that the other verbs need, and say how to mend it."""

from collections.abc import Sequence

from pipeline.health import cluster, isolation, machine, software
from pipeline.health.finding import Finding, guarded

CHECKS = (
    ("python", software.check_python, software.REINSTALL),
    ("ffmpeg", software.check_ffmpeg, software.REINSTALL),
    ("decoders", software.check_decoders, software.REINSTALL),
    ("isolation", isolation.check_isolation, software.REINSTALL),
    ("torch", software.check_torch, software.REINSTALL),
    ("cores, memory", machine.check_cores_and_memory, "run on Linux or macOS"),
    ("folder", machine.check_folder, "go to a folder that exists"),
    ("disk", machine.check_disk, "mount the disk again"),
    ("shared memory", machine.check_shared_memory, "mount /dev/shm"),
    ("ports", machine.check_loopback, "allow local connections"),
    ("clock", machine.check_clock, "set the clock"),
    ("ray", cluster.check_ray, software.REINSTALL),
)

MARKS = {"ok": "ok", "warn": "WARN", "broken": "BROKEN"}


def run() -> int:
    """Print what was found; return 1 where something is broken."""
    findings = [guarded(subject, check, mend) for subject, check, mend in CHECKS]
    print(render(findings))
    return int(any(finding.state == "broken" for finding in findings))


def render(findings: Sequence[Finding]) -> str:
    """Return one line a finding, with the cure below where there is one to take."""
    width = max((len(finding.subject) for finding in findings), default=0)
    lines = []
    for finding in findings:
        mark = MARKS[finding.state]
        lines.append(f"{mark:<6}  {finding.subject:<{width}}  {finding.found}")
        if finding.mend:
            lines.append(f"{'':<6}  {'':<{width}}  -> {finding.mend}")
    num_broken = sum(finding.state == "broken" for finding in findings)
    num_warned = sum(finding.state == "warn" for finding in findings)
    lines.append(f"{num_broken} broken, {num_warned} to watch")
    return "\n".join(lines)
