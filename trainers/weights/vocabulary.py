"""The vocabulary that goes with weights: as many ids as the word embeddings have rows."""

from pathlib import Path

from trainers.data.tokenizer import Tokenizer
from trainers.data.words import MAGIC, read_words, write_words
from trainers.weights.files import SUFFIXES

WORDS, PIECES = ".npy", ".model"


def vocabulary_beside(path: Path, model: bytes = b"") -> Path:
    """Return where the vocabulary of a file of weights lies: beside it, by its name.

    Args:
        path: File of weights.
        model: The vocabulary to be written; without it, the file that exists is meant.

    Raises:
        FileNotFoundError: If no such file exists and none is to be written.
    """
    stem = next(path.name.removesuffix(end) for end in [*SUFFIXES, ""] if path.name.endswith(end))
    if model:
        return path.with_name(stem + (WORDS if model.startswith(MAGIC) else PIECES))
    for kind in (WORDS, PIECES):
        if path.with_name(stem + kind).is_file():
            return path.with_name(stem + kind)
    raise FileNotFoundError(
        f"no vocabulary {stem}{WORDS} or {stem}{PIECES} beside {path}; name it: --tokenizer FILE "
        "(s3d_dict.npy for the published weights, dict.npy for the public training code's)"
    )


def fit_vocabulary(model: bytes, rows: int) -> tuple[bytes, str]:
    """Return the vocabulary with an id for each row, and what was done to it, empty if nothing.

    Ids are places, so words at the end may be left out, or blanks that no text can hold be
    added, and every other word keeps its row.

    Args:
        model: Bytes of the vocabulary.
        rows: Rows of the word embeddings, the pad's among them.

    Raises:
        ValueError: If it is a model of pieces with another number of ids.
    """
    size = Tokenizer(model).vocabulary
    if size == rows:
        return model, ""
    if not model.startswith(MAGIC):
        raise ValueError(f"the tokenizer must have {rows} pieces, as the weights do, got {size}")
    words = read_words(model)
    if size > rows:
        out = words[rows - 1 :]
        return write_words(words[: rows - 1]), (
            f"{len(out)} words at the end of the vocabulary have no row and are left out: {out[:8]}"
        )
    note = f"{rows - size} rows at the end have no word in the vocabulary and are never used"
    return write_words(words + [""] * (rows - size)), note
