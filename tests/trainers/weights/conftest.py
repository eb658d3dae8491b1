"""The published layout, written out from the description of the layers and not from our modules."""

import numpy as np
import pytest
import torch

BLOCKS = {
    "3b": (192, 64, 96, 128, 16, 32, 32),
    "3c": (256, 128, 128, 192, 32, 96, 64),
    "4b": (480, 192, 96, 208, 16, 48, 64),
    "4c": (512, 160, 112, 224, 24, 64, 64),
    "4d": (512, 128, 128, 256, 24, 64, 64),
    "4e": (512, 112, 144, 288, 32, 64, 64),
    "4f": (528, 256, 160, 320, 32, 128, 128),
    "5b": (832, 256, 160, 320, 32, 128, 128),
    "5c": (832, 384, 192, 384, 48, 128, 128),
}


def conv(name, number, cin, cout, *kernel):
    norm = f"{name}.bn{number}"
    return {
        f"{name}.conv{number}.weight": (cout, cin, *kernel),
        **{f"{norm}.{part}": (cout,) for part in ("weight", "bias", "running_mean", "running_var")},
        f"{norm}.num_batches_tracked": (),
    }


def separable(name, cin, cout):
    return conv(name, 1, cin, cout, 1, 3, 3) | conv(name, 2, cout, cout, 3, 1, 1)


def gate(name, c):
    return {f"{name}.fc.weight": (c, c), f"{name}.fc.bias": (c,)}


def block(name, cin, n0, n1a, n1b, n2a, n2b, n3):
    return (
        conv(f"{name}.conv_b0", 1, cin, n0, 1, 1, 1)
        | conv(f"{name}.conv_b1_a", 1, cin, n1a, 1, 1, 1)
        | separable(f"{name}.conv_b1_b", n1a, n1b)
        | conv(f"{name}.conv_b2_a", 1, cin, n2a, 1, 1, 1)
        | separable(f"{name}.conv_b2_b", n2a, n2b)
        | conv(f"{name}.conv_b3_b", 1, cin, n3, 1, 1, 1)
        | gate(f"{name}.gating_b0", n0)
        | gate(f"{name}.gating_b1", n1b)
        | gate(f"{name}.gating_b2", n2b)
        | gate(f"{name}.gating_b3", n3)
    )


def published_shapes(rows=66250, space_to_depth=True):
    stem = (24, 64, 2, 4, 4) if space_to_depth else (3, 64, 3, 7, 7)
    shapes = conv("conv1", 1, *stem) | conv("conv_2b", 1, 64, 64, 1, 1, 1)
    shapes |= separable("conv_2c", 64, 192) | gate("gating", 192)
    for name, sizes in BLOCKS.items():
        shapes |= block(f"mixed_{name}", *sizes)
    return shapes | {
        "fc.weight": (512, 1024),
        "fc.bias": (512,),
        "text_module.word_embd.weight": (rows, 300),
        "text_module.fc1.weight": (2048, 300),
        "text_module.fc1.bias": (2048,),
        "text_module.fc2.weight": (512, 2048),
        "text_module.fc2.bias": (512,),
    }


def published_state(rows, space_to_depth=True, seed=0):
    """Random tensors in the published layout, with variances that are none below zero."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.tensor(7)
        if name.endswith("num_batches_tracked")
        else torch.rand(shape, generator=generator) / max(1, shape[-1] if len(shape) > 1 else 1)
        for name, shape in published_shapes(rows, space_to_depth).items()
    }


WORDS = ["the", "Egg", "egg", "fry", "leek", "we", "now"]


@pytest.fixture(scope="session")
def shapes():
    return published_shapes


@pytest.fixture(scope="session")
def state():
    return published_state(rows=len(WORDS) + 1)


@pytest.fixture
def published_file(tmp_path, state):
    """A file of published weights, with its vocabulary beside."""
    torch.save(state, tmp_path / "s3d.pth")
    np.save(tmp_path / "s3d.npy", np.array(WORDS))
    return tmp_path / "s3d.pth"
