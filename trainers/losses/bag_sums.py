"""The sums of exponentials that the softmax losses are made of, without their logits.

For clip i with bag B_i, logits x_ijk = v_i . t_jk / temperature:

    rows_i     log of the sum of exp(x_ijk) over the narrations jk of all clips
    columns_i  log of the sum of exp(x_jik) over all clips j and the narrations k of i
    own_i      log of the sum of exp(x_iik) over the narrations k of i

Logits are worked out a part at a time, forward and once more backward, where they turn into the
gradient at once: softmax weights times the other side's embeddings. So memory is O(part), and
four matrix products take the place of the three of a graph that keeps every logit.

An error in a logit is an error of the same size in its weight, and nothing bounds a logit: in
fp32 one of 70 is off by some 1e-5 after 512 products. So products are added up in short runs, which
takes most of that away, and what logits are compared with, one value a clip, is fp64.

Shape letters in this file:
    B  clips of this worker    J  clips of a part    I  clips of either
    K  narrations in a bag     D  width of the joint embedding    R  a run of D    N = J K
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from trainers.collectives import rank_of
from trainers.losses.bags import LEFT_OUT, Bags, same_video, wide_dtype
from trainers.losses.exchange import Gathered, Ring, Visit, meet

RUN = 64
"""Products of a dot product that are added up before they are added to the others."""


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

    def __init__(self, num_clips: int, like: Tensor) -> None:
        self.greatest_B = like.new_full((num_clips,), LEFT_OUT)
        self.sum_B = like.new_zeros(num_clips, dtype=torch.float64)

    def add(self, logits_IJK: Tensor, clip_dim: int, place: slice) -> None:
        """Add logits of the clips at `place`, which lie along `clip_dim`."""
        if not logits_IJK.numel():
            return
        others = tuple(dim for dim in range(3) if dim != clip_dim)
        greatest_B = self.greatest_B[place]
        new_B = torch.maximum(greatest_B, logits_IJK.amax(dim=others))
        terms_IJK = torch.sub(logits_IJK, _along(new_B, clip_dim)).exp_()
        shrunk_B = (greatest_B.double() - new_B.double()).exp_()
        self.sum_B[place].mul_(shrunk_B).add_(terms_IJK.sum(dim=others))
        self.greatest_B[place] = new_B

    def log(self) -> Tensor:
        """Return the logarithms, B, in fp64."""
        return self.greatest_B.double() + self.sum_B.log()


class _BagSums(Function):
    @staticmethod
    def forward(
        ctx: Any, video_BD: Tensor, text_BKD: Tensor, bags: Bags, options: Options
    ) -> tuple[Tensor, Tensor, Tensor]:
        bags = bags._replace(video_BD=video_BD.detach(), text_BKD=text_BKD.detach())
        with torch.autocast(video_BD.device.type, enabled=False):
            exchange = meet(bags, ring=options.ring)
            sums = _forward(bags, exchange, options)
        ctx.bags, ctx.exchange, ctx.options = bags, exchange, options
        ctx.save_for_backward(*sums)
        return sums

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        bags: Bags = ctx.bags
        sums, grads = BagSums(*ctx.saved_tensors), BagSums(*grad_outputs)
        with torch.autocast(bags.video_BD.device.type, enabled=False):
            video_BD, text_BKD = _backward(bags, ctx.exchange, ctx.options, sums, grads)
        return video_BD.to(bags.video_BD.dtype), text_BKD.to(bags.text_BKD.dtype), None, None


def _forward(bags: Bags, exchange: Gathered | Ring, options: Options) -> BagSums:
    num_clips, num_windows, _ = bags.text_BKD.shape
    like = bags.video_BD.new_empty(0, dtype=wide_dtype(bags.video_BD))
    rows, columns = _LogSum(num_clips, like), _LogSum(num_clips, like)
    own_BK = like.new_empty(num_clips, num_windows)
    everywhere = slice(None)
    for visit, place, part in _parts(exchange.forward(), options):
        if visit.rank == rank_of():
            logits_BJK = _own_logits(bags, part, place, options)
            own_BK[place] = _own_bags(logits_BJK, place).T
            rows.add(logits_BJK, 0, everywhere)
            if not options.own_in_columns:
                _own_bags(logits_BJK, place).fill_(LEFT_OUT)
            columns.add(logits_BJK, 1, place)
        else:
            rows.add(_logits(bags, part, options), 0, everywhere)
            columns.add(_logits(part, bags, options), 1, everywhere)
    return BagSums(rows.log(), columns.log(), own_BK.double().logsumexp(dim=1))


def _backward(
    bags: Bags, exchange: Gathered | Ring, options: Options, sums: BagSums, grads: BagSums
) -> tuple[Tensor, Tensor]:
    wide = wide_dtype(bags.video_BD)
    video_BD, text_BKD = bags.video_BD.to(wide), bags.text_BKD.to(wide)
    video_grad_BD, text_grad_BKD = torch.zeros_like(video_BD), torch.zeros_like(text_BKD)
    rows, columns = (
        _Weigher(one, grad, wide) for one, grad in zip(sums[:2], grads[:2], strict=True)
    )
    scale = 1 / options.temperature
    for visit, place, part in _parts(exchange.backward(), options):
        part_video_JD, part_text_JKD = part.video_BD.to(wide), part.text_BKD.to(wide)
        if visit.rank == rank_of():
            logits_BJK = _own_logits(bags, part, place, options)
            own_KJ = _own_bags(logits_BJK, place).double() - sums.own_B[place]
            weights_BJK = rows.weigh(logits_BJK, 0)
            if not options.own_in_columns:
                _own_bags(logits_BJK, place).fill_(LEFT_OUT)
            weights_BJK += columns.weigh(logits_BJK, 1, place)
            _own_bags(weights_BJK, place).add_((own_KJ.exp() * grads.own_B[place]).to(wide))
            _add_product(video_grad_BD, weights_BJK, part_text_JKD, scale)
            _add_outer(text_grad_BKD[place], weights_BJK, video_BD, scale)
            continue
        assert visit.video_grad_JD is not None
        assert visit.text_grad_JKD is not None
        weights_BJK = rows.weigh(_logits(bags, part, options), 0)
        _add_product(video_grad_BD, weights_BJK, part_text_JKD, scale)
        _add_outer(visit.text_grad_JKD[place], weights_BJK, video_BD, scale)
        weights_JBK = columns.weigh(_logits(part, bags, options), 1)
        _add_product(visit.video_grad_JD[place], weights_JBK, text_BKD, scale)
        _add_outer(text_grad_BKD, weights_JBK, part_video_JD, scale)
    from_others = exchange.home()
    return video_grad_BD.add_(from_others[0]), text_grad_BKD.add_(from_others[1])


class _Weigher:
    """Turns logits into their share of a log-sum's gradient: exp(logit - sum) * gradient."""

    def __init__(self, sum_B: Tensor, grad_B: Tensor, wide: torch.dtype) -> None:
        # The difference is taken to the rounded sum, and what was rounded off goes into the factor.
        self._sum_B = sum_B.to(wide)
        self._factor_B = ((self._sum_B.double() - sum_B).exp_() * grad_B).to(wide)

    def weigh(self, logits_IJK: Tensor, clip_dim: int, place: slice = slice(None)) -> Tensor:
        """Return the weights of logits of the clips at `place`, which lie along `clip_dim`."""
        weights_IJK = torch.sub(logits_IJK, _along(self._sum_B[place], clip_dim)).exp_()
        return weights_IJK.mul_(_along(self._factor_B[place], clip_dim))


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
    wide = wide_dtype(videos.video_BD)
    video_ID, text_ND = videos.video_BD.to(wide), texts.text_BKD.flatten(0, 1).to(wide)
    absent_N = texts.mask_BK.flatten().logical_not().to(wide).mul_(LEFT_OUT)
    logits_IN = absent_N.repeat(len(video_ID), 1)
    for video_IR, text_NR in zip(video_ID.split(RUN, 1), text_ND.split(RUN, 1), strict=True):
        logits_IN.addmm_(video_IR, text_NR.T, alpha=1 / options.temperature)
    logits_IJK = logits_IN.unflatten(1, texts.mask_BK.shape)
    if left_out_IJ is not None:
        logits_IJK.masked_fill_(left_out_IJ.unsqueeze(2), LEFT_OUT)
    return logits_IJK


def _own_bags(logits_BJK: Tensor, place: slice) -> Tensor:
    """Return a view, KJ, of what clips have with their own bags."""
    return logits_BJK[place].diagonal(dim1=0, dim2=1)


def _along(values_I: Tensor, clip_dim: int) -> Tensor:
    """Return values a clip in the shape that meets logits with clips along `clip_dim`."""
    return values_I[:, None, None] if clip_dim == 0 else values_I[None, :, None]


def _add_product(grad_ID: Tensor, weights_IJK: Tensor, text_JKD: Tensor, scale: float) -> None:
    """Add what the texts of a part give to the gradient of clips."""
    grad_ID.addmm_(weights_IJK.flatten(1), text_JKD.flatten(0, 1), alpha=scale)


def _add_outer(grad_JKD: Tensor, weights_IJK: Tensor, video_ID: Tensor, scale: float) -> None:
    """Add what clips give to the gradient of the texts of a part."""
    grad_JKD.add_((weights_IJK.flatten(1).T @ video_ID).view_as(grad_JKD), alpha=scale)
