"""Every worker's times and memory, exchanged every few steps, so that one can be told by name.

Shape letters in this file:
    W  workers    S  steps    F  figures of a step, as in StepTimes    N  bytes of a name
"""

import socket
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from configs.tracking import TrackingConfig
from trainers.collectives import all_gather_rows
from trainers.loop.memory import memory_bytes
from trainers.loop.ranks import owned_ranks
from trainers.loop.stragglers import Straggler, StragglerWatch
from trainers.loop.timing import StepClock, StepTimes

WINDOW = 100
"""Steps over which percentiles are taken."""

_NAME_BYTES = 64
_DATA, _COMPUTE, _WAIT = (StepTimes._fields.index(f"{n}_s") for n in ("data", "compute", "wait"))


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the first worker knows of all after an exchange."""

    workers: list[dict[str, float | str]]
    """One row a worker: its number, its machine, seconds and bytes."""

    figures: dict[str, float]
    """The same in short, by keys in metrics.jsonl: the greatest over workers."""

    stragglers: list[Straggler] = field(default_factory=list)


class WorkerTimes:
    """Exchanges what each worker's clock has gathered. All workers must call alike."""

    def __init__(
        self,
        config: TrackingConfig,
        virtual_ranks: int,
        worker: int,
        workers: int,
        device: torch.device,
    ) -> None:
        """Tell the others on which machine this worker is.

        Args:
            config: How often to exchange, and who is slow.
            virtual_ranks: Of the whole run.
            worker: Number of this worker.
            workers: How many there are.
            device: Where the process group can communicate.
        """
        self._worker, self._workers, self._device = worker, workers, device
        self._every = config.exchange_every
        self._nodes_W = self._gather_names(socket.gethostname())
        self._recent_WSF = np.zeros((workers, 0, len(StepTimes._fields)))
        shares_W = [len(owned_ranks(virtual_ranks, workers, other)) for other in range(workers)]
        self._watch = StragglerWatch(
            self._nodes_W, shares_W, config.straggler_ratio, config.straggler_steps
        )

    def exchange(self, done: int, clock: StepClock, *, last: bool = False) -> Exchange | None:
        """Exchange after every few steps, and after the last one.

        Args:
            done: Finished steps.
            clock: This worker's.
            last: Whether the workers end after this step.

        Returns:
            What is known of all workers, on the first one; None on the others and between.
        """
        if not last and done % self._every:
            return None
        times_SF = np.array(clock.take_steps())
        memory = memory_bytes(self._device)
        sent = torch.tensor([*times_SF.reshape(-1), *memory.values()], dtype=torch.float64)
        received = self._gather(sent).numpy()
        if self._worker:
            return None
        times_WSF = received[:, : times_SF.size].reshape(self._workers, *times_SF.shape)
        memory_W = received[:, times_SF.size :]
        self._recent_WSF = np.concatenate([self._recent_WSF, times_WSF], 1)[:, -WINDOW:]
        stragglers = []
        for place, times_WF in enumerate(times_WSF.swapaxes(0, 1)):
            step = done - len(times_SF) + place + 1
            stragglers += self._watch.add(step, times_WF[:, _DATA], times_WF[:, _COMPUTE])
        names = [f"{name}_bytes" for name in memory]
        rows = [
            {"worker": worker, "node": self._nodes_W[worker]}
            | seconds
            | dict(zip(names, map(int, memory_W[worker]), strict=True))
            for worker, seconds in enumerate(_percentiles(self._recent_WSF))
        ]
        return Exchange(rows, _greatest(rows), stragglers)

    def _gather(self, own: Tensor) -> Tensor:
        """Return one row of figures a worker. Not pickled: they are numbers of a known count."""
        return all_gather_rows(own[None].to(self._device), [1] * self._workers).cpu()

    def _gather_names(self, name: str) -> list[str]:
        sent_N = name.encode()[:_NAME_BYTES].ljust(_NAME_BYTES, b"\0")
        rows = self._gather(torch.tensor(list(sent_N), dtype=torch.uint8))
        return [bytes(row).rstrip(b"\0").decode(errors="replace") for row in rows.tolist()]


def _percentiles(times_WSF: np.ndarray) -> list[dict[str, float]]:
    """Return, for each worker, median and 95th percentile of its step and of its parts."""
    data_WS, compute_WS, wait_WS = (times_WSF[:, :, f] for f in (_DATA, _COMPUTE, _WAIT))
    parts = {
        "step": data_WS + compute_WS + wait_WS,
        "own": data_WS + compute_WS,
        "data": data_WS,
        "wait": wait_WS,
    }
    found = {
        f"{name}_p{percentile}_s": seconds_W
        for name, seconds_WS in parts.items()
        for percentile, seconds_W in zip(
            (50, 95), np.percentile(seconds_WS, (50, 95), axis=1), strict=True
        )
    }
    return [
        {name: float(seconds_W[worker]) for name, seconds_W in found.items()}
        for worker in range(len(times_WSF))
    ]


def _greatest(rows: list[dict[str, float | str]]) -> dict[str, float]:
    figures = {
        key: max(float(row[name]) for row in rows)
        for name, key in (
            ("step_p50_s", "time/step_p50_s"),
            ("step_p95_s", "time/step_p95_s"),
            ("rss_bytes", "memory/rss_bytes"),
            ("rss_peak_bytes", "memory/rss_peak_bytes"),
            ("cuda_peak_bytes", "memory/cuda_peak_bytes"),
        )
        if name in rows[0]
    }
    slowest = max(rows, key=lambda row: float(row["own_p50_s"]))
    return figures | {"time/slowest_worker": float(slowest["worker"])}
