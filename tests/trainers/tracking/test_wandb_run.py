"""Weights & Biases offline: the real package writes its file, and this reads it back."""

import json
import struct
import time

import pytest

from trainers.loop.metrics import cut_back
from trainers.tracking import follow as tracking

pytest.importorskip("wandb", reason="needs the extra wandb")

BLOCK = 32768


def records(path):
    """Yield the records of a W&B file: a header, then LevelDB's log format."""
    data, place, parts = path.read_bytes(), 7, b""
    assert data[:4] == b":W&B"
    while place + 7 <= len(data):
        if BLOCK - place % BLOCK < 7:
            place += BLOCK - place % BLOCK
            continue
        _, size, kind = struct.unpack("<IHB", data[place : place + 7])
        parts += data[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""


def history(run_dir):
    from wandb.proto.wandb_internal_pb2 import Record

    found = []
    for path in sorted(run_dir.glob("wandb/offline-run-*/run-*.wandb")):
        for data in records(path):
            record = Record.FromString(data)
            if record.WhichOneof("record_type") == "history":
                row = {
                    (item.key or ".".join(item.nested_key)): json.loads(item.value_json)
                    for item in record.history.item
                }
                found.append({key: row[key] for key in row if not key.startswith("_")})
    return found


def history_of(run_dir, num_rows):
    """The package's own process flushes its file a moment after the run's end."""
    for _ in range(600):
        if len(rows := history(run_dir)) >= num_rows:
            break
        time.sleep(0.1)
    return rows


def test_an_offline_run_holds_each_line_once_over_two_attempts(
    make_job, tmp_path, monkeypatch, write, follow
):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    # A busy machine imports the package for longer than a run would wait at its end.
    monkeypatch.setattr(tracking, "CLOSE_S", 200.0)
    job = make_job()
    offline = job.tracking.model_copy(update={"wandb": "offline"})
    job = job.model_copy(update={"tracking": offline})
    path = tmp_path / "metrics.jsonl"
    write(path, [1, 2, 3])
    follow(job, path)
    # The package names its folder by the second; attempts of a real run are further apart.
    time.sleep(1.1)
    cut_back(path, 2)
    write(path, [3, 4])
    follow(job, path)
    rows = history_of(tmp_path, 4)
    assert rows == [{"step": s, "train/loss": 1 / s, "train/lr": 0.1} for s in (1, 2, 3, 4)]
    # One run there, however often it was taken up: the id is the run's own.
    identity = (tmp_path / "tracked-as").read_text()
    files = list(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))
    assert len(files) == 2 and {file.name for file in files} == {f"run-{identity}.wandb"}
