"""A linear probe in the layout of HMDB51."""

import os
from pathlib import Path

import av
import numpy as np
import pytest
from sklearn.svm import LinearSVC

from configs.probes import ProbeConfig
from shards.clipcodec import encode_clip
from shards.commit import BundleRecord, commit_bundle
from shards.fold import fold
from shards.schema import Sample
from shards.write import ShardWriter
from trainers.evaluation.listings import Row
from trainers.evaluation.probe import measure_probe, probe_split
from trainers.evaluation.team import Team

SIGNS = Path(os.environ.get("WEAKVID_TEST_DATA", "../shared/data")) / "signs"


def cloud(seed: int, videos: int, windows: int, classes: int) -> tuple[list, list[Row]]:
    """Return features of noisy classes, and rows in two splits that are each other's reverse."""
    rng = np.random.default_rng(seed)
    centre_CF = rng.normal(size=(classes, 12))
    rows, features = [], []
    for video in range(videos):
        label = video % classes
        side = 1 + (video // classes) % 2
        rows.append(Row(f"v{video}", f"v{video}", f"class{label}", splits=(side, 3 - side)))
        noise_NF = rng.normal(size=(windows, 12)) + 0.8 * rng.normal(size=12)
        features.append((centre_CF[label] + noise_NF).astype(np.float32))
    return features, rows


@pytest.mark.parametrize("classes", [2, 5])
def test_accuracy_is_that_of_the_published_program(classes: int) -> None:
    features, rows = cloud(0, 40, 4, classes)
    names = sorted({row.text for row in rows})
    result = probe_split(features, rows, names, 0, 100.0)
    label_V = np.array([names.index(row.text) for row in rows])
    side_V = np.array([row.splits[0] for row in rows])
    feature_VNF = np.stack(features)
    classifier = LinearSVC(C=100.0, random_state=0)
    classifier.fit(feature_VNF[side_V == 1].reshape(-1, 12), label_V[side_V == 1].repeat(4))
    decision = classifier.decision_function(feature_VNF[side_V == 2].reshape(-1, 12))
    decision_VNC = decision.reshape(int((side_V == 2).sum()), 4, -1)
    if classes == 2:
        decision_VNC = np.concatenate([-decision_VNC, decision_VNC], axis=-1)
    predicted_V = decision_VNC.sum(axis=1).argmax(axis=1)
    assert result.accuracy == np.mean(predicted_V == label_V[side_V == 2])
    assert result.accuracy > 1 / classes
    assert (result.num_train, result.num_test) == (20, 20)


def test_the_figure_is_the_mean_over_splits_and_missing_videos_are_told(
    tmp_path: Path, team: Team, make_listed
) -> None:
    videos = {f"v{n}.avi": [0.0, 1.0] for n in range(12)}
    listing = tmp_path / "hmdb.csv"
    rows = [f"v{n}.avi,{'ab'[n % 2]}_test,{1 + n // 6 % 2},{1 + n % 6 // 3}" for n in range(13)]
    listing.write_text("video_id,label,split1,split2\n" + "\n".join(rows) + "\n")
    shards = make_listed(tmp_path / "s", videos)
    found = measure_probe(ProbeConfig(listing=str(listing), shards=str(shards)), team)
    record = found.files["probe"]
    assert found.figures["eval/probe_accuracy"] == pytest.approx(
        np.mean([split["accuracy"] for split in record["splits"]])
    )
    assert found.figures["eval/probe_chance"] == 0.5
    assert (record["rows_missing"], record["windows"]) == (1, 24)
    assert [split["num_test"] for split in record["splits"]] == [6, 6]


def test_a_split_that_cannot_be_fitted_is_refused(tmp_path: Path, team: Team, make_listed) -> None:
    listing = tmp_path / "hmdb.csv"
    listing.write_text("video_id,label,split1\nv0,a_test,1\nv1,b_test,2\n")
    shards = make_listed(tmp_path / "s", {"v0": [0.0], "v1": [0.0]})
    with pytest.raises(ValueError, match="two classes to train on .* got 1 and 1"):
        measure_probe(ProbeConfig(listing=str(listing), shards=str(shards)), team)


@pytest.mark.skipif(not SIGNS.is_dir(), reason=f"test material: {SIGNS} is not there")
def test_signs_are_told_apart_by_the_features_of_fresh_weights(tmp_path: Path, team: Team) -> None:
    """Of each of 20 signs the first half is trained on, the second half tested, and reversed."""
    halves = {
        f"{path.stem}/{half}": frames
        for path in sorted(SIGNS.glob("*.mkv"))
        for half, frames in enumerate(np.array_split(decode(path), 2))
    }
    listing = tmp_path / "signs.csv"
    rows = [
        f"{name},{name.split('/')[0]}_test,{1 + int(name[-1])},{2 - int(name[-1])}"
        for name in halves
    ]
    listing.write_text("video_id,label,split1,split2\n" + "\n".join(rows) + "\n")
    shards = write_halves(tmp_path / "signs", halves)
    found = measure_probe(ProbeConfig(listing=str(listing), shards=str(shards)), team)
    record = found.files["probe"]
    assert (record["classes"], record["rows_missing"]) == (20, 0)
    assert found.figures["eval/probe_accuracy"] > 2 * found.figures["eval/probe_chance"]


def decode(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack(
            [frame.reformat(80, 60, "rgb24").to_ndarray() for frame in container.decode(video=0)]
        )


def write_halves(out: Path, halves: dict[str, np.ndarray]) -> Path:
    """Write two windows of 8 frames of each half."""
    out.mkdir()
    planned = {}
    with ShardWriter(str(out), "000000", max_bytes=2**26, max_samples=1000) as writer:
        for name, frames_NHWC in halves.items():
            starts = sorted(set(np.linspace(0, len(frames_NHWC) - 8, 2).astype(int).tolist()))
            planned[name] = len(starts)
            for start in starts:
                t0_s = round(start / 30, 3)
                meta = {"video_id": name, "t0_s": t0_s, "t1_s": round(t0_s + 8 / 30, 3), "n": 8}
                clip = encode_clip(frames_NHWC[start : start + 8], fps=30, crf=18)
                writer.add(Sample(meta, clip, "", ()), "train")
        parts = writer.finish()
    commit_bundle(str(out), BundleRecord("000000", "f", planned, parts))
    fold(str(out), ["000000"])
    return out
