"""Tests of trainers/words/parts.py."""

from collections.abc import Iterator

import pytest
import ray

from trainers.words.parts import count_parts, count_parts_on_ray
from trainers.words.pictures import Lexicon, caption_counts

LEXICON = Lexicon(frozenset({"red"}), {"cup": [["cup"], ["dish"]], "tea": [["tea"], ["drink"]]})
PARTS = [[["A red cup of tea"]], [["red tea"], ["a cup"]], []]


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.init(address="local", include_dashboard=False, num_cpus=2)
    yield
    ray.shutdown()


def test_tasks_count_what_this_process_counts(cluster: None) -> None:
    here = count_parts(caption_counts, PARTS, LEXICON)
    there = count_parts_on_ray(caption_counts, PARTS[::-1], LEXICON)
    assert there.kinds == here.kinds
    assert here.weight("object_attribute", "red", "tea") == 1
