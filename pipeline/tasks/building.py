"""Building what is to be built: Ray, the bar, and how it can end."""

import logging

from tqdm_loggable.auto import tqdm

from configs.runs import RayConfig
from pipeline.console import say
from pipeline.tasks.bundle import BundleCounts
from pipeline.tasks.costs import cpus_of, noted_build
from pipeline.tasks.tasklist import TaskList
from shards import storage
from trainers.telemetry import figures
from trainers.telemetry.publish import publish
from trainers.telemetry.watch import note_progress

logger = logging.getLogger(__name__)

EXIT_OK, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_DRAINED = 0, 1, 130, 143


def build(to_build: TaskList, num_sources: int, ray_config: RayConfig) -> int:
    """Build bundles under Ray and show how far it is; return the exit code.

    Args:
        to_build: Bundles that are not committed, the largest first.
        num_sources: Sources of the whole plan.
        ray_config: Where to build.
    """
    # Ray takes a second to import: not for a run that has nothing to build.
    from pipeline.tasks.dispatch import BuildError
    from pipeline.tasks.run import run_bundles
    from pipeline.tasks.session import Drained, ray_session

    num_before = num_sources - to_build.num_sources
    latest = BundleCounts()
    with tqdm(total=num_sources, initial=num_before, unit="video", desc="shards") as bar:

        def show(counts: BundleCounts) -> None:
            nonlocal latest
            latest = counts
            _publish(counts, num_sources, num_before)
            bar.update(num_before + counts.videos - bar.n)
            elapsed_s = max(1e-6, bar.format_dict["elapsed"])
            bar.set_postfix_str(
                f"{counts.clips} clips, {counts.clips / elapsed_s:.1f} clips/s, "
                f"{counts.rejects} rejects"
            )

        def count_cpus() -> int:
            return cpus_of(ray_config.cpus)

        try:
            with (
                ray_session(ray_config),
                noted_build(to_build.out, to_build.num_sources, count_cpus),
            ):
                run_bundles(to_build, show)
        except Drained as drained:
            logger.warning("drained after SIGTERM: %s; the same command goes on", drained)
            return EXIT_DRAINED
        except BuildError as failed:
            logger.error("%s", failed)
            return EXIT_FAILED
        except KeyboardInterrupt:
            logger.warning("interrupted; the same command goes on with what is not committed")
            return EXIT_INTERRUPTED
    if num_retries := latest.retries + storage.num_retries():
        say(f"stores    {num_retries} requests failed and were sent again")
    return EXIT_OK


def _publish(counts: BundleCounts, num_sources: int, num_before: int) -> None:
    note_progress(("shards", counts.videos, counts.clips))
    publish(figures.VIDEOS, num_sources)
    publish(figures.VIDEOS_DONE, num_before + counts.videos)
    publish(figures.CLIPS_DONE, counts.clips)
    publish(figures.REJECTS, counts.rejects)
