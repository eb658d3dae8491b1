"""One self-contained HTML page about a run: what went in, what was learned, how to redo it.

No script, no remote load (the page's own policy forbids both), and no clock: the same files
give the same bytes.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from configs.settings import dotted
from pipeline.reports import missing
from pipeline.reports.ablation import AblationSection, ablation_section
from pipeline.reports.absent import AbsentSection, absent_section
from pipeline.reports.colearning import ColearningSection, colearning_section
from pipeline.reports.curves import CurvesSection, curves_section
from pipeline.reports.fusion import FusionSection, fusion_section
from pipeline.reports.grid import MethodRow, compared_rows
from pipeline.reports.headline import Tile, tiles
from pipeline.reports.inputs import RunFiles, load_run_files
from pipeline.reports.intake import IntakeSection, intake_section, load_manifest
from pipeline.reports.interruptions import InterruptionsSection, interruptions_section
from pipeline.reports.missing import Missing
from pipeline.reports.page import environment, style
from pipeline.reports.retrieval import RetrievalSection, retrieval_section
from pipeline.reports.sheets import SheetsSection, sheets_section
from pipeline.reports.truth import load_truth
from pipeline.reports.workers import worker_rows
from shards.manifest import Manifest
from shards.paths import AnyPath
from shards.storage import write_atomic
from trainers.data.corpus import Corpus

logger = logging.getLogger(__name__)

MAX_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the template shows."""

    run: RunFiles
    tiles: list[Tile]
    intake: IntakeSection
    sheets: SheetsSection
    curves: CurvesSection
    interruptions: InterruptionsSection
    workers: list[dict]
    retrieval: RetrievalSection
    ablation: AblationSection
    colearning: ColearningSection
    fusion: FusionSection
    absent: AbsentSection
    compared: list[MethodRow]
    versions: list[tuple[str, str]]
    reproduce_missing: list[Missing]


def write_report(run_dir: AnyPath, shards_out: str | Path | None, corpus: Path | None) -> AnyPath:
    """Write `report.html` into a run's folder and return its path.

    Args:
        run_dir: Folder of the run. Any file in it may be missing; the report says so.
        shards_out: Folder or bucket written by `weakvid shards`; none leaves clips and counts out.
        corpus: Folder of the demo corpus, whose truth stands beside the clips; none leaves it out.

    Raises:
        ValueError: If the run's folder does not exist.
    """
    if not run_dir.is_dir():
        raise ValueError(
            f"a report needs a run's folder, got {str(run_dir)!r}, which does not exist; "
            "set run.name and run.root, or train first"
        )
    page = render(collect(run_dir, shards_out, corpus)).encode("utf-8")
    if len(page) > MAX_BYTES:
        logger.warning("report: %d bytes, more than the %d that it should be", len(page), MAX_BYTES)
    path = run_dir / "report.html"
    write_atomic(str(path), page)
    return path


def collect(run_dir: AnyPath, shards_out: str | Path | None, corpus: Path | None) -> Report:
    """Read and draw all sections."""
    run = load_run_files(run_dir)
    manifest = load_manifest(shards_out)
    truth = load_truth(corpus)
    intake = intake_section(run, shards_out, manifest)
    interruptions = interruptions_section(run)
    curves = curves_section(run, interruptions.spans)
    fusion = fusion_section(run)
    gaps = []
    trained_on = run.env.get("manifest_sha256")
    if manifest is not None and trained_on not in {None, _identity(run, manifest)}:
        what = "The shards are no longer those that this run was trained on."
        gaps.append(Missing(what, missing.train(run.name)))
    if not run.config_text:
        gaps.append(Missing("No config.yaml in the run's folder.", missing.train(run.name)))
    if not run.env:
        gaps.append(Missing("No env.json in the run's folder.", missing.train(run.name)))
    return Report(
        run=run,
        tiles=tiles(run, intake, curves, fusion, interruptions.history),
        intake=intake,
        sheets=sheets_section(run, manifest, truth),
        curves=curves,
        interruptions=interruptions,
        workers=worker_rows(run),
        retrieval=retrieval_section(run, shards_out, truth),
        ablation=ablation_section(run),
        colearning=colearning_section(run),
        fusion=fusion,
        absent=absent_section(run),
        compared=compared_rows(run.compared),
        versions=flatten(run.env),
        reproduce_missing=gaps,
    )


def _identity(run: RunFiles, manifest: Manifest) -> str:
    """Return what a run that is trained on these shards, as they are now, notes of them."""
    others = [load_manifest(folder) for folder in run.mixed_in()]
    whole = [one for one in (manifest, *others) if one is not None]
    return Corpus(whole).sha256 if len(whole) == 1 + len(others) else ""


def render(report: Report) -> str:
    """Fill the template. Every text is cleaned and escaped; only our own markup passes."""
    template = environment("pipeline.reports").get_template("report.html.j2")
    return template.render(report=report, style=style("pipeline.reports", "report.css"))


def flatten(tree: dict) -> list[tuple[str, str]]:
    """Return the leaves of nested mappings as (dotted name, text), in order of name."""
    return sorted((name, str(value)) for name, value in dotted(tree).items())
