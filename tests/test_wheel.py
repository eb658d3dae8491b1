"""A wheel must carry the presets, and work where there is no source tree."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

PRESET_FILES = {
    f"configs/{preset}/{verb}.yaml"
    for preset in ("demo", "local", "cluster", "paper")
    for verb in ("shards", "train", "evaluate", "report")
}


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the committed and uncommitted sources, built outside the tree."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("configs", "shards", "trainers", "pipeline", "pyproject.toml", "LICENSE"):
        subprocess.run(["cp", "-r", str(root / name), str(tree / name)], check=True)
    (tree / "README.md").write_text("# weakvid\n")
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(out), str(tree)]
    subprocess.run(command, check=True)
    return next(out.glob("weakvid-*.whl"))


def test_the_wheel_holds_presets_templates_and_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert names >= PRESET_FILES
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.startswith("pipeline/reports/") and name.endswith(".j2") for name in names)
    assert not [name for name in names if name.startswith("tests/")]


def test_the_wheel_runs_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    """Dependencies come from this interpreter's packages; the code from the wheel alone."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    site = next(home.glob("lib/python*/site-packages"))
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site)]
    subprocess.run([*command, str(wheel)], check=True)
    packages = next(p for p in sys.path if p.endswith("site-packages"))
    # Only the folder itself is added: the .pth file of an editable install is not obeyed.
    environment = {"PYTHONPATH": packages, "PATH": "/usr/bin:/bin"}
    empty = tmp_path / "empty"
    empty.mkdir()
    script = (
        "import pathlib, sys, pipeline.cli, configs;"
        f"assert str(pathlib.Path(configs.__file__)).startswith({str(site)!r}), configs.__file__;"
        "sys.exit(pipeline.cli.main(sys.argv[1:]))"
    )
    for words in (["--help"], ["config", "show", "train", "--preset", "demo"]):
        done = subprocess.run(
            [str(python), "-c", script, *words],
            cwd=empty,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout
    assert list(empty.iterdir()) == []
