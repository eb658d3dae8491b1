"""Text tower: words -> embedding -> linear, ReLU -> max over words -> linear.

Miech et al., "End-to-End Learning of Visual Representations from Uncurated Instructional Videos",
CVPR 2020, section 3.3. There the word embeddings are word2vec's and fixed, and pads go through
the layers like words; here both are settings.

Shape letters in this file:
    N  windows    L  words in a window    C  word embedding    H  hidden    D  joint embedding
"""

from torch import Tensor, nn

from configs.models import TextConfig
from trainers.models.outputs import TextOutput

PAD = 0


class TextTower(nn.Module):
    """Bag of words with a max over them. Layer names are those of the published weights."""

    def __init__(self, config: TextConfig, vocabulary: int, embedding_dim: int) -> None:
        """Build it.

        Args:
            config: Widths.
            vocabulary: Number of token ids, pad included.
            embedding_dim: D.
        """
        super().__init__()
        self.counts_pads = config.pads == "counted"
        self.word_embd = nn.Embedding(vocabulary, config.word_dim, padding_idx=PAD)
        self.word_embd.weight.requires_grad_(config.train_words)
        self.fc1 = nn.Linear(config.word_dim, config.hidden_dim)
        self.fc2 = nn.Linear(config.hidden_dim, embedding_dim)

    def forward(self, tokens_NL: Tensor) -> TextOutput:
        """Embed windows of int64 token ids, 0 = pad. A window of pads gives a finite constant."""
        mask_NL = tokens_NL != PAD
        words_NLC = self.word_embd(tokens_NL)
        hidden_NLH = self.fc1(words_NLC).relu()
        if not self.counts_pads:
            # After ReLU nothing is below zero, so a zeroed pad can never win the maximum.
            hidden_NLH = hidden_NLH.masked_fill(~mask_NL.unsqueeze(-1), 0.0)
        return TextOutput(self.fc2(hidden_NLH.amax(dim=1)), words_NLC, mask_NL)
