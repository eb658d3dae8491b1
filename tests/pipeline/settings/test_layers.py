from pipeline.settings.layers import Layer, merge, origin_of

PRESET = Layer("demo.yaml", {"training": {"steps": 10, "lr": 0.1}, "data": {"size": 48}})
FILE = Layer("mine.yaml", {"training": {"steps": 20}})
FLAGS = Layer("", {"training": {"warmup_steps": 0}})


def test_the_later_layer_wins_key_by_key() -> None:
    assert merge([PRESET, FILE, FLAGS]) == {
        "training": {"steps": 20, "lr": 0.1, "warmup_steps": 0},
        "data": {"size": 48},
    }


def test_merging_leaves_the_layers_as_they_were() -> None:
    merge([PRESET, FILE])
    assert PRESET.tree["training"]["steps"] == 10


def test_a_value_in_place_of_a_mapping_replaces_it() -> None:
    assert merge([PRESET, Layer("mine.yaml", {"training": 3})])["training"] == 3


def test_a_value_is_traced_to_the_layer_that_set_it_last() -> None:
    layers = [PRESET, FILE, FLAGS]
    assert origin_of(("training", "lr"), layers) == "demo.yaml: training.lr"
    assert origin_of(("training", "steps"), layers) == "mine.yaml: training.steps"
    assert origin_of(("training", "warmup_steps"), layers) == "--training.warmup-steps"
    assert origin_of(("run", "name"), layers) == "settings: run.name"
