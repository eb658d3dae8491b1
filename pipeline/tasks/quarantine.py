"""Sources that kill their worker, or fail even when nothing else runs: quarantine.json in OUT.

Remembered, so that they are not opened again by a later run and the bytes are the same again. A
source that has changed since is a new one; `--shards.retry-rejects` forgets all of them.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Self

from pipeline.listing.source import SourceFile
from shards import storage

QUARANTINE = "quarantine.json"
VERSION = 1
MOST_IN_A_ROW = 5
"""Sources that may fail one after the other before the machine is suspected. Those that are tried
at the same time on many nodes are one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a source, in the state that `bytes` and `stamp` tell, is not to be opened."""

    video_id: str
    bytes: int
    stamp: str
    code: str
    detail: str
    stage: str

    @classmethod
    def on(cls, source: SourceFile, code: str, detail: str, stage: str) -> Self:
        """Return the verdict on a source as it is listed now."""
        return cls(source.video_id, source.bytes, source.stamp, code, detail, stage)

    def is_on(self, source: SourceFile) -> bool:
        """Return whether it is about this source in this state."""
        return (self.video_id, self.bytes, self.stamp) == (
            source.video_id,
            source.bytes,
            source.stamp,
        )


def load_quarantine(out: str) -> list[Verdict]:
    """Return the verdicts that an output folder remembers.

    Raises:
        ValueError: If quarantine.json is not one of ours.
    """
    path = storage.join(out, QUARANTINE)
    if not storage.exists(path):
        return []
    value = storage.read_json(path)
    try:
        if value["version"] != VERSION:
            raise ValueError(f"version {value['version']}")
        return [Verdict(**row) for row in value["verdicts"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} must be a quarantine of version {VERSION}, got {error}; delete it, and its "
            "sources are tried again"
        ) from error


def add_to_quarantine(out: str, verdicts: Iterable[Verdict]) -> None:
    """Remember verdicts. Only the driver calls it."""
    by_id = {verdict.video_id: verdict for verdict in [*load_quarantine(out), *verdicts]}
    rows = [asdict(by_id[video_id]) for video_id in sorted(by_id)]
    text = json.dumps({"version": VERSION, "verdicts": rows}, indent=1, ensure_ascii=False)
    storage.write_atomic(storage.join(out, QUARANTINE), text.encode() + b"\n")


def forget_quarantine(out: str) -> None:
    """Let all of its sources be tried again."""
    storage.delete(storage.join(out, QUARANTINE))


def verdicts_on(sources: Sequence[SourceFile], verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Return the verdicts on some of these sources in their present state."""
    by_id = {source.video_id: source for source in sources}
    return tuple(
        verdict
        for verdict in verdicts
        if verdict.video_id in by_id and verdict.is_on(by_id[verdict.video_id])
    )


class Quarantine:
    """The quarantine of one build.

    A verdict is kept back until a source has come through after it. Where none does, one after the
    other, it is the machine that is at fault.

    Args:
        out: Output folder.
    """

    def __init__(self, out: str) -> None:
        self._out = out
        # By id: thousands of verdicts are not to be gone through for each bundle.
        self._known = {verdict.video_id: verdict for verdict in load_quarantine(out)}
        self._unsure: list[Verdict] = []
        self._in_a_row = 0
        self._judged = float("-inf")

    def on(self, sources: Sequence[SourceFile]) -> tuple[Verdict, ...]:
        """Return what is known of some sources from earlier builds."""
        known = (self._known.get(source.video_id) for source in sources)
        return verdicts_on(sources, [verdict for verdict in known if verdict is not None])

    def suspect(self, verdict: Verdict, begun: float, now: float) -> bool:
        """Note a verdict; return whether it is rather the machine that is to be suspected.

        Args:
            verdict: What came of a try that was begun at `begun`.
            begun: Seconds of a clock.
            now: Seconds of the same clock.
        """
        self._unsure.append(verdict)
        if begun >= self._judged:  # not side by side with the last one that counted
            self._in_a_row += 1
            self._judged = now
        return self._in_a_row >= MOST_IN_A_ROW

    def confirm(self) -> None:
        """A source came through: those that did not are to blame, and are remembered."""
        if self._unsure:
            add_to_quarantine(self._out, self._unsure)
            self._unsure = []
        self._in_a_row = 0
