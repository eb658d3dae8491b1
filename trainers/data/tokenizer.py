"""Subword tokenizer (sentencepiece, byte-pair encoding), trained on the narration itself.

Shape letters in this file:
    N  texts    L  pieces of a text
"""

import hashlib
import io
from collections.abc import Iterable, Sequence

import numpy as np
import sentencepiece

PAD = 0


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
    sentences = [text for text in texts if text.strip()]
    if not sentences:
        raise ValueError(
            "the train split must hold narration to train a tokenizer on, got none; "
            "look at data.shards"
        )
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
    """Texts -> rows of piece numbers, padded with 0."""

    def __init__(self, model: bytes) -> None:
        self.sha256 = hashlib.sha256(model).hexdigest()
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)

    @property
    def vocabulary(self) -> int:
        """Number of pieces, padding included."""
        return self._processor.get_piece_size()

    def encode(self, texts: Sequence[str], max_words: int) -> np.ndarray:
        """Return int64 `[N, L]` with `L = max_words`; longer texts are cut, shorter padded."""
        tokens_NL = np.full((len(texts), max_words), PAD, dtype=np.int64)
        for row, text in enumerate(texts):
            pieces = self._processor.encode(text)[:max_words]
            tokens_NL[row, : len(pieces)] = pieces
        return tokens_NL
