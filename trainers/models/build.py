"""Settings -> model: the two towers, and the translator where it is wanted."""

from torch import nn

from configs.models import ModelConfig
from trainers.models.s3d import S3D
from trainers.models.text import TextTower
from trainers.models.translator import Translator


class VideoTextModel(nn.Module):
    """All that has weights: `video(frames_BTHWC)`, `text(tokens_NL)`, `translator` or None."""

    def __init__(self, video: S3D, text: TextTower, translator: Translator | None) -> None:
        super().__init__()
        self.video, self.text, self.translator = video, text, translator


def build_model(config: ModelConfig, vocabulary: int, with_translator: bool) -> VideoTextModel:
    """Build the model with fresh weights, a function of torch's random state.

    The towers are made first, so their weights do not depend on `with_translator`.

    Args:
        config: Widths.
        vocabulary: Number of token ids, pad included.
        with_translator: Whether an objective needs the translator.
    """
    video = S3D(config.video, config.compute)
    text = TextTower(config.text, vocabulary, config.video.embedding_dim)
    translator = None
    if with_translator:
        widths = {"video": video.feature_dim, "words": config.text.word_dim}
        translator = Translator(config.translator, widths)
    return VideoTextModel(video, text, translator)
