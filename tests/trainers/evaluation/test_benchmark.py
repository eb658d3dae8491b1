"""Retrieval by published protocols on little shards."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import top_k_accuracy_score

from configs.probes import BenchmarkConfig
from shards.manifest import Manifest
from trainers.evaluation.benchmark import measure_benchmark
from trainers.evaluation.clips import list_clips
from trainers.evaluation.team import Team

WORDS = ("chop the leek", "stir the pot", "fry the egg", "rinse the rice")
HEADING = "end,start,task,text,video_id"


@pytest.fixture
def youcook(tmp_path: Path, make_listed) -> BenchmarkConfig:
    """Twelve rows of three windows; of one row no clip is there, of one only two windows."""
    rows, starts_s = [HEADING], {}
    for number in range(12):
        start_s = 10.0 * number
        rows.append(f"{start_s + 8},{start_s},7,{WORDS[number % 4]} {number},abc")
        starts_s[f"abc/{start_s}-{start_s + 8}"] = [start_s, start_s + 2.2, start_s + 4.4]
    del starts_s["abc/110.0-118.0"]
    starts_s["abc/20.0-28.0"].pop()
    listing = tmp_path / "validation.csv"
    listing.write_text("\n".join(rows) + "\n")
    shards = make_listed(tmp_path / "youcook", starts_s)
    return BenchmarkConfig(listing=str(listing), shards=str(shards), windows=3)


def test_rows_are_means_of_windows_that_are_not_normalised(
    youcook: BenchmarkConfig, team: Team
) -> None:
    found = measure_benchmark(youcook, team)
    clips = list_clips(Manifest.load(youcook.shards))
    embedding_ND = team.looks(clips).embedding
    names = list(dict.fromkeys(clip.video_id for clip in clips))
    names.sort(key=lambda name: float(name.split("/")[1].split("-")[0]))
    mean_QD = np.stack(
        [embedding_ND[[clip.video_id == name for clip in clips]].mean(axis=0) for name in names]
    )
    texts = [f"{WORDS[number % 4]} {number}" for number in range(11)]
    scores_QQ = team.texts(texts, 30) @ mean_QD.T
    for k in (1, 5, 10):
        expected = top_k_accuracy_score(np.arange(11), scores_QQ, k=k)
        assert found.figures[f"eval/youcook2_t2v_r{k}"] == pytest.approx(expected)
    assert found.figures["eval/youcook2_rows"] == 11


def test_what_is_missing_is_counted_and_told(
    youcook: BenchmarkConfig, team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    record = measure_benchmark(youcook, team).files["benchmark"]
    assert record["rows"] == 12
    assert (record["rows_missing"], record["missing"]) == (1, ["abc/110.0-118.0"])
    assert record["windows_lost"] == 1
    assert "1 of 12 rows" in caplog.text


def test_equal_sentences_have_one_right_row_each_and_ties_stand_before_it(
    tmp_path: Path, team: Team, make_listed
) -> None:
    listing = tmp_path / "msrvtt.csv"
    lines = [f"ret{n},msr{n},video{n},fry the egg" for n in range(4)]
    listing.write_text("key,vid_key,video_id,sentence\n" + "\n".join(lines) + "\n")
    shards = make_listed(tmp_path / "m", {f"video{n}": [0.0, 1.0] for n in range(4)})
    found = measure_benchmark(BenchmarkConfig(listing=str(listing), shards=str(shards)), team)
    assert sorted(found.files["benchmark"]["t2v_ranks"]) == [1, 2, 3, 4]
    assert found.figures["eval/msrvtt_v2t_r1"] == 0


def test_a_longer_sentence_is_kept_to_the_words_of_the_evaluation(team: Team) -> None:
    long = ["a b c d e f g h " + word for word in ("egg", "pot")]
    cut, whole = team.texts(long), team.texts(long, 30)
    assert cut[0] == pytest.approx(cut[1])
    assert not np.allclose(whole[0], whole[1])


def test_shards_of_something_else_are_refused(youcook: BenchmarkConfig, team: Team, little) -> None:
    config = youcook.model_copy(update={"shards": str(little.shards)})
    with pytest.raises(ValueError, match=r"abc/0\.0-8\.0.*weakvid benchmark"):
        measure_benchmark(config, team)


def test_a_listing_of_another_kind_is_refused(tmp_path: Path, team: Team) -> None:
    listing = tmp_path / "hmdb.csv"
    listing.write_text("video_id,label,split1\nv,run_test,1\n")
    with pytest.raises(ValueError, match="YouCook2 or MSR-VTT, got one of hmdb51"):
        measure_benchmark(BenchmarkConfig(listing=str(listing), shards="x"), team)
