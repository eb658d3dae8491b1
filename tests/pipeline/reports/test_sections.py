import json
import shutil

import numpy as np
import pytest

from pipeline.reports.curves import curves_section
from pipeline.reports.frames import filmstrip, read_clip, spread
from pipeline.reports.fusion import fusion_section
from pipeline.reports.inputs import RunFiles, load_run_files
from pipeline.reports.intake import intake_section, load_manifest
from pipeline.reports.retrieval import retrieval_section
from pipeline.reports.sheets import choose_clips, sheets_section
from pipeline.reports.truth import Truth, load_truth


def test_intake_closes_the_books_and_counts_each_reason(read_only_material):
    manifest = load_manifest(read_only_material.shards_out)
    section = intake_section(
        load_run_files(read_only_material.run_dir), read_only_material.shards_out, manifest
    )
    assert (section.planned, section.num_clips, section.num_rejected_clips) == (7, 6, 1)
    assert (section.num_videos, section.num_videos_in, section.num_rejected_videos) == (3, 4, 1)
    assert section.hours == pytest.approx(6 * 3.2 / 3600)
    assert [(r.code, r.num_rows, r.num_clips) for r in section.reasons] == [
        ("C_DUPFRAMES", 1, 1),
        ("E_MOOV", 1, 0),
    ]
    assert section.splits == [("train", 2, 1), ("val", 2, 1), ("test", 2, 1)]
    assert [label for label, _, _ in section.alignment] == ["nearest window", "nearest 5"]


def test_sheets_take_different_videos_first_and_the_same_ones_each_time(read_only_material):
    manifest = load_manifest(read_only_material.shards_out)
    chosen = choose_clips(manifest, 5)
    assert len({row["video_id"] for row in chosen[:3]}) == 3
    assert len({row["key"] for row in chosen}) == 5
    assert chosen == choose_clips(manifest, 5)


def test_a_sheet_marks_the_bag_the_nearest_window_and_the_one_that_tells_of_the_step(
    read_only_material,
):
    section = sheets_section(
        load_run_files(read_only_material.run_dir),
        load_manifest(read_only_material.shards_out), load_truth(read_only_material.corpus),
    )  # fmt: skip
    sheet = next(s for s in section.sheets if s.video_id == "two" and s.start_s == 8.0)
    assert sheet.truth == "spin 1"
    assert [row.text for row in sheet.rows if row.nearest] == ["words 0"]
    assert sum(row.in_bag for row in sheet.rows) == 5
    assert [row.text for row in sheet.rows if row.right] == ["words 4", "words 0"]
    assert [row.start_s for row in sheet.rows] == sorted(row.start_s for row in sheet.rows)
    assert all(0 <= row.left <= row.left + row.width <= 100.001 for row in sheet.rows)
    assert len(sheet.strips) == 4


def test_curves_mark_where_training_went_on_and_the_floor_of_the_loss(read_only_material):
    section = curves_section(load_run_files(read_only_material.run_dir))
    assert section.resumed == [20]
    assert "ln 2" in section.charts[0]
    assert section.num_steps == 40
    once = RunFiles(
        "x",
        training=[{"step": 1, "train/loss": 1.0}],
        config={"objectives": {"mil_nce": {"positives_in_denominator": "once"}}},
    )
    assert "ln 2" not in curves_section(once).charts[0]
    hinge = RunFiles(
        "x", training=once.training, config={"objectives": {"contrastive": "max_margin"}}
    )
    assert "ln 2" not in curves_section(hinge).charts[0]
    assert "max-margin floor, 0" in curves_section(hinge).charts[0]


def test_figures_that_are_not_finite_are_left_out_of_the_curves():
    rows = [{"step": 1, "train/loss": float("nan")}, {"step": 2, "train/loss": 1.0}]
    assert curves_section(RunFiles("x", training=rows)).charts


def test_recall_of_checkpoints_that_were_measured_while_training_is_drawn():
    training = [{"step": step, "train/loss": 1.0} for step in range(1, 21)]
    beside = [
        {"step": 20, "by": "beside", "eval/t2v_r10": 0.25, "eval/chance_r10": 0.0625},
        {"step": 15, "by": "beside", "skipped": "a later checkpoint was due"},
        {"step": 10, "by": "beside", "eval/t2v_r10": 0.125, "eval/chance_r10": 0.0625},
    ]
    title = "R@10 of checkpoints"
    charts = curves_section(RunFiles("x", training=training, beside=beside)).charts
    assert sum(title in chart for chart in charts) == 1
    assert not any(
        title in chart for chart in curves_section(RunFiles("x", training=training)).charts
    )


def test_fusion_takes_means_from_metrics_and_finds_best_and_gain(read_only_material):
    run = load_run_files(read_only_material.run_dir)
    section = fusion_section(run)
    assert section.best_single.name == "video"
    assert section.best_fused.name == "early_concat"
    assert section.gain == pytest.approx(0.4712)
    assert [row.name for row in section.rows if row.best] == ["early_concat"]
    newer = RunFiles("x", fusion=run.fusion, evaluation={"eval/fusion_video_mean": 0.9})
    assert fusion_section(newer).best_single.mean == 0.9


def test_a_query_says_the_rank_of_its_first_right_clip(read_only_material):
    run = load_run_files(read_only_material.run_dir)
    (query,) = retrieval_section(run, read_only_material.shards_out, Truth()).queries
    assert query.first_right == 2
    assert [hit.right for hit in query.hits] == [False, True, False, False, False]
    assert all(hit.strip for hit in query.hits)


def test_clips_of_folders_that_were_mixed_in_are_drawn_and_those_of_others_are_not(
    read_only_material, tmp_path
):
    material = read_only_material
    (hit, *_) = load_run_files(material.run_dir).grid["queries"][0]["hits"]
    folders = [str(material.shards_out), str(tmp_path / "strange"), ""]
    shutil.copytree(material.shards_out, tmp_path / "strange")
    hits = [hit | {"folder": folder} for folder in folders]
    config = {"data": {"shards": str(tmp_path / "first"), "mix": [str(material.shards_out)]}}
    run = RunFiles("x", config=config, grid={"queries": [{"text": "a", "hits": hits}]})
    (query,) = retrieval_section(run, str(tmp_path / "first"), Truth()).queries
    assert [hit.strip is not None for hit in query.hits] == [True, False, False]


@pytest.mark.parametrize("shard", ["../shards/000000-00.tar", "/etc/passwd", "", "..", "a/b.tar"])
def test_a_grid_cannot_point_outside_the_shards(read_only_material, shard):
    row = json.loads((read_only_material.run_dir / "evaluation" / "grid.json").read_text())
    hit = row["queries"][0]["hits"][0]
    out, offset, length = str(read_only_material.shards_out), hit["offset"], hit["length"]
    assert read_clip(out, hit["shard"], offset, length) is not None
    assert read_clip(out, shard, offset, length) is None


def test_a_filmstrip_is_a_jpeg_no_wider_than_asked_for():
    frames_THWC = np.zeros((32, 180, 320, 3), np.uint8)
    assert filmstrip(frames_THWC, spread(32, 8), 80).startswith("data:image/jpeg;base64,/9j/")
    assert spread(32, 8) == [2, 6, 10, 14, 18, 22, 26, 30]
    assert spread(1, 3) == [0, 0, 0]
