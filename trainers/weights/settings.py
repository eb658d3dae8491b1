"""Settings of the towers from a file of weights, and whether the two fit to the last tensor."""

from typing import Any

import torch

from configs.models import ModelConfig, S3DConfig, TextConfig
from trainers.models.s3d import S3D
from trainers.models.text import TextTower
from trainers.weights.names import TEXT, VIDEO, State

PUBLISHED_MAX_WORDS = 30
"""Words of a query in the published evaluation."""

_SHOWN = 6


def settings_of(state: State, stored: dict[str, Any] | None) -> ModelConfig:
    """Return the settings of the towers that the tensors are of.

    Args:
        state: Tensors under our names.
        stored: The settings that the file holds; None takes them from the shapes, as those of a
            published model.

    Raises:
        ValueError: If the tensors are not exactly those of such towers, naming some that differ.
    """
    config = ModelConfig.model_validate(stored) if stored is not None else _published(state)
    words = state.get(f"{TEXT}word_embd.weight")
    _must_fit(state, config, 1 if words is None or words.ndim != 2 else len(words))
    return config


def _published(state: State) -> ModelConfig:
    """Return the published settings, with what the shapes alone can tell."""
    sizes = {
        name: tuple(state[name].shape)
        for name in (
            f"{VIDEO}conv1.conv1.weight",
            f"{VIDEO}fc.weight",
            f"{TEXT}fc1.weight",
        )
        if name in state
    }
    stem = sizes.get(f"{VIDEO}conv1.conv1.weight", (64, 24))
    embedding_dim = sizes.get(f"{VIDEO}fc.weight", (512,))[0]
    hidden_dim, word_dim = (*sizes.get(f"{TEXT}fc1.weight", ()), 2048, 300)[:2]
    return ModelConfig(
        video=S3DConfig(space_to_depth=stem[1:2] == (24,), embedding_dim=embedding_dim),
        text=TextConfig(
            kind="words",
            max_words=PUBLISHED_MAX_WORDS,
            word_dim=word_dim,
            hidden_dim=hidden_dim,
            train_words=False,
            pads="counted",
        ),
    )


def _must_fit(state: State, config: ModelConfig, vocabulary: int) -> None:
    with torch.device("meta"):
        towers = {
            VIDEO: S3D(config.video),
            TEXT: TextTower(config.text, vocabulary, config.video.embedding_dim),
        }
    wanted = {
        prefix + name: tuple(tensor.shape)
        for prefix, tower in towers.items()
        for name, tensor in tower.state_dict().items()
    }
    got = {name: tuple(tensor.shape) for name, tensor in state.items()}
    lines = [f"{name} is missing" for name in wanted.keys() - got.keys()]
    lines += [f"{name} has no place" for name in got.keys() - wanted.keys()]
    lines += [
        f"{name} is {got[name]}, must be {wanted[name]}"
        for name in wanted.keys() & got.keys()
        if got[name] != wanted[name]
    ]
    if lines:
        shown = sorted(lines)[:_SHOWN]
        if len(lines) > _SHOWN:
            shown.append(f"and {len(lines) - _SHOWN} more")
        raise ValueError(
            f"weights must be the {len(wanted)} tensors of S3D-G with its text tower, got other "
            "ones:\n  " + "\n  ".join(shown)
        )
