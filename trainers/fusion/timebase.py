"""One time base for streams of different rates and granularity, with masks.

Positions of a stream are spans of time: windows of narration, frames of sound, frames of video.
On the base, a position has the mean of what overlaps it in time, each span by how much of it does:
a faster stream is averaged, a slower one repeated. A base position that nothing overlaps is not
there. Where no spans are known, a stream's valid positions share the example's time evenly.

Shape letters in this file:
    N  examples    T  positions of a stream    L  positions of the base    C  width
"""

from collections.abc import Mapping

import numpy as np

from trainers.tasks.task import Sequences


def even_spans(mask_NT: np.ndarray) -> np.ndarray:
    """Return begin and end of each position, `[N, T, 2]`, of an example that lasts from 0 to 1.

    Valid positions come first; those that are not valid last no time.
    """
    number_N1 = np.maximum(mask_NT.sum(axis=1, keepdims=True), 1)
    edge_T = np.arange(mask_NT.shape[1] + 1)
    edge_NT = np.minimum(edge_T, number_N1) / number_N1
    return np.stack((edge_NT[:, :-1], edge_NT[:, 1:]), axis=2)


def resample(one: Sequences, span_NT2: np.ndarray, base_NL2: np.ndarray) -> Sequences:
    """Return a stream on the base.

    Args:
        one: The stream.
        span_NT2: Begin and end of each of its positions; those that are not valid count nowhere.
        base_NL2: Begin and end of each position of the base, in the same unit of time.

    Raises:
        ValueError: If spans are not one a position, or end before they begin.
    """
    if span_NT2.shape != (*one.mask_NT.shape, 2) or base_NL2.shape[::2] != (len(span_NT2), 2):
        raise ValueError(
            f"spans must be [N, T, 2] and [N, L, 2] for a mask of {one.mask_NT.shape}, "
            f"got {span_NT2.shape} and {base_NL2.shape}"
        )
    if (span_NT2[..., 1] < span_NT2[..., 0]).any() or (base_NL2[..., 1] < base_NL2[..., 0]).any():
        raise ValueError("spans must end after they begin, got one that ends before")
    begin_NLT = np.maximum(base_NL2[:, :, None, 0], span_NT2[:, None, :, 0])
    end_NLT = np.minimum(base_NL2[:, :, None, 1], span_NT2[:, None, :, 1])
    overlap_NLT = np.maximum(end_NLT - begin_NLT, 0.0) * one.mask_NT[:, None, :]
    # What is left of two edges that round differently is no overlap.
    length_NL1 = (base_NL2[..., 1] - base_NL2[..., 0])[..., None]
    overlap_NLT[overlap_NLT < 1e-9 * length_NL1] = 0.0
    total_NL = overlap_NLT.sum(axis=2)
    weight_NLT = overlap_NLT / np.where(total_NL > 0, total_NL, 1.0)[..., None]
    values_NTC = np.where(one.mask_NT[..., None], one.values_NTC, 0.0)
    values_NLC = np.einsum("nlt,ntc->nlc", weight_NLT, values_NTC)
    return Sequences(values_NLC.astype(np.float32), total_NL > 0)


def one_time_base(modalities: Mapping[str, Sequences], base: str) -> dict[str, Sequences]:
    """Return all streams on the time base of one of them, whose own values stay as they are.

    Where a modality is not there at a position, its values are 0 and its own mask says so.

    Raises:
        ValueError: If no modality has the name `base`.
    """
    if base not in modalities:
        raise ValueError(f"base must be one of {', '.join(modalities)}, got {base!r}")
    base_NL2 = even_spans(modalities[base].mask_NT)
    return {
        name: one if name == base else resample(one, even_spans(one.mask_NT), base_NL2)
        for name, one in modalities.items()
    }
