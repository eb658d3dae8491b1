"""The embedded demo corpus: how many little narrated videos, and how weak their narration is."""

from pydantic import Field

from configs.settings import Settings


class DemoCorpusConfig(Settings):
    """A procedural world and its narrator."""

    out: str = "data/demo/videos"
    """Folder that receives videos, captions and the truth files."""

    videos: int = Field(default=120, ge=1)
    """Videos."""

    steps_per_video: int = Field(default=12, ge=3)
    """Steps that a video shows, of about 3.2 s each."""

    seed: int = Field(default=0, ge=0)
    """The same seed writes the same bytes."""

    workers: int = Field(default=2, ge=1)
    """Processes that draw."""
