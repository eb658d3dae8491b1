"""The allow-lists name things that exist, and bind the demuxers too."""

import av
import pytest

from pipeline.media.allowed import AUDIO, FORMATS, SUBTITLES, VIDEO, open_options

# Decoders that other builds of FFmpeg have in the place of ours.
ELSEWHERE = {"libaom-av1", "libvorbis"}


@pytest.mark.parametrize(
    ("kind", "names"), [("video", VIDEO), ("audio", AUDIO), ("subtitle", SUBTITLES)]
)
def test_every_name_is_a_decoder_of_its_kind(kind, names):
    strange = set()
    for name in names - ELSEWHERE:
        try:
            strange |= {name} if av.codec.Codec(name, "r").type != kind else set()
        except av.codec.codec.UnknownCodecError:
            strange.add(name)
    assert strange == set()


def test_no_format_that_opens_other_files_is_allowed():
    assert not set(FORMATS.split(",")) & {"hls", "dash", "concat", "image2", "sdp", "lavfi", "mpl2"}
    assert open_options()["protocol_whitelist"] == "file"


def test_a_decoder_that_is_not_allowed_is_not_even_probed_with(tmp_path, make_video):
    path = make_video(tmp_path / "a.avi", codec="mpeg4", num_frames=5)
    options = open_options() | {"codec_whitelist": "h264"}
    # Without its decoder the pixel format stays unknown.
    assert av.open(str(path)).streams.video[0].pix_fmt == "yuv420p"
    assert av.open(str(path), options=options).streams.video[0].pix_fmt is None
