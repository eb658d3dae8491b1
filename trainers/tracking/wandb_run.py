"""A run at Weights & Biases, online or as files for `wandb sync`."""

from pathlib import Path
from typing import Any

from configs.runs import TrainJob


class WandbRun:
    """One run at Weights & Biases, taken up again by its id."""

    def __init__(self, job: TrainJob, run_dir: Path, identity: str) -> None:
        """Reach Weights & Biases.

        Args:
            job: Settings of the run; they are sent as its config.
            run_dir: Folder of the run, where offline files go.
            identity: Id of the run there.
        """
        import wandb

        config = job.tracking
        self._run = wandb.init(
            id=identity,
            name=job.run.name,
            project=config.wandb_project,
            entity=config.wandb_entity or None,
            mode="offline" if config.wandb == "offline" else "online",
            dir=str(run_dir),
            resume="allow",
            config=job.model_dump(mode="json"),
            # Neither what is printed nor the source tree leaves the machine. Nobody is asked for a
            # key either: this is a thread beside the training.
            settings=wandb.Settings(
                console="off",
                silent=True,
                disable_git=True,
                disable_code=True,
                save_code=False,
                login_timeout=1.0,
            ),
        )
        # Lines of validation and evaluation come late: the step is a figure like others.
        self._run.define_metric("step")
        self._run.define_metric("*", step_metric="step")

    def send(self, lines: list[dict[str, Any]]) -> None:
        """Hand lines to the process of Weights & Biases, which sends them."""
        for line in lines:
            self._run.log(line)

    def close(self) -> None:
        """End the session; the run can be taken up again."""
        self._run.finish()
