"""Little samples and a little built folder."""

import numpy as np
import pytest

from shards.clipcodec import encode_audio, encode_clip
from shards.commit import BundleRecord, commit_bundle
from shards.fold import fold
from shards.schema import Sample, Window, Word
from shards.write import ShardWriter

NUM_FRAMES = 8


@pytest.fixture(scope="session")
def clip() -> bytes:
    frames_THWC = np.random.default_rng(0).integers(0, 255, (NUM_FRAMES, 16, 24, 3), np.uint8)
    return encode_clip(frames_THWC, fps=10, crf=18)


@pytest.fixture(scope="session")
def make_sample(clip):
    def make(video_id: str = "video", t0_s: float = 0.0, *, audio: bool = True) -> Sample:
        meta = {
            "video_id": video_id,
            "t0_s": t0_s,
            "t1_s": t0_s + 3.2,
            "n": NUM_FRAMES,
            "flags": ["W_VFR"],
            "src": {"bytes": 9, "sha256": video_id * 2},
        }
        words = (Word("cut", 0.1, 0.3), Word("it", 0.3, 0.5))
        windows = (Window(3, 0.1, 0.5, "cut it", words, 0.4, 1.3), Window(4, 2.0, 3.0, "so"))
        sound = encode_audio(np.arange(1600, dtype=np.int16), 16_000) if audio else None
        return Sample(meta, clip, "cut it", windows, sound)

    return make


@pytest.fixture(scope="session")
def build_bundle(make_sample):
    """Builds and commits a bundle of two videos with `num_clips` clips each, one clip lost."""

    def build(out: str, bundle: str, num_clips: int = 3, fingerprint: str = "f") -> bool:
        videos = [f"{bundle}-a", f"{bundle}-b"]
        with ShardWriter(out, bundle, max_bytes=2**20, max_samples=4) as writer:
            for index in range(num_clips):
                for video in videos:
                    writer.add(make_sample(video, 3.2 * index), "train")
            parts = writer.finish()
        lost = {"video_id": videos[0], "code": "E_SHORT", "clips": 1, "bundle": bundle}
        planned = {videos[0]: num_clips + 1, videos[1]: num_clips}
        return commit_bundle(out, BundleRecord(bundle, fingerprint, planned, parts, [lost]))

    return build


@pytest.fixture
def built(tmp_path, build_bundle) -> str:
    out = str(tmp_path / "out")
    bundles = ["000000", "000001"]
    for bundle in bundles:
        build_bundle(out, bundle)
    fold(out, bundles)
    return out
