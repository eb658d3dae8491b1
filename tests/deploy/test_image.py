"""The image: its recipe passes the linter, and installs what the project needs, as it is pinned."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from trainers.cluster.environment import OF_NODES

HADOLINT = Path(sys.executable).with_name("hadolint")


@pytest.fixture
def recipe(deploy: Path) -> str:
    return (deploy / "Dockerfile").read_text()


@pytest.fixture
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


def pinned(root: Path, package: str) -> str:
    lines = (root / "constraints.txt").read_text().splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith(f"{package}=="))


def faults(path: Path) -> list[str]:
    done = subprocess.run(
        [HADOLINT, "--no-color", "--format", "json", path], capture_output=True, text=True
    )
    return [fault["code"] for fault in json.loads(done.stdout)]


needs_hadolint = pytest.mark.skipif(
    not HADOLINT.is_file(), reason="hadolint comes as a wheel for x86_64 only"
)


@needs_hadolint
def test_the_recipe_passes_the_linter(deploy: Path) -> None:
    assert faults(deploy / "Dockerfile") == []


@needs_hadolint
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("USER 1000:1000", "USRX 1000:1000"),
        ("USER 1000:1000", "USER root"),
        ("COPY --from=build /opt/weakvid", "COPY --from=bild /opt/weakvid"),
        ("WORKDIR /src", "WORKDIR src"),
        (" && rm -rf /var/lib/apt/lists/*", ""),
    ],
)
def test_a_planted_fault_is_caught(recipe: str, right: str, wrong: str, tmp_path: Path) -> None:
    assert right in recipe
    path = tmp_path / "Dockerfile"
    path.write_text(recipe.replace(right, wrong))
    assert faults(path)


def test_it_copies_what_is_there_and_no_more_is_sent_to_the_builder(
    root: Path, recipe: str, project: dict[str, Any]
) -> None:
    copied = [
        name
        for words in re.findall(r"^COPY (?!--from)(.+)$", recipe, flags=re.MULTILINE)
        for name in words.split()[:-1]
    ]
    assert [name for name in copied if not (root / name).exists()] == []
    rules = (root / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    assert sorted(copied) == sorted(rule[1:] for rule in rules if rule.startswith("!"))
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {package.removesuffix("*") for package in packages} <= set(copied)


def test_what_it_installs_is_what_the_project_needs(
    root: Path, recipe: str, project: dict[str, Any]
) -> None:
    [program] = re.findall(r"RUN python3 -c '(.+?)' \"\$EXTRAS\"", recipe, flags=re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", program.replace("\\\n", ""), "s3,gs", "boto3"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    extras = project["project"]["optional-dependencies"]
    needs = [*project["project"]["dependencies"], *extras["s3"], *extras["gs"], "boto3"]
    assert done.stdout.splitlines() == needs


def test_versions_are_those_that_are_pinned(root: Path, recipe: str, deploy: Path) -> None:
    assert f"ARG TORCH=torch=={pinned(root, 'torch')}\n" in recipe
    for name in ("shards.yaml", "train.yaml"):
        cluster = yaml.safe_load((deploy / "kuberay" / name).read_text())["spec"]["rayClusterSpec"]
        assert cluster["rayVersion"] == pinned(root, "ray")


def test_both_bases_have_the_same_python(recipe: str, project: dict[str, Any]) -> None:
    assert "ARG BASE=ubuntu:24.04\n" in recipe
    assert re.search(r"BASE=nvidia/cuda:\S+-ubuntu24\.04", recipe)
    assert "Python 3.12" in recipe
    assert project["project"]["requires-python"] == ">=3.11,<3.13"


def settings_of(recipe: str) -> dict[str, str]:
    last = recipe.rpartition("\nENV ")[2].partition("\nUSER")[0]
    return dict(re.findall(r"(\w+)=(\S+)", last))


def test_a_node_of_it_asks_for_a_token_and_is_told_what_our_nodes_are_told(recipe: str) -> None:
    environment = settings_of(recipe)
    assert environment["RAY_AUTH_MODE"] == "token"
    assert environment.items() >= OF_NODES.items()


def test_it_holds_no_secret_and_starts_as_nobody_special(recipe: str) -> None:
    assert not re.search(r"(?i)(password|secret|auth_token|access_key)\s*=", recipe)
    assert recipe.rpartition("\nUSER ")[2].startswith("1000:1000\n")
    assert "ENTRYPOINT " not in recipe.replace("# No ENTRYPOINT:", "")
