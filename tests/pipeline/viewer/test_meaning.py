"""The box that searches by meaning: ranked cards, filters, clips like one, and what is refused."""

import http.client
import re
import threading
from pathlib import Path

import numpy as np
import pytest

from pipeline.viewer.catalog import Catalog
from pipeline.viewer.meaning import Meaning
from pipeline.viewer.query import Query
from pipeline.viewer.server import ADDRESS, make_server
from shards.features.folder import claim, seal, write_part
from shards.features.table import ABOUT, features_table
from shards.manifest import Manifest
from trainers.embedding.search import NothingMeant, Searcher

KNOWN = {"something is poured": [0.0, 1.0], "the first": [-1.0, 0.0], "<b>": [1.0, 0.0]}


@pytest.fixture(scope="module")
def embeddings(little_shards: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Points on a quarter of a circle, in the order of the shards."""
    out = str(tmp_path_factory.mktemp("embeddings"))
    manifest = Manifest.load(little_shards)
    angles_N = np.linspace(0, np.pi / 2, manifest.num_samples)
    points_ND = np.stack([np.cos(angles_N), np.sin(angles_N)], axis=1)
    plan = {
        "schema": 1,
        "format": "parquet",
        "run": "runs/none",
        "step": 3,
        "settings": {"recall_split": "test"},
        "shards": little_shards,
        "shards_sha256": manifest.sha256,
    }
    claim(out, plan)
    about = manifest.table(ABOUT.names)
    table = features_table(about, {"embedding": points_ND, "caption_embedding": points_ND}, {})
    write_part(out, "all", plan, table, {"shard": "all", "lost": []})
    seal(out, plan, ["all"], lambda whole: {})
    return out


@pytest.fixture(autouse=True)
def encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words are encoded without a run: that is tested with the searcher."""

    def encode(self: Searcher, words: str) -> np.ndarray:
        if words not in KNOWN:
            raise NothingMeant(words)
        return np.array(KNOWN[words], np.float32)

    monkeypatch.setattr(Searcher, "encode", encode)


@pytest.fixture(scope="module")
def keys(little_shards: str) -> list[str]:
    return Manifest.load(little_shards).table(["key"])["key"].to_pylist()


@pytest.fixture(scope="module")
def page(little_shards: str, embeddings: str):
    """A function that returns the page at an address."""
    with make_server(little_shards, 0, embeddings) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def call(path: str) -> str:
            connection = http.client.HTTPConnection(ADDRESS, server.server_address[1], timeout=20)
            connection.request("GET", path)
            body = connection.getresponse().read().decode()
            connection.close()
            return body

        yield call
        server.shutdown()


def shown(body: str) -> list[str]:
    return re.findall(r'class="card"><a href="/clip/([0-9a-f_]+)"', body)


def test_cards_stand_in_the_order_of_what_is_meant_with_their_scores(page, keys) -> None:
    body = page("/?meaning=something+is+poured")
    assert shown(body) == keys[::-1]
    assert "score 1.000" in body and "score 0.000" in body
    assert shown(page("/?meaning=the+first")) == keys[::-1]
    assert shown(page("/?meaning=%3Cb%3E")) == keys


def test_filters_choose_among_what_is_ranked(little_shards, embeddings, keys) -> None:
    manifest = Manifest.load(little_shards)
    catalog = Catalog(manifest, Meaning(embeddings, manifest))
    split = manifest.table(["split"])["split"].to_pylist()
    wanted = split[0]
    found = catalog.clips(Query(meaning="something is poured", split=wanted))
    expected = [key for key, one in zip(keys, split, strict=True) if one == wanted][::-1]
    assert [row["key"] for row in found.rows] == expected[: len(found.rows)]
    assert found.total == len(expected)


def test_clips_like_one_are_linked_from_its_page(page, keys) -> None:
    assert f'href="/?like={keys[0]}"' in page(f"/clip/{keys[0]}")
    found = shown(page(f"/?like={keys[0]}"))
    assert found[:3] == keys[1:4] and sorted(found) == sorted(keys[1:])


def test_words_that_nobody_knows_find_nothing_and_are_escaped(page) -> None:
    body = page("/?meaning=%3Cscript%3Ealert(1)")
    assert "The run knows none of these words" in body
    assert shown(body) == [] and "<script>alert" not in body and "&lt;script&gt;" in body


def test_without_embeddings_there_is_no_such_box_and_no_ranking(site, ask, page, keys) -> None:
    plain = ask("/?meaning=something+is+poured")[1].decode()
    assert 'name="meaning"' not in plain and shown(plain) == keys
    assert 'name="meaning"' in page("/")


def test_embeddings_of_other_shards_are_refused(embeddings, built_shards, tmp_path: Path) -> None:
    manifest = Manifest.load(built_shards)
    other = Manifest(manifest.out, manifest.shards, manifest.bundles, manifest.totals, "other")
    with pytest.raises(ValueError, match="--embeddings must be of the shards"):
        Meaning(embeddings, other)
    with pytest.raises(ValueError, match="`weakvid embed` makes one"):
        Meaning(str(tmp_path), manifest)
