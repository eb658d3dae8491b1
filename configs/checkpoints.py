"""Which checkpoints stay, and what a run that has some may be given anew."""

from typing import Literal

from pydantic import Field

from configs.settings import Settings


class CheckpointsConfig(Settings):
    """Retention, branches and drift; how often is `training.checkpoint_every`."""

    keep_every: int = Field(default=0, ge=0)
    """Steps between checkpoints that stay for good, beside the newest `training.keep_checkpoints`;
    0: none. They are written also where no other is due."""

    best: Literal["", "val/loss", "val/mil_nce", "val/cyclic", "val/cyclic_relative_error"] = ""
    """Figure of the validation whose lowest value makes a checkpoint the best one. It is written
    also where no other is due, and stays until a better one is committed; empty: none is kept."""

    branch: str = Field(
        default="", pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,63}@([0-9]{1,12}|best))?$"
    )
    """RUN@STEP or RUN@best: the run begins with that checkpoint of another run in `run.root`, and
    with settings and shards of its own. `--from RUN@STEP` is short for it."""

    override: bool = False
    """Go on though settings, samples or code are not those that the run was trained with; what
    differs goes into the log. It holds for this command only. `--override` is short for it."""
