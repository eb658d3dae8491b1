import json
import logging

import numpy as np
import pytest
import torch

from trainers.loop.checkpoint import (
    JOB,
    MANIFEST,
    STATE,
    DamagedCheckpoint,
    newest_checkpoint,
    prune_checkpoints,
    remove_leftovers,
    save_checkpoint,
    verify_checkpoint,
)
from trainers.loop.code import code_version
from trainers.loop.manifests import list_checkpoints


def save(root, step, value=0.0, may_commit=lambda: None):
    state = {
        "model": {"weight": torch.full((50,), value + step)},
        "step": step,
        "manifest_sha256": "m",
        "tokenizer_sha256": "t",
    }
    return save_checkpoint(root, state, {"training": {"lr": 0.1}}, 1, may_commit)


def test_what_is_saved_is_read_back(tmp_path):
    save(tmp_path, 7)
    found = newest_checkpoint(tmp_path)
    assert found.path == tmp_path / "step-00000007"
    assert found.step == found.load()["step"] == 7
    assert found.job() == {"training": {"lr": 0.1}}
    assert torch.equal(found.load()["model"]["weight"], torch.full((50,), 7.0))


@pytest.mark.parametrize("name", [STATE, JOB, MANIFEST])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "remove"])
def test_any_damaged_file_falls_back_to_the_checkpoint_before(tmp_path, name, damage, caplog):
    save(tmp_path, 1)
    newest = save(tmp_path, 2).path / name
    data = bytearray(newest.read_bytes())
    # The flipped bit of the manifest lies in a hash.
    place = data.index(b"sha256") + 12 if name == MANIFEST else len(data) // 2
    data[place] ^= 1
    match damage:
        case "flip":
            newest.write_bytes(data)
        case "cut":
            newest.write_bytes(newest.read_bytes()[:-5])
        case "empty":
            newest.write_bytes(b"")
        case "remove":
            newest.unlink()
    with caplog.at_level(logging.WARNING):
        assert newest_checkpoint(tmp_path).step == 1
    assert "step-00000002" in caplog.text


def test_a_run_without_checkpoints_has_none_and_one_with_only_damaged_ones_is_an_error(tmp_path):
    assert newest_checkpoint(tmp_path) is None
    (save(tmp_path, 1).path / STATE).write_bytes(b"")
    with pytest.raises(RuntimeError, match="1 damaged"):
        newest_checkpoint(tmp_path)


def test_a_renamed_checkpoint_is_not_believed(tmp_path):
    path = save(tmp_path, 1).path
    with pytest.raises(ValueError, match="step 1"):
        verify_checkpoint(path.rename(tmp_path / "step-00000005"))


def test_a_write_that_ends_early_leaves_nothing_that_counts(tmp_path):
    save(tmp_path, 1)

    def taken_over():
        raise RuntimeError("stale")

    with pytest.raises(RuntimeError, match="stale"):
        save(tmp_path, 2, may_commit=taken_over)
    assert newest_checkpoint(tmp_path).step == 1
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def test_what_a_killed_write_left_is_removed(tmp_path):
    (save(tmp_path, 1).path.parent / "tmp-3-step-00000002").mkdir()
    assert newest_checkpoint(tmp_path).step == 1
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def test_a_damaged_checkpoint_is_replaced_by_the_one_written_again(tmp_path):
    save(tmp_path, 1)
    (save(tmp_path, 2).path / STATE).write_bytes(b"damaged")
    save(tmp_path, 2, value=100.0)
    assert newest_checkpoint(tmp_path).load()["model"]["weight"][0] == 102.0
    assert len(list(tmp_path.iterdir())) == 2


def test_only_the_newest_are_kept(tmp_path):
    for step in (1, 2, 10, 100):
        save(tmp_path, step)
    prune_checkpoints(tmp_path, 2, 100)
    assert [path.name[-3:] for path in list_checkpoints(tmp_path)] == ["010", "100"]


def test_damaged_checkpoints_push_no_whole_one_out(tmp_path):
    for step in (1, 2, 10, 100):
        save(tmp_path, step)
    for step in (10, 100):
        (tmp_path / f"step-{step:08d}" / STATE).write_bytes(b"")
    save(tmp_path, 3)
    prune_checkpoints(tmp_path, 2, 3)
    assert [path.name[-3:] for path in list_checkpoints(tmp_path)] == ["002", "003", "010", "100"]
    assert newest_checkpoint(tmp_path).step == 3


def test_the_manifest_says_what_the_files_hash_to(tmp_path):
    manifest = json.loads((save(tmp_path, 3).path / MANIFEST).read_text())
    assert manifest["step"] == 3
    assert (manifest["manifest_sha256"], manifest["tokenizer_sha256"]) == ("m", "t")
    assert manifest["code"] == code_version()
    assert set(manifest["files"]) == {STATE, JOB}


@pytest.mark.parametrize("name", [STATE, JOB, MANIFEST])
def test_no_flipped_bit_goes_unseen(tmp_path, name):
    path = save(tmp_path, 1).path
    whole = (path / name).read_bytes()
    random = np.random.default_rng(0)
    for place in random.choice(len(whole), min(len(whole), 150), replace=False):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << random.integers(8)
        (path / name).write_bytes(damaged)
        with pytest.raises(DamagedCheckpoint):
            verify_checkpoint(path)
    (path / name).write_bytes(whole)
    verify_checkpoint(path)


def test_a_write_that_fails_leaves_no_half_of_it_on_the_disk(tmp_path, monkeypatch):
    def full(state, file):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        save(tmp_path, 1)
    assert not list(tmp_path.iterdir())


def test_those_of_every_so_many_steps_stay_for_good(tmp_path):
    for step in range(1, 10):
        save(tmp_path, step)
        prune_checkpoints(tmp_path, 2, step, keep_every=3)
    assert [path.name[-1] for path in list_checkpoints(tmp_path)] == ["3", "6", "8", "9"]
