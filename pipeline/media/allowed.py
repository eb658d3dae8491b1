"""The formats, protocols and decoders that may see a raw upload, as FFmpeg names them.

Whatever is not named here is refused before its code runs: most holes of FFmpeg lie in decoders
and demuxers that no video site has served for twenty years.
"""

from collections.abc import Iterable

# HLS, DASH, concat and other formats that open further files are left out on purpose.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,asf,flv"
VIDEO = frozenset(
    {
        "av1", "libdav1d", "libaom-av1", "flv", "flv1", "h263", "h263p", "h264", "hevc", "mjpeg",
        "mpeg1video", "mpeg2video", "mpeg4", "msmpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3",
        "rv40", "theora", "vc1", "vp6", "vp6f", "vp8", "libvpx", "vp9", "libvpx-vp9", "wmv1",
        "wmv2", "wmv3", "dvvideo", "prores", "h261", "svq1", "svq3", "cinepak",
    }
)  # fmt: skip
AUDIO = frozenset(
    {
        "aac", "aac_latm", "ac3", "adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "adpcm_swf", "alac",
        "amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb", "dca", "eac3", "flac",
        "gsm_ms", "libopus", "libvorbis", "mp1", "mp1float", "mp2", "mp2float", "mp3", "mp3float",
        "nellymoser", "opus", "pcm_alaw", "pcm_bluray", "pcm_dvd", "pcm_f32be", "pcm_f32le",
        "pcm_mulaw", "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le", "pcm_s32be", "pcm_s32le",
        "pcm_s8", "pcm_u8", "speex", "vorbis", "wmapro", "wmav1", "wmav2",
    }
)  # fmt: skip
SUBTITLES = frozenset({"ass", "mov_text", "srt", "ssa", "subrip", "text", "webvtt"})


def open_options() -> dict[str, str]:
    """Return the options with which a container is opened: they bind the demuxers too."""
    return {
        "protocol_whitelist": "file",
        "format_whitelist": FORMATS,
        # FFmpeg decodes a little of every stream to learn about it.
        "codec_whitelist": _listed(VIDEO | AUDIO | SUBTITLES),
    }


def _listed(names: Iterable[str]) -> str:
    return ",".join(sorted(names))
