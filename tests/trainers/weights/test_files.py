import os
import pickle

import pytest
import torch

from configs.models import ModelConfig, S3DConfig
from trainers.weights.files import layout_of, read_weights, write_weights
from trainers.weights.names import to_ours

OURS = {"video.fc.weight": torch.rand(4, 3), "text.fc1.bias": torch.rand(2)}


@pytest.mark.parametrize("name", ["x.safetensors", "x.pth", "x.pth.tar"])
def test_what_is_written_is_read_back_in_every_layout(tmp_path, name):
    write_weights(tmp_path / name, OURS, ModelConfig())
    state, stored = read_weights(tmp_path / name)
    assert state.keys() == OURS.keys()
    assert all(torch.equal(state[key], OURS[key]) for key in OURS)
    assert (stored is not None) == (name == "x.safetensors")


def test_our_layout_carries_the_settings_of_the_towers(tmp_path):
    config = ModelConfig(video=S3DConfig(width=0.25, blocks=("3b",)))
    write_weights(tmp_path / "x.safetensors", OURS, config)
    _, stored = read_weights(tmp_path / "x.safetensors")
    assert ModelConfig.model_validate(stored) == config


def test_the_published_layout_is_a_plain_state_dict_and_the_training_codes_has_module(tmp_path):
    write_weights(tmp_path / "x.pth", OURS, ModelConfig())
    assert set(torch.load(tmp_path / "x.pth")) == {"fc.weight", "text_module.fc1.bias"}
    write_weights(tmp_path / "x.pth.tar", OURS, ModelConfig())
    loaded = torch.load(tmp_path / "x.pth.tar")
    assert set(loaded["state_dict"]) == {"module.fc.weight", "module.text_module.fc1.bias"}


def test_a_training_checkpoint_with_optimiser_and_scheduler_is_read(tmp_path):
    parameter = torch.nn.Parameter(torch.rand(4, 3))
    optimizer = torch.optim.Adam([parameter])
    parameter.sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    tree = {
        "epoch": 3,
        "state_dict": {"module.fc.weight": parameter.detach()},
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
    }
    torch.save(tree, tmp_path / "epoch0003.pth.tar")
    state, _ = read_weights(tmp_path / "epoch0003.pth.tar")
    assert torch.equal(state["video.fc.weight"], parameter)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path):
    trap = tmp_path / "trap"
    torch.save({"fc.weight": Evil(trap)}, tmp_path / "zip.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Evil(trap)))
    for name in ("zip.pth", "plain.pth"):
        with pytest.raises(ValueError, match="tensors and plain values only"):
            read_weights(tmp_path / name)
    assert not trap.exists()


@pytest.mark.parametrize(
    "tree",
    [{}, [1, 2], {"fc.weight": 3}, {"state_dict": {}}],
    ids=["empty", "list", "number", "in"],
)
def test_what_is_no_state_dict_is_refused(tmp_path, tree):
    torch.save(tree, tmp_path / "x.pth")
    with pytest.raises(ValueError, match="must hold a state dict"):
        read_weights(tmp_path / "x.pth")


@pytest.mark.parametrize("name", ["x.safetensors", "x.pth"])
def test_a_cut_file_is_refused(tmp_path, name):
    write_weights(tmp_path / name, OURS, ModelConfig())
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-9])
    with pytest.raises(ValueError, match=f"{name} must"):
        read_weights(tmp_path / name)


def test_a_name_without_a_layout_is_refused():
    assert to_ours(OURS) == OURS
    with pytest.raises(ValueError, match=r"must end in \.safetensors, \.pth\.tar, \.pth, got"):
        layout_of(__import__("pathlib").Path("x.bin"))
