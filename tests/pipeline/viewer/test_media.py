import io

import numpy as np
import pytest
from PIL import Image

from pipeline.viewer.media import FILM_FRAMES, FILM_WIDTH_PX, Media
from shards import storage
from shards.clipcodec import encode_raw
from shards.clipcodec_jpegs import encode_jpegs
from shards.schema import Sample, Window
from shards.write import ShardWriter

NUM_FRAMES, MARGIN = 8, 2


def row_of(tmp_path, encoding: str) -> tuple[Media, dict]:
    """A sample whose own frames are brighter from one to the next, after two black ones."""
    bright_T = np.concatenate([np.zeros(MARGIN), np.arange(1, 9) * 30, np.zeros(MARGIN)])
    frames_THWC = np.broadcast_to(bright_T[:, None, None, None], (12, 48, 320, 3)).astype(np.uint8)
    clip = encode_raw(frames_THWC) if encoding == "npy" else encode_jpegs(frames_THWC, 90)
    meta = {
        "video_id": "v", "t0_s": 1.0, "t1_s": 1.8, "fps": 10, "n": NUM_FRAMES, "enc": encoding,
        "margin": MARGIN, "flags": [], "src": {"bytes": 1, "sha256": "a"},
    }  # fmt: skip
    with ShardWriter(str(tmp_path), "000000", max_bytes=2**24, max_samples=9) as writer:
        writer.add(Sample(meta, clip, "words", (Window(0, 1.0, 2.0, "words"),)), "train")
        part = writer.finish()[0]
    storage.publish(part.temporary, str(tmp_path / part.name))
    return Media(str(tmp_path)), part.rows[0]


@pytest.mark.parametrize("encoding", ["npy", "jpgs"])
def test_any_encoding_is_shown_and_played_without_its_margins(tmp_path, encoding):
    media, row = row_of(tmp_path, encoding)
    film = np.asarray(Image.open(io.BytesIO(media.film(row))))
    assert film.shape[1] == FILM_FRAMES * FILM_WIDTH_PX
    bright = film[:, FILM_WIDTH_PX // 2 :: FILM_WIDTH_PX].mean(axis=(0, 2))
    assert bright == pytest.approx(np.arange(1, 9) * 30, abs=6)
    assert media.frame(row, 7) is not None and media.frame(row, 8) is None
    assert media.clip(row)[4:8] == b"ftyp"


def test_what_cannot_be_read_is_none(tmp_path):
    media = Media(str(tmp_path))
    row = {"shard": "nothing.tar", "offset": 0, "length": 512}
    assert media.film(row) is media.clip(row) is media.sample(row) is media.frame(row, 0) is None
