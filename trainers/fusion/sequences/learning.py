"""Training of a network of sequences, with the choice of the epoch.

Shape letters in this file:
    B  examples of a batch    T  positions
"""

import copy

import torch
from torch import Tensor

from configs.sequences import LearningConfig
from trainers.fusion.sequences.inputs import Inputs, known
from trainers.fusion.sequences.network import Network


def learn(
    network: Network,
    learning: LearningConfig,
    train: tuple[Inputs, Tensor],
    val: tuple[Inputs, Tensor],
) -> dict[str, Tensor]:
    """Train a network, and return the weights of the epoch with the least loss on `val`.

    Raises:
        ValueError: If no train label is known.
    """
    if not known(train[1]).any():
        raise ValueError("labels of the train split must have one that is known, got none")
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=learning.lr, weight_decay=learning.weight_decay
    )
    mean = copy.deepcopy(network).eval()
    best_loss, best_epoch = float("inf"), 0
    best = copy.deepcopy(mean.state_dict())
    for epoch in range(learning.epochs):
        _epoch(network, mean, optimizer, learning, train)
        with torch.no_grad():
            loss = float(mean.loss(*val)) / max(int(known(val[1]).sum()), 1)
        if loss < best_loss:
            best_loss, best_epoch = loss, epoch
            best = copy.deepcopy(mean.state_dict())
        if epoch - best_epoch >= learning.patience:
            break
    return best


def _epoch(
    network: Network,
    mean: Network,
    optimizer: torch.optim.Optimizer,
    learning: LearningConfig,
    train: tuple[Inputs, Tensor],
) -> None:
    network.train()
    inputs, labels = train
    # A batch may hold no label at all: sums over its labels, over how many it has on average.
    labels_each = float(known(labels).sum()) / len(labels)
    for rows in torch.randperm(len(labels)).split(learning.batch):
        batch = inputs.rows(rows)
        longest = batch.mask_BT.shape[1]
        own = labels[rows, :longest] if network.asked.each else labels[rows]
        loss = network.loss(batch, own) / (labels_each * len(rows))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), learning.clip_norm)
        optimizer.step()
        with torch.no_grad():
            for kept, now in zip(mean.parameters(), network.parameters(), strict=True):
                kept.lerp_(now, 1 - learning.average)
