"""The sums of exponentials that the softmax losses are made of, without their logits.

For clip i with bag B_i, logits x_ijk = v_i . t_jk / temperature:

    rows_i     log of the sum of exp(x_ijk) over the narrations jk of all clips
    columns_i  log of the sum of exp(x_jik) over all clips j and the narrations k of i
    own_i      log of the sum of exp(x_iik) over the narrations k of i

Logits are worked out a part at a time, forward and once more backward, where they turn into the
gradient at once: softmax weights times the other side's embeddings. So memory is O(part), and
four matrix products take the place of the three of a graph that keeps every logit.

Shape letters in this file:
    B  clips of this worker    J  clips of a part    I  clips of either
    K  narrations in a bag     D  width of the joint embedding
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from trainers.collectives import rank_of
from trainers.losses.bags import LEFT_OUT, Bags, logit_dtype, same_video, wide_dtype
from trainers.losses.exchange import Gathered, Ring, Visit


class Options(NamedTuple):
    """How the sums are taken."""

    temperature: float
    own_in_columns: bool
    """Whether columns_i holds the clip's own bag as well; rows_i always does."""

    chunk: int
    """Clips in a part; 0 takes all clips of a worker at once."""

    ring: bool
    """Whether other workers' clips come one worker at a time."""


class BagSums(NamedTuple):
    """Sums of each of this worker's clips, B."""

    rows_B: Tensor
    columns_B: Tensor
    own_B: Tensor


def bag_sums(bags: Bags, options: Options) -> BagSums:
    """Return the three sums. A collective operation, and so is its backward."""
    return BagSums(*_BagSums.apply(bags.video_BD, bags.text_BKD, bags, options))


class _LogSum:
    """Log of a sum of exponentials that come in parts: the greatest so far, and the rest to it."""

    def __init__(self, num_clips: int, logits: Tensor) -> None:
        self.greatest_B = logits.new_full((num_clips,), LEFT_OUT)
        self.sum_B = logits.new_zeros(num_clips)

    def add(self, logits_IJK: Tensor, clip_dim: int, place: slice, wide: torch.dtype) -> None:
        """Add logits of the clips at `place`, which lie along `clip_dim`."""
        if not logits_IJK.numel():
            return
        others = tuple(dim for dim in range(3) if dim != clip_dim)
        greatest_B = self.greatest_B[place]
        new_B = torch.maximum(greatest_B, logits_IJK.amax(dim=others))
        terms = _exp_of_difference(logits_IJK, _along(new_B, clip_dim), wide)
        self.sum_B[place].mul_((greatest_B - new_B).exp_()).add_(terms.sum(dim=others))
        self.greatest_B[place] = new_B

    def log(self) -> Tensor:
        """Return the logarithms, B."""
        return self.greatest_B + self.sum_B.log()


class _BagSums(Function):
    @staticmethod
    def forward(
        ctx: Any, video_BD: Tensor, text_BKD: Tensor, bags: Bags, options: Options
    ) -> tuple[Tensor, Tensor, Tensor]:
        bags = bags._replace(video_BD=video_BD.detach(), text_BKD=text_BKD.detach())
        with torch.autocast(video_BD.device.type, enabled=False):
            exchange = (Ring if options.ring else Gathered)(bags)
            sums = _forward(bags, exchange, options)
        ctx.bags, ctx.exchange, ctx.options = bags, exchange, options
        ctx.save_for_backward(*sums)
        return sums

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        bags: Bags = ctx.bags
        wide = wide_dtype(bags.video_BD)
        sums, grads = BagSums(*ctx.saved_tensors), BagSums(*(g.to(wide) for g in grad_outputs))
        with torch.autocast(bags.video_BD.device.type, enabled=False):
            video_BD, text_BKD = _backward(bags, ctx.exchange, ctx.options, sums, grads)
        return video_BD.to(bags.video_BD.dtype), text_BKD.to(bags.text_BKD.dtype), None, None


def _forward(bags: Bags, exchange: Gathered | Ring, options: Options) -> BagSums:
    num_clips, num_windows, _ = bags.text_BKD.shape
    empty = bags.video_BD.new_empty(0, dtype=logit_dtype(bags.video_BD))
    rows, columns = _LogSum(num_clips, empty), _LogSum(num_clips, empty)
    own_BK = empty.new_empty(num_clips, num_windows)
    wide, everywhere = wide_dtype(bags.video_BD), slice(None)
    for visit, place, part in _parts(exchange.forward(), options):
        if visit.rank == rank_of():
            logits_BJK = _own_logits(bags, part, place, options)
            own_BK[place] = _own_bags(logits_BJK, place).T
            rows.add(logits_BJK, 0, everywhere, wide)
            if not options.own_in_columns:
                _own_bags(logits_BJK, place).fill_(LEFT_OUT)
            columns.add(logits_BJK, 1, place, wide)
        else:
            rows.add(_logits(bags, part, options), 0, everywhere, wide)
            columns.add(_logits(part, bags, options), 1, everywhere, wide)
    return BagSums(rows.log(), columns.log(), own_BK.logsumexp(dim=1))


def _backward(
    bags: Bags, exchange: Gathered | Ring, options: Options, sums: BagSums, grads: BagSums
) -> tuple[Tensor, Tensor]:
    wide = wide_dtype(bags.video_BD)
    video_BD, text_BKD = bags.video_BD.to(wide), bags.text_BKD.to(wide)
    video_grad_BD, text_grad_BKD = torch.zeros_like(video_BD), torch.zeros_like(text_BKD)
    scale = 1 / options.temperature
    for visit, place, part in _parts(exchange.backward(), options):
        part_video_JD, part_text_JKD = part.video_BD.to(wide), part.text_BKD.to(wide)
        if visit.rank == rank_of():
            weights_BJK = _own_weights(bags, part, place, options, sums, grads)
            _add_product(video_grad_BD, weights_BJK, part_text_JKD, scale)
            _add_outer(text_grad_BKD[place], weights_BJK, video_BD, scale)
            continue
        assert visit.video_grad_JD is not None
        assert visit.text_grad_JKD is not None
        weights_BJK = _exp_of_difference(_logits(bags, part, options), _along(sums.rows_B, 0), wide)
        weights_BJK.mul_(_along(grads.rows_B, 0))
        _add_product(video_grad_BD, weights_BJK, part_text_JKD, scale)
        _add_outer(visit.text_grad_JKD[place], weights_BJK, video_BD, scale)
        weights_JBK = _exp_of_difference(
            _logits(part, bags, options), _along(sums.columns_B, 1), wide
        )
        weights_JBK.mul_(_along(grads.columns_B, 1))
        _add_product(visit.video_grad_JD[place], weights_JBK, text_BKD, scale)
        _add_outer(text_grad_BKD, weights_JBK, part_video_JD, scale)
    from_others = exchange.home()
    return video_grad_BD.add_(from_others[0]), text_grad_BKD.add_(from_others[1])


def _own_weights(
    bags: Bags, part: Bags, place: slice, options: Options, sums: BagSums, grads: BagSums
) -> Tensor:
    """Return the gradient at the logits of own clips against the own bags at `place`, BJK."""
    wide = wide_dtype(bags.video_BD)
    logits_BJK = _own_logits(bags, part, place, options)
    own_KJ = (_own_bags(logits_BJK, place) - sums.own_B[place]).exp_().to(wide)
    weights_BJK = _exp_of_difference(logits_BJK, _along(sums.rows_B, 0), wide)
    weights_BJK.mul_(_along(grads.rows_B, 0))
    if not options.own_in_columns:
        _own_bags(logits_BJK, place).fill_(LEFT_OUT)
    columns_BJK = _exp_of_difference(logits_BJK, _along(sums.columns_B[place], 1), wide)
    weights_BJK.addcmul_(columns_BJK, _along(grads.columns_B[place], 1))
    _own_bags(weights_BJK, place).addcmul_(own_KJ, grads.own_B[place])
    return weights_BJK


def _parts(visits: Iterator[Visit], options: Options) -> Iterator[tuple[Visit, slice, Bags]]:
    """Yield each visit's clips in parts, and where a part lies among them."""
    for visit in visits:
        num_clips = len(visit.bags.video_BD)
        chunk = options.chunk or max(1, num_clips)
        for begin in range(0, num_clips, chunk):
            place = slice(begin, min(begin + chunk, num_clips))
            yield visit, place, visit.bags.part(place.start, place.stop)


def _logits(videos: Bags, texts: Bags, options: Options) -> Tensor:
    """Return the logits of clips against bags, IJK; those that do not count are LEFT_OUT."""
    return _logits_of(videos, texts, same_video(videos.video_ids_B, texts.video_ids_B), options)


def _own_logits(bags: Bags, part: Bags, place: slice, options: Options) -> Tensor:
    same_BJ = same_video(bags.video_ids_B, part.video_ids_B)
    if same_BJ is not None:
        same_BJ[place].fill_diagonal_(False)
    return _logits_of(bags, part, same_BJ, options)


def _logits_of(videos: Bags, texts: Bags, left_out_IJ: Tensor | None, options: Options) -> Tensor:
    exact = logit_dtype(videos.video_BD)
    video_ID, text_ND = videos.video_BD.to(exact), texts.text_BKD.flatten(0, 1).to(exact)
    absent_N = texts.mask_BK.flatten().logical_not().to(exact).mul_(LEFT_OUT)
    logits_IN = torch.addmm(absent_N, video_ID, text_ND.T, alpha=1 / options.temperature)
    logits_IJK = logits_IN.unflatten(1, texts.mask_BK.shape)
    if left_out_IJ is not None:
        logits_IJK.masked_fill_(left_out_IJ.unsqueeze(2), LEFT_OUT)
    return logits_IJK


def _own_bags(logits_BJK: Tensor, place: slice) -> Tensor:
    """Return a view, KJ, of what clips have with their own bags."""
    return logits_BJK[place].diagonal(dim1=0, dim2=1)


def _exp_of_difference(logits_IJK: Tensor, sum_: Tensor, wide: torch.dtype) -> Tensor:
    """Return exp(logit - sum): the difference is exact, its exponential need not be."""
    # Straight into the narrower type; a tensor of differences in fp64 would double the memory.
    terms_IJK = torch.empty_like(logits_IJK, dtype=wide)
    return torch.sub(logits_IJK, sum_, out=terms_IJK).exp_()


def _along(values_I: Tensor, clip_dim: int) -> Tensor:
    """Return values a clip in the shape that meets logits with clips along `clip_dim`."""
    return values_I[:, None, None] if clip_dim == 0 else values_I[None, :, None]


def _add_product(grad_ID: Tensor, weights_IJK: Tensor, text_JKD: Tensor, scale: float) -> None:
    """Add what the texts of a part give to the gradient of clips."""
    grad_ID.addmm_(weights_IJK.flatten(1), text_JKD.flatten(0, 1), alpha=scale)


def _add_outer(grad_JKD: Tensor, weights_IJK: Tensor, video_ID: Tensor, scale: float) -> None:
    """Add what clips give to the gradient of the texts of a part."""
    grad_JKD.add_((weights_IJK.flatten(1).T @ video_ID).view_as(grad_JKD), alpha=scale)
