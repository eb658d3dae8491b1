"""The one training loop of fused networks: the same steps, schedule and choice for all of them.

The number of steps is fixed, whatever the size of the task; the learning rate is one cycle
(Smith 2018). The weights kept are those with the least loss on the val split.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from configs.networks import NetworksConfig
from trainers.fusion.examples import Examples

_AT_A_TIME = 500

Forward = Callable[[Examples], Tensor]


def train_network(
    config: NetworksConfig, network: nn.Module, forward: Forward, train: Examples, val: Examples
) -> None:
    """Train all weights of `network` that want a gradient, and leave it in its evaluation mode.

    Batches, dropout and all else are drawn from torch's generator: seed it.

    Args:
        config: Steps, schedule, batch.
        network: What is trained.
        forward: Returns outputs of examples, of `network` or of a part of a larger one.
        train: Examples that weights are learned from.
        val: Examples that choose among the weights on the way.

    Raises:
        ValueError: No train example, or no val example, has a label.
    """
    for name, examples in (("train", train), ("val", val)):
        if not examples.known.any():
            raise ValueError(f"split {name} must have a label, got none")
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(
        weights, lr=config.lr, weight_decay=config.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=config.lr, total_steps=config.steps
    )
    looks = {config.steps * (i + 1) // config.validations for i in range(config.validations)}
    best_loss, best = float("inf"), copy.deepcopy(network.state_dict())
    network.train()
    for step, rows in enumerate(_batches(len(train), config.batch, config.steps), start=1):
        batch = train.take(rows)
        optimizer.zero_grad()
        batch.loss(forward(batch)).backward()
        optimizer.step()
        schedule.step()
        if step in looks:
            network.eval()
            loss = mean_loss(forward, val)
            if loss < best_loss:
                best_loss, best = loss, copy.deepcopy(network.state_dict())
            network.train()
    network.load_state_dict(best)
    network.eval()


@torch.no_grad()
def in_parts(forward: Forward, examples: Examples) -> Tensor:
    """Return outputs of all examples, some hundred at a time."""
    return torch.cat([forward(examples.take(rows)) for rows in parts_of(examples)])


def parts_of(examples: Examples) -> tuple[Tensor, ...]:
    """Return row numbers of all examples, some hundred at a time."""
    return torch.arange(len(examples)).split(_AT_A_TIME)


def mean_loss(forward: Forward, examples: Examples) -> float:
    """Return the mean loss over all known labels."""
    return float(examples.loss(in_parts(forward, examples)))


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from a seed, and sum in one order: on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before)


def _batches(number: int, size: int, steps: int) -> Iterator[Tensor]:
    """Yield row numbers: all examples in a random order, then all in another, and so on."""
    made = 0
    while True:
        for rows in torch.randperm(number).split(size):
            if made == steps:
                return
            made += 1
            yield rows
