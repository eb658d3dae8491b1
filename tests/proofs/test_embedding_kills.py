"""Features of shards are the same bytes however often what embeds them is killed."""

import shutil

import kills
import pytest
import training
from builds import environment, finish, weakvid

from shards.manifest import Manifest
from trainers.data.tokenizer import train_tokenizer
from trainers.loop.checkpoint import save_checkpoint
from trainers.models.build import build_model

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(1500)]

QUOTA = {"worker": 8, "raylet": 3, "driver": 5}
NUM_VIDEOS = 160


@pytest.fixture
def run_root(tmp_path):
    """Folder of a run with a translator, and beside it shards that it can embed."""
    from trainers.data.tokenizer import Tokenizer

    shards = tmp_path / "shards"
    training.small_shards(shards, num_train=NUM_VIDEOS)
    root = tmp_path / "runs"
    job = training.small_job(shards, root, cyclic=1.0)
    vocabulary = train_tokenizer(["chop stir fry the red green leek", "egg pan now we then"], 100)
    tokenizer = Tokenizer(vocabulary)
    (root / "tiny").mkdir(parents=True)
    (root / "tiny" / "tokenizer.model").write_bytes(vocabulary)
    state = {
        "step": 3,
        "model": build_model(job.model, tokenizer.vocabulary, with_translator=True).state_dict(),
        "manifest_sha256": Manifest.load(str(shards)).sha256,
        "tokenizer_sha256": tokenizer.sha256,
    }
    settings = job.model_dump(mode="json")
    save_checkpoint(root / "tiny" / "checkpoints", state, settings, 1, lambda: None)
    return root


def test_an_embedding_that_is_killed_at_random_writes_the_same_bytes(
    run_root, tmp_path, root, figures
):
    def embed(out, workers):
        return weakvid(
            *("embed", "--run.root", str(run_root), "--run.name", "tiny"),
            *("--embedding.out", str(out), "--embedding.batch", "4"),
            *("--embedding.workers", str(workers)),
        )

    log, alone, out = tmp_path / "log", tmp_path / "alone", tmp_path / "out"
    assert finish(embed(alone, 0), log, root) == 0, log.read_text()[-3000:]
    undisturbed = kills.snapshot(alone)

    def check():
        assert kills.difference(undisturbed, kills.snapshot(out)) == ""

    tally = kills.campaign(
        embed(out, 2),
        quota=QUOTA,
        clear=lambda: shutil.rmtree(out, ignore_errors=True),
        check=check,
        log=log,
        seed=5,
        environment=environment(root),
    )
    parts = len(Manifest.load(str(tmp_path / "shards")).shards)
    figures(parts=parts, files=len(undisturbed), **tally.told())
    assert all(tally.kills[role] >= count for role, count in QUOTA.items())
    assert tally.orphans == []
