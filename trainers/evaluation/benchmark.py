"""Zero-shot retrieval by the published protocols of YouCook2 and MSR-VTT (Miech 2020).

A row is a sentence and a part of a video. The embeddings of its windows, not normalised, are
averaged; a sentence scores a row by the dot product. The one right item of a sentence is its own
row, also where two rows have equal sentences or the same part; ties go to the wrong one.

Shape letters in this file:
    Q  rows        W  windows        D  joint embedding
"""

from pathlib import Path
from typing import Any

import numpy as np

from configs.probes import BenchmarkConfig
from shards.manifest import Manifest
from trainers.evaluation.clips import list_clips
from trainers.evaluation.found import TIE_RULE, Found
from trainers.evaluation.listings import Layout, Row, read_listing, warn_of_missing
from trainers.evaluation.retrieval import chance, metrics, rank_items
from trainers.evaluation.team import Team
from trainers.evaluation.windows import Windows, choose_windows, clips_by_video

_NAMED = 10


def measure_benchmark(config: BenchmarkConfig, team: Team) -> Found:
    """Rank the rows of a listing.

    Raises:
        ValueError: If the listing is wrong or of another kind, or the shards hold none of its rows.
    """
    layout, rows = read_listing(Path(config.listing))
    if layout not in ("youcook2", "msrvtt"):
        raise ValueError(
            f"evaluation.benchmark.listing must be of YouCook2 or MSR-VTT, got one of {layout}"
        )
    by_video = clips_by_video(list_clips(Manifest.load(config.shards)))
    windows = [choose_windows(row, by_video.get(row.id, []), config.windows) for row in rows]
    there = [index for index, found in enumerate(windows) if found.clips]
    if not there:
        raise ValueError(
            f"evaluation.benchmark.shards = {config.shards} must hold clips of rows of "
            f"{config.listing}, such as {rows[0].id!r}, got none; build them from the table that "
            "`weakvid benchmark` writes"
        )
    item_QD = _average([windows[index] for index in there], team)
    text_QD = team.texts([rows[index].text for index in there], config.max_words)
    own_Q = np.arange(len(there))
    to_video, to_text = (
        rank_items(text_QD, item_QD, own_Q, own_Q),
        rank_items(item_QD, text_QD, own_Q, own_Q),
    )
    missing = [rows[index].id for index in range(len(rows)) if not windows[index].clips]
    warn_of_missing(config.listing, config.shards, missing, len(rows))
    figures = {f"eval/{layout}_t2v_{name}": value for name, value in metrics(to_video).items()}
    figures |= {f"eval/{layout}_v2t_{name}": value for name, value in metrics(to_text).items()}
    figures[f"eval/{layout}_rows"] = len(there)
    record = {
        **_record(config, layout, rows, windows),
        "rows_missing": len(missing),
        "missing": missing[:_NAMED],
        "t2v": metrics(to_video),
        "v2t": metrics(to_text),
        "chance": chance(to_video),
        "t2v_ranks": to_video.rank_Q.tolist(),
    }
    return Found(figures, {"benchmark": record})


def _average(windows: list[Windows], team: Team) -> np.ndarray:
    """Return the mean embedding of each row's windows, `[Q, D]`."""
    clips = {clip.key: clip for found in windows for clip in found.clips}
    place = {key: index for index, key in enumerate(clips)}
    embedding_ND = team.looks(list(clips.values())).embedding
    return np.stack(
        [
            np.average(
                embedding_ND[[place[clip.key] for clip in found.clips]],
                axis=0,
                weights=found.counts,
            )
            for found in windows
        ]
    ).astype(np.float32)


def _record(
    config: BenchmarkConfig, layout: Layout, rows: list[Row], windows: list[Windows]
) -> dict[str, Any]:
    return {
        "listing": config.listing,
        "layout": layout,
        "tie_rule": TIE_RULE,
        "windows": config.windows,
        "windows_lost": sum(found.lost for found in windows if found.clips),
        "rows": len(rows),
    }
