"""Settings -> model: the two towers, and the translator where it is wanted."""

from collections.abc import Sequence

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


def build_model(
    config: ModelConfig,
    vocabulary: int,
    with_translator: bool,
    translated: Sequence[str] = ("video", "words"),
    mel_bands: int = 0,
) -> VideoTextModel:
    """Build the model with fresh weights, a function of torch's random state.

    The towers are made first, so their weights do not depend on `with_translator`.

    Args:
        config: Widths.
        vocabulary: Number of token ids, pad included.
        with_translator: Whether an objective needs the translator.
        translated: What it translates: some of "video", "words" and "audio".
        mel_bands: Width of "audio".
    """
    video = S3D(config.video, config.compute)
    text = TextTower(config.text, vocabulary, config.video.embedding_dim)
    translator = None
    if with_translator:
        widths = {
            "video": video.feature_dim,
            "words": config.text.word_dim,
            "audio": mel_bands,
        }
        translator = Translator(config.translator, {name: widths[name] for name in translated})
    return VideoTextModel(video, text, translator)
