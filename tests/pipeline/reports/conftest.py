"""A small run with real shards and invented figures."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from shards.clipcodec import encode_clip
from shards.commit import BundleRecord, commit_bundle
from shards.fold import fold
from shards.manifest import Manifest
from shards.schema import Sample, Window
from shards.write import ShardWriter

FRAMES = 32
HOSTILE = "<script>alert(1)</script>{{7*7}}\x1b[31mred\x1b[0m \u202eevil $\\frac{x"
R10 = 0.7134567891234567
RELATIVE_ERROR = 0.7812345678901234


@dataclass(frozen=True)
class Material:
    run_dir: Path
    shards_out: Path
    corpus: Path


@pytest.fixture(scope="session")
def read_only_material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    made = material_in(tmp_path_factory.mktemp("report"))
    manifest = write_shards(made.shards_out)
    write_truth(made.corpus)
    write_run(made.run_dir, manifest)
    return made


@pytest.fixture
def material(read_only_material: Material, tmp_path: Path) -> Material:
    shutil.copytree(read_only_material.run_dir.parents[1], tmp_path / "copy")
    return material_in(tmp_path / "copy")


def material_in(folder: Path) -> Material:
    return Material(folder / "runs" / "tiny", folder / "shards", folder / "videos")


def write_shards(out: Path) -> Manifest:
    (out / "_tmp").mkdir(parents=True)
    writer = ShardWriter(str(out), "000000", max_bytes=2**29, max_samples=2000)
    for video, split in (("one", "train"), ("two", "test"), ("../three <b>", "val")):
        for start_s in (2.0, 8.0):
            writer.add(_sample(video, start_s), split)
    planned = {"one": 3, "two": 2, "../three <b>": 2, HOSTILE: 0}
    rejects = [
        _reject("one", "C_DUPFRAMES", clips=1, t0_s=20.0),
        _reject(HOSTILE, "E_MOOV", clips=0),
    ]
    commit_bundle(str(out), BundleRecord("000000", "f", planned, writer.finish(), rejects))
    return fold(str(out), ["000000"])


def write_truth(corpus: Path) -> None:
    steps = [
        {"video_id": "two", "start_s": s, "end_s": s + 6, "sentence": f"spin {n}", "step": n}
        for n, s in enumerate((0.0, 6.0))
    ]
    cues = [{"video_id": "two", "start_s": 8.0, "end_s": 10.0, "text": "spin it", "step": 1}]
    write_jsonl(corpus / "truth" / "steps.jsonl", steps)
    write_jsonl(corpus / "truth" / "cues.jsonl", cues)


def write_run(run_dir: Path, manifest: Manifest) -> None:
    lines: list[dict] = [
        {
            "step": step, "train/loss": 4 / step + 1, "train/mil_nce": 3 / step + 0.7,
            "train/cyclic": 1 / step, "train/lr": 1e-3 / step, "train/grad_norm": 2.0 / step,
            "train/clips_per_s": 40.0, "train/data_wait": 0.01, "train/step_s": 1.0,
            "train/recall_at_1": 0.1, "train/positive_logit": 2.0, "memory/rss_bytes": 2**30,
        }
        for step in range(1, 41)
    ]  # fmt: skip
    lines.append({"step": 40, "val/loss": 2.0, "val/cyclic_relative_error": RELATIVE_ERROR})
    write_jsonl(run_dir / "metrics.jsonl", lines)
    write_jsonl(run_dir / "evaluations.jsonl", [{"step": 40, "by": "evaluate", **evaluation()}])
    write_jsonl(
        run_dir / "attempts.jsonl",
        [
            {"attempt": 1, "event": "begin", "unix_s": 1000.0},
            {"attempt": 1, "event": "resume", "from_step": 0, "unix_s": 1001.0},
            {"attempt": 1, "event": "end", "step": 20, "unix_s": 1025.0, "kind": "killed",
             "error": f"worker 1: {HOSTILE}"},
            {"attempt": 2, "event": "resume", "from_step": 20, "unix_s": 1030.0,
             "lost_steps": [21, 22, 23]},
            {"attempt": 2, "event": "stepping", "step": 21, "unix_s": 1037.0},
            {"attempt": 2, "event": "straggler", "step": 40, "unix_s": 1050.0, "worker": 1,
             "node": HOSTILE, "phase": "data", "ratio": 2.5},
            {"attempt": 2, "event": "skipped", "step": 30, "unix_s": 1045.0,
             "reason": f"loss nan {HOSTILE}", "rows": list(range(100, 110))},
            {"attempt": 2, "event": "end", "step": 40, "unix_s": 1060.0, "kind": "finished"},
        ],
    )  # fmt: skip
    lost = [line | {"from_step": 20} for line in lines[20:23]]
    write_jsonl(run_dir / "lost.jsonl", [*lost[:2], lost[2] | {"train/loss": 9.0}])
    rows = [
        {"worker": n, "node": HOSTILE, "own_p50_s": 0.5 + n, "step_p50_s": 1.6, "rss_bytes": 2**30}
        for n in (0, 1)
    ]
    write_jsonl(run_dir / "workers.jsonl", [{"step": 40, "unix_s": 1059.0, "workers": rows}])
    (run_dir / "config.yaml").write_text("run: {name: tiny}\ntraining: {steps: 40}\n")
    write_json(run_dir / "env.json", {"versions": {"torch": "2.13.0"}, "note": HOSTILE})
    write_evaluation(run_dir / "evaluation", manifest)


def write_evaluation(folder: Path, manifest: Manifest) -> None:
    write_json(
        folder / "alignment.json",
        {"clips": 6, "nearest_right": 0.3456, "right_within_k": {"1": 0.3456, "5": 0.8}},
    )
    fusion = {"rows": fusion_rows(), "chance": 0.1, "majority": 0.12, "seeds": [0, 1, 2]}
    write_json(folder / "fusion.json", fusion | {"classes": list(range(10))})
    rows = manifest.samples.to_pylist()[:5]
    hits = [
        {k: row[k] for k in ("key", "shard", "offset", "length")}
        | {"rank": place, "score": 1 / place, "right": place == 2}
        for place, row in enumerate(rows, start=1)
    ]
    write_json(folder / "grid.json", {"queries": [{"text": HOSTILE, "hits": hits}]})


def evaluation() -> dict[str, float]:
    shares = {"r1": 0.2, "r5": 0.5, "r10": R10}
    figures = {f"eval/t2v_{k}": v for k, v in shares.items()}
    figures |= {f"eval/v2t_{k}": v / 2 for k, v in shares.items()}
    figures |= {"eval/chance_r1": 0.01, "eval/chance_r5": 0.05, "eval/chance_r10": 0.0912345}
    figures |= {"eval/t2v_medr": 5.0, "eval/v2t_medr": 6.0, "eval/num_queries": 150}
    return figures | {"eval/fusion_video_mean": 0.31, "eval/fusion_early_concat_mean": 0.7812}


def fusion_rows() -> list[dict]:
    return [
        {"name": "video", "kind": "unimodal", "mean": 0.31, "std": 0.01, "ceiling": 0.333,
         "accuracies": [0.3, 0.31, 0.32]},
        {"name": "early_concat", "kind": "early", "mean": 0.7812, "std": 0.02},
    ]  # fmt: skip


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def write_jsonl(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _sample(video: str, start_s: float) -> Sample:
    ramp_T = np.linspace(0, 255, FRAMES).astype(np.uint8)
    frames_THWC = np.broadcast_to(ramp_T[:, None, None, None], (FRAMES, 48, 64, 3))
    windows = tuple(
        Window(i, start_s + d, start_s + d + 2, f"{HOSTILE} {i}" if i == 1 else f"words {i}")
        for i, d in enumerate((0.5, 3.0, -2.0, 5.0, -1.0, 8.0))
    )
    meta = {
        "video_id": video, "t0_s": start_s, "t1_s": start_s + 3.2, "fps": 10, "n": FRAMES,
        "flags": ["W_ROT"], "src": {"bytes": 1, "sha256": video},
    }  # fmt: skip
    return Sample(meta, encode_clip(frames_THWC, 10, 23), windows[0].text, windows)


def _reject(video: str, code: str, clips: int, t0_s: float | None = None) -> dict:
    row = {"video_id": video, "code": code, "stage": "decode", "detail": HOSTILE, "clips": clips,
           "bundle": "000000", "attempt": 0, "source": "x.mp4"}  # fmt: skip
    return row if t0_s is None else row | {"t0_s": t0_s}
