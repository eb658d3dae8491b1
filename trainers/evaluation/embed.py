"""Clips and texts -> embeddings and features of a frozen run, a batch at a time.

A clip is seen as in validation: its middle frames at an even stride, its centre crop. What
fusion gets of each modality:

- video: the trunk's feature, before the projection into the joint space;
- audio: statistics of the log-mel spectrogram;
- text: of each window of the bag the mean word embedding, and of those the mean, the nearer
  windows with more weight. The joint embedding keeps of a text what a clip can show, and its
  maximum over words keeps the loudest; the mean of the words keeps what was said at all. Of the
  demo's said bit, with fresh weights, a classifier reads 94 % this way, 88 % where windows weigh
  the same, 91 % from the nearest window alone, and 84 % from the joint embeddings.

Where the run has a translator there are also the joint features of each source alone (`joint`):
of a text those of its windows, weighted in the same way.

Shape letters in this file:
    N  clips or texts      B  clips in a batch     K  windows of a bag     L  words of a window
    T  frames              H, W  pixels            D  joint embedding      C  features
    F  positions of sound  M  mel bands
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from torch import Tensor
from tqdm_loggable.auto import tqdm

from configs.data import DataConfig
from configs.runs import TrainJob
from shards.schema import Window
from trainers.data.tokenizer import Tokenizer
from trainers.evaluation.clips import Clip
from trainers.evaluation.joint import joint_means, joint_sources
from trainers.evaluation.reading import Seen, see, whole_square
from trainers.models.build import VideoTextModel
from trainers.models.outputs import TextOutput, VideoOutput
from trainers.models.translator import Translator

MODALITIES = ("video", "audio", "text")


@dataclass(frozen=True, slots=True)
class Features:
    """What a frozen run makes of clips; one row a clip."""

    embedding: np.ndarray
    """Points in the joint space, `[N, D]`."""
    video: np.ndarray
    audio: np.ndarray
    text: np.ndarray

    joint: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Joint features of each source alone, `[N, H]`, by modality: those that the run's translator
    knows, none where it has no translator. A clip without sound has zeros for `audio`."""

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return the rows of all parts, one after the other."""

        def rows(name: str) -> np.ndarray:
            return np.concatenate([getattr(part, name) for part in parts])

        joint = {
            name: np.concatenate([part.joint[name] for part in parts]) for name in parts[0].joint
        }
        return cls(rows("embedding"), rows("video"), rows("audio"), rows("text"), joint)

    def take(self, rows: Sequence[int]) -> "Features":
        """Return some rows, in the order given."""
        index = np.asarray(rows, dtype=np.int64)
        return Features(
            self.embedding[index],
            self.video[index],
            self.audio[index],
            self.text[index],
            {name: x_NH[index] for name, x_NH in self.joint.items()},
        )

    def modalities(self) -> dict[str, np.ndarray]:
        """Return what fusion fuses."""
        return {name: getattr(self, name) for name in MODALITIES}


@dataclass(frozen=True, slots=True)
class Looks:
    """What the video tower alone makes of clips; one row a clip."""

    embedding: np.ndarray
    """Points in the joint space, `[N, D]`."""
    feature: np.ndarray
    """Trunk features, `[N, C]`."""

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return the rows of all parts, one after the other."""
        return cls(
            np.concatenate([part.embedding for part in parts]),
            np.concatenate([part.feature for part in parts]),
        )


class Embedder:
    """A frozen model with its tokenizer, and how to read clips for it."""

    def __init__(
        self,
        job: TrainJob,
        model: VideoTextModel,
        tokenizer: Tokenizer,
        batch: int,
        mel_bands: int,
    ) -> None:
        """Move the model to the GPU where there is one."""
        self._job, self._tokenizer = job, tokenizer
        self._batch, self._mel_bands = batch, mel_bands
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = model.to(self._device).eval()
        self._joint = joint_sources(model.translator)

    def clips(self, clips: Sequence[Clip]) -> tuple[Features, list[tuple[Window, ...]]]:
        """Return features and bags of the clips, in their order.

        One batch is decoded while the model works on the one before; no more is in memory.

        Raises:
            ValueError: If a sample cannot be read or decoded; says which.
        """
        features, bags = [], []
        with tqdm(total=len(clips), desc="embed", unit="clip") as progress:
            for seen in self._batches(clips, self._job.data, self._mel_bands):
                features.append(self._embed(seen))
                bags += [clip.windows for clip in seen]
                progress.update(len(seen))
        return Features.join(features), bags

    def looks(self, clips: Sequence[Clip]) -> Looks:
        """Return what the video tower makes of clips, in their order.

        They are seen as published evaluations do: the whole centre square, scaled to size.

        Raises:
            ValueError: If a sample cannot be read or decoded; says which.
        """
        data = whole_square(self._job.data)
        parts = []
        with tqdm(total=len(clips), desc="embed", unit="clip") as progress:
            for seen in self._batches(clips, data, None):
                parts.append(self._look(seen))
                progress.update(len(seen))
        return Looks.join(parts)

    def texts(self, texts: Sequence[str], max_words: int | None = None) -> np.ndarray:
        """Return points in the joint space, `[N, D]`.

        Args:
            texts: Sentences.
            max_words: Words or pieces kept of each; None keeps as many as training does.
        """
        parts = [
            self._read(texts[start : start + self._batch], max_words)
            .embedding_ND.float()
            .cpu()
            .numpy()
            for start in range(0, len(texts), self._batch)
        ]
        return np.concatenate(parts)

    def _batches(
        self, clips: Sequence[Clip], data: DataConfig, mel_bands: int | None
    ) -> Iterator[list[Seen]]:
        batches = [clips[i : i + self._batch] for i in range(0, len(clips), self._batch)]
        with ThreadPoolExecutor(data.threads) as pool:

            def begin(batch: Sequence[Clip]) -> list[Future[Seen]]:
                return [
                    pool.submit(see, clip, data, mel_bands, with_mel_frames="audio" in self._joint)
                    for clip in batch
                ]

            ahead = begin(batches[0]) if batches else []
            for following in [*batches[1:], []]:
                current, ahead = ahead, begin(following)
                yield [future.result() for future in current]

    @torch.inference_mode()
    def _look(self, seen: Sequence[Seen]) -> Looks:
        video = self._watch(seen)
        return Looks(
            video.embedding_BD.float().cpu().numpy(), video.feature_BC.float().cpu().numpy()
        )

    def _watch(self, seen: Sequence[Seen]) -> VideoOutput:
        frames_BTHWC = torch.from_numpy(np.stack([clip.frames_THWC for clip in seen]))
        return self._model.video(frames_BTHWC.to(self._device))

    @torch.inference_mode()
    def _embed(self, seen: Sequence[Seen]) -> Features:
        video = self._watch(seen)
        bags = [clip.windows for clip in seen]
        text = self._read([window.text for bag in bags for window in bag])
        text_BC = _mean_over_bags(_mean_over_words(text), bags)
        joint = {
            "video": lambda: self._joint_of_video(video),
            "audio": lambda: self._joint_of_audio(seen),
            "text": lambda: _mean_over_bags(self._joint_of_text(text), bags),
        }
        return Features(
            embedding=video.embedding_BD.float().cpu().numpy(),
            video=video.feature_BC.float().cpu().numpy(),
            audio=np.stack([clip.audio for clip in seen if clip.audio is not None]),
            text=text_BC.float().cpu().numpy(),
            joint={name: joint[name]().float().cpu().numpy() for name in self._joint},
        )

    def _joint_of_video(self, video: VideoOutput) -> Tensor:
        sequence_BSC = video.sequence_BSC
        mask_BS = torch.ones_like(sequence_BSC[..., 0], dtype=torch.bool)
        return joint_means(self._translator, "video", sequence_BSC, mask_BS)

    def _joint_of_text(self, text: TextOutput) -> Tensor:
        return joint_means(self._translator, "text", text.words_NLC, text.mask_NL)

    def _joint_of_audio(self, seen: Sequence[Seen]) -> Tensor:
        data = self._job.data
        silence_FM = np.zeros((data.mel_frames, data.mel_bands), np.float32)
        mel_BFM = np.stack([silence_FM if clip.mel_FM is None else clip.mel_FM for clip in seen])
        heard_B = torch.tensor([clip.mel_FM is not None for clip in seen], device=self._device)
        mask_BF = heard_B.unsqueeze(1).expand(mel_BFM.shape[:2])
        return joint_means(
            self._translator, "audio", torch.from_numpy(mel_BFM).to(self._device), mask_BF
        )

    @property
    def _translator(self) -> Translator:
        assert self._model.translator is not None
        return self._model.translator

    @torch.inference_mode()
    def _read(self, texts: Sequence[str], max_words: int | None = None) -> TextOutput:
        tokens_NL = self._tokenizer.encode(texts, max_words or self._job.model.text.max_words)
        return self._model.text(torch.from_numpy(tokens_NL).to(self._device))


def _mean_over_words(output: TextOutput) -> Tensor:
    mask_NL1 = output.mask_NL.unsqueeze(-1)
    return (output.words_NLC * mask_NL1).sum(dim=1) / mask_NL1.sum(dim=1).clamp(min=1)


def _mean_over_bags(words_NC: Tensor, bags: Sequence[tuple[Window, ...]]) -> Tensor:
    """Return `[B, C]`; the weight of the window of rank k (nearest 0) is 1 / (1 + k).

    An empty bag has zeros.
    """
    means, start = [], 0
    for bag in bags:
        weight_K = 1 / torch.arange(1, len(bag) + 1, device=words_NC.device)
        total = weight_K.sum() if bag else 1.0
        means.append(weight_K @ words_NC[start : start + len(bag)] / total)
        start += len(bag)
    return torch.stack(means)
