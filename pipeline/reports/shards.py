"""One self-contained HTML page about a folder of shards: what is in it, what is not, what is odd.

Made of the manifest, its tables, the rejects and some clips that the manifest draws: the same
shards give the same bytes, but for what their build cost. Nothing of the page is needed to build,
read or verify them.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.reports.build import flatten
from pipeline.reports.costs import Cost
from pipeline.reports.headline import Tile
from pipeline.reports.intake import IntakeSection, count_shards
from pipeline.reports.page import environment, style
from pipeline.reports.sheets import SheetsSection, draw_sheets
from pipeline.reports.sources import SourcesSection, sources_section
from pipeline.reports.spoken import SpokenSection, spoken_section
from pipeline.reports.text import duration, num_bytes, number, percent
from pipeline.reports.truth import BagQuality, Truth, bag_quality, load_truth
from shards import storage
from shards.manifest import MANIFEST, Manifest
from shards.read import read_samples
from shards.schema import Sample

REPORT = "report.html"
VERSION = 1
"""Bumped by hand when the same shards would give another page: an older one is made again."""

NUM_SHEETS = 24
SETTINGS = "settings.json"


@dataclass(frozen=True, slots=True)
class ShardsReport:
    """Everything that the template shows."""

    name: str
    stamp: str
    tiles: list[Tile]
    intake: IntakeSection
    sources: SourcesSection
    spoken: SpokenSection
    bags: BagQuality | None
    sheets: SheetsSection
    costs: list[Cost]
    facts: list[tuple[str, str]]
    settings: list[tuple[str, str]]


def write_shards_report(
    out: str, path: str = "", corpus: Path | None = None, costs: Sequence[Cost] = ()
) -> tuple[str, bool]:
    """Write the page unless it is there already, and return its path and whether it was written.

    Args:
        out: A folder written by `weakvid shards`, on this machine or in an object store.
        path: Where the page goes; empty: `report.html` in the folder.
        corpus: Folder of the demo corpus, whose truth judges the bags; None: nothing is judged.
        costs: What the build was estimated to cost and did cost, where that is known.

    Raises:
        ValueError: If the folder holds no whole manifest.
    """
    manifest = Manifest.load(out)
    path = path or storage.join(out, REPORT)
    told = hashlib.sha256(repr((costs, corpus is not None)).encode()).hexdigest()[:8]
    stamp = f"{VERSION} {manifest.sha256} {manifest.version} {told}"
    if storage.exists(path) and f'content="{stamp}"'.encode() in storage.read_range(path, 0, 2048):
        return path, False
    page = render(collect(manifest, stamp, load_truth(corpus), costs)).encode("utf-8")
    storage.write_atomic(path, page)
    return path, True


def collect(
    manifest: Manifest, stamp: str = "", truth: Truth | None = None, costs: Sequence[Cost] = ()
) -> ShardsReport:
    """Count, read and draw all sections."""
    truth = truth or Truth()
    intake = count_shards(manifest)
    sources = sources_section(manifest)
    sheets = draw_sheets(manifest, NUM_SHEETS, candidates=5, truth=truth)
    return ShardsReport(
        name=manifest.out.rstrip("/").rpartition("/")[2] or manifest.out,
        stamp=stamp,
        tiles=_tiles(manifest, intake, sources),
        intake=intake,
        sources=sources,
        spoken=spoken_section(manifest),
        bags=bag_quality(_all_samples(manifest), truth) if truth.steps else None,
        sheets=SheetsSection(sheets, 5, bool(truth.steps)),
        costs=list(costs),
        facts=_facts(manifest),
        settings=flatten(_read_settings(manifest.out)),
    )


def render(report: ShardsReport) -> str:
    """Fill the template."""
    template = environment("pipeline.reports").get_template("shards.html.j2")
    return template.render(report=report, style=style("pipeline.reports", "report.css"))


def _tiles(manifest: Manifest, intake: IntakeSection, sources: SourcesSection) -> list[Tile]:
    totals = manifest.totals
    seconds = 3600 * (intake.hours or 0.0)
    planned = max(1, totals["planned"])
    clip_bytes = num_bytes(totals["bytes"] / max(1, totals["written"]))
    of_source = f"of {duration(3600 * sources.hours)} of video" if sources.hours else ""
    return [
        Tile("Footage in clips", duration(seconds), of_source, intake.hours, "hours", main=True),
        Tile(
            "Clips", number(totals["written"]), f"of {number(totals['planned'])} planned",
            totals["written"], main=True,
        ),
        Tile(
            "Videos", number(totals["videos_written"]),
            f"gave clips, of {number(totals['sources'])}", totals["videos_written"], main=True,
        ),
        Tile("Words", number(intake.num_words), "in the nearest windows", intake.num_words),
        Tile(
            "Clips rejected", percent(totals["rejected"] / planned),
            f"{number(totals['rejected'])} clips, {number(totals['videos_rejected'])} videos",
            totals["rejected"],
        ),
        Tile(
            "Shards", number(totals["shards"]),
            f"{num_bytes(totals['bytes'])}, {clip_bytes} a clip",
            totals["shards"],
        ),
    ]  # fmt: skip


def _all_samples(manifest: Manifest) -> Iterator[Sample]:
    for shard in manifest.shards:
        yield from read_samples(storage.join(manifest.out, shard["name"]))


def _facts(manifest: Manifest) -> list[tuple[str, str]]:
    value = storage.read_json(storage.join(manifest.out, MANIFEST))
    return [
        ("identity of the samples", manifest.sha256),
        ("version of the manifest", str(manifest.version)),
        ("code version", str(value.get("code", ""))),
        ("schema", str(value.get("schema", ""))),
        ("bundles", str(manifest.totals["bundles"])),
    ]


def _read_settings(out: str) -> dict[str, Any]:
    path = storage.join(out, SETTINGS)
    value = json.loads(storage.read_bytes(path)) if storage.exists(path) else {}
    return value if isinstance(value, dict) else {}
