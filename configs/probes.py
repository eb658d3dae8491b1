"""Published evaluations: retrieval on listed clips, a linear probe, localisation of steps."""

from pydantic import Field

from configs.settings import Place, Settings


class BenchmarkConfig(Settings):
    """Zero-shot text-to-video retrieval on YouCook2 or MSR-VTT, as published (Miech 2020)."""

    listing: Place = ""
    """validation_youcook.csv or msrvtt_test.csv, or a file of the same columns; without it
    nothing is ranked."""

    shards: Place = ""
    """Shards of its videos, built with `clips.policy linspace` from the table that
    `weakvid benchmark` writes."""

    windows: int = Field(default=10, ge=1)
    """Windows of a row whose embeddings are averaged; `clips.clips_per_video` of its shards."""

    max_words: int = Field(default=30, ge=1)
    """Words or pieces kept of a sentence. The published evaluation keeps 30, its training 20."""


class ProbeConfig(Settings):
    """A linear classifier on the trunk's features, in the layout of HMDB51 (Miech 2020)."""

    listing: Place = ""
    """hmdb51.csv, or a file of the same columns: video_id, label, split1, split2 ... with 1 for
    train, 2 for test and 0 for neither; without it nothing is probed."""

    shards: Place = ""
    """Shards of its videos, built with `clips.policy linspace` from the table that
    `weakvid benchmark` writes."""

    c: float = Field(default=100.0, gt=0)
    """C of LinearSVC: the smaller, the more regular."""


class StepsConfig(Settings):
    """Zero-shot localisation of a task's steps in its videos: CrossTask (Zhukov 2019)."""

    tasks: Place = ""
    """tasks_primary.txt of CrossTask; without it nothing is localised."""

    annotations: Place = ""
    """Folder of its annotations: TASK_VIDEO.csv with step, start, end."""

    shards: Place = ""
    """Shards of its videos, built with `clips.policy uniform` and `clips.stride_s 1`."""
