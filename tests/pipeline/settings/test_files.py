from pathlib import Path

import pytest

from pipeline.settings.errors import SettingsError
from pipeline.settings.files import MAX_YAML_BYTES, file_layer, preset_layer


def written(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text)
    return str(path)


def test_a_file_becomes_a_layer_named_after_it(tmp_path: Path) -> None:
    name = written(tmp_path, "training:\n  steps: 3\n")
    assert file_layer(name).name == name
    assert file_layer(name).tree == {"training": {"steps": 3}}


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    assert file_layer(written(tmp_path, "# nothing\n")).tree == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1\n", "plain YAML"),
        ("- 1\n- 2\n", "must be a mapping"),
        ("a: 1\na: 2\n", "'a' stands twice, line 2"),
        ("1: 2\n", "keys must be words"),
        ("? [a, b]\n: 1\n", "keys must be words"),
        ("a: !!python/object/apply:os.getcwd []\n", "plain YAML"),
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("a: " + "[" * 5000 + "\n", "plain YAML"),
        ("a: 2026-99-99\n", "plain YAML"),
        ("a: \x00\n", "plain YAML"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    name = written(tmp_path, text)
    with pytest.raises(SettingsError, match="mine.yaml: ") as caught:
        file_layer(name)
    assert told in str(caught.value)


def test_a_huge_file_is_not_parsed(tmp_path: Path) -> None:
    name = written(tmp_path, "a: 1\n" + "#" * MAX_YAML_BYTES)
    with pytest.raises(SettingsError, match="at most"):
        file_layer(name)


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        file_layer(name)


def test_a_misspelt_preset_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(SettingsError, match="did you mean cluster"):
        preset_layer("clusterr", "train")
