import subprocess
import sys
import types
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.settings.load import SHORT

VERBS = (
    "shards train evaluate embed search report weights launch logs stop verify status view explain "
    "doctor demo-corpus config"
).split()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """Stands for the stage of whichever verb is called."""
    fake = types.SimpleNamespace(jobs=[], code=0)
    fake.run = lambda *job, **words: (fake.jobs.append(words or job[0]), fake.code)[1]
    fake.run_on_shards = fake.run
    fake.plan_text = lambda job: "plan: 3 videos"
    for name in VERBS:
        monkeypatch.setitem(sys.modules, f"pipeline.stages.{name.replace('-', '_')}", fake)
    monkeypatch.setattr(cli, "set_up_logging", lambda: None)
    return fake


def raising(error: BaseException) -> types.FunctionType:
    def run(job: object) -> int:
        raise error

    return run


def test_help_names_every_verb_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    out = capsys.readouterr().out
    for verb in VERBS:
        assert f"  {verb} " in out
    assert "examples:" in out


def test_no_verb_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "usage:" in capsys.readouterr().out


def test_a_misspelt_verb_is_answered_with_the_nearest_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["tarin"]) == 2
    assert "did you mean train?" in capsys.readouterr().err


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("weakvid 0.")


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb_shows_its_examples(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([verb, "--help"]) == 0
    out = capsys.readouterr().out
    assert "examples:" in out
    assert f"weakvid {verb}" in out


def test_help_of_a_verb_carries_the_docstrings_of_its_settings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["train", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--training.steps INT Optimiser steps of the whole run. (default: " in text
    for word in (*SHORT["train"], cli.OVERFIT):
        assert f"{word} " in text.partition("also:")[2].partition("options")[0]


def test_a_dry_run_prints_settings_and_plan_and_runs_nothing(
    stage: types.SimpleNamespace,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "--dry-run", "--training.steps", "7"]) == 0
    out = capsys.readouterr().out
    assert "steps: 7" in out and "plan: 3 videos" in out
    assert stage.jobs == [] and list(tmp_path.iterdir()) == []


def test_a_flag_reaches_the_stage(stage: types.SimpleNamespace) -> None:
    assert cli.main(["train", "--training.steps", "60"]) == 0
    assert stage.jobs[0].training.steps == 60


@pytest.mark.parametrize("code", [0, 1, 3, 143])
def test_the_exit_code_of_a_stage_is_the_exit_code(stage: types.SimpleNamespace, code: int) -> None:
    stage.code = code
    assert cli.main(["report"]) == code


@pytest.mark.parametrize("error", [ValueError("no shards in x"), FileNotFoundError("no shards")])
def test_bad_input_is_one_line_and_exit_code_two(
    stage: types.SimpleNamespace, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.run = raising(error)
    assert cli.main(["report"]) == 2
    assert capsys.readouterr().err.splitlines() == [f"weakvid: {error}"]


def test_a_traceback_of_bad_input_can_be_asked_for(
    stage: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.run = raising(ValueError("no shards"))
    assert cli.main(["--traceback", "report"]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("error", [RuntimeError("disk gone"), OSError(28, "no space")])
def test_any_other_failure_is_exit_code_one_with_a_traceback(
    stage: types.SimpleNamespace, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.run = raising(error)
    assert cli.main(["report"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_value_error_inside_a_ray_worker_is_a_failure_not_bad_input(
    stage: types.SimpleNamespace,
) -> None:
    from ray.exceptions import RayTaskError

    worker_error = RayTaskError("build", "trace", ValueError("x")).as_instanceof_cause()
    assert isinstance(worker_error, ValueError)
    stage.run = raising(worker_error)
    assert cli.main(["report"]) == 1


def test_an_interrupt_is_exit_code_130(stage: types.SimpleNamespace) -> None:
    stage.run = raising(KeyboardInterrupt())
    assert cli.main(["report"]) == 130


def test_control_characters_of_a_file_name_are_not_printed(
    stage: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.run = raising(ValueError("bad video \x1b[31mred"))
    cli.main(["report"])
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "want"),
    [
        ("verify data/x", {"folder": "data/x", "quick": False, "decode": 3}),
        ("verify data/x --quick", {"folder": "data/x", "quick": True, "decode": 3}),
        ("verify data/x --decode all", {"folder": "data/x", "quick": False, "decode": None}),
        (
            "status runs/x --json",
            {"what": "runs/x", "as_json": True, "address": "", "insecure_local": False},
        ),
        ("view", {"folder": "data/demo/shards", "port": 8000, "embeddings": ""}),
        ("view s3://b/x --port 0", {"folder": "s3://b/x", "port": 0, "embeddings": ""}),
        ("explain a@1.5 --shards x", {"what": "a@1.5", "folder": "x", "source": ""}),
        ("explain --shards x -- -3BV", {"what": "-3BV", "folder": "x", "source": ""}),
        ("report data/x", {"folder": "data/x", "out": "", "truth": ""}),
    ],
)
def test_words_reach_a_verb_without_settings(
    stage: types.SimpleNamespace, words: str, want: dict
) -> None:
    assert cli.main(words.split()) == 0
    assert stage.jobs == [want]


@pytest.mark.parametrize(
    "words", ["verify", "verify x --decode many", "view x --port a", "explain"]
)
def test_words_that_a_verb_does_not_know_are_bad_usage(
    stage: types.SimpleNamespace, words: str
) -> None:
    assert cli.main(words.split()) == 2


def test_config_check_show_and_diff(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config", "check", "train"]) == 0
    assert cli.main(["config", "show", "train", "--training.steps", "9"]) == 0
    assert "steps: 9" in capsys.readouterr().out
    assert cli.main(["config", "diff", "train", "demo", "cluster"]) == 0
    assert "training.global_batch: 64 -> 1024" in capsys.readouterr().out
    assert cli.main(["config", "diff", "train", "demo"]) == 2
    assert cli.main(["config", "showw", "train"]) == 2
    assert "did you mean show?" in capsys.readouterr().err


def test_the_installed_program_answers() -> None:
    program = Path(sys.executable).with_name("weakvid")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("weakvid")
