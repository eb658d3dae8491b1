"""The whole evaluation on a little run."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from configs.runs import EvaluateJob
from shards.read import read_sample_at
from trainers.evaluation.record import read_evaluations
from trainers.evaluation.run import evaluate_run
from trainers.tasks.features import load as features_task


@pytest.fixture(scope="module")
def evaluated(little) -> dict[str, float]:
    job = little.job(
        retrieval={"queries": str(little.steps), "grid_queries": 3},
        fusion={"labels": str(little.steps), "epochs": 2},
        cues=str(little.cues),
    )
    evaluate_run(job)
    return evaluate_run(job)


def load(little, name: str) -> dict:
    return json.loads((little.run_dir / "evaluation" / name).read_text())


def test_figures_have_the_names_that_the_report_reads(evaluated: dict[str, float]) -> None:
    for direction in ("t2v", "v2t", "chance"):
        for measure in ("r1", "r5", "r10", "medr"):
            assert math.isfinite(evaluated[f"eval/{direction}_{measure}"])
    assert evaluated["eval/num_queries"] == evaluated["eval/num_clips"] == 12
    for row in ("video", "audio", "text", "early_concat", "late_mean", "late_product"):
        assert 0 <= evaluated[f"eval/fusion_{row}_mean"] <= 1
    for missing in ("video", "audio", "text"):
        assert 0 <= evaluated[f"eval/absent_without_{missing}_mean"] <= 1


def test_the_features_are_a_task_with_the_labels_of_the_fusion_table(
    little, evaluated: dict[str, float]
) -> None:
    task, fusion = features_task(little.run_dir / "evaluation"), load(little, "fusion.json")
    assert list(task.classes) == [str(name) for name in fusion["classes"]]
    test = task.splits["test"]
    assert (len(test.ids), len(task.splits["train"].ids)) == (
        fusion["num_test"],
        fusion["num_train"],
    )
    assert set(test.modalities) == {"video", "audio", "text"}
    with np.load(little.run_dir / "evaluation" / "features_test.npz") as file:
        row = file["keys"].tolist().index(test.ids[0])
        assert np.array_equal(test.modalities["audio"].values_NTC[0, 0], file["audio"][row])


def test_the_log_of_the_training_stays_as_it_is_and_the_newest_figures_count(
    little, evaluated: dict[str, float]
) -> None:
    assert (little.run_dir / "metrics.jsonl").read_text() == '{"step": 7, "train/loss": 1.25}\n'
    lines = read_evaluations(little.run_dir / "evaluations.jsonl", "evaluate")
    assert lines == [{"step": 7, "by": "evaluate", **evaluated}]


def test_evaluating_twice_gives_the_same_figures(little, evaluated: dict[str, float]) -> None:
    before = (little.run_dir / "evaluation" / "retrieval.json").read_bytes()
    job = little.job(retrieval={"queries": str(little.steps)}, batch=12)
    again = evaluate_run(job)
    assert all(again[name] == evaluated[name] for name in again)
    assert (little.run_dir / "evaluation" / "retrieval.json").read_bytes() == before


def test_recall_is_that_of_the_ranks_and_equal_sentences_are_all_right(
    little, evaluated: dict[str, float]
) -> None:
    retrieval = load(little, "retrieval.json")
    assert np.mean(np.array(retrieval["t2v_ranks"]) <= 5) == evaluated["eval/t2v_r5"]
    assert retrieval["num_different_sentences"] == 4
    # Twelve clips show the four sentences 3, 2, 3 and 4 times; each clip asks once.
    expected = sum(n * (1 - math.comb(12 - n, 5) / math.comb(12, 5)) for n in (3, 2, 3, 4)) / 12
    assert evaluated["eval/chance_r5"] == pytest.approx(expected)


def test_the_grid_leads_to_the_clips(little, evaluated: dict[str, float]) -> None:
    evaluate_run(little.job(retrieval={"queries": str(little.steps), "grid_queries": 3}))
    queries = load(little, "grid.json")["queries"]
    assert len(queries) == 3
    for query in queries:
        assert [hit["rank"] for hit in query["hits"]] == [1, 2, 3, 4, 5]
        scores = [hit["score"] for hit in query["hits"]]
        assert scores == sorted(scores, reverse=True)
        for hit in query["hits"]:
            path = str(little.shards / hit["shard"])
            assert read_sample_at(path, hit["offset"], hit["length"]).key == hit["key"]


def test_alignment_is_counted_against_the_true_cues(little) -> None:
    evaluate_run(little.job(retrieval={"queries": str(little.steps)}, cues=str(little.cues)))
    counted = load(little, "alignment.json")
    # Cue 2 k describes step 2 k - 1, cue 2 k + 1 its own: odd clips have the right one nearest.
    assert counted["clips"] == 12
    assert counted["nearest_right"] == pytest.approx(0.5)
    assert counted["right_within_k"]["3"] == pytest.approx(0.5)


def test_the_mass_on_right_windows_is_weighed_on_the_ranked_clips(little) -> None:
    queries = {"queries": str(little.steps)}
    figures = evaluate_run(little.job(retrieval=queries, cues=str(little.cues)))
    assert 0 < figures["eval/bag_clips"] <= 12
    assert 0 < figures["eval/bag_mass"] < 1
    assert 0 < figures["eval/bag_uniform"] < 1
    assert "eval/bag_mass" not in evaluate_run(little.job(retrieval=queries))


def test_without_truth_the_nearest_window_asks_and_fusion_says_why_it_is_left_out(
    little, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = evaluate_run(little.job())
    assert figures["eval/num_queries"] == 12
    assert not any("fusion" in name for name in figures)
    for name in ("fusion.json", "absent.json", "labels.json"):
        assert "evaluation.fusion.labels" in load(little, name)["skipped"]
    assert "evaluation.cues" in load(little, "alignment.json")["skipped"]


def test_features_hold_every_clip_of_their_split_and_old_ones_go(little) -> None:
    out = little.run_dir / "evaluation"
    evaluate_run(little.job(fusion={"labels": str(little.steps), "epochs": 1}))
    for split, num in (("train", 24), ("val", 12), ("test", 12)):
        features = dict(np.load(out / f"features_{split}.npz"))
        assert len(set(features["keys"])) == num
        assert {len(features[name]) for name in ("embedding", "video", "audio", "text")} == {num}
    evaluate_run(little.job())
    assert sorted(path.name for path in out.glob("*.npz")) == ["features_test.npz"]


def test_an_empty_test_split_names_the_settings(without_test_split) -> None:
    with pytest.raises(ValueError, match=r"shards\.test_share.*retrieval\.split.*'train', 'val'"):
        evaluate_run(without_test_split.job())
    assert evaluate_run(without_test_split.job(retrieval={"split": "val"}))["eval/num_clips"] == 12
    with pytest.raises(ValueError, match="none of test"):
        evaluate_run(
            without_test_split.job(
                retrieval={"split": "val"}, fusion={"labels": str(without_test_split.steps)}
            )
        )


def test_a_run_without_a_checkpoint_is_an_error(little, tmp_path: Path) -> None:
    (tmp_path / "little").mkdir()
    job = EvaluateJob.model_validate({"run": {"name": "little", "root": str(tmp_path)}})
    with pytest.raises(ValueError, match="checkpoint"):
        evaluate_run(job)


def test_shards_that_changed_since_training_are_warned_of(
    without_test_split, little, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(without_test_split.shards)
    shutil.copytree(little.shards, without_test_split.shards)
    evaluate_run(without_test_split.job())
    assert "may have been trained on" in caplog.text


def test_without_its_own_shards_a_run_is_measured_by_published_protocols_only(
    without_test_split, tmp_path: Path, make_listed
) -> None:
    world = without_test_split
    shutil.rmtree(world.shards)
    listing = tmp_path / "msrvtt.csv"
    listing.write_text("key,vid_key,video_id,sentence\nr,m,video1,fry\nr,m,video2,stir\n")
    shards = make_listed(tmp_path / "m", {"video1": [0.0], "video2": [0.0]})
    benchmark = {"listing": str(listing), "shards": str(shards)}
    figures = evaluate_run(world.job(own_shards=False, benchmark=benchmark))
    assert figures["eval/msrvtt_rows"] == 2
    assert not any(name.startswith("eval/t2v") for name in figures)
    assert "own_shards" in load(world, "retrieval.json")["skipped"]
    assert "probe.listing" in load(world, "probe.json")["skipped"]


def test_a_checkpoint_may_be_chosen_by_its_step_and_one_that_is_not_there_is_refused(little):
    job = little.job()
    evaluate_run(job.model_copy(update={"checkpoint": "7"}))
    assert load(little, "retrieval.json")["step"] == 7
    for which, why in (("8", "there are 7"), ("best", "must be known")):
        with pytest.raises(ValueError, match=why):
            evaluate_run(job.model_copy(update={"checkpoint": which}))
