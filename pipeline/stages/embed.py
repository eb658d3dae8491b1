"""Verb `embed`: features of the clips of shards by a trained run, written and told."""

import logging
from contextlib import nullcontext
from typing import Any

from configs.runs import EmbedJob
from pipeline.console import say
from pipeline.tasks.run import asked_to_stop

EXIT_OK, EXIT_DRAINED = 0, 143

logger = logging.getLogger(__name__)


def run(job: EmbedJob) -> int:
    """Embed what is not embedded yet; print where it is, and how well words find clips.

    Raises:
        ValueError: If run, shards or folder do not go together.
    """
    from trainers.embedding.plan import make_plan
    from trainers.embedding.run import embed_shards

    plan = make_plan(job)
    with _ray(job), asked_to_stop() as stop:
        done = embed_shards(plan, lambda: bool(stop))
    if done.manifest is None:
        logger.warning(
            "drained after SIGTERM: %d parts are made; the same command goes on", done.made
        )
        return EXIT_DRAINED
    for line in lines_of(done.manifest, plan.out):
        say(line)
    say(f"{done.made} of {done.total} parts were made now")
    return EXIT_OK


def plan_text(job: EmbedJob) -> str:
    """Say what `run` would read and write."""
    from trainers.embedding.plan import make_plan

    plan = make_plan(job)
    manifest, about = plan.manifest, plan.provenance
    return "\n".join(
        [
            f"plan: embed {manifest.num_samples} clips of {manifest.out} and write {plan.out}",
            f"  run       {about['run']}, step {about['step']}",
            f"  parts     {len(manifest.shards)}, a {plan.config.format} file for each shard",
            f"  features  {', '.join(plan.config.features)}",
            f"  workers   {plan.config.workers or 'none, in this process'}",
        ]
    )


def lines_of(manifest: dict[str, Any], out: str) -> list[str]:
    """Return what is told of a finished embedding."""
    widths = ", ".join(f"{name} {width}" for name, width in manifest["features"].items())
    lines = [f"{out}: {manifest['rows']} clips in {len(manifest['parts'])} parts", f"  {widths}"]
    if manifest["lost"]:
        lines.append(f"  {manifest['lost']} clips could not be read; the parts' records say why")
    return [*lines, f"  {recall_line(manifest['recall'])}"]


def recall_line(recall: dict[str, Any]) -> str:
    """Return what is told of a run's held-out recall."""
    if "skipped" in recall:
        return f"held-out recall not measured: {recall['skipped']}"
    found, chance = recall["t2v"], recall["chance"]
    shares = ", ".join(f"R@{k} {100 * found[f'r{k}']:.1f} %" for k in (1, 5, 10))
    return (
        f"held out: the nearest window finds its clip among {recall['num_clips']} of the "
        f"{recall['split']} split with {shares}, median rank {found['medr']:g} "
        f"(chance R@10 {100 * chance['r10']:.1f} %, {chance['medr']:g})"
    )


def _ray(job: EmbedJob) -> Any:
    """Return a context in which Ray runs, where it is wanted."""
    if job.embedding.workers == 0:
        return nullcontext()
    from contextlib import contextmanager

    from trainers.loop.group import start_ray, stop_ray

    @contextmanager
    def running() -> Any:
        start_ray(job.ray, job.embedding.workers)
        try:
            yield
        finally:
            stop_ray()

    return running()
