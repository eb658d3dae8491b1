"""What is said when the workers die again and again at the same place: where, and on what."""

from collections.abc import Sequence

from trainers.data.corpus import Corpus
from trainers.loop.attempts import append_event
from trainers.loop.deaths import Death, common_rows
from trainers.loop.prepare import Preparation

_MOST_NAMED = 32


def crash_loop(preparation: Preparation, attempt: int, step: int, deaths: Sequence[Death]) -> str:
    """Note a crash loop in the attempts log and return what a user is told.

    Args:
        preparation: The run.
        attempt: The last attempt.
        step: That of the newest checkpoint.
        deaths: All of them came after it.
    """
    names = sample_names(preparation, common_rows(deaths))
    append_event(
        preparation.run_dir,
        attempt,
        "crash_loop",
        step=step,
        deaths=len(deaths),
        places=[[death.worker, death.step, death.phase] for death in deaths],
        samples=names,
    )
    lines = [
        f"training failed {len(deaths)} times without a checkpoint after step {step} "
        f"(training.attempts = {preparation.job.training.attempts}): {deaths[-1].reason}"
    ]
    lines += [
        f"  attempt {attempt - len(deaths) + 1 + place}: worker {death.worker} in step "
        f"{death.step + 1}, phase {death.phase}"
        for place, death in enumerate(deaths)
        if death.step is not None
    ]
    if names:
        shown = ", ".join(names[:_MOST_NAMED])
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        lines.append(f"  samples in hand each time: {shown}{more}")
    else:
        lines.append("  no sample was in hand each time, so a sample is hardly to blame")
    return "\n".join(lines)


def sample_names(preparation: Preparation, rows: Sequence[int]) -> list[str]:
    """Return the key and the video of samples, in the order of their rows."""
    corpus = Corpus.load(preparation.job.data)
    found = [corpus.row(row, ["key", "video_id"]) for row in rows]
    return [f"{sample['key']} of video {sample['video_id']}" for sample in found]
