"""Tests of trainers/models/s3d.py."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional as F

from benchmarks.s3d_plain import PlainS3D
from configs.models import ComputeConfig, S3DConfig
from trainers.models.batchnorm import take_statistics
from trainers.models.inception import SamePool
from trainers.models.s3d import S3D, scaled, space_to_depth, to_model_frames

TINY = S3DConfig(
    width=0.125,
    blocks=("3b", "4b"),
    space_to_depth=False,
    stem_kernel=(3, 3, 3),
    embedding_dim=16,
)


def clips(batch: int = 2, frames: int = 16, size: int = 32, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, frames, size, size, 3)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def published_names() -> set[str]:
    """The keys of TRAINING.md 1.5, written out from the description of the layers."""

    def conv(name: str, separable: bool) -> list[str]:
        names = []
        for part in "12" if separable else "1":
            norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
            names += [f"{name}.conv{part}.weight", *(f"{name}.bn{part}.{n}" for n in norm)]
        return names

    names = [*conv("conv1", False), *conv("conv_2b", False), *conv("conv_2c", True)]
    names += ["gating.fc.weight", "gating.fc.bias", "fc.weight", "fc.bias"]
    for block in ("3b", "3c", "4b", "4c", "4d", "4e", "4f", "5b", "5c"):
        for branch in ("b0", "b1_a", "b1_b", "b2_a", "b2_b", "b3_b"):
            names += conv(f"mixed_{block}.conv_{branch}", branch in ("b1_b", "b2_b"))
        for branch in range(4):
            names += [f"mixed_{block}.gating_b{branch}.fc.{n}" for n in ("weight", "bias")]
    return set(names)


def test_the_default_is_the_published_model() -> None:
    model = S3D(S3DConfig())
    state = model.state_dict()
    assert set(state) == published_names()
    assert len(state) == 537 - 5
    assert sum(p.numel() for p in model.parameters()) == 9_670_800
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    assert shapes["conv1.conv1.weight"] == (64, 24, 2, 4, 4)
    assert shapes["conv_2c.conv1.weight"] == (192, 64, 1, 3, 3)
    assert shapes["conv_2c.conv2.weight"] == (192, 192, 3, 1, 1)
    assert shapes["gating.fc.weight"] == (192, 192)
    assert shapes["mixed_3b.conv_b1_b.conv2.weight"] == (128, 128, 3, 1, 1)
    assert shapes["mixed_4f.conv_b2_a.conv1.weight"] == (32, 528, 1, 1, 1)
    assert shapes["mixed_5c.conv_b3_b.conv1.weight"] == (128, 832, 1, 1, 1)
    assert shapes["fc.weight"] == (512, 1024)


def test_the_published_model_has_the_published_maps() -> None:
    model = S3D(S3DConfig()).eval()
    sizes = {}
    for name, module in model.named_children():
        module.register_forward_hook(lambda _, __, out, name=name: sizes.update({name: out.shape}))
    with torch.no_grad():
        out = model(clips(batch=1, frames=32, size=64))
    assert sizes["maxpool_2a"] == (1, 64, 16, 16, 16)
    assert sizes["maxpool_3a"] == (1, 192, 16, 8, 8)
    assert sizes["mixed_3c"] == (1, 480, 16, 8, 8)
    assert sizes["mixed_4f"] == (1, 832, 8, 4, 4)
    assert sizes["mixed_5c"] == (1, 1024, 4, 2, 2)
    assert [tuple(x.shape) for x in out] == [(1, 512), (1, 4, 1024), (1, 1024)]


def test_without_space_to_depth_the_stem_is_that_of_the_public_training_code() -> None:
    state = S3D(S3DConfig(space_to_depth=False)).state_dict()
    assert tuple(state["conv1.conv1.weight"].shape) == (64, 3, 3, 7, 7)
    assert set(state) == published_names()


def test_a_small_model_keeps_time_and_every_parameter_learns() -> None:
    model = S3D(TINY)
    out = model(clips())
    assert out.embedding_BD.shape == (2, 16)
    assert out.sequence_BSC.shape == (2, 4, model.feature_dim)
    torch.testing.assert_close(out.sequence_BSC.mean(dim=1), out.feature_BC)
    out.embedding_BD.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("blocks", [("3b",), ("4c", "4f"), ("5c",), ("3c", "5b")])
def test_channels_follow_where_blocks_are_dropped(blocks: tuple[str, ...]) -> None:
    model = S3D(TINY.model_copy(update={"blocks": blocks}))
    assert model(clips()).feature_BC.shape == (2, model.feature_dim)
    assert {name for name, _ in model.named_children() if name.startswith("mixed")} == {
        f"mixed_{name}" for name in blocks
    }


def test_uint8_frames_are_scaled_to_one() -> None:
    frames = clips()
    assert torch.equal(to_model_frames(frames), frames.permute(0, 4, 1, 2, 3) / 255)
    model = S3D(TINY).eval()
    torch.testing.assert_close(model(frames).embedding_BD, model(frames / 255).embedding_BD)


def test_space_to_depth_is_the_published_order() -> None:
    x = torch.arange(3 * 4 * 6 * 2).reshape(1, 3, 4, 6, 2)
    out = space_to_depth(x)
    assert out.shape == (1, 24, 2, 3, 1)
    for dt, dh, dw, c in [(0, 0, 0, 1), (1, 0, 1, 2), (0, 1, 0, 0), (1, 1, 1, 2)]:
        channel = ((dt * 2 + dh) * 2 + dw) * 3 + c
        assert torch.equal(out[0, channel], x[0, c, dt::2, dh::2, dw::2])


def test_odd_frames_are_refused_by_space_to_depth() -> None:
    with pytest.raises(ValueError, match=r"even number of frames.*15 frames of 32 x 32"):
        S3D(TINY.model_copy(update={"space_to_depth": True}))(clips(frames=15))


def test_same_pooling_pads_at_the_high_end() -> None:
    x = torch.rand(1, 2, 4, 7, 8)
    padded = F.pad(x, (0, 1, 0, 1, 0, 1))
    expected = nn.MaxPool3d(3, 2, ceil_mode=True)(padded)
    out = SamePool((3, 3, 3), (2, 2, 2))(x)
    assert torch.equal(out, expected)
    assert out.shape == (1, 2, 2, 4, 4)
    assert torch.equal(out[0, :, 0, 0, 0], x[0, :, :3, :3, :3].amax(dim=(1, 2, 3)))


def test_width_one_keeps_every_published_count() -> None:
    assert all(scaled(n, 1.0) == n for n in range(16, 400, 16))
    assert scaled(16, 0.0625) == 4


@pytest.mark.parametrize("blocks", [(), ("3d",), ("4b", "3b"), ("3b", "3b")])
def test_unknown_or_disordered_blocks_are_refused(blocks: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"model\.video\.blocks must name"):
        S3D(TINY.model_copy(update={"blocks": blocks}))


def test_an_even_stem_kernel_is_refused() -> None:
    with pytest.raises(ValidationError, match="three odd numbers"):
        S3DConfig(stem_kernel=(3, 4, 4))


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("channels_last", [True, False])
def test_it_is_the_published_model_written_straight_down(fold: bool, channels_last: bool) -> None:
    torch.manual_seed(0)
    plain = PlainS3D(space_to_depth=fold).eval()
    model = S3D(S3DConfig(space_to_depth=fold), ComputeConfig(channels_last=channels_last)).eval()
    model.load_state_dict(plain.state_dict(), strict=True)
    frames = clips(batch=1, frames=16, size=64)
    with torch.no_grad():
        embedding_BD, map_BCSHW = plain(to_model_frames(frames).contiguous())
        out, own_map = model(frames), model.trunk(frames)
    torch.testing.assert_close(own_map, map_BCSHW, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(out.embedding_BD, embedding_BD, rtol=1e-4, atol=1e-5)


def gradients(**compute: object) -> tuple[torch.Tensor, list[torch.Tensor], torch.Tensor]:
    torch.manual_seed(0)
    model = S3D(TINY, ComputeConfig(**compute))
    out = model(clips(batch=4)).embedding_BD
    statistics_S = take_statistics(model)
    out.square().sum().backward()
    return out.detach(), [p.grad for p in model.parameters()], statistics_S


def test_recomputation_changes_no_bit_of_map_gradients_and_statistics() -> None:
    kept, again = gradients(), gradients(recompute=True)
    assert torch.equal(kept[0], again[0])
    assert all(torch.equal(a, b) for a, b in zip(kept[1], again[1], strict=True))
    assert torch.equal(kept[2], again[2])


def test_recomputation_keeps_less() -> None:
    def kept_elements(recompute: bool) -> int:
        model, sizes = S3D(TINY, ComputeConfig(recompute=recompute)), {}

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            sizes[tensor.data_ptr()] = tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            kept = model(clips(batch=4))
        return kept.embedding_BD.numel() + sum(sizes.values())

    assert kept_elements(True) < kept_elements(False) / 2


def test_layouts_agree_in_training_too() -> None:
    inner, plain = gradients(), gradients(channels_last=False)
    torch.testing.assert_close(inner[0], plain[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(inner[2], plain[2], rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(inner[1], plain[1], strict=True):
        assert (ours - theirs).norm() <= 1e-3 * theirs.norm() + 1e-6


def test_bf16_keeps_weights_statistics_and_outputs_in_float32() -> None:
    full, half = gradients(), gradients(precision="bf16")
    assert half[0].dtype == half[2].dtype == torch.float32
    assert {gradient.dtype for gradient in half[1]} == {torch.float32}
    assert not torch.equal(full[0], half[0])
    torch.testing.assert_close(full[0], half[0], rtol=0.1, atol=0.05)
    assert S3D(TINY, ComputeConfig(precision="bf16")).trunk(clips()).dtype == torch.bfloat16


@pytest.mark.parametrize("size", [6, 7, 8, 9])
@pytest.mark.parametrize(
    ("kernel", "stride"), [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2))]
)
def test_a_spared_pad_changes_nothing(size: int, kernel: tuple, stride: tuple) -> None:
    x = torch.rand(1, 2, size, size, size + 1)
    pads = [p for k, s in zip(kernel[::-1], stride[::-1], strict=True) for p in (0, max(k - s, 0))]
    expected = F.max_pool3d(F.pad(x, pads), kernel, stride, ceil_mode=True)
    assert torch.equal(SamePool(kernel, stride)(x), expected)


def test_the_compiled_layers_are_run_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler itself runs in tests/gpu: it takes minutes on a CPU."""
    shapes: list[torch.Size] = []

    def compile_(layers):
        return lambda x_BCTHW: (shapes.append(x_BCTHW.shape), layers(x_BCTHW))[1]

    monkeypatch.setattr(torch, "compile", compile_)
    plain = gradients()
    assert shapes == []
    compiled = gradients(compile=True)
    assert shapes == [(4, 3, 16, 32, 32)]
    assert torch.equal(plain[0], compiled[0])
