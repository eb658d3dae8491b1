"""A folder of weights that a run can begin with.

weights.safetensors   both towers, and their settings
tokenizer.model       the vocabulary
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from configs.models import ModelConfig
from shards.storage import write_atomic
from trainers.data.tokenizer import make_tokenizer
from trainers.models.build import VideoTextModel
from trainers.weights.files import read_weights, write_weights
from trainers.weights.names import TEXT, VIDEO, State
from trainers.weights.settings import settings_of

WEIGHTS = "weights.safetensors"
TOKENIZER = "tokenizer.model"


def write_folder(path: Path, state: State, config: ModelConfig, tokenizer: bytes) -> None:
    """Write a folder of weights; the weights come last, so that they never stand there alone."""
    path.mkdir(parents=True, exist_ok=True)
    write_atomic(str(path / TOKENIZER), tokenizer)
    write_weights(path / WEIGHTS, state, config)


def first_tokenizer(config: ModelConfig, texts: Callable[[], Iterable[str]]) -> bytes:
    """Return the vocabulary that a run begins with: that of its weights, or a new one.

    Args:
        config: Settings of the model.
        texts: Gives the narration of the train split, if it is needed.

    Raises:
        ValueError: If a new one cannot be made.
        FileNotFoundError: If `model.weights` holds none.
    """
    if config.weights:
        return (Path(config.weights) / TOKENIZER).read_bytes()
    return make_tokenizer(config.text, texts)


def refuse_missing_weights(config: ModelConfig) -> None:
    """Do nothing when `config.weights` holds what a run begins with, or is not given.

    Raises:
        ValueError: If a file of it is missing.
    """
    for name in (TOKENIZER, WEIGHTS) if config.weights else ():
        if not (Path(config.weights) / name).is_file():
            raise ValueError(
                f"model.weights must be a folder that holds {name}, got {config.weights}; "
                "`weakvid weights import FILE` makes one"
            )


def load_first_weights(model: VideoTextModel, config: ModelConfig) -> None:
    """Load the weights of `config.weights` into both towers, where it is given.

    Raises:
        ValueError: If they are of towers with other settings, naming each.
        FileNotFoundError: If there are none.
    """
    if not config.weights:
        return
    path = Path(config.weights) / WEIGHTS
    state, stored = read_weights(path)
    before = settings_of(state, stored)
    changed = _differences(before, config)
    if changed:
        raise ValueError(
            f"settings must be those of the towers in {path}, got\n  "
            + "\n  ".join(changed)
            + f"\n`--config {config.weights}/config.yaml` gives them all"
        )
    for prefix, tower in ((VIDEO, model.video), (TEXT, model.text)):
        own = {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}
        tower.load_state_dict(own, strict=True)


def tower_state(model: VideoTextModel) -> State:
    """Return the tensors of both towers under our names."""
    return {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name.startswith((VIDEO, TEXT))
    }


def _differences(before: ModelConfig, now: ModelConfig) -> list[str]:
    free = {"vocabulary", "words", "max_words", "train_words"}
    old = before.model_dump(include={"video", "text"})
    new = now.model_dump(include={"video", "text"})
    return [
        f"model.{tower}.{key}: {new[tower][key]!r}, must be {old[tower][key]!r}"
        for tower in old
        for key in old[tower]
        if key not in free and old[tower][key] != new[tower][key]
    ]
