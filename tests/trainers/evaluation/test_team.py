"""Clips that are shared out over Ray tasks, and checkpoints measured beside training."""

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from configs.beside import BesideConfig
from shards.manifest import Manifest
from trainers.evaluation.beside import Beside, measure_on_ray
from trainers.evaluation.clips import list_clips
from trainers.evaluation.embed import Features
from trainers.evaluation.frozen import Frozen
from trainers.evaluation.record import read_evaluations
from trainers.evaluation.run import evaluate_checkpoint, evaluate_run
from trainers.evaluation.team import Team, share_of


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_shares_are_whole_batches_of_which_none_is_left_out(workers: int) -> None:
    clips = list(range(23))
    shares = [share_of(clips, 5, worker, workers) for worker in range(workers)]
    assert [clip for share in shares for clip in share] == clips
    assert all(share[0] % 5 == 0 for share in shares if share)


@pytest.mark.parametrize("workers", [2, 3])
def test_shares_are_embedded_to_the_same_bits_as_the_whole(
    little, team: Team, workers: int
) -> None:
    clips = list_clips(Manifest.load(str(little.shards)))
    whole, bags = team.clips(clips)
    parts = [team.clips(share_of(clips, 5, worker, workers)) for worker in range(workers)]
    joined = Features.join([features for features, _ in parts])
    for name in ("embedding", "video", "audio", "text"):
        assert np.array_equal(getattr(joined, name), getattr(whole, name))
    assert [bag for _, part in parts for bag in part] == bags


@pytest.mark.ray
def test_on_ray_the_figures_are_the_same_and_training_is_not_waited_for(
    little, tmp_path: Path
) -> None:
    """One Ray for both: two helpers, and a measurement while an actor holds the only CPU."""
    ray = pytest.importorskip("ray")
    from trainers.cluster.local_ray import out_of_our_process_group

    alone = evaluate_run(little.job())
    with out_of_our_process_group():
        ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        assert evaluate_run(little.job(workers=2)) == alone
        holder = ray.remote(num_cpus=1)(lambda: time.sleep(600)).remote()
        run_dir, checkpoint = little.run_dir, little.run_dir / "checkpoints" / "step-00000007"
        config = BesideConfig(every=7, batch=5)
        threads = torch.get_num_threads()
        (run_dir / "evaluations.jsonl").unlink()
        begin = measure_on_ray(config, run_dir, threads)
        with Beside(run_dir, 7, 7, begin, lambda: False):
            entered = True
        [line] = read_evaluations(run_dir / "evaluations.jsonl", "beside")
        ray.cancel(holder, force=True)
    finally:
        ray.shutdown()
    _, figures = evaluate_checkpoint(config, run_dir, checkpoint)
    assert entered
    assert line == {"step": 7, "by": "beside", **figures}


def test_helpers_read_the_checkpoint_that_was_the_newest_at_the_start(little) -> None:
    frozen = Frozen.load(little.run_dir)
    assert frozen.checkpoint == little.run_dir / "checkpoints" / "step-00000007"
    assert Frozen.load(little.run_dir, frozen.checkpoint).step == frozen.step == 7


def test_a_named_checkpoint_that_is_damaged_is_refused(little, tmp_path: Path) -> None:
    path = tmp_path / "step-00000007"
    path.mkdir()
    with pytest.raises(ValueError, match="cannot be read"):
        Frozen.load(little.run_dir, path)
