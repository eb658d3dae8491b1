"""Exact inference on a chain: partition function, marginals and the best path.

p(s_1 .. s_T) = exp(sum_t emission(t, s_t) + sum_t transition(s_(t-1), s_t)) / Z. All in logarithms,
so a state that is ruled out has an emission of minus infinity, as long as each position keeps one.
(Rabiner, "A Tutorial on Hidden Markov Models", 1989; Lafferty et al., "Conditional Random Fields",
ICML 2001.)

Shape letters in this file:
    B  chains    T  positions    S  states
`transition` is SS, or BSS where each chain has its own. Valid positions come first in `mask_BT`.
"""

import torch
from torch import Tensor


def log_partition(emission_BTS: Tensor, transition: Tensor, mask_BT: Tensor) -> Tensor:
    """Return log Z of each chain, B; 0 for one without positions."""
    forward_BS = _forward(emission_BTS, transition, mask_BT)[-1]
    return forward_BS.logsumexp(dim=1) * mask_BT.any(dim=1)


def log_marginals(emission_BTS: Tensor, transition: Tensor, mask_BT: Tensor) -> Tensor:
    """Return log p(s_t) of all positions, BTS; uniform beyond the end of a chain."""
    forward_BTS = torch.stack(_forward(emission_BTS, transition, mask_BT), dim=1)
    backward_BTS = torch.stack(_backward(emission_BTS, transition, mask_BT), dim=1)
    joint_BTS = torch.where(mask_BT.unsqueeze(2), forward_BTS + backward_BTS, 0.0)
    return joint_BTS.log_softmax(dim=2)


def log_pair_marginals(emission_BTS: Tensor, transition: Tensor, mask_BT: Tensor) -> Tensor:
    """Return log p(s_(t-1), s_t) for t from 1, B x (T - 1) x S x S; uniform beyond the end."""
    forward_BTS = torch.stack(_forward(emission_BTS, transition, mask_BT), dim=1)[:, :-1]
    backward_BTS = torch.stack(_backward(emission_BTS, transition, mask_BT), dim=1)[:, 1:]
    after_BTS = backward_BTS + emission_BTS[:, 1:]
    tables = transition.unsqueeze(1) if transition.ndim == 3 else transition
    pairs_BTSS = forward_BTS.unsqueeze(3) + tables + after_BTS.unsqueeze(2)
    pairs_BTSS = torch.where(mask_BT[:, 1:, None, None], pairs_BTSS, 0.0)
    return pairs_BTSS.flatten(2).log_softmax(dim=2).view_as(pairs_BTSS)


def viterbi(emission_BTS: Tensor, transition: Tensor, mask_BT: Tensor) -> tuple[Tensor, Tensor]:
    """Return the most probable path BT, -1 beyond the end, and its score B, ties to the lower."""
    best_BS, came_from = emission_BTS[:, 0], []
    for step in range(1, emission_BTS.shape[1]):
        score_BS, index_BS = (best_BS.unsqueeze(2) + transition).max(dim=1)
        valid_B1 = mask_BT[:, step, None]
        # Beyond the end each state comes from itself, so the way back begins at the true end.
        index_BS = torch.where(valid_B1, index_BS, torch.arange(emission_BTS.shape[2]))
        best_BS = torch.where(valid_B1, score_BS + emission_BTS[:, step], best_BS)
        came_from.append(index_BS)
    score_B, state_B = best_BS.max(dim=1)
    path = [state_B]
    for index_BS in reversed(came_from):
        path.append(index_BS.gather(1, path[-1].unsqueeze(1)).squeeze(1))
    path_BT = torch.stack(path[::-1], dim=1)
    return path_BT.masked_fill(~mask_BT, -1), score_B * mask_BT.any(dim=1)


def _forward(emission_BTS: Tensor, transition: Tensor, mask_BT: Tensor) -> list[Tensor]:
    """Return the sums over all paths up to each position; beyond the end they stay."""
    sums = [emission_BTS[:, 0]]
    for step in range(1, emission_BTS.shape[1]):
        reached_BS = (sums[-1].unsqueeze(2) + transition).logsumexp(dim=1)
        valid_B1 = mask_BT[:, step, None]
        sums.append(torch.where(valid_B1, reached_BS + emission_BTS[:, step], sums[-1]))
    return sums


def _backward(emission_BTS: Tensor, transition: Tensor, mask_BT: Tensor) -> list[Tensor]:
    """Return the sums over all paths after each position."""
    sums = [torch.zeros_like(emission_BTS[:, 0])]
    for step in range(emission_BTS.shape[1] - 1, 0, -1):
        after_BS = sums[-1] + emission_BTS[:, step]
        left_BS = (transition + after_BS.unsqueeze(1)).logsumexp(dim=2)
        sums.append(torch.where(mask_BT[:, step, None], left_BS, sums[-1]))
    return sums[::-1]
