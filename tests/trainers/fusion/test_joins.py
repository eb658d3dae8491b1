"""Tests of trainers/fusion/joins.py."""

import torch

from configs.networks import NetworksConfig
from trainers.fusion.joins import LowRank, TensorProduct, build_join, with_one

CONFIG = NetworksConfig(hidden_dim=7, tensor_dim=2, rank=3)
WIDTHS = (4, 5, 6)


def last_layers() -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(2, width) for width in WIDTHS]


def test_every_product_of_one_number_a_modality_is_there() -> None:
    join, last = TensorProduct(CONFIG, WIDTHS), last_layers()
    a, b, c = (with_one(narrow(x).relu()) for narrow, x in zip(join.narrow, last, strict=True))
    whole = torch.einsum("bi,bj,bk->bijk", a, b, c)
    torch.testing.assert_close(join.product(last), whole.flatten(start_dim=1))
    # The last of all is 1 x 1 x 1, so that each modality and each pair stand there by themselves.
    assert join.product(last)[:, -1].tolist() == [1, 1]


def test_low_rank_fusion_is_a_layer_on_the_tensor_that_it_never_makes() -> None:
    join, last = LowRank(CONFIG, WIDTHS), last_layers()
    weights = torch.einsum("r,rih,rjh,rkh->ijkh", join.mix, *join.factors)
    a, b, c = (with_one(x) for x in last)
    explicit = torch.einsum("bi,bj,bk,ijkh->bh", a, b, c, weights) + join.bias
    torch.testing.assert_close(join(last), explicit, rtol=1e-4, atol=1e-5)


def test_all_weights_of_every_join_are_trained() -> None:
    for kind in ("concat", "tensor", "low_rank"):
        join = build_join(kind, CONFIG, WIDTHS)
        join(last_layers()).square().sum().backward()
        silent = [n for n, p in join.named_parameters() if p.grad is None or not p.grad.any()]
        assert silent == [], kind


def test_positions_may_have_labels_of_their_own() -> None:
    for kind in ("concat", "tensor", "low_rank"):
        join = build_join(kind, CONFIG, WIDTHS)
        last = [torch.randn(2, 9, width) for width in WIDTHS]
        one = [x[1, 4] for x in last]
        torch.testing.assert_close(join(last)[1, 4], join(one))
