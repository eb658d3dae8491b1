"""Texts -> rows of ids: pieces of words (sentencepiece), or whole words as published.

Either vocabulary is a string of bytes, and its first bytes tell which it is. Pieces are trained on
the narration itself by byte-pair encoding.

Shape letters in this file:
    N  texts    L  pieces or words of a text
"""

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import sentencepiece

from configs.models import TextConfig
from trainers.data.words import MAGIC, Words, count_words

PAD = 0


def make_tokenizer(config: TextConfig, texts: Callable[[], Iterable[str]]) -> bytes:
    """Return the vocabulary that a run begins with.

    Args:
        config: Kind and size, and the file that holds the words where there is one.
        texts: Gives the narration of the train split, if it is needed.

    Raises:
        ValueError: If there is no text to make it of, or `config.words` is no vocabulary.
        FileNotFoundError: If there is no file `config.words`.
    """
    match config.kind:
        case "pieces":
            return train_tokenizer(texts(), config.vocabulary)
        case "words" if config.words:
            data = Path(config.words).read_bytes()
            # Only what Words reads may go into a run.
            Words(data)
            return data
        case "words":
            return count_words(_some_text(texts()), config.vocabulary)


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> bytes:
    """Train a tokenizer and return the bytes of its model.

    Deterministic: the same texts in the same order give the same bytes. A corpus too small for
    `vocabulary` pieces gets as many as it can bear.

    Args:
        texts: Narration, one window each.
        vocabulary: Pieces wanted, with padding and the unknown piece.

    Raises:
        ValueError: If there is no text.
    """
    sentences = _some_text(texts)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        # Not "unigram": on a small corpus it prunes common words down to their letters.
        model_type="bpe",
        vocab_size=vocabulary,
        hard_vocab_limit=False,
        normalization_rule_name="nmt_nfkc_cf",
        character_coverage=1.0,
        shuffle_input_sentence=False,
        num_threads=1,
        pad_id=PAD,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
    )
    return model.getvalue()


class Tokenizer:
    """Texts -> rows of ids, padded with 0."""

    def __init__(self, model: bytes) -> None:
        """Read a vocabulary.

        Args:
            model: Bytes of a sentencepiece model, or of a `.npy` file of words.

        Raises:
            ValueError: If it is a `.npy` file of something else.
        """
        self.sha256 = hashlib.sha256(model).hexdigest()
        if model.startswith(MAGIC):
            words = Words(model)
            self._ids, self._size = words.ids, words.size
        else:
            pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
            self._ids, self._size = pieces.encode, pieces.get_piece_size()

    @property
    def vocabulary(self) -> int:
        """Number of ids, padding included."""
        return self._size

    def encode(self, texts: Sequence[str], max_words: int) -> np.ndarray:
        """Return int64 `[N, L]` with `L = max_words`; longer texts are cut, shorter padded."""
        tokens_NL = np.full((len(texts), max_words), PAD, dtype=np.int64)
        for row, text in enumerate(texts):
            ids = self._ids(text)[:max_words]
            tokens_NL[row, : len(ids)] = ids
        return tokens_NL


def _some_text(texts: Iterable[str]) -> list[str]:
    sentences = [text for text in texts if text.strip()]
    if not sentences:
        raise ValueError(
            "the train split must hold narration to train a tokenizer on, got none; "
            "look at data.shards"
        )
    return sentences
