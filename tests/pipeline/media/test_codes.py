"""Every code that the source can give is explained, and every code that is explained exists."""

import re

import pytest

from pipeline.reports.codes import FLAGS, MEANINGS

_IN_SOURCE = re.compile(r'"([EW]_[A-Z0-9]+)"')
_IN_DOCS = re.compile(r"`([EW]_[A-Z0-9]+)`")


@pytest.fixture(scope="module")
def used(root):
    files = [
        path
        for package in ("pipeline", "shards")
        for path in (root / package).rglob("*.py")
        if path.name != "codes.py"
    ]
    return {code for path in files for code in _IN_SOURCE.findall(path.read_text())}


def test_docs_explain_exactly_the_codes_in_use(root, used):
    explained = set(_IN_DOCS.findall((root / "docs" / "rejects.md").read_text()))
    assert used - explained == set(), "in the source, not in docs/rejects.md"
    assert explained - used == set(), "in docs/rejects.md, not in the source"


def test_reports_explain_the_codes_in_use(used):
    assert used - {*MEANINGS, *FLAGS} == set()
