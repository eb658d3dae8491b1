"""Cores, memory, disk, shared memory, loopback and clock of this machine."""

import contextlib
import os
import shutil
import socket
import tempfile
import time
from pathlib import Path

from pipeline.health.finding import Finding

GIB = 2**30
NUM_PORTS = 32
OLDEST_SANE_YEAR = 2025
MAX_CLOCK_SKEW_S = 2.0


def check_cores_and_memory() -> Finding:
    """Count the cores and the memory that this process may use."""
    num_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = memory_bytes()
    found = f"{num_cores} cores, {memory / GIB:.1f} GiB"
    if memory < 4 * GIB:
        mend = "give the machine or container 4 GiB; else lower sources.limits and data.cache_gib"
        return Finding("cores, memory", "warn", found, mend)
    return Finding("cores, memory", "ok", found)


def memory_bytes() -> int:
    """Return the machine's memory, or the container's limit where that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            total = min(total, int(Path(limit).read_text()))
    return total


def check_folder() -> Finding:
    """Write, flush and rename a file in the current folder."""
    here = Path.cwd()
    mend = "go to a folder that you may write to, or give absolute paths for outputs"
    try:
        with tempfile.TemporaryDirectory(dir=here, prefix=".doctor-") as folder:
            path = Path(folder) / "a"
            with path.open("wb") as stream:
                stream.write(b"a")
                os.fsync(stream.fileno())
            path.rename(Path(folder) / "b")
    except OSError as error:
        return Finding("folder", "broken", f"{here}: {error.strerror}", mend)
    return Finding("folder", "ok", f"{here} can be written")


def check_disk() -> Finding:
    """Look at the space here, and where temporary files go."""
    places = {str(Path.cwd()): 5 * GIB, tempfile.gettempdir(): 2 * GIB}
    state, found = "ok", []
    for place, wanted in places.items():
        usage = shutil.disk_usage(place)
        found.append(f"{usage.free / GIB:.1f} GiB free in {place}")
        if usage.free < 0.5 * GIB:
            state = "broken"
        # Ray takes no more objects when its temporary folder's disk is 95 % full.
        elif (usage.free < wanted or usage.free < 0.05 * usage.total) and state == "ok":
            state = "warn"
    mend = "" if state == "ok" else "free some space, or set TMPDIR and output folders elsewhere"
    return Finding("disk", state, ", ".join(found), mend)


def check_shared_memory() -> Finding:
    """Look at /dev/shm, where Ray keeps its objects on Linux."""
    place = Path("/dev/shm")
    if not place.is_dir():
        return Finding("shared memory", "ok", "no /dev/shm on this system; Ray uses files")
    free = shutil.disk_usage(place).free
    if not os.access(place, os.W_OK):
        mend = "mount /dev/shm writable for this user"
        return Finding("shared memory", "broken", "/dev/shm cannot be written", mend)
    if free < GIB:
        mend = "enlarge it: `docker run --shm-size=2g`, or `mount -o remount,size=2g /dev/shm`"
        return Finding("shared memory", "warn", f"{free / GIB:.2f} GiB free in /dev/shm", mend)
    return Finding("shared memory", "ok", f"{free / GIB:.1f} GiB free in /dev/shm")


def check_loopback() -> Finding:
    """Open ports on the loopback address and talk over one of them."""
    mend = "allow local connections (firewall, sandbox, `ip link set lo up`) and raise `ulimit -n`"
    with contextlib.ExitStack() as stack:
        try:
            listeners = [stack.enter_context(socket.socket()) for _ in range(NUM_PORTS)]
            for listener in listeners:
                listener.bind(("127.0.0.1", 0))
            listeners[0].listen(1)
            caller = stack.enter_context(
                socket.create_connection(listeners[0].getsockname(), timeout=5)
            )
            answer, _ = listeners[0].accept()
            stack.enter_context(answer)
            caller.sendall(b"weakvid")
            said = answer.recv(7)
        except OSError as error:
            return Finding("ports", "broken", f"127.0.0.1: {error}", mend)
    if said != b"weakvid":
        return Finding("ports", "broken", f"127.0.0.1 answered {said!r}", mend)
    return Finding("ports", "ok", f"127.0.0.1 answers, {NUM_PORTS} free ports found")


def check_clock() -> Finding:
    """Compare the wall clock with the year, the steady clock and the disk's own clock."""
    mend = "set the clock (`timedatectl set-ntp true`), on the file server too"
    wall, steady = time.time(), time.monotonic()
    of_disk = disk_minus_wall_s(Path.cwd())
    time.sleep(0.05)
    drift = (time.time() - wall) - (time.monotonic() - steady)
    found = f"{time.strftime('%Y-%m-%d %H:%M:%S')}, disk differs by {of_disk:+.2f} s"
    if time.gmtime(wall).tm_year < OLDEST_SANE_YEAR:
        return Finding("clock", "broken", found, mend)
    if abs(of_disk) > MAX_CLOCK_SKEW_S or abs(drift) > MAX_CLOCK_SKEW_S:
        return Finding("clock", "warn", found, mend)
    return Finding("clock", "ok", found)


def disk_minus_wall_s(folder: Path) -> float:
    """Return by how much the clock that stamps files is ahead of this machine's."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as stream:
        stream.write(b"a")
        stream.flush()
        return os.fstat(stream.fileno()).st_mtime - time.time()
