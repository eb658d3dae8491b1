"""Queries of SHAPES: their expressions, read and carried out on scenes.

`(is red (left_of square))` asks whether a red thing stands where something is left of a square:

    a word      the cells that show this colour or shape
    left_of(S)  the cells one to the left of those of S; so right_of, above, below
    is(A, B)    whether A and B have a cell in common

Shape letters in this file:
    N  scenes    G  cells of a scene, nine, by rows
"""

import re
from collections.abc import Iterator

import numpy as np

from trainers.tasks.shapes_scene import COLOURS, SHAPES, SIDE

Expression = str | tuple["Expression", ...]
MOVES = {"left_of": (0, -1), "right_of": (0, 1), "above": (-1, 0), "below": (1, 0)}
"""Rows and columns from a cell to the one in this relation to it."""

_TOKEN = re.compile(r"[()]|[a-z_]+")


def parse(query: str) -> Expression:
    """Read an expression.

    Raises:
        ValueError: If brackets do not match, or something stands after the end.
    """
    tokens = iter(_TOKEN.findall(query))
    try:
        found = _parse(next(tokens), tokens)
    except StopIteration:
        raise ValueError(f"query must be one whole expression, got {query!r}") from None
    if next(tokens, None) is not None:
        raise ValueError(f"query must be one whole expression, got {query!r}")
    return found


def answers(query: str, shapes_NG: np.ndarray, colours_NG: np.ndarray) -> np.ndarray:
    """Return whether the query is true of each scene, bool `[N]`.

    Args:
        query: An expression that begins with `is`.
        shapes_NG: As `read_scenes` returns.
        colours_NG: As `read_scenes` returns.

    Raises:
        ValueError: If the query is no such expression, or has an unknown word.
    """
    match parse(query):
        case ("is", one, two):
            both_NG = _cells(one, shapes_NG, colours_NG) & _cells(two, shapes_NG, colours_NG)
            return np.asarray(both_NG.any(axis=1))
        case _:
            raise ValueError(f"query must be `(is A B)`, got {query!r}")


def _parse(token: str, tokens: Iterator[str]) -> Expression:
    if token != "(":
        return token
    parts: list[Expression] = []
    while (token := next(tokens)) != ")":
        parts.append(_parse(token, tokens))
    return tuple(parts)


def _cells(expression: Expression, shapes_NG: np.ndarray, colours_NG: np.ndarray) -> np.ndarray:
    """Return the cells that an expression names, bool `[N, G]`."""
    match expression:
        case str() if expression in SHAPES:
            return shapes_NG == SHAPES.index(expression)
        case str() if expression in COLOURS:
            return colours_NG == COLOURS.index(expression)
        case (str(move), of) if move in MOVES:
            return _moved(_cells(of, shapes_NG, colours_NG), *MOVES[move])
        case _:
            raise ValueError(f"query must have known words, got {expression!r}")


def _moved(cells_NG: np.ndarray, down: int, right: int) -> np.ndarray:
    grid = np.pad(cells_NG.reshape(-1, SIDE, SIDE), ((0, 0), (1, 1), (1, 1)))
    moved = np.roll(grid, (down, right), axis=(1, 2))[:, 1:-1, 1:-1]
    return moved.reshape(cells_NG.shape)
