"""Tests of pipeline/reports/fused_layers.py."""

from xml.etree import ElementTree

from pipeline.reports.fused_layers import draw_fused_layers

UNITS = [
    {"layers": {"image": 1, "audio": 0}, "activation": "sigmoid"},
    {"layers": {"image": 2, "audio": 4}, "activation": "relu"},
]


def test_all_layers_and_what_is_read_are_in_the_picture() -> None:
    svg = draw_fused_layers("x", "found <here>", UNITS, {"image": 3, "audio": 5})
    drawn = ElementTree.fromstring(svg)
    texts = ["".join(node.itertext()).strip() for node in drawn.iter() if node.tag == "text"]
    assert {f"image {i}" for i in range(3)} | {f"audio {i}" for i in range(5)} <= set(texts)
    assert {"0: sigmoid", "1: relu", "answer"} <= set(texts)
    assert drawn.attrib["aria-label"] == "found <here>"


def test_a_layer_that_is_not_read_is_pale() -> None:
    one = draw_fused_layers("x", "t", UNITS[:1], {"image": 3, "audio": 5})
    two = draw_fused_layers("x", "t", UNITS, {"image": 3, "audio": 5})
    assert one.count("var(--line)") - two.count("var(--line)") == 2
