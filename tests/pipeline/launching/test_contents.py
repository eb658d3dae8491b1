from pathlib import Path

import pytest

from pipeline.launching import contents as module
from pipeline.launching.contents import read_contents


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    write(folder, "mine.yaml", "code/model.py")
    return folder


def write(folder: Path, *names: str, text: str = "text") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_data_runs_environments_and_caches_stay_here(project: Path) -> None:
    stay = (
        "data/a.tar runs/demo/x .git/config .venv/bin/python code/__pycache__/m.pyc .ruff_cache/x"
    )
    write(project, *stay.split())
    contents = read_contents(project)
    assert list(contents.files) == ["code/model.py", "mine.yaml"]
    left = [".git/", ".ruff_cache/", ".venv/", "code/__pycache__/", "data/", "runs/"]
    assert contents.left_out == left


def test_a_package_called_data_deeper_down_travels(project: Path) -> None:
    write(project, "code/data/read.py")
    assert "code/data/read.py" in read_contents(project).files


def test_files_that_hold_secrets_stay_here(project: Path) -> None:
    secrets = ".env .env.local deploy/tls.key deploy/ca.pem .aws/config auth_token .netrc id_rsa"
    write(project, *secrets.split(), text="canary")
    assert list(read_contents(project).files) == ["code/model.py", "mine.yaml"]


def test_git_and_our_own_file_say_what_else_stays(project: Path) -> None:
    write(project, ".gitignore", text="*.log\n/scratch/\n")
    write(project, ".weakvidignore", text="notes/\n!keep.log\n")
    write(project, "a.log", "keep.log", "scratch/x", "code/scratch/y", "notes/n")
    names = set(read_contents(project).files)
    assert {"keep.log", "code/scratch/y"} <= names
    assert not {"a.log", "scratch/x", "notes/n"} & names


def test_a_rule_in_a_folder_counts_from_there(project: Path) -> None:
    write(project, "code/.gitignore", text="/big\n")
    write(project, "code/big", "code/deep/big", "big")
    names = set(read_contents(project).files)
    assert "code/big" not in names
    assert {"code/deep/big", "big"} <= names


def test_what_we_leave_out_can_be_asked_for(project: Path) -> None:
    write(project, ".weakvidignore", text="!/data/\n")
    write(project, "data/table.csv")
    assert "data/table.csv" in read_contents(project).files


def test_links_that_lead_out_of_the_folder_are_left_out(project: Path, tmp_path: Path) -> None:
    write(tmp_path, "outside")
    (project / "out").symlink_to(tmp_path / "outside")
    (project / "tree").symlink_to(tmp_path)
    (project / "nowhere").symlink_to("gone")
    (project / "inside").symlink_to("mine.yaml")
    contents = read_contents(project)
    assert contents.left_out == ["nowhere", "out", "tree"]
    assert contents.files["inside"] == 4


def test_too_much_is_refused_with_what_is_large(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 2 * 2**20)
    write(project, "films/a", "films/b", text="x" * 2**20)
    write(project, "zebra", text="x")
    with pytest.raises(ValueError, match=r"films 2\.0 MiB.*\.weakvidignore"):
        read_contents(project)


def test_too_many_files_are_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 1)
    with pytest.raises(ValueError, match="at most 1 files"):
        read_contents(project)
