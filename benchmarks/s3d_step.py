"""One training step of full S3D-G on the CPU, beside the same layers written straight down.

    python -m benchmarks.s3d_step [--threads N] [--repeats N] [--compile]

Forward and backward of 4 clips of 16 frames at 112 x 112, all ways in turn in one process, the best
of the repeats. Prints for each way: CPU seconds of all threads, wall seconds, how many times faster
than the baseline by CPU seconds and by the clock, and MiB of tensors kept from forward to backward.
CPU seconds hold on a machine that others use as well; with two threads and more they count the
waiting of one for the other.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from benchmarks.s3d_plain import PlainS3D
from configs.models import ComputeConfig, S3DConfig
from trainers.models import inception
from trainers.models.s3d import S3D, to_model_frames

CLIPS, FRAMES, SIZE = 4, 16, 112
BASELINE = "straight down"

WAYS: dict[str, ComputeConfig] = {
    "ours, torch's layout": ComputeConfig(channels_last=False),
    "channels innermost, conv3d": ComputeConfig(),
    "channels innermost, 2-D (default)": ComputeConfig(),
    "default + recompute": ComputeConfig(recompute=True),
    "torch's layout + bf16": ComputeConfig(precision="bf16", channels_last=False),
    "default + bf16": ComputeConfig(precision="bf16"),
    "default + bf16 + recompute": ComputeConfig(precision="bf16", recompute=True),
}
COMPILED = {
    "channels innermost, 2-D (default)": ComputeConfig(),
    "default + compile": ComputeConfig(compile=True),
}
CONV3D = "channels innermost, conv3d"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--compile", action="store_true", help="compiled ways instead (minutes)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    plain = PlainS3D()
    frames = torch.randint(0, 256, (CLIPS, FRAMES, SIZE, SIZE, 3), dtype=torch.uint8)
    steps = {BASELINE: _plain_step(plain, frames)}
    for name, compute in (COMPILED if options.compile else WAYS).items():
        steps[name] = _our_step(plain, compute, frames, with_conv3d=name == CONV3D)
    for name, step in steps.items():
        began = time.perf_counter()
        step()
        print(f"warm: {name}, {time.perf_counter() - began:.1f} s", flush=True)
    best = {name: (float("inf"), float("inf")) for name in steps}
    for _ in range(options.repeats):
        for name, step in steps.items():
            best[name] = tuple(map(min, best[name], _timed(step)))
    kept = {name: _kept_mib(step) for name, step in steps.items()}
    print(f"\n{CLIPS} x {FRAMES} x {SIZE} x {SIZE}, {options.threads} threads, best of "
          f"{options.repeats}, torch {torch.__version__}")  # fmt: skip
    print(f"{'way':36s} {'CPU s':>7s} {'wall s':>7s} {'x CPU':>6s} {'x wall':>6s} {'kept MiB':>9s}")
    for name, (cpu_s, wall_s) in best.items():
        by_cpu, by_wall = best[BASELINE][0] / cpu_s, best[BASELINE][1] / wall_s
        print(
            f"{name:36s} {cpu_s:7.2f} {wall_s:7.2f} {by_cpu:6.2f} {by_wall:6.2f} {kept[name]:9.0f}"
        )


def _plain_step(model: nn.Module, frames: Tensor) -> Callable[[], None]:
    def step() -> None:
        model.zero_grad(set_to_none=True)
        embedding_BD, _ = model(to_model_frames(frames).contiguous())
        embedding_BD.square().sum().backward()

    return step


def _our_step(
    plain: nn.Module, compute: ComputeConfig, frames: Tensor, with_conv3d: bool
) -> Callable[[], None]:
    model = S3D(S3DConfig(), compute)
    model.load_state_dict(plain.state_dict(), strict=True)

    def step() -> None:
        model.zero_grad(set_to_none=True)
        model(frames).embedding_BD.square().sum().backward()

    def step_with_conv3d() -> None:
        with _convolved_by_the_layer():
            step()

    return step_with_conv3d if with_conv3d else step


@contextmanager
def _convolved_by_the_layer() -> Iterator[None]:
    """Within, the layout of maps is kept but nothing is done in two dimensions."""
    ours = inception.convolve
    inception.convolve = lambda x_BCTHW, layer: layer(x_BCTHW)
    try:
        yield
    finally:
        inception.convolve = ours


def _timed(step: Callable[[], None]) -> tuple[float, float]:
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    step()
    return time.process_time() - cpu_s, time.perf_counter() - wall_s


def _kept_mib(step: Callable[[], None]) -> float:
    """Return the MiB of storages that autograd keeps, each counted once."""
    sizes: dict[int, int] = {}
    kept: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in sizes and not isinstance(tensor, nn.Parameter):
            sizes[storage.data_ptr()] = storage.nbytes()
            kept.append(tensor.detach())  # or its place would be used again and counted once
        return tensor

    def unpack(tensor: Tensor) -> Tensor:
        nonlocal counting
        counting = False
        return tensor

    counting = True
    with torch.autograd.graph.saved_tensors_hooks(lambda t: pack(t) if counting else t, unpack):
        step()
    return sum(sizes.values()) / 2**20


if __name__ == "__main__":
    main()
