"""Rules of the house that no linter knows."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.settings.files import PRESETS
from pipeline.settings.load import JOBS, REQUIRED, WITHOUT_PRESETS, resolve

PACKAGES = ("configs", "shards", "trainers", "pipeline")
MAX_LINES = 400
MAX_MEDIAN_LINES = 160
MAX_FUNCTION_LINES = 60
OF_THE_WHOLE = ("cluster", "gpu", "proofs")


def sources(root: Path, *folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (root / folder).rglob("*.py"))


def test_no_file_is_longer_than_four_hundred_lines(root: Path) -> None:
    lengths = {
        str(path.relative_to(root)): len(path.read_text().splitlines())
        for path in sources(root, *PACKAGES, "tests")
    }
    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


def test_the_median_file_is_short(root: Path) -> None:
    lengths = sorted(
        len(path.read_text().splitlines())
        for path in sources(root, *PACKAGES)
        if path.name != "__init__.py"
    )
    assert lengths[len(lengths) // 2] <= MAX_MEDIAN_LINES


def test_no_function_is_longer_than_sixty_lines(root: Path) -> None:
    long = {
        f"{path.relative_to(root)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in sources(root, *PACKAGES)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES
    }
    assert long == {}


def test_every_module_says_what_it_is(root: Path) -> None:
    silent = [
        str(path.relative_to(root))
        for path in sources(root, *PACKAGES)
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_every_folder_of_code_is_a_package(root: Path) -> None:
    folders = {path.parent for path in sources(root, *PACKAGES)}
    assert [str(f.relative_to(root)) for f in folders if not (f / "__init__.py").is_file()] == []


def test_tests_mirror_the_packages(root: Path) -> None:
    """A folder of tests stands where its package stands; those of the whole have theirs."""
    strangers = [
        str(path.relative_to(root))
        for path in (root / "tests").rglob("test_*.py")
        if path.parent not in (root / "tests", *(root / "tests" / name for name in OF_THE_WHOLE))
        and not (root / path.parent.relative_to(root / "tests")).is_dir()
    ]
    assert strangers == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_has_tests(root: Path, package: str) -> None:
    assert list((root / "tests" / package).rglob("test_*.py"))


def test_no_test_folder_is_a_package(root: Path) -> None:
    assert list((root / "tests").rglob("__init__.py")) == []


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("verb", [verb for verb in JOBS if verb not in WITHOUT_PRESETS])
def test_every_preset_holds(preset: str, verb: str) -> None:
    open_settings = [word for path in REQUIRED.get(verb, ()) for word in (f"--{path}", "somewhere")]
    assert resolve(verb, ["--preset", preset, *open_settings], "weakvid").job


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_file_tells_its_cost(root: Path, preset: str) -> None:
    files = sorted((root / "configs" / preset).glob("*.yaml"))
    assert [path.stem for path in files] == ["evaluate", "report", "shards", "train"]
    for path in files:
        assert "Cost:" in path.read_text(), path.name


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from pipeline.cli import main; main(['--help'])\n"
        "heavy = {'torch', 'ray', 'webdataset', 'numpy', 'pydantic', 'tyro', 'yaml', 'av'}\n"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("verb", ["shards", "asr", "train", "evaluate", "report"])
def test_help_of_a_verb_imports_no_framework(verb: str) -> None:
    program = (
        f"import sys; from pipeline.cli import main; main([{verb!r}, '--help'])\n"
        "heavy = {'torch', 'ray', 'webdataset', 'numpy', 'av'} & set(sys.modules)\n"
        "sys.exit(str(sorted(heavy)) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_make_alone_lists_every_target(root: Path) -> None:
    done = subprocess.run(["make"], cwd=root, capture_output=True, text=True, check=True)
    targets = (
        "setup shards asr train evaluate report demo verify status test check bench prove clean"
    )
    listed = {line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")}
    assert set(targets.split()) <= listed
