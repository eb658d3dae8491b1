"""A group of workers as plain gloo processes, which proofs kill, stop and disturb.

Nothing of Ray takes part, so an attempt begins in less than a second: a server that has imported
everything forks its workers. They run `train_worker`, and the loop around them is the real one.
Faults inside a worker are asked for by name; every sample that is trained on is noted in a ledger.
"""

import contextlib
import importlib
import importlib.util
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainers.loop.deaths import GroupFailed, WorkerDied

PEERS_S = 8.0
"""How long the others may take to notice that a worker has gone; then they are killed."""


def _module(path: Path):
    spec = importlib.util.spec_from_file_location("small_runs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def small_job(shards: Path, root: Path, **training):
    """A job of a very small model with dropout, augmentation and loader threads."""
    module = _module(Path(__file__).parents[1] / "trainers" / "conftest.py")
    return module.tiny_job(shards, root, **training)


def small_shards(out: Path, num_train: int = 20) -> Path:
    """Shards of three clips of each training video, and some of three more videos."""
    module = _module(Path(__file__).parents[1] / "trainers" / "conftest.py")
    module.write_shards(out, num_train=num_train)
    return out


PRELOADED = (
    "trainers.loop.worker",
    "torch.utils.tensorboard",
    "torch._dynamo",
    "decord",
    "pyarrow.parquet",
)


@dataclass
class Fault:
    """What goes wrong inside a worker."""

    kind: str
    """`stuck`: in plain Python; `silent`: never enters a collective; `deadly`: a sample kills."""

    worker: int = 0
    step: int = -1
    row: int = -1
    attempts: tuple[int, ...] = ()


class Processes:
    """Runs attempts; what happens to them is decided by `disturb`, called in a thread."""

    def __init__(self, scratch: Path, *faults: Fault) -> None:
        self.scratch, self.faults = scratch, faults
        self.disturb: Callable[[Processes], None] = lambda group: None
        self.rooms, self.rooms_while = [1], [1]
        """Room before each attempt and while it runs; the last one stays."""

        self.pids: dict[str, int] = {}
        self.left_over: set[int] = set()
        self.run_dir, self.attempt = Path(), 0
        self.over = threading.Event()
        self.over.set()
        scratch.mkdir(parents=True, exist_ok=True)
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(scratch / "workers.log").open("ab"),
            text=True,
            start_new_session=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()

    def room(self, *, after_failure=False):
        rooms = self.rooms if self.over.is_set() else self.rooms_while
        number = self.attempt if self.over.is_set() else self.attempt - 1
        return rooms[min(number, len(rooms) - 1)]

    def leaving(self):
        return []

    def fit(self, assignment, workers):
        self.run_dir, self.attempt = Path(assignment.run_dir), assignment.attempt
        order = self.scratch / f"attempt-{assignment.attempt}"
        order.write_bytes(pickle.dumps((assignment, workers, self.faults)))
        print(order, file=self._server.stdin, flush=True)
        self.pids = json.loads(self._read())
        self.over.clear()
        chaos = threading.Thread(target=self.disturb, args=(self,))
        chaos.start()
        ends = self._ends(workers)
        self.over.set()
        chaos.join()
        failed = [w for w, code in ends.items() if code and w not in self.left_over]
        if failed:
            raise GroupFailed({w: self._error(order, w, ends[w]) for w in failed})

    def signal(self, worker, number):
        os.kill(self.pids[str(worker)], number)

    def _read(self):
        line = self._server.stdout.readline()
        assert line, (self.scratch / "workers.log").read_text()[-3000:]
        return line

    def _ends(self, workers):
        """Return each worker's exit code; who does not follow a dead one is killed.

        That one has not failed, as one that Ray takes down has not.
        """
        ends = {}
        killer = None
        self.left_over.clear()
        while len(ends) < workers:
            worker, code = json.loads(self._read())
            ends[worker] = code
            if code and killer is None:
                killer = threading.Timer(PEERS_S, self._end_others, [ends])
                killer.start()
        if killer is not None:
            killer.cancel()
        return ends

    def _end_others(self, ends):
        for worker, pid in self.pids.items():
            if int(worker) not in ends:
                self.left_over.add(int(worker))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _error(self, order, worker, code):
        file = Path(f"{order}.error-{worker}")
        if code == 1 and file.exists():
            return pickle.loads(file.read_bytes())
        return WorkerDied(f"signal {-code}" if code < 0 else f"exit code {code}")


def serve():
    """Fork the workers of each order that stands on standard input."""
    # Once, here, and no computation: a fork inherits the modules, and no thread that it lacks.
    for module in PRELOADED:
        importlib.import_module(module)
    for line in sys.stdin:
        order = line.strip()
        with Path(order).open("rb") as file:
            assignment, workers, faults = pickle.load(file)
        pids = {}
        for worker in range(workers):
            pid = os.fork()
            if pid == 0:
                os._exit(work(order, assignment, worker, workers, faults))
            pids[pid] = worker
        print(json.dumps({worker: pid for pid, worker in pids.items()}), flush=True)
        while pids:
            pid, status = os.wait()
            print(json.dumps([pids.pop(pid), os.waitstatus_to_exitcode(status)]), flush=True)


def work(order, assignment, worker, workers, faults):
    """Be one worker; return the exit code."""
    import traceback
    from datetime import timedelta

    import torch
    import torch.distributed as dist

    from trainers.loop.limits import first_collective_limit_s
    from trainers.loop.worker import train_worker

    try:
        dist.init_process_group(
            "gloo",
            init_method=f"file://{order}.rendezvous",
            rank=worker,
            world_size=workers,
            timeout=timedelta(seconds=first_collective_limit_s(assignment.job.faults)),
        )
        keep_ledger(order, worker)
        for fault in faults:
            inject(fault, assignment.attempt, worker)
        train_worker(assignment, worker, workers, torch.device("cpu"))
        dist.destroy_process_group()
    except BaseException as error:
        traceback.print_exc()
        Path(f"{order}.error-{worker}").write_bytes(pickle.dumps(error))
        return 1
    return 0


def keep_ledger(order, worker):
    """Note which rows each step was computed on; a line outlives a kill."""
    from trainers.loop.step import TrainStep

    ledger = os.open(f"{order}.ledger-{worker}", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    run = TrainStep.run

    def noted(self, step, batches, **options):
        result = run(self, step, batches, **options)
        rows = [row for batch in batches for row in batch.rows_B.tolist()]
        os.write(ledger, json.dumps([step, rows]).encode() + b"\n")
        return result

    TrainStep.run = noted


def inject(fault, attempt, worker):
    """Let something go wrong in this worker."""
    from trainers.data.reader import ClipReader
    from trainers.loop.step import TrainStep

    if fault.attempts and attempt not in fault.attempts:
        return
    if fault.kind == "deadly":
        example = ClipReader._stored

        def deadly(self, row):
            if row == fault.row:
                os.kill(os.getpid(), signal.SIGSEGV)
            return example(self, row)

        ClipReader._stored = deadly
    elif worker == fault.worker:
        run = TrainStep.run

        def late(self, step, batches, **options):
            if step == fault.step:
                wait_without_end() if fault.kind == "stuck" else wait_in_a_collective()
            return run(self, step, batches, **options)

        TrainStep.run = late


def wait_without_end():
    lock = threading.Lock()
    with lock:
        lock.acquire()


def wait_in_a_collective():
    """Be where no watchdog looks: only the time-out of the others finds this."""
    import torch

    from trainers.waits import waiting

    with waiting(torch.device("cpu")):
        time.sleep(3600)


if __name__ == "__main__":
    serve()
