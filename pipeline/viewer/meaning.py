"""Samples ranked by what is meant: embeddings that `weakvid embed` wrote of the folder shown."""

import functools
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.viewer.query import Query
from shards.features.folder import Collection
from shards.manifest import Manifest

NUM_RANKED = 1000
"""Samples that a query ranks, the nearest ones. Filters choose among them."""

NUM_KEPT_RANKINGS = 32


class Meaning:
    """Ranks the samples of a folder by words, or by one of them."""

    def __init__(self, embeddings: str, manifest: Manifest) -> None:
        """Read the points of the clips; the run's encoders are loaded at the first words.

        Args:
            embeddings: A folder written by `weakvid embed`.
            manifest: What is shown.

        Raises:
            ValueError: If there are no embeddings, or they are of other shards.
        """
        from trainers.embedding.search import Searcher

        collection = Collection.load(embeddings)
        if collection.manifest["shards_sha256"] != manifest.sha256:
            raise ValueError(
                f"--embeddings must be of the shards in {manifest.out} as they are, got those of "
                f"{collection.manifest['shards']}; `weakvid embed --embedding.shards "
                f"{manifest.out}` makes them"
            )
        self.searcher = Searcher(collection)
        self.num_ranked = min(NUM_RANKED, collection.manifest["rows"])
        self.ranking = functools.lru_cache(NUM_KEPT_RANKINGS)(self._ranking)

    def rows(self, query: Query, keys: pa.ChunkedArray) -> pa.Array:
        """Return the numbers of the samples that a query means, the nearest first."""
        nearest = pa.array(self.ranking(query.meaning, query.like), pa.string())
        return pc.index_in(nearest, value_set=keys.combine_chunks()).cast(pa.uint64()).drop_null()

    def _ranking(self, meaning: str, like: str) -> Mapping[str, float]:
        """Return scores by key, the nearest first; none for words or a key that nobody knows."""
        from trainers.embedding.search import NothingMeant

        try:
            if like:
                hits = self.searcher.by_key(like, NUM_RANKED)
            else:
                hits = self.searcher.by_words(meaning, NUM_RANKED)
        except NothingMeant:
            return {}
        return {hit.about["key"]: hit.score for hit in hits}
