"""What the verb `search` prints, and where it looks."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.cli import main
from pipeline.stages import search
from shards.features.folder import claim, seal, write_part
from shards.features.table import ABOUT, features_table
from trainers.embedding.search import NothingMeant, Searcher

RECALL = {
    "split": "test",
    "num_queries": 2,
    "num_clips": 2,
    "t2v": {"r1": 0.5, "r5": 1.0, "r10": 1.0, "medr": 1.5},
    "chance": {"r1": 0.5, "r5": 1.0, "r10": 1.0, "medr": 1.0},
}
CAPTIONS = ("[red]pour[/red] the milk\x1b[31m", "stir the pot", "fry the egg")


def write_embeddings(out: Path) -> None:
    import pyarrow as pa

    plan = {"schema": 1, "format": "parquet", "run": "runs/none", "step": 3, "shards": "nowhere"}
    plan["settings"] = {"recall_split": "test"}
    about = pa.Table.from_pylist(
        [
            {
                "key": f"{row:016x}_000000000",
                "video_id": f"v{row}",
                "split": "test" if row else "train",
                "t0_ms": 61_500 * row,
                "t1_ms": 61_500 * row + 3200,
                "caption": caption,
            }
            for row, caption in enumerate(CAPTIONS)
        ],
        schema=ABOUT,
    )
    points = np.array([[1.0, 0.0], [0.9, 0.5], [0.0, 1.0]], np.float32)
    claim(str(out), plan)
    table = features_table(about, {"embedding": points, "caption_embedding": points}, {})
    write_part(str(out), "a", plan, table, {"shard": "a.tar", "lost": []})
    seal(str(out), plan, ["a"], lambda whole: {"recall": RECALL})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run `real` in `runs`, below the folder that is worked in, with embeddings of its own."""

    def encode(self: Searcher, words: str) -> np.ndarray:
        if words == "":
            raise NothingMeant("words must be some that the run knows, got ''")
        return np.array([1.0, 0.1], np.float32)

    monkeypatch.setattr(Searcher, "encode", encode)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    write_embeddings(tmp_path / "runs/real/embeddings")
    return tmp_path


@pytest.mark.parametrize("where", ["real", "runs/real", "runs/real/embeddings"])
def test_a_run_by_name_or_folder_and_embeddings_are_searched(folder, where, capsys) -> None:
    assert main(["search", where, "milk is poured", "--top", "2"]) == 0
    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if "_000000000" in line]
    assert len(lines) == 2 and "v0" in lines[0] and "1.000" in lines[0] and "v1" in lines[1]
    assert " 1:01 " in lines[1] and "stir the pot" in lines[1]
    assert (
        "3 clips searched, exactly: recall@2 100.0 % against all scores, 2 held-out queries" in out
    )
    assert "R@1 50.0 %" in out and "among 2 of the test split" in out


def test_words_of_strangers_are_shown_and_not_obeyed(folder, capsys) -> None:
    assert main(["search", "real", "milk"]) == 0
    out = capsys.readouterr().out
    assert "[red]pour[/red] the milk" in out and "\x1b[31m" not in out


def test_clips_like_one_in_one_split_as_json(folder, capsys) -> None:
    key = f"{0:016x}_000000000"
    assert main(["search", "real", "--like", key, "--split", "test", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [hit["about"]["video_id"] for hit in found["hits"]] == ["v1", "v2"]
    assert found["index_recall"] == 1.0 and found["run_recall"] == RECALL


def test_what_cannot_be_searched_is_told_with_the_way_out(folder, capsys) -> None:
    assert main(["search", "nobody", "milk"]) == 2
    assert "weakvid embed --run.name nobody" in capsys.readouterr().err
    assert main(["search", "real", ""]) == 2
    assert "some that the run knows" in capsys.readouterr().err
    assert main(["search", "real", "--clip", "none.mp4"]) == 2
    assert main(["search", "real"]) == 2
    assert main(["search", "real", "milk", "--top", "0"]) == 2


def test_a_video_is_an_example_of_as_many_frames_as_the_clips_have(
    folder, little_shards, narrated, monkeypatch, capsys
) -> None:
    shapes = []
    manifest = folder / "runs/real/embeddings/embeddings.json"
    manifest.write_text(manifest.read_text().replace('"nowhere"', json.dumps(little_shards)))

    data = SimpleNamespace(resize=64)
    encoders = SimpleNamespace(job=SimpleNamespace(data=data))

    def by_frames(self: Searcher, frames_THWC: np.ndarray, count: int) -> list:
        shapes.append(frames_THWC.shape)
        return self._hits("cosine", np.array([0.0, 1.0]), count)

    monkeypatch.setattr(Searcher, "encoders", encoders)
    monkeypatch.setattr(Searcher, "by_frames", by_frames)
    video = sorted(narrated.rglob("*.mp4"))[0]
    assert main(["search", "real", "--clip", str(video), "--top", "1"]) == 0
    assert shapes[0][0] == 32 and min(shapes[0][1:3]) == 64 and shapes[0][3] == 3
    assert "v2" in capsys.readouterr().out
    assert search.collection_folder(str(folder / "runs/real")).endswith("embeddings")
