"""`weakvid asr`: videos without captions -> transcripts."""

from configs.runs import AsrJob
from pipeline.asr.drive import make_setup, plan_lines, transcribe_missing
from pipeline.console import say
from pipeline.listing.build import list_sources
from shards import storage


def run(job: AsrJob) -> int:
    """Transcribe what has no transcript yet; return the exit code.

    Raises:
        ValueError: If the sources cannot be listed, or the model cannot be had.
        RuntimeError: If a model cannot be loaded, or a transcript cannot be written.
    """
    setup = make_setup(storage.absolute(job.sources.transcripts), job.asr, job.sources.limits)
    listing = list_sources(job.sources)
    for notice in listing.notices:
        say(f"notice    {notice}")
    return transcribe_missing(listing.sources, setup, job.ray)


def plan_text(job: AsrJob) -> str:
    """Return what `run` would do, as text. Touches nothing.

    Raises:
        ValueError: If the sources cannot be listed, or the model cannot be had.
    """
    setup = make_setup(storage.absolute(job.sources.transcripts), job.asr, job.sources.limits)
    return "\n".join(plan_lines(list_sources(job.sources).sources, setup))
