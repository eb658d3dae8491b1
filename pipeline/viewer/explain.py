"""`weakvid explain`: a clip, a video or a moment in a video, told from what the build left.

Everything comes from the manifest, the tables and the shard itself. With the folder of the sources
the video's bytes are hashed and its captions read again, and held against what was recorded.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.reports.codes import reject_meaning
from pipeline.reports.frames import read_clip
from pipeline.reports.text import num_bytes
from pipeline.tasks.recorded import load_settings
from pipeline.viewer.catalog import Catalog
from pipeline.viewer.query import Query
from pipeline.viewer.recheck import source_chapters
from pipeline.viewer.story import Chapter, flag_facts, split_facts, tell
from shards import storage
from shards.schema import KEY_PATTERN, Sample, sample_key

NUM_LISTED = 12
MOMENT = re.compile(
    r"(?P<video>.+)@(?:(?P<minutes>[0-9]{1,4}):)?(?P<seconds>[0-9]{1,9}(?:\.[0-9]+)?)"
)


def explain(catalog: Catalog, what: str, source: str = "") -> list[Chapter]:
    """Tell what is known of a sample's key, a video's id, or VIDEO@SECONDS.

    Args:
        catalog: Tables of the output folder.
        what: The key, the id, or the id with a time (`12.3` or `1:02.5`).
        source: Folder or listing of the sources; empty: they are not looked at.

    Raises:
        ValueError: If there is no such thing in the folder, or the sources do not list it.
    """
    if KEY_PATTERN.fullmatch(what):
        return _explain_key(catalog, what, source)
    if _is_known(catalog, what):
        return _explain_video(catalog, what, source)
    if (moment := MOMENT.fullmatch(what)) and _is_known(catalog, moment["video"]):
        time_s = 60 * int(moment["minutes"] or 0) + float(moment["seconds"])
        return _explain_moment(catalog, moment["video"], time_s, source)
    near = catalog.find_videos(Query(words=what.rpartition("@")[0] or what)).rows[:3]
    hint = f"; there is {', '.join(repr(row['video_id']) for row in near)}" if near else ""
    raise ValueError(
        f"explain needs the key of a sample, or the id of a video (and a time: VIDEO@SECONDS) "
        f"that {catalog.out} knows, got {what!r}{hint}"
    )


def _is_known(catalog: Catalog, video_id: str) -> bool:
    return catalog.video(video_id) is not None or bool(catalog.rejects_of(video_id))


def _explain_key(catalog: Catalog, key: str, source: str) -> list[Chapter]:
    row = catalog.sample_row(key)
    if row is None:
        video_id = _video_of(catalog, key)
        if video_id is None:
            raise ValueError(f"{catalog.out} has no sample {key}, and no video of that hash")
        return _explain_moment(catalog, video_id, int(key.partition("_")[2]) / 1000, source)
    sample = read_clip(catalog.out, row["shard"], row["offset"], row["length"])
    if sample is None:
        raise ValueError(
            f"{storage.join(catalog.out, row['shard'])} must hold sample {key}, which cannot be "
            f"read; `weakvid verify {catalog.out}` says what is wrong"
        )
    chapters = tell(catalog, row, sample)
    chapters.insert(1, Chapter("Windows, nearest first", _windows(sample)))
    if source:
        start_s, end_s = float(sample.meta["t0_s"]), float(sample.meta["t1_s"])
        recorded = str(sample.meta.get("src", {}).get("sha256", ""))
        chapters += source_chapters(source, row["video_id"], recorded, start_s, end_s)
    return chapters


def _video_of(catalog: Catalog, key: str) -> str | None:
    """Return the video whose samples have such keys, or none."""
    prefix = key.partition("_")[0]
    names = catalog.videos["video_id"].to_pylist()
    return next((name for name in names if sample_key(name, 0).startswith(prefix)), None)


def _windows(sample: Sample) -> list[tuple[str, str]]:
    return [
        (
            f"{place}. window {window.index}",
            f"{window.start_s:.3f} to {window.end_s:.3f} s, centre {window.center_dist_s:.3f} s "
            f"away, {window.overlap_s:.3f} s shared: {window.text}",
        )
        for place, window in enumerate(sample.windows, start=1)
    ]


def _explain_video(catalog: Catalog, video_id: str, source: str) -> list[Chapter]:
    video = catalog.video(video_id)
    clips, rejects = catalog.clips_of(video_id), catalog.rejects_of(video_id)
    chapters = [Chapter("Video", _video_facts(video_id, video))]
    if clips:
        split = split_facts({"video_id": video_id, "split": clips[0]["split"]}, catalog.out)
        chapters.append(Chapter("Split", split))
        chapters.append(Chapter(_count(len(clips), "clip"), _listed(clips)))
    if rejects:
        chapters.append(Chapter(_count(len(rejects), "reject"), _reject_facts(rejects)))
    if video is not None:
        chapters.append(Chapter("Flags", flag_facts(video["flags"])))
    if source:
        recorded = (video or {}).get("sha256") or ""
        chapters += source_chapters(source, video_id, recorded, 0.0, 0.0)
    return chapters


def _video_facts(video_id: str, video: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if video is None:
        return [("video", video_id), ("state", "rejected; it is in no bundle")]
    planned, written, rejected = (video[name] for name in ("planned", "written", "rejected"))
    facts = [
        ("video", video_id),
        ("file", str(video["name"] or "")),
        ("size", f"{num_bytes(video['bytes'])} ({video['bytes']} bytes)"),
        ("sha256", video["sha256"] or "not recorded"),
        ("bundle", video["bundle"]),
        ("clips", f"planned {planned} = written {written} + rejected {rejected}"),
    ]
    if video["width"]:
        facts.append(("picture", f"{video['width']}x{video['height']}, {video['codec']}"))
    if video["duration_s"]:
        facts.append(("duration", f"{video['duration_s']:.3f} s"))
    if video["caption_format"]:
        facts.append(("captions", f"{video['caption_format']} {video['lang'] or ''}".strip()))
    return facts


def _listed(clips: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    facts = [(row["key"], f"{row['t0_ms'] / 1000:.3f} s: {row['caption']}") for row in clips]
    more = len(facts) - NUM_LISTED
    return facts[:NUM_LISTED] + ([("and", f"{more} more")] if more > 0 else [])


def _reject_facts(rejects: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    facts = []
    for row in rejects[:NUM_LISTED]:
        where = "all of it" if row["t0_s"] is None else f"{row['t0_s']:.3f} s"
        why = f"{row['code']}, {reject_meaning(row['code'])} ({row['stage']}): {row['detail']}"
        facts.append((where, why))
    more = len(rejects) - NUM_LISTED
    return facts + ([("and", f"{more} more")] if more > 0 else [])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _explain_moment(catalog: Catalog, video_id: str, time_s: float, source: str) -> list[Chapter]:
    """Say which clips hold a moment, else why none does."""
    clips, rejects = catalog.clips_of(video_id), catalog.rejects_of(video_id)
    here = [row for row in clips if row["t0_ms"] <= 1000 * time_s < row["t1_ms"]]
    chapters = [Chapter("Moment", [("video", video_id), ("time", f"{time_s:.3f} s")])]
    if here:
        chapters.append(Chapter(f"In {_count(len(here), 'clip')}", _listed(here)))
    else:
        chapters.append(Chapter("In no clip", _why_none(catalog, video_id, time_s)))
    clip_s = _clip_s(catalog, clips)
    lost = [
        row
        for row in rejects
        if row["t0_s"] is None or row["t0_s"] <= time_s < row["t0_s"] + clip_s
    ]
    if lost:
        chapters.append(Chapter("Rejected here", _reject_facts(lost)))
    if source:
        recorded = (catalog.video(video_id) or {}).get("sha256") or ""
        chapters += source_chapters(source, video_id, recorded, time_s, time_s)
    return chapters


def _clip_s(catalog: Catalog, clips: Sequence[Mapping[str, Any]]) -> float:
    if clips:
        return (clips[0]["t1_ms"] - clips[0]["t0_ms"]) / 1000
    settings = load_settings(catalog.out).get("clips", {})
    return settings.get("num_frames", 32) / settings.get("fps", 10)


def _why_none(catalog: Catalog, video_id: str, time_s: float) -> list[tuple[str, str]]:
    clips, rejects = catalog.clips_of(video_id), catalog.rejects_of(video_id)
    clip_s = _clip_s(catalog, clips)
    if whole := [row for row in rejects if row["t0_s"] is None]:
        return [("why", f"the video is rejected: {whole[0]['code']}")]
    if any(row["t0_s"] <= time_s < row["t0_s"] + clip_s for row in rejects):
        return [("why", "a clip was planned here and rejected")]
    duration_s = (catalog.video(video_id) or {}).get("duration_s")
    if duration_s and time_s >= duration_s:
        return [("why", f"the video ends at {duration_s:.3f} s")]
    policy = load_settings(catalog.out).get("clips", {}).get("policy", "per_window")
    facts = [("why", _policy_reason(policy))]
    before = [row for row in clips if row["t1_ms"] <= 1000 * time_s]
    after = [row for row in clips if row["t0_ms"] > 1000 * time_s]
    for label, rows in (("clip before", before[-1:]), ("clip after", after[:1])):
        facts += [(label, f"{row['t0_ms'] / 1000:.3f} s, {row['key']}") for row in rows]
    return facts


def _policy_reason(policy: str) -> str:
    match policy:
        case "per_window":
            return "no clip was planned here: clips are cut around narration, one for each window"
        case "uniform":
            return "no clip was planned here: a last clip would stick out of the video"
        case _:
            return f"no clip was planned here by the policy {policy}"
