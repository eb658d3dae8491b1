"""What docs/inspecting.md says to type, typed."""

import re

import pytest

from pipeline.verbs import EXAMPLES, SUMMARIES


@pytest.fixture(scope="module")
def page(root) -> str:
    return (root / "docs" / "inspecting.md").read_text()


def test_every_query_of_the_docs_runs(page, little_shards):
    duckdb = pytest.importorskip("duckdb", reason="no duckdb to run the documented queries with")
    queries = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    assert len(queries) >= 8
    found = {query: duckdb.sql(query.replace("OUT", little_shards)).fetchall() for query in queries}
    assert all(found.values()), [query for query, rows in found.items() if not rows]
    by_code = next(rows for query, rows in found.items() if "GROUP BY code " in query)
    assert by_code == [("E_DUPFRAMES", 2, 2), ("E_MOOV", 2, 0), ("E_CAPNOVIDEO", 1, 0)]
    twins = next(rows for query, rows in found.items() if "twins" in query)
    assert twins == [("abababab", ["cooking/eggs", "quiet"])]


def test_every_verb_of_the_docs_is_one(page):
    verbs = set(re.findall(r"weakvid ([a-z]+) ", page))
    assert verbs >= {"verify", "status", "view", "explain", "report"}
    assert verbs <= set(SUMMARIES) == set(EXAMPLES)
