"""How far a build is, read from the files of its output folder while it goes on and after.

Records are small files, one a bundle. Of very many only some are read, evenly spread, and their
counts are scaled up: `is_estimate` says so.
"""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from pipeline.tasks.bundle import BundleCounts
from pipeline.tasks.holder import Holder, holder_of
from pipeline.tasks.lock import LOCK
from pipeline.tasks.planfile import load_plan
from pipeline.tasks.progress import newest_names, note_path, read_note
from shards import storage
from shards.commit import BundleRecord, committed_bundles, read_record, record_path
from shards.state import is_complete, is_rebuilt

Stage = Literal["complete", "building", "folding", "stopped", "away"]

MAX_READ = 2000
"""Records that are read; on an object store each takes a request."""

THREADS = 16
"""Records and notes that are read at a time: a bucket takes tens of milliseconds for each."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a build stands.

    Attributes:
        stage: `folding`: all bundles are committed and the manifest is being written. `stopped`:
            nobody holds the folder and it is not complete. `away`: its driver is on another
            machine.
        holder: The driver that signed last.
        num_bundles: Bundles of the plan, and `num_committed` of them.
        num_videos: Videos of the plan, and `num_done` of them, those under way included.
        clips, rejects: What is committed.
        codes: Rejects by code, of what is committed.
        under_way: Last note of each bundle that is being built.
        is_estimate: Whether counts are scaled up from some of the records.
        elapsed_s: Seconds since the driver signed; None where it is not known.
        quiet_s: Seconds since the last sign of life; None where it is not known.
        videos_per_s, clips_per_s: Since the driver signed; None where nothing is known yet.
    """

    stage: Stage
    holder: Holder | None
    num_bundles: int
    num_committed: int
    num_videos: int
    num_done: int
    clips: int
    rejects: int
    codes: Counter[str] = field(default_factory=Counter)
    under_way: dict[str, BundleCounts] = field(default_factory=dict)
    is_estimate: bool = False
    elapsed_s: float | None = None
    quiet_s: float | None = None
    videos_per_s: float | None = None
    clips_per_s: float | None = None

    @property
    def eta_s(self) -> float | None:
        """Seconds to the end at this rate; None where there is none."""
        left = self.num_videos - self.num_done
        return left / self.videos_per_s if self.videos_per_s and self.stage == "building" else None


@dataclass(slots=True)
class _Tally:
    """Sums over the records that were read: of all, and of those made since the driver signed."""

    videos: int = 0
    clips: int = 0
    rejects: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    new_videos: int = 0
    new_clips: int = 0
    last_s: float = 0.0


def read_standing(out: str) -> Standing:
    """Return where the build of an output folder stands.

    Raises:
        ValueError: If its plan or a record is damaged.
    """
    plan = load_plan(out)
    fingerprints = plan.fingerprints()
    committed = [bundle for bundle in committed_bundles(out) if bundle in fingerprints]
    picked = committed[:: max(1, -(-len(committed) // MAX_READ))]
    signed_s = _time_of(storage.join(out, LOCK))
    tally = _Tally()
    with ThreadPoolExecutor(THREADS) as pool:
        for bundle, record in zip(picked, pool.map(partial(_record, out), picked), strict=True):
            if record is not None and record.fingerprint == fingerprints[bundle]:
                _add(tally, out, record, signed_s)  # others go, or are built again
    scale = len(committed) / len(picked) if picked else 1.0
    names = newest_names(out, fingerprints.keys() - set(committed))
    with ThreadPoolExecutor(THREADS) as pool:
        bundles = sorted(names)
        read = pool.map(lambda bundle: read_note(out, names[bundle]), bundles)
        notes = dict(zip(bundles, read, strict=True))
    under_way = {bundle: counts for bundle, counts in notes.items() if counts is not None}
    signs = [tally.last_s, *(_time_of(note_path(out, name)) for name in names.values())]
    now_s, holder = time.time(), holder_of(out)
    stage = _stage(out, holder, len(committed) == len(fingerprints))
    num_videos = plan.listed().num_rows
    # Notes of a driver that is gone tell of work that is lost.
    working = under_way if stage in ("building", "away") else {}
    half_done = sum(counts.videos for counts in working.values())
    half_clips = sum(counts.clips for counts in working.values())
    running = now_s - signed_s if signed_s and stage not in ("complete", "stopped") else None
    return Standing(
        stage=stage,
        holder=holder,
        num_bundles=len(fingerprints),
        num_committed=len(committed),
        num_videos=num_videos,
        num_done=min(num_videos, round(tally.videos * scale) + half_done),
        clips=round(tally.clips * scale),
        rejects=round(tally.rejects * scale),
        codes=Counter({code: round(count * scale) for code, count in tally.codes.items()}),
        under_way=working,
        is_estimate=len(picked) < len(committed),
        elapsed_s=running,
        quiet_s=now_s - max(signs) if max(signs) > 0 else None,
        videos_per_s=_rate(tally.new_videos * scale + half_done, running),
        clips_per_s=_rate(tally.new_clips * scale + half_clips, running),
    )


def _record(out: str, bundle: str) -> BundleRecord | None:
    return read_record(out, bundle, with_samples=False)


def _add(tally: _Tally, out: str, record: BundleRecord, signed_s: float) -> None:
    tally.videos += len(record.planned)
    tally.clips += record.num_samples
    tally.rejects += len(record.rejects)
    tally.codes.update(str(row.get("code")) for row in record.rejects)
    made_s = _time_of(record_path(out, record.bundle))
    tally.last_s = max(tally.last_s, made_s)
    if signed_s and made_s >= signed_s:
        tally.new_videos += len(record.planned)
        tally.new_clips += record.num_samples


def _stage(out: str, holder: Holder | None, is_committed: bool) -> Stage:
    state = holder.state if holder else "gone"
    if state == "gone":
        return "complete" if is_complete(out) and not is_rebuilt(out) else "stopped"
    if state == "away":
        return "complete" if is_complete(out) else "away"
    if is_complete(out):
        return "complete"
    return "folding" if is_committed else "building"


def _time_of(path: str) -> float:
    """Return when a file was written, in seconds; 0 where it is not there or in a bucket."""
    if storage.is_remote(path):
        return 0.0
    try:
        return storage.local_path(path).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _rate(count: float, seconds: float | None) -> float | None:
    return count / seconds if seconds and count else None
