"""Attention as a kernel smoother: a query's output is the mean of values, weighted by a kernel.

Tsai et al., "Transformer Dissection: A Unified Understanding of Transformer's Attention via the
Lens of Kernel", EMNLP 2019, equations 2 to 6. With d the width of a head:

    linear <q, k>    polynomial <q, k>^2    exponential exp(<q, k> / sqrt d)
    rbf exp(-|q - k|^2 / sqrt d)

Exponential and RBF attention run as `scaled_dot_product_attention`, which they are equal to: of the
RBF's exponent, |q|^2 is the same for all keys and cancels, and -|k|^2 / sqrt d is a bias of the
key. A second kernel, of positions, multiplies the first: its logarithm is added to the logits.

Shape letters in this file:
    B  sequences    H  heads    L  queries    S  keys    D  width of a head    E  width of a value
    F  features whose inner product is the kernel
"""

from typing import Literal, assert_never

import torch
from torch import Tensor
from torch.nn import functional as F

Kernel = Literal["linear", "polynomial", "exponential", "rbf"]


class MassError(ValueError):
    """The kernel's values over a query's keys do not sum to a positive number."""


def kernel_values(q_BHLD: Tensor, k_BHSD: Tensor, kernel: Kernel) -> Tensor:
    """Return the kernel of each query and key, BHLS."""
    scale = q_BHLD.shape[-1] ** -0.5
    match kernel:
        case "linear":
            return q_BHLD @ k_BHSD.mT
        case "polynomial":
            return (q_BHLD @ k_BHSD.mT).square()
        case "exponential":
            return (q_BHLD @ k_BHSD.mT * scale).exp()
        case "rbf":
            difference_BHLSD = q_BHLD.unsqueeze(-2) - k_BHSD.unsqueeze(-3)
            return (-difference_BHLSD.square().sum(-1) * scale).exp()
        case _:
            assert_never(kernel)


def attend(
    q_BHLD: Tensor,
    k_BHSD: Tensor,
    v_BHSE: Tensor,
    kernel: Kernel,
    mask: Tensor | None = None,
    logits: Tensor | None = None,
) -> Tensor:
    """Return the smoothed values, BHLE. A query without any key gets 0.

    Args:
        q_BHLD: Queries.
        k_BHSD: Keys.
        v_BHSE: Values.
        kernel: Weighs a key for a query.
        mask: True where a query may look at a key (the set filter); broadcast to BHLS.
        logits: Logarithm of a second kernel that multiplies the first; broadcast to BHLS.

    Raises:
        MassError: If the kernel's values over a query's keys have no positive sum. The linear
            kernel, which is negative for half of all random pairs, comes to this at once.
    """
    shape = (*q_BHLD.shape[:-1], k_BHSD.shape[-2])
    seen_BHL = None
    if mask is not None:
        mask = mask.expand(shape)
        seen_BHL = mask.any(dim=-1)
        # A query without keys would divide 0 by 0; it looks at all of them, and is then zeroed.
        mask = mask | ~seen_BHL.unsqueeze(-1)
    if kernel in ("exponential", "rbf"):
        out_BHLE = _fused(q_BHLD, k_BHSD, v_BHSE, kernel, (mask, logits))
    elif mask is None and logits is None:
        out_BHLE = _associative(q_BHLD, k_BHSD, v_BHSE, kernel)
    else:
        out_BHLE = _quadratic(q_BHLD, k_BHSD, v_BHSE, kernel, (mask, logits))
    return out_BHLE if seen_BHL is None else out_BHLE * seen_BHL.unsqueeze(-1)


def features(x_BHLD: Tensor, kernel: Literal["linear", "polynomial"]) -> Tensor:
    """Return features BHLF whose inner product is the kernel: x itself, or vec(x x')."""
    if kernel == "linear":
        return x_BHLD
    return (x_BHLD.unsqueeze(-1) * x_BHLD.unsqueeze(-2)).flatten(-2)


def _fused(
    q_BHLD: Tensor,
    k_BHSD: Tensor,
    v_BHSE: Tensor,
    kernel: Kernel,
    mask_and_logits: tuple[Tensor | None, Tensor | None],
) -> Tensor:
    mask, logits = mask_and_logits
    scale = q_BHLD.shape[-1] ** -0.5
    if kernel == "rbf":
        bias_BH1S = -scale * k_BHSD.square().sum(-1).unsqueeze(-2)
        logits = bias_BH1S if logits is None else logits + bias_BH1S
        scale = 2 * scale
    if logits is None:
        return F.scaled_dot_product_attention(q_BHLD, k_BHSD, v_BHSE, mask, scale=scale)
    if mask is not None:
        logits = logits.masked_fill(~mask, -torch.inf)
    logits = logits.expand(*q_BHLD.shape[:-1], k_BHSD.shape[-2])
    return F.scaled_dot_product_attention(q_BHLD, k_BHSD, v_BHSE, logits, scale=scale)


def _associative(q_BHLD: Tensor, k_BHSD: Tensor, v_BHSE: Tensor, kernel: Kernel) -> Tensor:
    """Sum over keys first: the cost grows with L + S and not with L * S."""
    assert kernel in ("linear", "polynomial")
    q_BHLF, k_BHSF = features(q_BHLD, kernel), features(k_BHSD, kernel)
    mass_BHL = torch.einsum("bhlf,bhf->bhl", q_BHLF, k_BHSF.sum(dim=-2))
    return q_BHLF @ (k_BHSF.mT @ v_BHSE) / _positive(mass_BHL, kernel).unsqueeze(-1)


def _quadratic(
    q_BHLD: Tensor,
    k_BHSD: Tensor,
    v_BHSE: Tensor,
    kernel: Kernel,
    mask_and_logits: tuple[Tensor | None, Tensor | None],
) -> Tensor:
    mask, logits = mask_and_logits
    weights_BHLS = kernel_values(q_BHLD, k_BHSD, kernel)
    if logits is not None:
        # The greatest factor is 1: it cancels between sums, and large logits do not overflow.
        logits = logits if mask is None else logits.masked_fill(~mask, -torch.inf)
        weights_BHLS = weights_BHLS * (logits - logits.amax(dim=-1, keepdim=True)).exp()
    elif mask is not None:
        weights_BHLS = weights_BHLS * mask
    return weights_BHLS @ v_BHSE / _positive(weights_BHLS.sum(dim=-1), kernel).unsqueeze(-1)


def _positive(mass_BHL: Tensor, kernel: Kernel) -> Tensor:
    if bool((mass_BHL > 0).all()):
        return mass_BHL
    wrong = float((~(mass_BHL > 0)).double().mean())
    raise MassError(
        f"the {kernel} kernel's values over a query's keys must have a positive sum, "
        f"got none for {wrong:.0%} of the queries"
    )
