"""Names of tensors: ours, those of the published file, those of the public training code.

    ours        video.conv1.conv1.weight           text.fc1.weight
    published   conv1.conv1.weight                 text_module.fc1.weight
    training    module.conv1.conv1.weight          module.text_module.fc1.weight

Published is the layout of `s3d_howto100m.pth`, training that of the checkpoints which
MIL-NCE_HowTo100M writes (Miech 2020). There the text tower is a part of the video tower.
"""

from collections.abc import Mapping

from torch import Tensor

State = dict[str, Tensor]

VIDEO, TEXT = "video.", "text."
PUBLISHED_TEXT = "text_module."
MODULE = "module."


def to_ours(state: Mapping[str, Tensor]) -> State:
    """Return the tensors under our names, whichever of the three they came with."""
    if state and all(name.startswith(MODULE) for name in state):
        state = {name.removeprefix(MODULE): tensor for name, tensor in state.items()}
    if state and all(name.startswith((VIDEO, TEXT)) for name in state):
        return dict(state)
    return {_to_ours(name): tensor for name, tensor in state.items()}


def to_published(state: Mapping[str, Tensor]) -> State:
    """Return tensors with our names under the published ones."""
    return {
        name.removeprefix(VIDEO)
        if name.startswith(VIDEO)
        else PUBLISHED_TEXT + name.removeprefix(TEXT): tensor
        for name, tensor in state.items()
    }


def to_training(state: Mapping[str, Tensor]) -> State:
    """Return tensors with our names under those of the public training code."""
    return {MODULE + name: tensor for name, tensor in to_published(state).items()}


def _to_ours(name: str) -> str:
    if name.startswith(PUBLISHED_TEXT):
        return TEXT + name.removeprefix(PUBLISHED_TEXT)
    return VIDEO + name
