"""Python, ffmpeg, the decoders, the encoder and torch: each is run, not only imported."""

import importlib
import platform
import subprocess
import sys

from pipeline.health.finding import Finding

REINSTALL = "run `make setup` (or `pip install -e . -c constraints.txt`) again"
FFMPEG_DEADLINE_S = 20


def check_python() -> Finding:
    """Check the interpreter's version."""
    version = platform.python_version()
    if (3, 11) <= sys.version_info[:2] < (3, 13):
        return Finding("python", "ok", version)
    return Finding("python", "broken", version, "use Python 3.11 or 3.12: make setup PYTHON=...")


def check_ffmpeg() -> Finding:
    """Run the ffmpeg binary that `imageio-ffmpeg` pins."""
    import imageio_ffmpeg

    binary = imageio_ffmpeg.get_ffmpeg_exe()
    done = subprocess.run(
        [binary, "-hide_banner", "-version"],
        capture_output=True,
        text=True,
        timeout=FFMPEG_DEADLINE_S,
        check=False,
    )
    if done.returncode != 0:
        reason = done.stderr.strip()[-200:] or f"exit code {done.returncode}"
        return Finding("ffmpeg", "broken", f"{binary}: {reason}", REINSTALL)
    return Finding("ffmpeg", "ok", f"{done.stdout.partition(' Copyright')[0]}; {binary}")


def check_decoders() -> Finding:
    """Import PyAV with its H.264 encoder, soundfile, and decord where there is a wheel of it."""
    import av
    import soundfile

    av.codec.Codec("libx264", "w")
    found = f"PyAV {av.__version__} with libx264, soundfile {soundfile.__version__}"
    try:
        decord = importlib.import_module("decord")
    except (ImportError, OSError) as error:
        if platform.machine() != "x86_64":
            return Finding("decoders", "ok", f"{found}; no decord for {platform.machine()}")
        return Finding(
            "decoders",
            "warn",
            f"{found}; decord does not load: {error}",
            f"{REINSTALL}, or train with --data.decoder pyav",
        )
    return Finding("decoders", "ok", f"{found}, decord {decord.__version__}")


def check_torch() -> Finding:
    """Import torch, and say what it computes on."""
    import torch

    if torch.cuda.is_available():
        return Finding("torch", "ok", f"{torch.__version__}, {torch.cuda.get_device_name()}")
    if torch.version.cuda:
        return Finding(
            "torch",
            "warn",
            f"{torch.__version__} is a CUDA build and finds no GPU",
            "check the driver (nvidia-smi), or take a CPU build: make setup TORCH_INDEX=...",
        )
    return Finding("torch", "ok", f"{torch.__version__}, CPU build")
