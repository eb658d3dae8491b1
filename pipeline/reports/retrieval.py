"""The retrieval section: recalls beside chance, and queries with the clips they find."""

from dataclasses import dataclass, field
from pathlib import Path, PurePath

from markupsafe import Markup

from pipeline.reports import missing
from pipeline.reports.frames import decode_frames, filmstrip, read_clip, spread
from pipeline.reports.inputs import RunFiles
from pipeline.reports.missing import Missing
from pipeline.reports.plots import C1, C3, Series, line_chart
from pipeline.reports.published import PublishedRow, published_rows
from pipeline.reports.text import as_float
from pipeline.reports.truth import Truth

_MAX_QUERIES = 12
_MAX_HITS = 5
_MAX_RANK = 5000
_MOVING_FRAMES = 8
_FRAME_WIDTH_PX = 192


@dataclass(frozen=True, slots=True)
class Measure:
    """One row of the table; figures as they stand in metrics.jsonl."""

    label: str
    text_to_video: float | None
    video_to_text: float | None
    chance: float | None
    is_share: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """One clip that a query found: frames side by side, what was said and what is shown."""

    place: int
    right: bool
    score: float | None
    caption: str
    shown: str
    strip: Markup | None


@dataclass(frozen=True, slots=True)
class Query:
    """A query, its first clips, and the rank of the first right one (1 is best)."""

    text: str
    hits: list[Hit]
    first_right: int | None


@dataclass(frozen=True, slots=True)
class RetrievalSection:
    """Table and grid."""

    measures: list[Measure] = field(default_factory=list)
    num_queries: float | None = None
    num_clips: object = None
    split: str = ""
    tie_rule: str = ""
    query_source: str = ""
    chart: Markup | None = None
    queries: list[Query] = field(default_factory=list)
    published: list[PublishedRow] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)


def retrieval_section(
    run: RunFiles, shards_out: str | Path | None, truth: Truth
) -> RetrievalSection:
    """Read the figures from evaluations.jsonl and the grid from evaluation/grid.json."""
    measures = _measures(run.evaluation)
    queries = _queries(run.grid, _folders(run, shards_out), truth)
    gaps = []
    if not measures:
        gaps.append(
            Missing("No retrieval figures in evaluations.jsonl.", missing.evaluate(run.name))
        )
    if not queries:
        gaps.append(Missing("No grid of queries.", missing.evaluate(run.name)))
    return RetrievalSection(
        measures=measures,
        num_queries=as_float(run.evaluation.get("eval/num_queries")),
        num_clips=run.evaluation.get("eval/num_clips", run.retrieval.get("num_clips")),
        split=str(run.retrieval.get("split", "")),
        tie_rule=str(run.retrieval.get("tie_rule", "")),
        query_source=PurePath(str(run.retrieval.get("query_source", ""))).name,
        chart=_recall_chart(run),
        queries=queries,
        published=published_rows(run.published),
        missing=gaps,
    )


def _measures(evaluation: dict) -> list[Measure]:
    rows = [(f"R@{k}", f"r{k}", True) for k in (1, 5, 10)] + [("Median rank", "medr", False)]
    measures = [
        Measure(
            label=label,
            text_to_video=as_float(evaluation.get(f"eval/t2v_{key}")),
            video_to_text=as_float(evaluation.get(f"eval/v2t_{key}")),
            chance=as_float(evaluation.get(f"eval/chance_{key}")),
            is_share=is_share,
        )
        for label, key, is_share in rows
    ]
    known = [m for m in measures if m.text_to_video is not None or m.video_to_text is not None]
    return measures if known else []


def _recall_chart(run: RunFiles) -> Markup | None:
    """Draw the share of queries that are answered within the first k clips, for all k."""
    ranks = run.retrieval.get("t2v_ranks")
    ranks = [r for r in ranks if as_float(r) is not None] if isinstance(ranks, list) else []
    if not ranks or max(ranks) > _MAX_RANK:
        return None
    places = range(1, int(max(ranks)) + 1)
    shares = [sum(rank <= k for rank in ranks) / len(ranks) for k in places]
    lines = [Series("text to video", list(places), shares, C1, noisy=False)]
    chances = [(k, as_float(run.evaluation.get(f"eval/chance_r{k}"))) for k in (1, 5, 10)]
    known = [(k, chance) for k, chance in chances if chance is not None]
    if known:
        lines.append(Series("chance", [k for k, _ in known], [c for _, c in known], C3, dots=True))
    title = "Share of queries answered within the first k clips"
    return line_chart("recall", title, lines, xlabel="k", wide=True)


def _folders(run: RunFiles, shards_out: str | Path | None) -> list[str]:
    """Return the folders that a grid may point into, the one of hits without a folder first."""
    first = [] if shards_out is None else [str(shards_out)]
    return [*first, str(run.setting("data.shards", "")), *run.mixed_in()]


def _queries(grid: dict, folders: list[str], truth: Truth) -> list[Query]:
    queries = grid.get("queries")
    if not isinstance(queries, list):
        return []
    return [
        _query(query, folders, truth) for query in queries[:_MAX_QUERIES] if isinstance(query, dict)
    ]


def _query(query: dict, folders: list[str], truth: Truth) -> Query:
    rows = query.get("hits")
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    hits = [_hit(place, row, folders, truth) for place, row in enumerate(rows[:_MAX_HITS], start=1)]
    first_right = query.get("first_right", query.get("first_right_rank", query.get("rank")))
    if not isinstance(first_right, int):
        first_right = next((hit.place for hit in hits if hit.right), None)
    return Query(str(query.get("text", "")), hits, first_right)


def _hit(place: int, row: dict, folders: list[str], truth: Truth) -> Hit:
    sample = None
    folder = row.get("folder", folders[0])
    # A file may say anything: only what the run was trained on is looked into.
    if folder and folder in folders:
        sample = read_clip(
            folder, str(row.get("shard", "")), row.get("offset", -1), row.get("length", -1)
        )
    frames_THWC = decode_frames(sample) if sample else None
    strip = None
    if frames_THWC is not None:
        strip = filmstrip(frames_THWC, spread(len(frames_THWC), _MOVING_FRAMES), _FRAME_WIDTH_PX)
    step = truth.step_of(sample.meta) if sample else None
    return Hit(
        place=place,
        right=row.get("right") is True,
        score=as_float(row.get("score")),
        caption=sample.caption if sample else "",
        shown=str(step.get("sentence", "")) if step else "",
        strip=strip,
    )
