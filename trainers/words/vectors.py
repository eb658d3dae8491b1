"""Vectors of words: joined, with random ones beside as a control, as word2vec text, and of a tower.

Shape letters in this file:
    V  words    D  width of a vector    N  words that are asked for
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Vectors:
    """A vector for each word."""

    words: tuple[str, ...]
    table_VD: np.ndarray

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """Row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    def of(self, words: Sequence[str]) -> np.ndarray:
        """Return float64 vectors, `[N, D]`; a word that is not there has the mean vector."""
        table_VD = self.table_VD.astype(np.float64)
        mean_D = table_VD.mean(axis=0)
        return np.stack([table_VD[self.row_of[w]] if w in self.row_of else mean_D for w in words])


def joined(one: Vectors, other: Vectors) -> Vectors:
    """Return the words of the first, with both vectors at length one, side by side."""
    sides = [_unit(one.table_VD.astype(np.float64)), _unit(other.of(one.words))]
    return Vectors(one.words, np.concatenate(sides, axis=1))


def with_random(one: Vectors, width: int, seed: int) -> Vectors:
    """Return vectors with random ones beside them, as `joined`: the control."""
    rng = np.random.default_rng(seed)
    return joined(one, Vectors(one.words, rng.normal(size=(len(one.words), width))))


def _unit(table_VD: np.ndarray) -> np.ndarray:
    length_V = np.linalg.norm(table_VD, axis=1, keepdims=True)
    return table_VD / np.where(length_V > 0, length_V, 1)


def write_word2vec(vectors: Vectors, path: Path) -> None:
    """Write word2vec text: a line with both sizes, then a line a word. Reads back bit for bit.

    Raises:
        ValueError: If a word is empty or has white space, which the form cannot hold.
    """
    if bad := [word for word in vectors.words if len(word.split()) != 1 or word != word.strip()]:
        raise ValueError(f"words must have no white space, got {bad[:3]}")
    table_VD = vectors.table_VD.astype(np.float32)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"{len(vectors.words)} {table_VD.shape[1]}\n")
        for word, row_D in zip(vectors.words, table_VD, strict=True):
            file.write(" ".join([word, *(np.format_float_scientific(x) for x in row_D)]) + "\n")


def read_word2vec(path: Path) -> Vectors:
    """Read word2vec text as float32.

    Raises:
        ValueError: If a line has not as many numbers as the first line says, or lines lack.
    """
    with path.open(encoding="utf-8") as file:
        number, width = (int(size) for size in file.readline().split())
        lines = [line.split() for line in file]
    if len(lines) != number or any(len(line) != width + 1 for line in lines):
        raise ValueError(f"{path} must hold {number} words of {width} numbers, got others")
    table_VD = np.array([line[1:] for line in lines], dtype=np.float32).reshape(number, width)
    return Vectors(tuple(line[0] for line in lines), table_VD)


def read_npz(path: Path) -> Vectors:
    """Read a `.npz` that holds `words` and `vectors`."""
    with np.load(path, allow_pickle=False) as file:
        return Vectors(tuple(file["words"].tolist()), file["vectors"].astype(np.float32))


def start_rows(
    vectors: Vectors, vocabulary: Sequence[str], table_VD: np.ndarray
) -> tuple[np.ndarray, int]:
    """Return a text tower's word table that begins with these vectors, and how many words it took.

    A vector keeps its direction and gets the spread of the table; words that lack one, and the
    pad, keep what they have.

    Args:
        vectors: Of the tower's width.
        vocabulary: The tower's words; the word at place p has row p + 1.
        table_VD: The tower's table, row 0 is the pad.

    Raises:
        ValueError: If widths differ.
    """
    if vectors.table_VD.shape[1] != table_VD.shape[1]:
        raise ValueError(
            f"vectors must be {table_VD.shape[1]} wide as the tower, "
            f"got {vectors.table_VD.shape[1]}"
        )
    started_VD = table_VD.copy()
    scale = table_VD[1:].std() / (vectors.table_VD.std() or 1.0)
    taken = 0
    for row, word in enumerate(vocabulary, start=1):
        if word in vectors.row_of:
            started_VD[row] = vectors.table_VD[vectors.row_of[word]] * scale
            taken += 1
    return started_VD, taken
