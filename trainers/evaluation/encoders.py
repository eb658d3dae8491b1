"""A frozen run's encoders: frames, words and sound -> vectors. `trainers.load` makes one of a run.

Every method takes a batch and returns its rows in order. What a row is depends on its own input
alone, but for the last bits, which depend on the size of the batch and the number of threads.

Shape letters in this file:
    B  clips    N  texts    T  frames    H, W  pixels    D  joint embedding    C  features
    S  time steps of the trunk    L  words of a text    J  joint features
    F  positions of sound    M  mel bands
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from configs.runs import TrainJob
from trainers.data.clips import augment, resize_short_side
from trainers.data.logmel import averaged, log_mel
from trainers.data.tokenizer import Tokenizer
from trainers.evaluation.joint import joint_means, joint_sources
from trainers.models.build import VideoTextModel
from trainers.models.outputs import TextOutput
from trainers.models.translator import Translator


@dataclass(frozen=True, slots=True)
class ClipVectors:
    """What is made of clips by their frames alone; float32."""

    embedding_BD: np.ndarray
    """Points in the joint space, not normalised: the dot product with a text's is the likeness."""
    feature_BC: np.ndarray
    """Trunk features, mean over time, height and width."""
    sequence_BSC: np.ndarray
    """Trunk features over time."""
    joint_BJ: np.ndarray | None
    """Joint features; None where the run has no translator of video."""


@dataclass(frozen=True, slots=True)
class TextVectors:
    """What is made of texts by their words alone; float32."""

    embedding_ND: np.ndarray
    """Points in the joint space, not normalised."""
    feature_NC: np.ndarray
    """Word embeddings, mean over the words; zeros for a text without known words."""
    joint_NJ: np.ndarray | None
    """Joint features; None where the run has no translator of words."""


class Encoders:
    """Video tower, text tower and translator of a run, and what their inputs must look like."""

    def __init__(self, job: TrainJob, model: VideoTextModel, tokenizer: Tokenizer) -> None:
        """Move the model to the GPU where there is one."""
        self.job, self.tokenizer = job, tokenizer
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = model.to(self.device).eval()
        self.joint_of = joint_sources(model.translator)
        """Modalities of which there are joint features: some of video, audio and text."""

    def prepare(self, frames_THWC: np.ndarray) -> np.ndarray:
        """Return the frames of a clip as the video tower is shown them: `num_frames`, square.

        Args:
            frames_THWC: uint8, RGB, of any size, at the rate at which the shards hold clips (10 a
                second by default), and at least `data.num_frames` of them.

        Raises:
            ValueError: If there are fewer frames.
        """
        data = self.job.data
        return augment(resize_short_side(frames_THWC, data.resize), data, None)

    @torch.inference_mode()
    def clips(self, frames_BTHWC: np.ndarray) -> ClipVectors:
        """Encode clips.

        Args:
            frames_BTHWC: uint8, RGB, as `prepare` returns them.
        """
        video = self.model.video(torch.from_numpy(frames_BTHWC).to(self.device))
        joint_BJ = None
        if "video" in self.joint_of:
            mask_BS = torch.ones_like(video.sequence_BSC[..., 0], dtype=torch.bool)
            joint_BJ = joint_means(self._translator, "video", video.sequence_BSC, mask_BS)
        return ClipVectors(
            to_numpy(video.embedding_BD),
            to_numpy(video.feature_BC),
            to_numpy(video.sequence_BSC),
            None if joint_BJ is None else to_numpy(joint_BJ),
        )

    @torch.inference_mode()
    def texts(self, texts: Sequence[str], max_words: int | None = None) -> TextVectors:
        """Encode sentences.

        Args:
            texts: One or more.
            max_words: Words or pieces kept of each; None keeps as many as training does.
        """
        output = self.read(texts, max_words)
        joint_NJ = None
        if "text" in self.joint_of:
            joint_NJ = joint_means(self._translator, "text", output.words_NLC, output.mask_NL)
        return TextVectors(
            to_numpy(output.embedding_ND),
            to_numpy(_mean_over_words(output)),
            None if joint_NJ is None else to_numpy(joint_NJ),
        )

    def read(self, texts: Sequence[str], max_words: int | None = None) -> TextOutput:
        """Return what the text tower makes of sentences, on the device."""
        tokens_NL = self.tokenizer.encode(texts, max_words or self.job.model.text.max_words)
        return self.model.text(torch.from_numpy(tokens_NL).to(self.device))

    def mel_frames(self, samples: np.ndarray, hz: int) -> np.ndarray:
        """Return the log-mel frames `[F, M]` of the sound of one clip, as `sounds` takes them.

        Args:
            samples: int16, mono.
            hz: Samples a second.
        """
        data = self.job.data
        mel_TM = log_mel(samples, hz, data.mel_bands).numpy()
        return averaged(mel_TM, 0.0, 1.0, data.mel_frames)

    @torch.inference_mode()
    def sounds(self, mel_BFM: Sequence[np.ndarray | None]) -> np.ndarray:
        """Return joint features of sound, `[B, J]`; zeros for a clip without sound, given as None.

        Raises:
            ValueError: If the run has no translator of sound.
        """
        if "audio" not in self.joint_of:
            raise ValueError(
                "joint features of sound need a run whose objectives.cyclic.directions name audio, "
                f"got {self.job.objectives.cyclic.directions} at weight "
                f"{self.job.objectives.cyclic.weight}"
            )
        data = self.job.data
        silence_FM = np.zeros((data.mel_frames, data.mel_bands), np.float32)
        mel = np.stack([silence_FM if mel_FM is None else mel_FM for mel_FM in mel_BFM])
        heard_B = torch.tensor([mel_FM is not None for mel_FM in mel_BFM], device=self.device)
        mask_BF = heard_B.unsqueeze(1).expand(mel.shape[:2])
        x_BFM = torch.from_numpy(mel).to(self.device)
        return to_numpy(joint_means(self._translator, "audio", x_BFM, mask_BF))

    @property
    def _translator(self) -> Translator:
        assert self.model.translator is not None
        return self.model.translator


def to_numpy(x: Tensor) -> np.ndarray:
    """Return a tensor of any device and float type as float32 of numpy."""
    return x.float().cpu().numpy()


def _mean_over_words(output: TextOutput) -> Tensor:
    mask_NL1 = output.mask_NL.unsqueeze(-1)
    return (output.words_NLC * mask_NL1).sum(dim=1) / mask_NL1.sum(dim=1).clamp(min=1)
