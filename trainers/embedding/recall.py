"""Held-out recall of embeddings: how well a clip's nearest window finds it among its split's clips.

Narration is only sometimes of what a clip shows, so this is a lower bound of what search can do;
`weakvid evaluate` measures with sentences that are known to be right, where there are any.
"""

from typing import Any

import numpy as np
import pyarrow.compute as pc

from shards.features.folder import Collection
from shards.features.table import feature_rows
from trainers.evaluation.retrieval import chance, metrics, number_texts, rank_items


def held_out_recall(collection: Collection, split: str) -> dict[str, Any]:
    """Return R@k and median rank of text -> clip on a split, with chance; or why there are none.

    Clips with equal words are all right answers. Clips without words are ranked too.
    """
    if "embedding" not in collection.widths:
        return {"skipped": "embedding.features lacks embedding"}
    rows = collection.table(["split", "caption", "embedding", "caption_embedding"])
    rows = rows.filter(pc.field("split") == split)
    clip_ND, _ = feature_rows(rows, "embedding")
    text_ND, said_N = feature_rows(rows, "caption_embedding")
    if not said_N.any():
        return {"skipped": f"the {split} split has no clip with words"}
    _, right_N = number_texts(rows["caption"].to_pylist())
    # What has no words answers no query.
    right_N = np.where(said_N, right_N, -1)
    ranking = rank_items(text_ND[said_N], clip_ND, right_N[said_N], right_N)
    return {
        "split": split,
        "num_queries": int(said_N.sum()),
        "num_clips": len(clip_ND),
        "t2v": metrics(ranking),
        "chance": chance(ranking),
    }
