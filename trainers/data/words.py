r"""Whole words as ids, as the published text tower reads them (Miech 2020, MIL-NCE_HowTo100M).

A text is cut by the pattern [\w']+, upper and lower case are told apart, words that the vocabulary
lacks are dropped, and the id of a word is its place in the vocabulary plus one: 0 is the pad. A
word that stands twice has the later place, as in the published code.

The vocabulary is the bytes of a `.npy` file, a one-dimensional array of strings: the form of the
published `dict.npy`.
"""

import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

MAGIC = b"\x93NUMPY"
"""First bytes of every `.npy` file."""

_WORD = re.compile(r"[\w']+")


def split_words(text: str) -> list[str]:
    """Return the words of a text, in order."""
    return _WORD.findall(text)


def count_words(texts: Iterable[str], vocabulary: int) -> bytes:
    """Return a vocabulary of the words of texts, the most frequent first, then by letters.

    Args:
        texts: Narration, one window each.
        vocabulary: Ids at most, the pad's among them.
    """
    counts = Counter(word for text in texts for word in split_words(text))
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return write_words(ordered[: vocabulary - 1])


def write_words(words: Sequence[str]) -> bytes:
    """Return words as the bytes of a `.npy` file."""
    stream = io.BytesIO()
    np.save(stream, np.array(words, dtype=np.str_), allow_pickle=False)
    return stream.getvalue()


def read_words(data: bytes) -> list[str]:
    """Return the words of a `.npy` file. Nothing in it is executed.

    Raises:
        ValueError: If it is not a whole one-dimensional array of strings.
    """
    try:
        # The header is believed only as far as there are bytes: no room is made before.
        shape, dtype = _read_header(data)
        if dtype.kind not in "US" or len(shape) != 1:
            raise ValueError(f"an array of {dtype} with shape {shape}")
        if math.prod(shape) * dtype.itemsize > len(data):
            raise ValueError(f"{len(data)} bytes of {math.prod(shape) * dtype.itemsize}")
        array = np.load(io.BytesIO(data), allow_pickle=False)
        return array.astype(np.str_).tolist()
    except (ValueError, EOFError, UnicodeError) as error:
        raise ValueError(
            "a vocabulary of words must be a .npy file with a one-dimensional array of strings, "
            f"got {error}"
        ) from error


class Words:
    """A vocabulary of whole words."""

    def __init__(self, data: bytes) -> None:
        words = read_words(data)
        self.size = len(words) + 1
        """Number of ids, the pad's among them."""
        self._ids = {word: place + 1 for place, word in enumerate(words)}

    def ids(self, text: str) -> list[int]:
        """Return the ids of the words that are known."""
        return [self._ids[word] for word in split_words(text) if word in self._ids]


def _read_header(data: bytes) -> tuple[tuple[int, ...], np.dtype]:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise ValueError(f"version {version} of the format")
    return shape, dtype
