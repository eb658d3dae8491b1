"""A folder of features: planned, committed part by part, sealed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shards.features.folder import Collection, claim, committed, seal, write_part

NAMES = ("000000-00", "000001-00")


@pytest.fixture
def fill(tables: Callable) -> Callable[[Path, dict], None]:
    """What writes a whole folder of two parts."""

    def write(out: Path, plan: dict) -> None:
        claim(str(out), plan)
        for number, name in enumerate(NAMES):
            about = {"shard": f"{name}.tar", "lost": [{"key": "k", "why": "cut"}] if number else []}
            write_part(str(out), name, plan, tables(4 * number), about)
        seal(str(out), plan, NAMES, lambda whole: {"columns": sorted(whole.widths)})

    return write


@pytest.mark.parametrize("kind", ["parquet", "webdataset"])
def test_all_parts_are_read_as_one_table(
    tmp_path: Path, kind: str, fill: Callable, plan: dict
) -> None:
    fill(tmp_path, plan | {"format": kind})
    collection = Collection.load(str(tmp_path))
    assert collection.widths == {"embedding": 3, "audio": 2}
    assert collection.manifest["columns"] == ["audio", "embedding"]
    assert (collection.manifest["rows"], collection.manifest["lost"]) == (8, 1)
    assert collection.table(["caption"])["caption"].to_pylist()[5] == "step 5"
    x_NC, there_N = collection.vectors("audio")
    assert x_NC[:, 0].tolist() == [0, 0, 2, 3, 4, 5, 6, 7] and there_N.sum() == 7


def test_whoever_goes_on_after_a_crash_writes_the_same_bytes(
    tmp_path: Path, fill: Callable, plan: dict, tables: Callable
) -> None:
    whole, other = tmp_path / "whole", tmp_path / "other"
    fill(whole, plan)
    claim(str(other), plan)
    write_part(str(other), "000000-00", plan, tables(), {"shard": "000000-00.tar", "lost": []})
    (other / "000001-00.parquet").write_bytes(b"a part without a record")
    assert committed(str(other)) == {"000000-00"}
    fill(other, plan)
    files = sorted(path.name for path in whole.iterdir() if path.is_file())
    assert "embeddings.json" in files
    assert [(other / name).read_bytes() for name in files] == [
        (whole / name).read_bytes() for name in files
    ]


def test_another_plan_is_refused_with_what_differs(tmp_path: Path, plan: dict) -> None:
    claim(str(tmp_path), plan)
    claim(str(tmp_path), plan)
    with pytest.raises(ValueError, match="step: 7 there, 8 now"):
        claim(str(tmp_path), plan | {"step": 8})


def test_a_folder_is_read_only_when_all_its_parts_are_there(tmp_path: Path, plan: dict) -> None:
    with pytest.raises(ValueError, match="`weakvid embed` makes one"):
        Collection.load(str(tmp_path))
    claim(str(tmp_path), plan)
    with pytest.raises(ValueError, match="goes on"):
        Collection.load(str(tmp_path))
    with pytest.raises(ValueError, match="got none of 000000-00"):
        seal(str(tmp_path), plan, ["000000-00"], lambda whole: {})
    (tmp_path / "embeddings.json").write_text('{"schema": 2}')
    with pytest.raises(ValueError, match="schema 1"):
        Collection.load(str(tmp_path))
