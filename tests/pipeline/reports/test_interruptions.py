import pytest

from pipeline.reports.build import collect
from pipeline.reports.curves import curves_section, series_of
from pipeline.reports.inputs import RunFiles, load_run_files
from pipeline.reports.interruptions import interruptions_section
from pipeline.reports.plots import C1, Marks, Series, line_chart
from pipeline.reports.workers import worker_rows


def test_the_table_says_what_happened_when_and_what_it_cost(read_only_material):
    section = interruptions_section(load_run_files(read_only_material.run_dir))
    (row,) = section.rows
    assert (row.what, row.step, row.lost_steps) == ("a worker was killed", 23, 3)
    assert (row.when, row.went_on, row.recovered) == ("25.0\u202fs", "step 20", "12.0\u202fs")
    assert row.utc == "1970-01-01 00:17:05 UTC"
    assert section.spans == [(20, 23)]


def test_where_the_time_went_adds_up_to_all_of_it(read_only_material):
    section = interruptions_section(load_run_files(read_only_material.run_dir))
    assert section.history.effective == pytest.approx(40 / 60)
    assert sum(share for _, share in section.shares) == pytest.approx(1)
    assert section.shares[0] == ("steps that count", pytest.approx(40 / 60))


def test_steps_done_again_are_held_against_what_was_lost(read_only_material):
    agreement = interruptions_section(load_run_files(read_only_material.run_dir)).agreement
    assert (agreement.num_steps, agreement.num_equal) == (3, 2)
    assert agreement.greatest == pytest.approx((9 - (4 / 23 + 1)) / 9)


def test_a_slow_worker_is_named(read_only_material):
    (line,) = interruptions_section(load_run_files(read_only_material.run_dir)).stragglers
    assert line.startswith("worker 1 on ") and "2.5 times" in line and line.endswith("phase data")


def test_a_skipped_step_is_told_with_its_reason_and_the_rows_to_suspect(read_only_material):
    (line,) = interruptions_section(load_run_files(read_only_material.run_dir)).skipped
    assert line.startswith("step 30: loss nan ")
    assert line.endswith("suspect: 100, 101, 102, 103, 104, 105, 106, 107 and 2 more")


def test_lost_work_is_drawn_and_shaded_and_a_run_without_any_has_neither(read_only_material):
    run = load_run_files(read_only_material.run_dir)
    section = interruptions_section(run)
    label = "lost, before it was done again"
    assert label in curves_section(run, section.spans).charts[0]
    undisturbed = RunFiles("x", training=run.training)
    assert label not in curves_section(undisturbed).charts[0]
    assert interruptions_section(undisturbed).rows == []


def test_a_chart_has_one_shape_more_for_each_loss_of_work():
    line = [Series("a", [0.0, 9.0], [1.0, 2.0], C1)]
    plain, marked = (
        line_chart("x", "y", line, marks=marks) for marks in (Marks(), Marks((2,), ((2, 4),)))
    )
    assert marked.count("<path") > plain.count("<path")


def test_charts_of_what_was_learned_and_of_the_machine_are_there(read_only_material):
    charts = curves_section(load_run_files(read_only_material.run_dir)).charts
    for title in ("Recall in the batch", "Mean logit of a pair", "Memory in GiB"):
        assert sum(title in chart for chart in charts) == 1, title


def test_a_long_curve_is_thinned_by_means_and_keeps_its_sum():
    rows = [{"step": step, "train/loss": float(step)} for step in range(1, 6001)]
    steps, values = series_of(rows, "train/loss")
    assert len(steps) == 2000 and values == steps
    assert (values[0], values[-1]) == (2.0, 5999.0)
    assert curves_section(RunFiles("x", training=rows)).steps_per_point == 3


def test_workers_are_listed_the_slowest_first(read_only_material):
    rows = worker_rows(load_run_files(read_only_material.run_dir))
    assert [(row["worker"], row["own_p50_s"]) for row in rows] == [("1", 1.5), ("0", 0.5)]
    assert rows[0]["rss_bytes"] == 2**30 and rows[0]["wait_p50_s"] is None


@pytest.mark.parametrize("value", [None, 3, [], [3], [{}], {"x": 1}])
def test_workers_of_a_foreign_type_are_as_good_as_missing(value):
    assert worker_rows(RunFiles("x", workers=[{"workers": value}])) in (
        [], worker_rows(RunFiles("x", workers=[{"workers": [{}]}])),
    )  # fmt: skip


def test_the_page_begins_with_the_effective_time_of_a_run_that_was_interrupted(read_only_material):
    tile = collect(read_only_material.run_dir, None, None).tiles[-1]
    assert (tile.label, tile.note) == (
        "Training steps",
        "of 40, effective training time 66.7\u202f%",
    )
