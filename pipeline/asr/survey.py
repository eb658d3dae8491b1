"""Which videos still want a transcript."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pipeline.asr.transcript import is_current, load_none, names_of, origin_of
from pipeline.asr.work import Setup
from pipeline.listing.source import SourceFile, reject_row
from shards import storage


@dataclass(slots=True)
class Survey:
    """Videos without captions: to do, done, without a transcript for a reason, rejected."""

    to_do: list[SourceFile] = field(default_factory=list)
    num_done: int = 0
    num_excused: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)

    @property
    def num_all(self) -> int:
        """Videos without captions."""
        return len(self.to_do) + self.num_done + self.num_excused + len(self.rejects)


def survey(sources: Iterable[SourceFile], setup: Setup) -> Survey:
    """Look at what is there; a transcript of another version or model is made anew."""
    names = {
        name for suffix in (".json", ".none") for name in storage.list_names(setup.folder, suffix)
    }
    found = Survey()
    for source in sources:
        if source.captions:
            continue
        origin = origin_of(source, setup.model, setup.config)
        name, none = names_of(source.video_id)
        if name in names and is_current(setup.folder, name, origin):
            found.num_done += 1
            continue
        said = load_none(setup.folder, none) if none in names else None
        if said is None or said[0] != origin:
            found.to_do.append(source)
        elif not said[1].code:
            found.num_excused += 1
        elif setup.config.retry_rejects:
            found.to_do.append(source)
        else:
            why = said[1]
            row = reject_row(source.video_id, why.code, why.detail, stage="asr", source=source.name)
            found.rejects.append(row)
    return found
