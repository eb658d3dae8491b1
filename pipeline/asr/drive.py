"""Transcripts for a list of sources: look, listen, tell. Serves `asr` and `shards --asr`."""

import json
import logging
from collections import Counter
from collections.abc import Sequence

from tqdm_loggable.auto import tqdm

from configs.asr import AsrConfig
from configs.runs import RayConfig
from configs.sources import LimitsConfig
from pipeline.asr.model import find_model, hash_model
from pipeline.asr.survey import Survey, survey
from pipeline.asr.work import Outcome, Setup
from pipeline.console import say
from pipeline.listing.source import SourceFile
from shards import storage
from trainers.telemetry.watch import note_progress

logger = logging.getLogger(__name__)

EXIT_OK, EXIT_INTERRUPTED, EXIT_DRAINED = 0, 130, 143
REJECTS = "rejects.jsonl"


def make_setup(folder: str, config: AsrConfig, limits: LimitsConfig) -> Setup:
    """Return what all videos of a run have in common.

    Raises:
        ValueError: If the extra is not installed, or there is no such model.
    """
    return Setup(folder, config, limits, hash_model(find_model(config.model)))


def plan_lines(sources: Sequence[SourceFile], setup: Setup) -> list[str]:
    """Return what `transcribe_missing` would do, as text. Touches nothing."""
    found = survey(sources, setup)
    return [
        f"captions  {len(sources) - found.num_all} of {len(sources)} videos have some listed",
        _summary(found),
        f"model     {setup.config.model} ({setup.model}), beam {setup.config.beam}, "
        f"{setup.config.device}",
        f"output    {setup.folder}",
    ]


def transcribe_missing(sources: Sequence[SourceFile], setup: Setup, ray_config: RayConfig) -> int:
    """Transcribe the sources without captions that have no current transcript.

    Returns:
        The exit code: 0, 130 after an interrupt, 143 after SIGTERM.

    Raises:
        RuntimeError: If a model cannot be loaded, or a transcript cannot be written.
    """
    storage.make_folder(setup.folder)
    found = survey(sources, setup)
    if found.to_do and (code := _transcribe(found, setup, ray_config)) != EXIT_OK:
        return code
    if found.to_do:
        # What was tried just now must not be tried again by the same command.
        setup = Setup(
            setup.folder,
            setup.config.model_copy(update={"retry_rejects": False}),
            setup.limits,
            setup.model,
        )
        found = survey(sources, setup)
    _save_rejects(found, setup.folder)
    say(_summary(found))
    return EXIT_OK


def _transcribe(found: Survey, setup: Setup, ray_config: RayConfig) -> int:
    # Ray takes a second to import: not for a run that has nothing to do.
    from pipeline.asr.run import transcribe_all
    from pipeline.tasks.session import Drained, ray_session

    heard_s, num_rejects = 0.0, 0
    before = found.num_all - len(found.to_do)
    with tqdm(total=found.num_all, initial=before, unit="video", desc="asr") as bar:

        def show(source: SourceFile, outcome: Outcome) -> None:
            nonlocal heard_s, num_rejects
            heard_s += outcome.sound_s
            num_rejects += bool(outcome.code)
            if outcome.code:
                logger.info("%s has no transcript: %s", source.name, outcome.code)
            bar.update()
            note_progress(("asr", bar.n))
            elapsed_s = max(1e-6, bar.format_dict["elapsed"])
            bar.set_postfix_str(f"{heard_s / elapsed_s:.1f}x real time, {num_rejects} rejects")

        try:
            with ray_session(ray_config):
                transcribe_all(setup, found.to_do, show)
        except Drained as drained:
            logger.warning("drained after SIGTERM: %s; the same command goes on", drained)
            return EXIT_DRAINED
        except KeyboardInterrupt:
            logger.warning("interrupted; the same command goes on with what is not transcribed")
            return EXIT_INTERRUPTED
    return EXIT_OK


def _save_rejects(found: Survey, folder: str) -> None:
    lines = [json.dumps(row, sort_keys=True) + "\n" for row in found.rejects]
    storage.write_atomic(storage.join(folder, REJECTS), "".join(lines).encode())


def _summary(found: Survey) -> str:
    codes = Counter(row["code"] for row in found.rejects).most_common()
    rejected = ", ".join(f"{code} {count}" for code, count in codes) or "none"
    return (
        f"asr       {found.num_all} videos without captions: {found.num_done} transcribed, "
        f"{found.num_excused} with a text track of their own, {len(found.to_do)} to do; "
        f"rejected: {rejected}"
    )
