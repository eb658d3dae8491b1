"""The sums of exponentials that the softmax losses are made of, without their logits.

For clip i with bag B_i, logits x_ijk = v_i . t_jk / temperature:

    rows_i     log of the sum of exp(x_ijk) over the narrations jk of all clips
    columns_i  log of the sum of exp(x_jik) over all clips j and the narrations k of i
    own_i      log of the sum of exp(x_iik) over the narrations k of i

Logits are worked out a tile at a time, forward and once more backward, where they turn into the
gradient at once: softmax weights times the other side's embeddings. So memory is O(tile), and
four matrix products take the place of the three of a graph that keeps every logit.

A tile is a block of clips, those of a virtual rank, against a part of another's bags. Which worker
works it out changes neither its shape nor its place in a sum, so the sums and gradients of a clip
have the same bits on any number of workers; in a ring, where the order differs, nearly.

An error in a logit is an error of the same size in its weight, and nothing bounds a logit: in
fp32 one of 70 is off by some 1e-5 after 512 products. So products are added up in short runs, which
takes most of that away, and what logits are compared with, one value a clip, is fp64.

Shape letters in this file:
    B  clips of this worker    G  clips of all workers    I  clips of a block    J  clips of a part
    K  narrations in a bag     D  width of the joint embedding    R  a run of D    N = J K
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from trainers.collectives import rank_of
from trainers.losses.bags import LEFT_OUT, Bags, same_video, wide_dtype
from trainers.losses.exchange import Gathered, Ring, meet

RUN = 64
"""Products of a dot product that are added up before they are added to the others."""


class Options(NamedTuple):
    """How the sums are taken."""

    temperature: float
    own_in_columns: bool
    """Whether columns_i holds the clip's own bag as well; rows_i always does."""

    chunk: int
    """Clips in a part of a block's bags; 0 takes all of them at once."""

    ring: bool
    """Whether other workers' clips come one worker at a time."""

    block: int = 0
    """Clips of a virtual rank, of which a worker has whole ones; 0: all clips of a worker."""


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


class _Tile(NamedTuple):
    """A block of clips against a part of the bags; the slices are places among all clips."""

    videos: Bags
    texts: Bags
    rows: slice
    columns: slice
    of_rows: bool
    """Whether the clips are this worker's, so that it needs the tile for their sums."""

    of_columns: bool
    """The same of the bags."""

    @property
    def own(self) -> slice | None:
        """Where in the block the clips lie whose bags these are; None where they do not."""
        begin = self.columns.start - self.rows.start
        length = self.columns.stop - self.columns.start
        inside = begin >= 0 and self.columns.stop <= self.rows.stop
        return slice(begin, begin + length) if inside else None


def _tiles(bags: Bags, exchange: Gathered | Ring, options: Options) -> Iterator[_Tile]:
    """Yield the tiles that this worker needs: each block against parts in ascending order."""
    here = exchange.place(rank_of()).start
    for visit in exchange.visits():
        there = exchange.place(visit.rank).start
        if visit.rank == rank_of():
            yield from _pairs(bags, here, bags, here, options, (True, True))
        else:
            yield from _pairs(bags, here, visit.bags, there, options, (True, False))
            yield from _pairs(visit.bags, there, bags, here, options, (False, True))


def _pairs(
    videos: Bags, row: int, texts: Bags, column: int, options: Options, own: tuple[bool, bool]
) -> Iterator[_Tile]:
    """Yield one worker's clips, the first of which is `row`, against another's bags."""
    for block in _spans(0, len(videos.video_BD), options.block):
        rows = slice(row + block.start, row + block.stop)
        block_bags = videos.part(block.start, block.stop)
        for other in _spans(0, len(texts.video_BD), options.block):
            for part in _spans(other.start, other.stop, options.chunk):
                columns = slice(column + part.start, column + part.stop)
                yield _Tile(block_bags, texts.part(part.start, part.stop), rows, columns, *own)


def _spans(begin: int, end: int, length: int) -> Iterator[slice]:
    """Yield neighbouring spans of a length, the last one shorter; one of all where it is 0."""
    for start in range(begin, end, length or max(1, end - begin)):
        yield slice(start, min(start + (length or end - begin), end))


def _forward(bags: Bags, exchange: Gathered | Ring, options: Options) -> BagSums:
    num_clips, num_windows, _ = bags.text_BKD.shape
    like = bags.video_BD.new_empty(0, dtype=wide_dtype(bags.video_BD))
    rows, columns = _LogSum(num_clips, like), _LogSum(num_clips, like)
    own_BK = like.new_empty(num_clips, num_windows)
    here = exchange.place(rank_of()).start
    for tile in _tiles(bags, exchange, options):
        logits_IJK = _logits(tile, options)
        if tile.of_rows:
            rows.add(logits_IJK, 0, _less(tile.rows, here))
        if tile.own is not None:
            own_BK[_less(tile.columns, here)] = _own_bags(logits_IJK, tile.own).T
            if not options.own_in_columns:
                _own_bags(logits_IJK, tile.own).fill_(LEFT_OUT)
        if tile.of_columns:
            columns.add(logits_IJK, 1, _less(tile.columns, here))
    return BagSums(rows.log(), columns.log(), own_BK.double().logsumexp(dim=1))


def _backward(
    bags: Bags, exchange: Gathered | Ring, options: Options, sums: BagSums, grads: BagSums
) -> tuple[Tensor, Tensor]:
    wide = wide_dtype(bags.video_BD)
    video_grad_BD = torch.zeros_like(bags.video_BD, dtype=wide)
    text_grad_BKD = torch.zeros_like(bags.text_BKD, dtype=wide)
    rows, columns = (
        _Weigher(exchange.gather(one), exchange.gather(grad), wide)
        for one, grad in zip(sums[:2], grads[:2], strict=True)
    )
    scale, here = 1 / options.temperature, exchange.place(rank_of()).start
    for tile in _tiles(bags, exchange, options):
        logits_IJK = _logits(tile, options)
        weights_IJK = rows.weigh(logits_IJK, 0, tile.rows)
        if tile.own is None:
            weights_IJK += columns.weigh(logits_IJK, 1, tile.columns)
        else:
            place = _less(tile.columns, here)
            own_KJ = _own_bags(logits_IJK, tile.own).double() - sums.own_B[place]
            if not options.own_in_columns:
                _own_bags(logits_IJK, tile.own).fill_(LEFT_OUT)
            weights_IJK += columns.weigh(logits_IJK, 1, tile.columns)
            own_KJ = (own_KJ.exp_() * grads.own_B[place]).to(wide)
            _own_bags(weights_IJK, tile.own).add_(own_KJ)
        if tile.of_rows:
            texts_ND = tile.texts.text_BKD.to(wide).flatten(0, 1)
            grad_ID = video_grad_BD[_less(tile.rows, here)]
            grad_ID.addmm_(weights_IJK.flatten(1), texts_ND, alpha=scale)
        if tile.of_columns:
            grad_JKD = text_grad_BKD[_less(tile.columns, here)]
            products_ND = weights_IJK.flatten(1).T @ tile.videos.video_BD.to(wide)
            grad_JKD.add_(products_ND.view_as(grad_JKD), alpha=scale)
    return video_grad_BD, text_grad_BKD


class _Weigher:
    """Turns logits into their share of a log-sum's gradient: exp(logit - sum) * gradient."""

    def __init__(self, sum_G: Tensor, grad_G: Tensor, wide: torch.dtype) -> None:
        # The difference is taken to the rounded sum, and what was rounded off goes into the factor.
        self._sum_G = sum_G.to(wide)
        self._factor_G = ((self._sum_G.double() - sum_G).exp_() * grad_G).to(wide)

    def weigh(self, logits_IJK: Tensor, clip_dim: int, place: slice) -> Tensor:
        """Return the weights of logits of the clips at `place`, which lie along `clip_dim`."""
        weights_IJK = torch.sub(logits_IJK, _along(self._sum_G[place], clip_dim)).exp_()
        return weights_IJK.mul_(_along(self._factor_G[place], clip_dim))


def _logits(tile: _Tile, options: Options) -> Tensor:
    """Return the logits of a tile, IJK; those that do not count are LEFT_OUT."""
    videos, texts = tile.videos, tile.texts
    wide = wide_dtype(videos.video_BD)
    video_ID, text_ND = videos.video_BD.to(wide), texts.text_BKD.flatten(0, 1).to(wide)
    absent_N = texts.mask_BK.flatten().logical_not().to(wide).mul_(LEFT_OUT)
    logits_IN = absent_N.repeat(len(video_ID), 1)
    for video_IR, text_NR in zip(video_ID.split(RUN, 1), text_ND.split(RUN, 1), strict=True):
        logits_IN.addmm_(video_IR, text_NR.T, alpha=1 / options.temperature)
    logits_IJK = logits_IN.unflatten(1, texts.mask_BK.shape)
    left_out_IJ = same_video(videos.video_ids_B, texts.video_ids_B)
    if left_out_IJ is not None:
        if tile.own is not None:
            left_out_IJ[tile.own].fill_diagonal_(False)
        logits_IJK.masked_fill_(left_out_IJ.unsqueeze(2), LEFT_OUT)
    return logits_IJK


def _less(place: slice, start: int) -> slice:
    """Return a place counted from `start`."""
    return slice(place.start - start, place.stop - start)


def _own_bags(logits_IJK: Tensor, own: slice) -> Tensor:
    """Return a view, KJ, of what clips have with their own bags."""
    return logits_IJK[own].diagonal(dim1=0, dim2=1)


def _along(values_I: Tensor, clip_dim: int) -> Tensor:
    """Return values a clip in the shape that meets logits with clips along `clip_dim`."""
    return values_I[:, None, None] if clip_dim == 0 else values_I[None, :, None]
