"""The pages as HTML. Each takes what it shows from the catalog; none writes anything."""

import functools
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment
from markupsafe import Markup, escape

from pipeline.reports.axis import Axis, axis_of, lanes_of
from pipeline.reports.codes import reject_meaning
from pipeline.reports.page import environment
from pipeline.reports.text import shorten
from pipeline.viewer.catalog import Catalog
from pipeline.viewer.media import FILM_FRAMES, Media
from pipeline.viewer.query import Query, pages_around
from pipeline.viewer.story import flag_facts, tell
from shards.schema import Sample, Window, Word

PACKAGE = "pipeline.viewer"
MAX_CLIPS_OF_VIDEO = 500
MAX_MARKS = 2000
"""Clips that a video's page lists, and marks on its axis; a line says where there are more."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word of a window, and whether it falls into the clip."""

    text: str
    inside: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A clip, written or rejected, on the axis of its video; places are percent."""

    left: float
    width: float
    label: str
    key: str = ""


class Pages:
    """Makes the pages of one output folder."""

    def __init__(self, catalog: Catalog, media: Media) -> None:
        self._catalog = catalog
        self._media = media

    def clips(self, query: Query) -> str:
        """Return the samples that a query finds."""
        found = self._catalog.clips(query)
        cards = [{**row, "flags": json.loads(row["flags"])} for row in found.rows]
        meaning, scores = self._catalog.meaning, {}
        if meaning is not None and query.is_ranked:
            scores = meaning.ranking(query.meaning, query.like)
        return self._fill(
            "clips.html.j2", "clips", query=query, found=found, cards=cards, scores=scores
        )

    def clip(self, key: str) -> str | None:
        """Return one sample: frames beside its windows, what it is, and where it comes from."""
        row = self._catalog.sample_row(key)
        sample = self._media.sample(row) if row else None
        if row is None or sample is None:
            return None
        keys = [one["key"] for one in self._catalog.clips_of(row["video_id"])]
        place = keys.index(key)
        start_s, end_s = float(sample.meta["t0_s"]), float(sample.meta["t1_s"])
        axis = axis_of(sample.windows, start_s, end_s)
        fps = float(sample.meta.get("fps", 10))
        return self._fill(
            "clip.html.j2",
            "clips",
            row=row,
            sample=sample,
            flags=flag_facts(row["flags"]),
            axis=axis,
            start_s=start_s,
            end_s=end_s,
            fps=fps,
            # What is no mp4 is played without its margins; sound is stored with them.
            lead_s=sample.margin / fps if sample.encoding == "mp4" else 0.0,
            sound_lead_s=sample.margin / fps,
            lanes=[(lane, _spoken(lane.window, start_s, end_s)) for lane in lanes_of(sample, axis)],
            frames=_frames(sample),
            chapters=tell(self._catalog, row, sample),
            place=place + 1,
            num_clips=len(keys),
            before=keys[place - 1] if place else "",
            after=keys[place + 1] if place + 1 < len(keys) else "",
        )

    def videos(self, query: Query) -> str:
        """Return the videos that a query finds, with what became of each."""
        found = self._catalog.find_videos(query)
        lost = self._catalog.lost([row["video_id"] for row in found.rows])
        return self._fill("videos.html.j2", "videos", query=query, found=found, lost=lost)

    def video(self, video_id: str) -> str | None:
        """Return one video: its clips and rejects on its own time axis."""
        clips = self._catalog.clips_of(video_id)
        rejects = self._catalog.rejects_of(video_id)
        video = self._catalog.video(video_id)
        if not clips and not rejects and video is None:
            return None
        video = video or {"video_id": video_id, "flags": "[]"}
        clip_s = (clips[0]["t1_ms"] - clips[0]["t0_ms"]) / 1000 if clips else 3.2
        axis = _video_axis(video, clips, rejects, clip_s)
        lost = [row for row in rejects if row["t0_s"] is not None]
        return self._fill(
            "video.html.j2",
            "videos",
            video=video,
            flags=flag_facts(video["flags"]),
            clips=[{**row, "flags": json.loads(row["flags"])} for row in clips],
            num_listed=MAX_CLIPS_OF_VIDEO,
            rejects=rejects,
            axis=axis,
            written=[_written(row, axis) for row in clips[:MAX_MARKS]],
            lost=[_lost(row, axis, clip_s) for row in lost[:MAX_MARKS]],
        )

    def rejects(self, query: Query) -> str:
        """Return the rejects that a query finds, and how many each code has."""
        found = self._catalog.find_rejects(query)
        most = max((count for _, count in self._catalog.codes), default=1)
        return self._fill("rejects.html.j2", "rejects", query=query, found=found, most=most)

    def problem(self, title: str, text: str) -> str:
        """Return a page that says why there is none."""
        return self._fill("problem.html.j2", "", title=title, text=text)

    def _fill(self, template: str, here: str, **values: Any) -> str:
        catalog = self._catalog
        return (
            _environment()
            .get_template(template)
            .render(
                catalog=catalog,
                totals=catalog.manifest.totals,
                version=catalog.manifest.sha256[:12],
                here=here,
                film_frames=FILM_FRAMES,
                **values,
            )
        )


@functools.cache
def _environment() -> Environment:
    made = environment(PACKAGE)
    tools: dict[str, Any] = {
        "pages_around": pages_around,
        "address": _address,
        "highlight": highlight,
        "flags_of": lambda row: json.loads(row["flags"] or "[]"),
    }
    made.globals.update(tools)
    return made


def highlight(text: str, words: str, limit: int = 200) -> Markup:
    """Return a text, cut to `limit` characters, with the words of a search marked."""
    text = shorten(text, limit)
    wanted = [re.escape(word) for word in words.split()]
    if not wanted:
        return escape(text)
    # Split on a group: every second piece is a match.
    pieces = re.split(f"({'|'.join(wanted)})", text, flags=re.IGNORECASE)
    marked = (
        Markup("<mark>{}</mark>").format(piece) if place % 2 else escape(piece)
        for place, piece in enumerate(pieces)
    )
    return Markup("").join(marked)


def _address(path: str, **parameters: str) -> str:
    """Return a link whose parameters may be of any characters."""
    return f"{path}?{urlencode(parameters)}"


def _spoken(window: Window, start_s: float, end_s: float) -> list[Spoken]:
    """Return the words of a window; without word times it has one, of the whole text."""
    words = window.words or (Word(window.text, window.start_s, window.end_s),)
    return [
        Spoken(word.text, bool(window.words) and word.start_s < end_s and word.end_s > start_s)
        for word in words
    ]


def _frames(sample: Sample) -> list[dict[str, Any]]:
    """Return number, grid time, time of the source frame and whether it repeats, of each frame."""
    meta = sample.meta
    times, repeated = meta.get("pts_s") or [], meta.get("dup") or []
    return [
        {
            "number": number,
            "time_s": float(meta["t0_s"]) + number / float(meta.get("fps", 10)),
            "source_s": times[number] if number < len(times) else None,
            "dup": bool(repeated[number]) if number < len(repeated) else False,
        }
        for number in range(int(meta.get("n", len(times))))
    ]


def _video_axis(
    video: dict[str, Any], clips: list[dict[str, Any]], rejects: list[dict[str, Any]], clip_s: float
) -> Axis:
    ends = [video.get("duration_s") or 0.0, *(row["t1_ms"] / 1000 for row in clips)]
    ends += [row["t0_s"] + clip_s for row in rejects if row["t0_s"] is not None]
    return Axis(0.0, max(1.0, *ends))


def _written(row: dict[str, Any], axis: Axis) -> Mark:
    start_s, end_s = row["t0_ms"] / 1000, row["t1_ms"] / 1000
    label = f"{start_s:.1f} s: {row['caption'][:120]}"
    return Mark(axis.at(start_s), axis.width(end_s - start_s), label, row["key"])


def _lost(row: dict[str, Any], axis: Axis, clip_s: float) -> Mark:
    label = f"{row['t0_s']:.1f} s: {row['code']}, {reject_meaning(row['code'])}"
    return Mark(axis.at(row["t0_s"]), axis.width(clip_s), label)
