"""Which of its own rights a decoder child of this machine can give up."""

import subprocess
import sys

from pipeline.health.finding import Finding

DEADLINE_S = 20
_PROGRAM = "from pipeline.media.isolation import confine; print(*confine('/dev/null'))"


def check_isolation() -> Finding:
    """Confine a child as a decoder is confined, and ask it which layers hold."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    if done.returncode != 0:
        reason = done.stderr.strip()[-200:] or f"exit code {done.returncode}"
        return Finding("isolation", "broken", reason, "run `make setup` again")
    return judge(done.stdout.split())


def judge(layers: list[str]) -> Finding:
    """Say what it means that these layers hold, and the others do not."""
    network = "seccomp" if "seccomp" in layers else "a namespace" if "namespace" in layers else ""
    files = "Landlock" if "landlock" in layers else ""
    if network and files:
        found = f"decoders have no network ({network}) and no files but their own ({files})"
        return Finding("isolation", "ok", found)
    missing = [
        what for what, layer in (("network", network), ("files of this user", files)) if not layer
    ]
    return Finding(
        "isolation",
        "warn",
        f"decoders are held by allow-lists and limits; the kernel leaves them {', '.join(missing)}",
        "Linux >= 5.13 on x86-64 or aarch64 with Landlock and seccomp; see docs/decoding.md",
    )
