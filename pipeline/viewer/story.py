"""One sample told back to its source: what `weakvid explain` prints and a clip's page shows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.reports.codes import meaning_of
from pipeline.reports.text import num_bytes
from pipeline.tasks.recorded import load_settings
from pipeline.viewer.catalog import Catalog
from shards import storage
from shards.schema import Sample, split_position


@dataclass(frozen=True, slots=True)
class Chapter:
    """Facts of one kind: (what it is, what is known of it)."""

    title: str
    facts: list[tuple[str, str]] = field(default_factory=list)


def tell(catalog: Catalog, row: Mapping[str, Any], sample: Sample) -> list[Chapter]:
    """Return where a sample comes from, where it lies, and why it is what it is.

    Args:
        catalog: The folder's tables.
        row: Its row of the manifest.
        sample: What stands in the shard.
    """
    settings = load_settings(catalog.out)
    video = catalog.video(row["video_id"]) or {}
    return [
        _clip(row, sample),
        _source(video, sample),
        Chapter("Split", split_facts(row, catalog.out)),
        _place(catalog, row),
        Chapter("Flags", flag_facts(row["flags"])),
        _build(sample, settings),
    ]


def flag_facts(flags: str | None) -> list[tuple[str, str]]:
    """Return flags, a JSON list as tables have it, with their meanings."""
    return [(flag, meaning_of(flag)) for flag in json.loads(flags or "[]")]


def split_facts(row: Mapping[str, Any], out: str) -> list[tuple[str, str]]:
    """Return the split of a row and why its video is in it."""
    position = split_position(row["video_id"])
    facts = [("split", row["split"]), ("hash position", f"{position:.6f} of the video's id")]
    shares = load_settings(out).get("shards", {})
    if "test_share" in shares and "val_share" in shares:
        rule = f"test below {shares['test_share']:g}, val from {1 - shares['val_share']:g} on"
        facts.append(("rule", f"{rule}, train between"))
    return facts


def _clip(row: Mapping[str, Any], sample: Sample) -> Chapter:
    meta = sample.meta
    repeated = sum(map(bool, meta.get("dup", ())))
    times = meta.get("pts_s") or []
    facts = [
        ("key", row["key"]),
        ("video", row["video_id"]),
        ("span", f"{meta['t0_s']:.3f} s to {meta['t1_s']:.3f} s of the video"),
        ("frames", f"{meta.get('n')} at {meta.get('fps')} a second, stored as {sample.encoding}"),
    ]
    if sample.margin:
        facts.append(("margin", f"{sample.margin} more frames before and after"))
    if times:
        facts.append(("source frames", f"shown at {times[0]:.3f} s to {times[-1]:.3f} s"))
    facts += [
        ("repeated frames", f"{repeated} of {meta.get('n')}"),
        ("sound", "flac" if sample.audio is not None else "none"),
        ("caption", sample.caption),
    ]
    return Chapter("Clip", facts)


def _source(video: Mapping[str, Any], sample: Sample) -> Chapter:
    meta = sample.meta
    src = meta.get("src", {})
    size = src.get("bytes")
    facts = [
        ("file", str(video.get("name") or "not recorded")),
        ("size", f"{num_bytes(size)} ({size} bytes)"),
        ("sha256", str(src.get("sha256", "not recorded"))),
        ("picture", f"{_size(video, meta)}, {meta.get('codec')}"),
    ]
    if meta.get("rot"):
        facts.append(("turned by", f"{meta['rot']} degrees"))
    if str(meta.get("sar", "1:1")) not in ("1:1", "1", "0:1"):
        facts.append(("pixel aspect", str(meta["sar"])))
    facts += _known(
        ("frames a second", video.get("fps"), "{:.3f}"),
        ("duration", video.get("duration_s"), "{:.3f} s"),
        ("captions", video.get("caption_format"), "{}"),
        ("language", meta.get("lang"), "{}"),
    )
    if meta.get("extra"):
        facts.append(("listed with it", json.dumps(meta["extra"], ensure_ascii=False)))
    return Chapter("Source", facts)


def _size(video: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
    if video.get("width"):
        return f"{video['width']}x{video['height']}"
    return f"{meta.get('w')}x{meta.get('h')}"


def _known(*wanted: tuple[str, object, str]) -> list[tuple[str, str]]:
    return [(label, form.format(value)) for label, value, form in wanted if value not in (None, "")]


def _place(catalog: Catalog, row: Mapping[str, Any]) -> Chapter:
    shard = next((one for one in catalog.manifest.shards if one["name"] == row["shard"]), {})
    facts = [
        ("shard", storage.join(catalog.out, row["shard"])),
        ("bytes", f"{row['length']} from {row['offset']} on"),
        ("sha256", str(shard.get("sha256", "not in the manifest"))),
        ("bundle", str(shard.get("bundle", "not in the manifest"))),
    ]
    return Chapter("Place", facts)


def _build(sample: Sample, settings: Mapping[str, Any]) -> Chapter:
    build = sample.meta.get("build", {})
    facts = [
        ("code version", str(build.get("code", "not recorded"))),
        ("settings hash", str(build.get("cfg", "not recorded"))),
    ]
    clips = settings.get("clips", {})
    facts += [(f"clips.{name}", json.dumps(value)) for name, value in sorted(clips.items())]
    return Chapter("Build", facts)
