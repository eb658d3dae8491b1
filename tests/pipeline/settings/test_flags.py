from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.demo_corpus import DemoCorpusConfig
from configs.runs import ShardsJob, TrainJob
from pipeline.settings.flags import read_flags


def flags(words: str, job: Any = TrainJob) -> tuple[dict, list[str]]:
    layer, complaints = read_flags(job, words.split(), {}, "weakvid", "")
    return layer.tree, complaints


@pytest.mark.parametrize(
    ("words", "tree"),
    [
        ("--training.steps 60", {"training": {"steps": "60"}}),
        ("--training.steps=60", {"training": {"steps": "60"}}),
        ("--training.global_batch 8", {"training": {"global_batch": "8"}}),
        ("--training.global-batch 8", {"training": {"global_batch": "8"}}),
        ("--data.no-flip", {"data": {"flip": False}}),
        ("--data.flip false", {"data": {"flip": False}}),
        ("--data.flip=False", {"data": {"flip": False}}),
        ("--training.gradient-cache", {"training": {"gradient_cache": True}}),
        ("--training.gradient-cache true", {"training": {"gradient_cache": True}}),
        ("--model.video.blocks 3b 4b", {"model": {"video": {"blocks": ["3b", "4b"]}}}),
        ("--training.lr 1e-4", {"training": {"lr": "1e-4"}}),
        ("--preset demo --dry-run", {}),
    ],
)
def test_a_dotted_flag_sets_one_leaf(words: str, tree: dict) -> None:
    assert flags(words) == (tree, [])


def test_settings_at_the_root_are_plain_flags() -> None:
    tree, _ = flags("--out /tmp/x --seed 3 --videos 12", DemoCorpusConfig)
    assert tree == {"out": "/tmp/x", "seed": "3", "videos": "12"}


def test_a_negative_number_is_a_value() -> None:
    assert flags("--training.steps -3")[0] == {"training": {"steps": "-3"}}


def test_every_unknown_word_is_told_with_the_nearest_flag() -> None:
    _, complaints = flags("--trainig.steps 3 --data.flop x --training.steps 2 stray")
    assert complaints == [
        "--trainig.steps: no such flag; did you mean --training.steps?",
        "--data.flop: no such flag; did you mean --data.flip?",
        "stray: not understood; settings are given as --key.path VALUE",
    ]


def test_a_flag_may_not_be_shortened() -> None:
    assert flags("--training.step 3")[1]


def test_a_list_that_is_given_twice_is_told_since_the_last_one_alone_would_count() -> None:
    once = flags("--data.mix a b --data.weights 1 2 3")
    assert once == ({"data": {"mix": ["a", "b"], "weights": ["1", "2", "3"]}}, [])
    _, complaints = flags("--data.mix a --data.mix=b --training.steps 1 --training.steps 2")
    assert complaints == [
        "--data.mix: must stand once, with all its values behind it, got it 2 times"
    ]


def test_a_flag_without_its_value_leaves_with_code_two() -> None:
    with pytest.raises(SystemExit) as stop:
        flags("--training.steps")
    assert stop.value.code == 2


@settings(max_examples=8)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1))
def test_a_path_arrives_as_it_was_typed(path: str) -> None:
    layer, complaints = read_flags(ShardsJob, [f"--sources.path={path}"], {}, "weakvid", "")
    assert complaints == []
    assert layer.tree == {"sources": {"path": path}}
