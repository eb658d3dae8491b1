import json

import pytest

from pipeline.reports.build import write_report
from pipeline.reports.published import published_rows

FILES = {
    "benchmark": {
        "layout": "youcook2",
        "t2v": {"r10": 0.25},
        "chance": {"r10": 0.003},
        "rows": 3350,
        "rows_missing": 50,
    },
    "probe": {
        "accuracy": 0.4375,
        "classes": 51,
        "splits": [{}, {}, {}],
        "rows": 9,
        "rows_missing": 0,
    },
    "steps": {"recall_in_order": 0.3, "recall_any_order": 0.35, "videos": 7, "tasks": 18},
}


def test_each_protocol_is_a_row_with_chance_and_what_was_counted():
    ranked, probed, localised = published_rows(FILES)
    assert (ranked.name, ranked.value, ranked.chance) == ("YouCook2", 0.25, 0.003)
    assert ranked.counted == "3300 of 3350 rows"
    assert "51.2 %" in ranked.published
    assert probed.chance == pytest.approx(1 / 51)
    assert "mean of 3 splits" in probed.figure
    assert "in any order 35.0 %" in localised.figure
    assert localised.counted == "7 videos of 18 tasks"


@pytest.mark.parametrize("value", [None, 3, "x", [], {}])
def test_what_was_skipped_or_is_foreign_is_no_row(value):
    skipped = {"skipped": "evaluation.probe.listing is empty"}
    assert published_rows({"probe": skipped}) == []
    foreign = {
        "benchmark": {"layout": value, "t2v": value, "chance": value},
        "probe": {"accuracy": value if not isinstance(value, int) else None},
        "steps": {"recall_in_order": value if not isinstance(value, int) else None},
    }
    assert published_rows(foreign) == []


def test_the_report_shows_them(tmp_path):
    folder = tmp_path / "run" / "evaluation"
    folder.mkdir(parents=True)
    for name, record in FILES.items():
        (folder / f"{name}.json").write_text(json.dumps(record))
    page = write_report(tmp_path / "run", None, None).read_text()
    for text in ("Published protocols", "43.8\u202f%", "3300 of 3350 rows", "CrossTask"):
        assert text in page
