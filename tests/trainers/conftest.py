import numpy as np
import pytest
import torch

from configs.data import DataConfig
from configs.models import ModelConfig, S3DConfig, TextConfig, TranslatorConfig
from configs.objectives import CyclicConfig, MilNceConfig, ObjectivesConfig, WeightSchedule
from configs.runs import RunConfig, TrainJob
from configs.training import TrainingConfig
from shards.clipcodec import encode_audio, encode_clip
from shards.commit import BundleRecord, commit_bundle
from shards.fold import fold
from shards.schema import Sample, Window
from shards.write import ShardWriter
from trainers.data.batch import Batch

WORDS = "chop stir fry the a red green leek egg pan now we then slowly".split()


def make_sample(video_id, clip, random, num_windows=5):
    frames_THWC = np.full((32, 32, 56, 3), 40, np.uint8)
    for t in range(32):
        left = int(4 + t * random.uniform(0.2, 1.0))
        frames_THWC[t, 8:20, left : left + 8] = random.integers(60, 255, 3)
    start_s = 4.0 * clip
    windows = tuple(
        Window(
            index,
            start_s,
            start_s + 2,
            " ".join(random.choice(WORDS, 4)),
            center_dist_s=float(index),
        )
        for index in range(num_windows)
    )
    meta = {
        "schema": 1,
        "video_id": video_id,
        "src": {"bytes": 1, "sha256": f"{abs(hash_of(video_id)):064x}"},
        "t0_s": start_s,
        "t1_s": start_s + 3.2,
        "fps": 10,
        "n": 32,
        "pts_s": [round(start_s + t / 10, 3) for t in range(32)],
        "dup": [0] * 32,
        "w": 56,
        "h": 32,
        "rot": 0,
        "sar": 1.0,
        "codec": "h264",
        "flags": [],
        "build": {"code": 1, "cfg": "test"},
    }
    clip_bytes, sound = encode_clip(frames_THWC, 10, 18), make_sound(video_id, clip)
    return Sample(meta, clip_bytes, windows[0].text, windows, sound)


def make_sound(video_id, clip):
    """A tone that rises, of a pitch of the clip's own; every third clip is silent."""
    if clip % 3 == 2:
        return None
    time_N = np.arange(4 * 3200) / 4000
    hz = 100 + hash_of(video_id) % 300 + 50 * clip
    return encode_audio((3000 * np.sin(2 * np.pi * hz * time_N**1.2)).astype(np.int16), 4000)


def hash_of(text):
    return int.from_bytes(text.encode(), "little") % 2**61


def write_shards(out, num_train=9, num_val=3, clips=3, seed=0):
    """Write a small dataset: `num_train` + `num_val` videos of `clips` clips, two bundles."""
    random = np.random.default_rng(seed)
    videos = [(f"train-{n}", "train") for n in range(num_train)]
    videos += [(f"val-{n}", "val") for n in range(num_val)]
    bundles = ["000000", "000001"]
    for number, bundle in enumerate(bundles):
        with ShardWriter(str(out), bundle, max_bytes=2**30, max_samples=8) as writer:
            planned = {}
            for video_id, split in videos[number::2]:
                planned[video_id] = clips
                for clip in range(clips):
                    # Bags of unequal size: some windows are masked.
                    sample = make_sample(video_id, clip, random, num_windows=2 + clip % 3)
                    writer.add(sample, split)
            parts = writer.finish()
        commit_bundle(str(out), BundleRecord(bundle, "test", planned, parts, []))
    return fold(str(out), bundles)


EVERYTHING = CyclicConfig(
    weight=0.5,
    directions=("video->words", "words->video", "audio->words", "video->audio"),
    target_window="soft",
    schedule=WeightSchedule(shape="cosine", first=0.1, begin=1, end=5),
)
FADING = WeightSchedule(shape="linear", first=1.0, last=0.5, begin=0, end=6)


def tiny_job(shards, root, cyclic=1.0, everything=False, **training):
    """Return a job that trains a very small model with dropout on `shards`.

    With `everything`, words, sound and video are translated, bags are soft, weights change.
    """
    options = {
        "steps": 6,
        "workers": 1,
        "global_batch": 6,
        "virtual_ranks": 3,
        "warmup_steps": 2,
        "lr": 3e-3,
        "checkpoint_every": 2,
        "validate_every": 4,
        "gradients_every": 3,
    }
    return TrainJob(
        run=RunConfig(name="tiny", root=str(root)),
        data=DataConfig(shards=str(shards), num_frames=8, size=24, resize=28),
        model=ModelConfig(
            video=S3DConfig(width=0.0625, blocks=("3b",), embedding_dim=16),
            text=TextConfig(vocabulary=200, max_words=8, word_dim=16, hidden_dim=32),
            translator=TranslatorConfig(hidden_dim=16, dropout=0.2),
        ),
        objectives=ObjectivesConfig(
            mil_nce=MilNceConfig(candidates=3, schedule=FADING if everything else WeightSchedule()),
            cyclic=EVERYTHING if everything else CyclicConfig(weight=cyclic),
        ),
        training=TrainingConfig(**{**options, **training}),
    )


VOCABULARY = 50
"""Of the tokens in `make_batches`."""


def random_batches(job, step=0, sound=False):
    """Return one micro-batch for each virtual rank; two clips share a video, some windows lack."""
    training = job.training
    size = training.global_batch // training.virtual_ranks
    batches = []
    for rank in range(training.virtual_ranks):
        random = np.random.default_rng([step, rank])
        tokens_BKL = torch.from_numpy(random.integers(1, VOCABULARY, (size, 3, 8)))
        tokens_BKL[:, :, 5:] = 0
        tokens_BKL[0, 2] = 0
        frames = random.integers(0, 256, (size, 8, 24, 24, 3), np.uint8)
        mask_BK = (tokens_BKL != 0).any(dim=2)
        videos = torch.arange(size) + rank * (size - 1)
        rows = torch.arange(size) + rank * size
        heard = ()
        if sound:
            mel_BFM = random.normal(-8, 3, (size, job.data.mel_frames, job.data.mel_bands))
            heard = torch.from_numpy(mel_BFM.astype(np.float32)), torch.arange(size) != 1
        batches.append(
            Batch(torch.from_numpy(frames), tokens_BKL, mask_BK, videos, rows, rows < 0, *heard)
        )
    return batches


@pytest.fixture
def make_batches():
    return random_batches


@pytest.fixture(scope="session")
def shards(tmp_path_factory):
    out = tmp_path_factory.mktemp("shards")
    write_shards(out)
    return out


@pytest.fixture
def make_job(shards, tmp_path):
    def make(**options):
        return tiny_job(options.pop("shards", shards), options.pop("root", tmp_path), **options)

    return make


@pytest.fixture
def make_shards(tmp_path):
    def make(**options):
        write_shards(tmp_path / "other-shards", **options)
        return tmp_path / "other-shards"

    return make
