"""R24: what modality dropout saves on AV-MNIST where a modality is missing."""

from pathlib import Path

import pytest

from configs.grid import CompareJob
from trainers.comparison.cells import Cell
from trainers.comparison.run import measure_one
from trainers.tasks.build import load_tasks


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_modality_dropout_raises_the_worst_subset_of_av_mnist(test_data: Path, figures) -> None:
    """R24: jointly trained late fusion falls to a fifth without sound; with dropout it does not."""
    read = {"tasks": ["avmnist"], "data": str(test_data / "fusion"), "methods": ["joint"]}
    read |= {"settings": {"networks": {"steps": 300, "validations": 6}}}
    read |= {"dropout": ["joint"], "losses": {"corruptions": [], "stand_ins": ["zero", "mean"]}}
    config = CompareJob.model_validate({"grid": read}).grid
    task = load_tasks(config)["avmnist"]
    plain, dropped = (
        measure_one(config, task, Cell("avmnist", name, 0)) for name in ("joint", "joint+dropout")
    )
    for name, cell in (("joint", plain), ("dropout", dropped)):
        for kind, by in cell["missing"].items():
            figures(**{f"{name}_{kind}_{subset}": round(x, 4) for subset, x in by.items()})
    worst = {
        kind: [min(cell["missing"][kind].values()) for cell in (plain, dropped)]
        for kind in ("zero", "mean")
    }
    figures(**{f"worst_gains_{kind}": round(two - one, 4) for kind, (one, two) in worst.items()})
    assert worst["zero"][1] - worst["zero"][0] >= 0.10
    # Means stand in well without it: nothing is gained there, and nothing may be lost.
    assert worst["mean"][1] - worst["mean"][0] >= -0.02
