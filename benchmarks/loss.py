"""Memory and time of MIL-NCE beside the plain formulation, forward and backward, in one run.

    python -m benchmarks.loss [--clips 2048] [--windows 5] [--width 512] [--threads 1] [--rounds 5]

Each way runs in a process of its own, in turns, and each round begins anew. `peak_mib` is what a
call adds to the resident memory at most; `cpu_s` is its processor time, which others on the machine
disturb less than the clock, the median over rounds; `error` is the
norm-wise error of the gradients against fp64 logits. One way is `plain`, the authors' public code:
all logits, their concatenation in both directions, and a product with an identity matrix.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from configs.objectives import MilNceConfig
from trainers.losses.mil_nce import MilNce

CHUNKS = (32, 64, 128, 256)


def plain(video_BD: Tensor, text_BKD: Tensor) -> Tensor:
    """MIL-NCE as in the authors' loss.py."""
    num_clips = len(video_BD)
    logits_BBK = (video_BD @ text_BKD.flatten(0, 1).T).view(num_clips, num_clips, -1)
    own_BBK = logits_BBK * torch.eye(num_clips)[:, :, None]
    own_B = own_BBK.sum(dim=1).logsumexp(dim=1)
    both_BN = torch.cat([logits_BBK, logits_BBK.permute(1, 0, 2)], dim=1).flatten(1)
    return (both_BN.logsumexp(dim=1) - own_B).mean()


def checkpointed(video_BD: Tensor, text_BKD: Tensor, chunk: int = 64) -> Tensor:
    """The plain formulation a chunk of clips at a time, each worked out again by autograd."""

    def of_chunk(video_BD: Tensor, text_BKD: Tensor, begin: Tensor) -> Tensor:
        own = slice(int(begin), int(begin) + chunk)
        rows = (video_BD[own] @ text_BKD.flatten(0, 1).T).unflatten(1, text_BKD.shape[:2])
        columns = (video_BD @ text_BKD[own].flatten(0, 1).T).unflatten(1, (-1, text_BKD.shape[1]))
        own_B = torch.einsum("bd,bkd->bk", video_BD[own], text_BKD[own]).logsumexp(dim=1)
        all_B = torch.logaddexp(rows.logsumexp(dim=(1, 2)), columns.logsumexp(dim=(0, 2)))
        return (all_B - own_B).sum()

    parts = [
        checkpoint(of_chunk, video_BD, text_BKD, torch.tensor(begin), use_reentrant=False)
        for begin in range(0, len(video_BD), chunk)
    ]
    return torch.stack([part for part in parts if isinstance(part, Tensor)]).sum() / len(video_BD)


def ways() -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """Return what is compared."""
    ours = {f"chunked {chunk}": MilNce(MilNceConfig(chunk=chunk)) for chunk in CHUNKS}
    return {
        "plain": plain,
        "plain, recomputed": checkpointed,
        "local": MilNce(MilNceConfig(form="local")),
        **ours,
    }


def inputs(clips: int, windows: int, width: int) -> list[Tensor]:
    """Return embeddings whose dot products have a standard deviation of 5, as in training."""
    generator = torch.Generator().manual_seed(0)
    scale = (5 / width**0.5) ** 0.5
    shapes = (clips, width), (clips, windows, width)
    return [(torch.randn(shape, generator=generator) * scale).requires_grad_() for shape in shapes]


def gradients(loss: Callable[[Tensor, Tensor], Tensor], given: list[Tensor]) -> Tensor:
    """Return the gradients of both inputs in one row."""
    parts = torch.autograd.grad(loss(*given), given)
    return torch.cat([part.flatten() for part in parts])


def peak_bytes(what: Callable[[], object]) -> int:
    """Return by how much the resident memory grew at most while `what` ran."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    what()
    return _status("VmHWM") - before


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def measure(name: str, options: argparse.Namespace) -> dict[str, float]:
    """Run one way in this process."""
    torch.set_num_threads(options.threads)
    loss = ways()[name]
    gradients(loss, inputs(64, options.windows, options.width))
    given = inputs(options.clips, options.windows, options.width)
    began = time.process_time()
    peak = peak_bytes(lambda: gradients(loss, given))
    cpu_s = time.process_time() - began
    few = inputs(min(options.clips, 512), options.windows, options.width)
    exact = gradients(plain, [x.detach().double().requires_grad_() for x in few])
    error = (gradients(loss, few).double() - exact).norm() / exact.norm()
    return {"peak_mib": peak / 2**20, "cpu_s": cpu_s, "error": error.item()}


def main() -> None:
    """Measure every way in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("clips", 2048), ("windows", 5), ("width", 512), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.only, options)))
        return
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ways()}
    for _ in range(options.rounds):
        for name, rounds in found.items():
            command = [sys.executable, "-m", "benchmarks.loss", *sys.argv[1:], "--only", name]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            rounds.append(json.loads(done.stdout))
    median = {
        name: {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        for name, rounds in found.items()
    }
    base = median["plain"]
    print("way                 peak MiB  of plain    cpu s  of plain  error of gradients")
    for name, row in median.items():
        print(
            f"{name:18}  {row['peak_mib']:8.0f}  {row['peak_mib'] / base['peak_mib']:8.3f}  "
            f"{row['cpu_s']:7.2f}  {row['cpu_s'] / base['cpu_s']:8.2f}  {row['error']:.1e}"
        )


if __name__ == "__main__":
    main()
