"""What a decoder child gives up before it opens an upload: network, files, processes, resources.

Every layer is tried; `weakvid doctor` says which of them this machine has. Where the kernel has
none of them, the allow-lists of `probe.py` and the resource limits still hold.
"""

import ctypes
import os
import re
import resource
import signal
import sys
from pathlib import Path

from pipeline.media.landlock import allow_reading
from pipeline.media.seccomp import deny_calls

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_MAX_OPEN_FILES = 64
_PACKAGES = ("configs", "pipeline", "shards")
# Where an interpreter and its shared libraries are read from while it runs.
_SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache",
           "/dev/null", "/dev/urandom", "/proc/self", "/sys/devices/system/cpu")  # fmt: skip


def follow_parent_to_death() -> None:
    """Die when the parent does, or a killed worker leaves decoders behind. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def limit_resources(memory_bytes: int, cpu_s: int) -> None:
    """Set limits of our own: address space, CPU time, open files; nothing is written or started.

    Args:
        memory_bytes: Address space.
        cpu_s: Seconds of CPU time.
    """
    limits = [
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        # Counts all processes and threads of the user, so that it allows none more. Root is exempt.
        (resource.RLIMIT_NPROC, 0),
    ]
    for which, value in limits:
        _, hard = resource.getrlimit(which)
        ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (ceiling, ceiling))


def peak_memory_bytes() -> int:
    """Return the most resident memory that this process has had; 0 where Linux does not say.

    `getrusage` would answer for the parent too: its peak survives fork and exec.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def confine(path: str) -> list[str]:
    """Give up the network and every file but one upload and the interpreter's own.

    Args:
        path: Absolute path of the upload.

    Returns:
        The layers that hold, of "landlock", "seccomp" and "namespace".
    """
    layers = []
    if allow_reading([path, *_own_folders()]):
        layers.append("landlock")
    if deny_calls():
        layers.append("seccomp")
    elif _leave_network():
        layers.append("namespace")
    return layers


def _own_folders() -> list[str]:
    root = Path(__file__).resolve().parents[2]
    packages = [str(root / name) for name in _PACKAGES]
    return [sys.prefix, sys.base_prefix, *packages, *_SYSTEM]


def _leave_network() -> bool:
    """Enter an empty network namespace, where the kernel lets us; unprivileged or as root."""
    if sys.platform != "linux":
        return False
    flags = _CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    return not ctypes.CDLL(None).unshare(flags)
