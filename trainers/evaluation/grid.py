"""A few queries with the clips that they find, for the report to draw.

Shape letters in this file:
    Q  queries        N  clips        D  joint embedding
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainers.evaluation.clips import Clip
from trainers.evaluation.retrieval import best_ranks

NUM_HITS = 5


def choose_queries(right_Q: np.ndarray, num_queries: int) -> list[int]:
    """Return queries at even distances among the different ones: a choice that flatters nobody.

    Args:
        right_Q: What each query asks for, an integer.
        num_queries: How many; fewer where there are fewer different ones.
    """
    _, first = np.unique(right_Q, return_index=True)
    first = np.sort(first)
    num_queries = min(num_queries, len(first))
    return [int(first[(2 * i + 1) * len(first) // (2 * num_queries)]) for i in range(num_queries)]


def make_grid(
    clips: Sequence[Clip],
    queries: Sequence[str],
    query_QD: np.ndarray,
    clip_ND: np.ndarray,
    right_N: np.ndarray,
    num_queries: int,
) -> dict[str, Any]:
    """Return `{"queries": [{"text", "first_right", "hits": [...]}]}`, hits by falling score.

    Clip i is what query i asks for; `right_N` holds one integer a clip, equal for equal
    sentences. `first_right` is the rank that counts in R@k; ties are broken as there.
    """
    found = []
    for query in choose_queries(right_N, num_queries):
        scores_N = query_QD[query] @ clip_ND.T
        is_right_N = right_N == right_N[query]
        order = np.lexsort((is_right_N, -scores_N))[:NUM_HITS]
        rank = int(best_ranks(scores_N[None], is_right_N[None])[0])
        hits = [
            {
                "key": clips[n].key,
                "folder": clips[n].folder,
                "shard": clips[n].shard,
                "offset": clips[n].offset,
                "length": clips[n].length,
                "rank": place,
                "score": float(scores_N[n]),
                "right": bool(is_right_N[n]),
            }
            for place, n in enumerate(order, start=1)
        ]
        found.append({"text": queries[query], "first_right": rank, "hits": hits})
    return {"queries": found}
