"""Tests of trainers/losses/contrastive.py."""

import pytest
import torch

from configs.objectives import MilNceConfig, ObjectivesConfig
from trainers.losses.contrastive import build_contrastive
from trainers.losses.info_nce import InfoNce
from trainers.losses.max_margin import MaxMargin
from trainers.losses.mil_nce import MilNce


def losses(kind, **options):
    torch.manual_seed(0)
    config = ObjectivesConfig(contrastive=kind, mil_nce=MilNceConfig(**options))
    return build_contrastive(config).per_clip(torch.randn(6, 8), torch.randn(6, 3, 8))


@pytest.mark.parametrize(
    ("kind", "wanted"), [("mil_nce", MilNce), ("info_nce", InfoNce), ("max_margin", MaxMargin)]
)
def test_the_setting_chooses_the_loss(kind, wanted):
    assert type(build_contrastive(ObjectivesConfig(contrastive=kind))) is wanted


def test_nce_is_mil_nce_of_the_nearest_window():
    torch.manual_seed(0)
    video, text = torch.randn(6, 8), torch.randn(6, 3, 8)
    expected = MilNce(MilNceConfig()).per_clip(video, text[:, :1])
    assert torch.equal(losses("nce"), expected)
    assert not torch.equal(losses("mil_nce"), expected)


def test_the_margin_is_that_of_the_settings():
    torch.manual_seed(0)
    video, text = torch.randn(6, 8), torch.randn(6, 1, 8)
    narrow, wide = (
        build_contrastive(ObjectivesConfig(contrastive="max_margin", margin=margin))
        for margin in (0.1, 2.0)
    )
    assert (wide.per_clip(video, text) > narrow.per_clip(video, text)).all()


@pytest.mark.parametrize("kind", ["mil_nce", "nce", "max_margin", "info_nce"])
def test_the_temperature_reaches_every_loss(kind):
    assert not torch.equal(losses(kind), losses(kind, temperature=0.5))
