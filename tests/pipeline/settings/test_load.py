from pathlib import Path

import pytest
import yaml

from pipeline.settings.errors import SettingsError
from pipeline.settings.load import resolve, to_yaml


def complaints(verb: str, *words: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        resolve(verb, words, "weakvid")
    return caught.value.lines


def test_flags_stand_over_the_file_over_the_preset(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("training: {steps: 7, lr: 0.5}\n")
    job = resolve("train", ["--config", str(mine), "--training.steps", "9"], "weakvid").job
    assert (job.training.steps, job.training.lr) == (9, 0.5)
    assert job.training.global_batch == 64
    assert job.data.shards == "data/demo/shards"


def test_everything_that_is_wrong_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("clips: {num_frames: 0, fbs: 10}\nshards: {attempts: two}\n")
    lines = complaints("shards", "--config", str(mine), "--clips.crf", "99", "--clip.fps", "3")
    assert lines == (
        "--clip.fps: no such flag; did you mean --clips.fps?",
        f"{mine}: clips.num_frames: must be greater than 0 (got 0)",
        "--clips.crf: must be less than or equal to 51 (got '99')",
        f"{mine}: clips.fbs: no such setting; did you mean fps? (got 10)",
        f"{mine}: shards.attempts: must be a valid integer, unable to parse string as an integer"
        " (got 'two')",
    )


def test_a_rule_over_two_settings_is_told_too() -> None:
    (line,) = complaints("train", "--data.size", "300", "--data.resize", "200")
    assert "data.size must not exceed data.resize, got 300 and 200" in line
    (line,) = complaints("train", "--training.workers", "5")
    assert "training.workers must not exceed training.virtual_ranks, got 5 and" in line


def test_a_flag_can_mend_what_a_file_broke(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("training: {steps: -1}\n")
    job = resolve("train", ["--config", str(mine), "--training.steps", "5"], "weakvid").job
    assert job.training.steps == 5


def test_what_only_the_user_can_know_must_be_given() -> None:
    assert complaints("shards", "--preset", "local") == (
        "--sources.path: must be given, here or in a --config file (got '')",
        "--shards.out: must be given, here or in a --config file (got '')",
    )


def test_the_resolved_settings_read_back_as_they_are(tmp_path: Path) -> None:
    job = resolve("train", ["--training.lr", "1e-05", "--run.name", "a"], "weakvid").job
    mine = tmp_path / "config.yaml"
    mine.write_text(to_yaml(job))
    assert yaml.safe_load(mine.read_text())["training"]["lr"] == 1e-05
    assert resolve("train", ["--preset", "cluster", "--config", str(mine)], "weakvid").job == job


def test_a_config_flag_without_a_file_is_told() -> None:
    assert complaints("train", "--config") == ("--config: must have a value",)


def test_the_demo_corpus_has_no_presets() -> None:
    assert complaints("demo-corpus", "--preset", "demo") == (
        "--preset: demo-corpus has no presets",
    )


def test_dry_run_is_reported() -> None:
    assert resolve("train", ["--dry-run"], "weakvid").dry_run
    assert not resolve("train", [], "weakvid").dry_run


def test_videos_to_remove_are_named_one_by_one_and_need_no_sources() -> None:
    words = ["--preset", "local", "--shards.out", "o", "--remove", "-3BVWtwbV64", "--remove=b c"]
    assert resolve("shards", words, "weakvid").job.remove == ("-3BVWtwbV64", "b c")
    assert complaints("shards", "--remove", "--shards.out", "o") == (
        "--remove: must have a value (or --remove=VALUE)",
    )
    (line,) = complaints("shards", "--preset", "local", "--shards.out", "o")
    assert line.startswith("--sources.path")


def test_short_words_of_train_stand_for_settings() -> None:
    job = resolve("train", ["--from", "real@40", "--override"], "weakvid").job
    assert (job.checkpoints.branch, job.checkpoints.override) == ("real@40", True)
    job = resolve("train", ["--from=real@40", "--override", "false"], "weakvid").job
    assert (job.checkpoints.branch, job.checkpoints.override) == ("real@40", False)
    (line,) = complaints("train", "--from", "real")
    assert line.startswith("--checkpoints.branch: ") and "'real'" in line
    assert "no such flag" in complaints("evaluate", "--override")[0]
    assert "did you mean --override?" in complaints("train", "--overide")[0]
    assert "did you mean --overfit-one-batch?" in complaints("train", "--overfit-one-bach")[0]


def test_several_numbers_make_a_list() -> None:
    words = ["--training.steps", "90", "--training.restarts", "30", "60"]
    assert resolve("train", words, "weakvid").job.training.restarts == (30, 60)
