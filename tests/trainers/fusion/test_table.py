"""The fusion table on a world in which each modality knows one bit of three."""

import json

import numpy as np
import pytest

from configs.fusion import FusionConfig
from trainers.fusion.table import Labelled, Table, make_table

MODALITIES = ("video", "audio", "text")
CONFIG = FusionConfig(epochs=30)


def factors(label_N: np.ndarray) -> dict[str, list[int]]:
    return {name: ((label_N >> bit) & 1).tolist() for bit, name in enumerate(MODALITIES)}


def split(seed: int, num: int, leak: bool = False) -> Labelled:
    rng = np.random.default_rng(seed)
    label_N = rng.integers(0, 8, num)
    features = {}
    for name, bits in factors(label_N).items():
        x_NF = rng.normal(size=(num, 12)).astype(np.float32)
        x_NF[:, 0] = 4 * np.array(bits) + 0.5 * x_NF[:, 0]
        features[name] = x_NF
    if leak:
        features["video"] = np.eye(8, dtype=np.float32)[label_N]
    return Labelled(features, label_N)


def table(leak: bool = False) -> Table:
    splits = {
        "train": split(0, 400, leak), "val": split(1, 100, leak), "test": split(2, 150, leak)
    }  # fmt: skip
    return make_table(CONFIG, splits, range(8), factors(splits["test"].label_N))


@pytest.fixture(scope="module")
def honest() -> Table:
    return table()


def test_fusion_beats_every_single_modality_where_each_knows_one_bit(honest: Table) -> None:
    assert honest.gain > 0.5
    assert honest.best_fusion not in MODALITIES


def test_single_modalities_stay_within_their_known_ceilings(honest: Table) -> None:
    for row in honest.rows[:3]:
        assert 0.2 < row.ceiling < 0.35
        assert row.mean <= row.limit
        assert not row.exceeds_ceiling


def test_a_modality_that_knows_more_than_its_factor_is_flagged() -> None:
    flagged = [row.name for row in table(leak=True).rows if row.exceeds_ceiling]
    assert flagged == ["video"]


def test_every_row_has_one_accuracy_a_seed_with_mean_and_spread(honest: Table) -> None:
    assert [row.name for row in honest.rows] == [
        *MODALITIES, "early_concat", "late_mean", "late_product", "late_weighted"
    ]  # fmt: skip
    for row in honest.rows:
        assert len(row.accuracies) == 3
        assert row.mean == pytest.approx(np.mean(row.accuracies))
        assert row.std == pytest.approx(np.std(row.accuracies, ddof=1))


def test_the_majority_baseline_answers_the_most_frequent_training_label(honest: Table) -> None:
    majority = np.bincount(split(0, 400).label_N).argmax()
    assert honest.majority == pytest.approx(np.mean(split(2, 150).label_N == majority))
    assert (honest.num_train, honest.num_val, honest.num_test) == (400, 100, 150)


def test_test_labels_have_no_influence_on_what_is_learned() -> None:
    splits = {"train": split(0, 400), "val": split(1, 100), "test": split(2, 150)}
    turned = splits | {"test": Labelled(splits["test"].features, 7 - splits["test"].label_N)}
    plain, other = (make_table(CONFIG, s, range(8), {}) for s in (splits, turned))
    assert plain.late_weights == other.late_weights
    assert other.rows[3].mean < 0.2 < plain.rows[3].mean


def test_without_factors_no_ceiling_is_claimed() -> None:
    splits = {"train": split(0, 60), "val": split(1, 40), "test": split(2, 40)}
    rows = make_table(FusionConfig(epochs=1), splits, range(8), {}).rows
    assert all(row.ceiling is None and not row.exceeds_ceiling for row in rows)


def test_the_table_is_plain_json(honest: Table) -> None:
    assert json.loads(json.dumps(honest.to_json()))["rows"][0]["name"] == "video"
