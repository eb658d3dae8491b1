"""AV-MNIST: a digit that is seen dimly and heard in noise, so that only both together tell it.

After Perez-Rua et al., "MFAS", CVPR 2019, section 4: MNIST images with most of their energy removed
by PCA, spoken digits under noise, paired at random within the digit. Here: the first 10,000 MNIST
train digits, the 3,000 recordings of the Free Spoken Digit Dataset, and

- splits are made before pairs: images by 70/10/20 % of each class, recordings by their number as
  their authors have it (0-4 test; 5-9 val; the others train). No image and no recording is in two
  splits, though a recording is heard with several images;
- an image keeps its 4 leading principal components, those of the train images: about 29 % of the
  energy;
- a recording's first 0.8 s under white noise of -10 dB signal-to-noise (of what sounds, not of the
  silence after it), another noise for each pair; 32 log-mel bands of 32 frames.

`python -m trainers.tasks.avmnist DATA OUT.npz` writes all of it as one file, the same bytes each
time; DATA holds the folders `mnist10k_npm` and `fsdd`.

Shape letters in this file:
    N  pairs    Y  rows and X  columns of an image    P  pixels    S  samples of sound
    T  frames of sound    W  frequency bins    M  mel bands
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np

from trainers.tasks.task import Sequences, Split, SplitName, Task

CLASSES = tuple(str(number) for number in range(10))
SNR_DB = -10.0
COMPONENTS = 4
_SHARES = (0.7, 0.8)
"""Of each class's images: where val and where test begin."""

_TEST_BELOW, _VAL_BELOW = 5, 10
_HZ = 8000
_SECONDS = 0.8
_FRAMES, _BANDS, _WIDTH = 32, 32, 512
_AT_A_TIME = 500


def load(data: Path, snr_db: float = SNR_DB) -> Task:
    """Build the task from its two sources, in some seconds.

    Args:
        data: Holds `mnist10k_npm/mnist10k.npz` and `fsdd/fsdd.npz`.
        snr_db: Power of the speech over that of the noise.

    Raises:
        FileNotFoundError: If they are not there.
    """
    images = _arrays(data / "mnist10k_npm" / "mnist10k.npz")
    sounds = _arrays(data / "fsdd" / "fsdd.npz")
    rows_of = _splits_of_images(images["y"])
    dim_NP = _dimmed(images["x"].reshape(len(images["x"]), -1), rows_of["train"])
    speech_NS = _speech(sounds)
    splits = {}
    for name, rows_N in rows_of.items():
        label_N = images["y"][rows_N].astype(np.int64)
        clip_N = _paired(name, label_N, sounds)
        ids = tuple(f"{row:05d}-{clip:04d}" for row, clip in zip(rows_N, clip_N, strict=True))
        image_NYX = dim_NP[rows_N].reshape(-1, 28, 28)
        mel_NTM = np.concatenate(
            [
                _log_mel(_noisy(speech_NS[clip_N[part]], [ids[i] for i in part], snr_db))
                for part in np.split(np.arange(len(ids)), range(_AT_A_TIME, len(ids), _AT_A_TIME))
            ]
        )
        told = {"image": _whole(image_NYX), "audio": _whole(mel_NTM)}
        splits[name] = Split(ids, told, label_N)
    return Task("avmnist", CLASSES, splits)


def write(task: Task, path: Path) -> None:
    """Write the task as one compressed npz, the same bytes each time."""
    arrays: dict[str, np.ndarray] = {}
    for name, split in task.splits.items():
        arrays[f"ids_{name}"] = np.array(split.ids)
        arrays[f"y_{name}"] = split.labels
        for modality, one in split.modalities.items():
            arrays[f"{modality}_{name}"] = one.values_NTC
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    # An open NpzFile inflates an array anew each time that it is asked for.
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def _rng(*words: object) -> np.random.Generator:
    digest = hashlib.sha256(":".join(map(str, words)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _splits_of_images(label_N: np.ndarray) -> dict[SplitName, np.ndarray]:
    found: dict[SplitName, list[np.ndarray]] = {"train": [], "val": [], "test": []}
    for number in range(len(CLASSES)):
        rows_N = _rng("images", number).permutation(np.flatnonzero(label_N == number))
        edges = [round(share * len(rows_N)) for share in _SHARES]
        for name, part_N in zip(found, np.split(rows_N, edges), strict=True):
            found[name].append(part_N)
    return {name: np.sort(np.concatenate(parts)) for name, parts in found.items()}


def _dimmed(pixel_NP: np.ndarray, train_N: np.ndarray) -> np.ndarray:
    """Return images by their leading components alone, values about 0 to 1, float32."""
    light_NP = pixel_NP.astype(np.float64) / 255
    mean_P = light_NP[train_N].mean(axis=0)
    moved_NP = light_NP[train_N] - mean_P
    _, axes_PP = np.linalg.eigh(moved_NP.T @ moved_NP)
    leading_PK = axes_PP[:, -COMPONENTS:]
    return ((light_NP - mean_P) @ leading_PK @ leading_PK.T + mean_P).astype(np.float32)


def _speech(sounds: dict[str, np.ndarray]) -> np.ndarray:
    """Return the beginning of each recording, 0 after its end, `[recordings, S]`."""
    most = round(_SECONDS * _HZ)
    end_N = np.cumsum(sounds["length"], dtype=np.int64)
    speech_NS = np.zeros((len(end_N), most), dtype=np.float32)
    for row, (end, length) in enumerate(zip(end_N, sounds["length"], strict=True)):
        kept = min(int(length), most)
        speech_NS[row, :kept] = sounds["audio"][end - length : end - length + kept]
    return speech_NS / 32768


def _paired(split: SplitName, label_N: np.ndarray, sounds: dict[str, np.ndarray]) -> np.ndarray:
    """Return a recording of the same digit and the same split for each label."""
    number_of = sounds["index"]
    of_split = {
        "test": number_of < _TEST_BELOW,
        "val": (number_of >= _TEST_BELOW) & (number_of < _VAL_BELOW),
        "train": number_of >= _VAL_BELOW,
    }[split]
    clip_N = np.zeros(len(label_N), dtype=np.int64)
    for number in range(len(CLASSES)):
        heard = np.flatnonzero(of_split & (sounds["digit"] == number))
        rows = np.flatnonzero(label_N == number)
        clip_N[rows] = _rng("pairs", split, number).choice(heard, size=len(rows))
    return clip_N


def _noisy(speech_NS: np.ndarray, ids: list[str], snr_db: float) -> np.ndarray:
    noise_NS = np.stack(
        [_rng("noise", one).standard_normal(speech_NS.shape[1], np.float32) for one in ids]
    )
    # Of the recording alone, not of the silence after it.
    sounding_N1 = np.maximum((speech_NS != 0).sum(axis=1, keepdims=True), 1)
    power_N1 = np.square(speech_NS).sum(axis=1, keepdims=True) / sounding_N1
    return speech_NS + noise_NS * np.sqrt(power_N1 * 10 ** (-snr_db / 10))


def _log_mel(wave_NS: np.ndarray) -> np.ndarray:
    """Return log power in mel bands, `[N, T, M]`, float32."""
    starts_T = np.linspace(0, wave_NS.shape[1] - _WIDTH, _FRAMES).round().astype(int)
    frame_NTW = wave_NS[:, starts_T[:, None] + np.arange(_WIDTH)] * np.hanning(_WIDTH)
    power_NTW = np.square(np.abs(np.fft.rfft(frame_NTW, axis=2)))
    return np.log(power_NTW @ _triangles().T + 1e-6).astype(np.float32)


def _triangles() -> np.ndarray:
    """Return mel filters `[M, W]` that reach from the centre before to the centre after."""
    top_mel = 2595 * np.log10(1 + _HZ / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top_mel, _BANDS + 2) / 2595) - 1)
    bins_W = np.arange(_WIDTH // 2 + 1) * _HZ / _WIDTH
    low_M1, middle_M1, high_M1 = (edges[k : k + _BANDS, None] for k in range(3))
    rising = (bins_W - low_M1) / (middle_M1 - low_M1)
    falling = (high_M1 - bins_W) / (high_M1 - middle_M1)
    return np.maximum(np.minimum(rising, falling), 0.0)


def _whole(values_NTC: np.ndarray) -> Sequences:
    return Sequences(values_NTC, np.ones(values_NTC.shape[:2], dtype=bool))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    write(load(asked.data), asked.out)
