import pytest
import torch

from trainers.loop.figures import SIMILARITY_SUMS, put_similarity, similarity_values
from trainers.losses.contrastive import similarity_figures


def test_sums_of_several_shares_add_up_to_the_figures_of_all_clips():
    torch.manual_seed(0)
    video_BD, text_BKD = torch.randn(6, 4), torch.randn(6, 3, 4)
    room = torch.zeros(len(SIMILARITY_SUMS), dtype=torch.float64)
    sums = similarity_figures(video_BD, text_BKD)
    assert set(sums) == set(SIMILARITY_SUMS)
    put_similarity(sums, room)
    put_similarity(sums, room)
    values = similarity_values("val", room)
    own = torch.einsum("bd,bkd->bk", video_BD, text_BKD).mean().item()
    assert values["val/positive_logit"] == pytest.approx(own, rel=1e-5)
    assert values["val/recall_at_1"] == sums["recall_at_1"].item() / 6


def test_what_was_not_counted_has_no_figure():
    assert similarity_values("train", torch.zeros(len(SIMILARITY_SUMS))) == {}
