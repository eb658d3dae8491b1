"""Ray actors that keep the model loaded, each with one video at a time, and a clean stop."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ray

from pipeline.asr.transcript import NoTranscript, origin_of, save_none
from pipeline.asr.work import Outcome, Setup, Transcriber
from pipeline.listing.source import SourceFile
from pipeline.tasks.dispatch import POLL_S
from pipeline.tasks.run import DRAIN_S, asked_to_stop
from pipeline.tasks.session import Drained

logger = logging.getLogger(__name__)


# Ray restarts and retries nothing: what kills an actor twice is to be found out.
@ray.remote(max_restarts=0, max_task_retries=0)
class _Actor:
    def __init__(self, setup: Setup) -> None:
        self._transcriber = Transcriber(setup)

    def ready(self) -> None:
        """Return once the model is loaded."""

    def run(self, source: SourceFile) -> Outcome:
        return self._transcriber.run(source)


@dataclass(slots=True)
class _Call:
    """What an actor is at; no source while it loads its model."""

    actor: Any
    source: SourceFile | None
    attempt: int


def transcribe_all(
    setup: Setup, sources: Sequence[SourceFile], on_done: Callable[[SourceFile, Outcome], None]
) -> None:
    """Transcribe videos; one that takes its actor along is tried again, then rejected.

    Args:
        setup: What they have in common.
        sources: The videos; the largest are begun first.
        on_done: Called with each video and what became of it.

    Raises:
        Drained: After SIGTERM.
        RuntimeError: If a model cannot be loaded, or a transcript cannot be written.
    """
    run = _Run(setup, sources, on_done)
    with asked_to_stop() as stop:
        while run.calls or (run.waiting and not stop):
            if not stop:
                run.start()
            elif time.monotonic() - stop[0] > DRAIN_S:
                break
            run.settle(may_go_on=not stop)
    if stop:
        raise Drained(f"{run.num_done} of {len(sources)} videos are transcribed")


class _Run:
    """Where each video of a run is: waiting, with an actor, or done."""

    def __init__(
        self,
        setup: Setup,
        sources: Sequence[SourceFile],
        on_done: Callable[[SourceFile, Outcome], None],
    ) -> None:
        self._setup = setup
        self._on_done = on_done
        self._options, self._most = _room(setup)
        largest_first = sorted(sources, key=lambda one: (-one.bytes, one.video_id))
        self.waiting = deque((source, 1) for source in largest_first)
        self.calls: dict[ray.ObjectRef, _Call] = {}
        self.num_done = 0

    def start(self) -> None:
        """Start as many actors as there is room and work for."""
        num_idle = sum(call.source is None for call in self.calls.values())
        while len(self.calls) < self._most and num_idle < len(self.waiting):
            actor = _Actor.options(**self._options).remote(self._setup)  # pyrefly: ignore  # Ray adds it
            self.calls[actor.ready.remote()] = _Call(actor, None, 0)
            num_idle += 1

    def settle(self, *, may_go_on: bool) -> None:
        """Wait a little; take in what ended, and give each idle actor the next video."""
        ready, _ = ray.wait(list(self.calls), timeout=POLL_S)
        for reference in ready:
            call = self.calls.pop(reference)
            if not self._take(reference, call):
                continue
            if may_go_on and self.waiting:
                source, attempt = self.waiting.popleft()
                self.calls[call.actor.run.remote(source)] = _Call(call.actor, source, attempt)
            else:
                ray.kill(call.actor)

    def _take(self, reference: ray.ObjectRef, call: _Call) -> bool:
        """Return whether the actor lives on."""
        try:
            outcome = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            raise RuntimeError(
                f"transcripts cannot be made in {self._setup.folder}: {cause}; once they can, the "
                "same command goes on"
            ) from error
        except ray.exceptions.RayError as error:
            self._died(call, error)
            return False
        if call.source is not None:
            self._done(call.source, outcome)
        return True

    def _died(self, call: _Call, error: Exception) -> None:
        if call.source is None:
            raise RuntimeError(f"a model cannot be loaded: {_reason(error)}") from error
        if call.attempt < self._setup.config.attempts:
            logger.warning("%s: its worker died; trying once more", call.source.name)
            # At the end, where it takes the least along.
            self.waiting.append((call.source, call.attempt + 1))
            return
        origin = origin_of(call.source, self._setup.model, self._setup.config)
        detail = f"its worker died {call.attempt} times"
        save_none(self._setup.folder, origin, NoTranscript("E_CRASH", detail))
        self._done(call.source, Outcome("E_CRASH"))

    def _done(self, source: SourceFile, outcome: Outcome) -> None:
        self.num_done += 1
        self._on_done(source, outcome)


def _room(setup: Setup) -> tuple[dict[str, Any], int]:
    """Return what an actor asks Ray for, and how many of them there may be."""
    config, cluster = setup.config, ray.cluster_resources()
    options: dict[str, Any] = {"num_cpus": config.threads}
    most = cluster.get("CPU", 1) // config.threads
    if config.device == "cuda":
        options["num_gpus"] = config.gpus
        most = min(most, cluster.get("GPU", 0) // config.gpus)
    if most < 1:
        raise RuntimeError(
            f"a model must have {options} (asr.threads, asr.gpus), got a cluster of {cluster}"
        )
    return options, min(int(most), config.actors or int(most))


def _reason(error: Exception) -> str:
    """Return the last line that tells something; Ray puts the traceback of an actor before it."""
    lines = [line.strip() for line in str(error).splitlines() if "Error:" in line]
    return lines[-1] if lines else (str(error).splitlines() or ["no reason given"])[0]
