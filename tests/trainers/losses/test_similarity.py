"""Tests of trainers/losses/similarity.py in one process."""

import pytest
import torch

from trainers.losses import similarity
from trainers.losses.similarity import similarity_figures


@pytest.mark.parametrize("chunk", [4, 64])
def test_figures_are_those_of_a_count_pair_by_pair(monkeypatch, chunk):
    monkeypatch.setattr(similarity, "CHUNK", chunk)
    torch.manual_seed(0)
    video, text = torch.randn(9, 4), torch.randn(9, 3, 4)
    mask = torch.rand(9, 3) > 0.3
    mask[:, 0], mask[4] = True, False
    ids = torch.tensor([5, 9, 5, 1, 2, 9, 4, 4, 3])
    positives, negatives, ranks = [], [], []
    for i in [clip for clip in range(9) if clip != 4]:
        own = (text[i] @ video[i])[mask[i]]
        positives += own.tolist()
        ahead = 0
        for j in range(9):
            if ids[j] == ids[i] or not mask[j].any():
                continue
            scores = (text[j] @ video[i])[mask[j]]
            negatives += scores.tolist()
            ahead += int(scores.max() >= own.max())
        ranks.append(ahead)
    figures = {name: float(x) for name, x in similarity_figures(video, text, mask, ids).items()}
    assert figures.pop("positive_logit") == pytest.approx(sum(positives), rel=1e-5)
    assert figures.pop("negative_logit") == pytest.approx(sum(negatives), rel=1e-5)
    assert figures == {
        "num_positives": len(positives),
        "num_negatives": len(negatives),
        "num_clips": 8,
        "recall_at_1": sum(rank < 1 for rank in ranks),
        "recall_at_5": sum(rank < 5 for rank in ranks),
    }


def test_a_constant_model_recalls_nothing():
    figures = similarity_figures(torch.ones(8, 2), torch.ones(8, 1, 2))
    assert figures["recall_at_1"] == 0
    assert figures["num_clips"] == 8


def test_right_pairs_that_stand_out_are_all_recalled():
    figures = similarity_figures(torch.eye(8), torch.eye(8).unsqueeze(1))
    assert figures["recall_at_1"] == 8
    assert figures["positive_logit"] / figures["num_positives"] == 1
    assert figures["negative_logit"] == 0
