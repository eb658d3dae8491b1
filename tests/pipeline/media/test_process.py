"""Children that misbehave in every way get a reason code, and nothing of them is left."""

import os
import subprocess
import sys
import time

import pytest

from pipeline.media.errors import MediaError
from pipeline.media.process import STDERR_TAIL_BYTES, DecoderChild


def run(code: str, deadline_s: float = 20.0):
    with DecoderChild(deadline_s, [sys.executable, "-c", code]) as child:
        return child.receive()


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("import os; os.abort()", "E_CRASH"),
        ("import os; os.kill(os.getpid(), 11)", "E_CRASH"),
        ("import os; os.kill(os.getpid(), 9)", "E_OOM"),
        ("raise MemoryError", "E_OOM"),
        ("raise SystemExit(3)", "E_CRASH"),
        ("import sys; sys.stdout.write('x' * 100)", "E_CRASH"),
        ("import time; time.sleep(60)", "E_TIMEOUT"),
        ("import sys\nwhile True: sys.stderr.write('x' * 1000)", "E_TIMEOUT"),
    ],
)
def test_every_ending_has_its_code(code, verdict):
    deadline_s = 1.0 if verdict == "E_TIMEOUT" else 20.0
    with pytest.raises(MediaError) as caught:
        run(code, deadline_s)
    assert caught.value.code == verdict


def test_a_child_that_never_reads_cannot_hold_up_its_parent():
    with (
        DecoderChild(1.0, [sys.executable, "-c", "import time; time.sleep(60)"]) as child,
        pytest.raises(MediaError, match="E_TIMEOUT"),
    ):
        child.send({"starts": list(range(300_000))})


def test_grandchildren_die_with_the_child(tmp_path):
    note = tmp_path / "pid"
    code = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(note)!r}, 'w').write(str(p.pid))\n"
        "time.sleep(60)"
    )
    with pytest.raises(MediaError):
        run(code, 1.5)
    pid = int(note.read_text())
    for _ in range(50):
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True
        )
        if state.stdout.strip() in ("", "Z"):
            return
        time.sleep(0.1)
    pytest.fail("the grandchild lives")


def test_only_the_tail_of_the_errors_is_kept():
    code = "import sys; sys.stderr.write('a' * 50_000 + '\\x1b[31mthe end'); sys.exit(1)"
    with DecoderChild(20.0, [sys.executable, "-c", code]) as child:
        with pytest.raises(MediaError) as caught:
            child.receive()
        assert len(child.stderr_tail) <= STDERR_TAIL_BYTES
    assert "the end" in caught.value.detail and "\x1b" not in caught.value.detail


def test_the_child_sees_no_secret_of_ours(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    code = (
        "import os\nfrom pipeline.media.framing import pack, write_all\n"
        "write_all(1, pack({'kind': 'env', 'env': dict(os.environ), 'sid': os.getsid(0)}))"
    )
    with DecoderChild(20.0, [sys.executable, "-c", code]) as child:
        head, _ = child.receive()
    assert "canary" not in str(head["env"])
    assert head["sid"] != os.getsid(0)


def test_the_child_imports_nothing_heavy():
    code = "import sys, pipeline.media.child as _; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"pydantic", "pyarrow", "ray", "torch", "decord", "pandas", "scipy"}


HANGS = {
    "spins": "while True: pass",
    "sleeps": "time.sleep(600)",
    "ignores signals": "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)",
    "is stopped": "os.kill(os.getpid(), signal.SIGSTOP)",
    "drips": "while True: os.write(1, b'\\0'); time.sleep(0.01)",
    "has children": "subprocess.Popen(['sleep', '600']); time.sleep(600)",
    "closed its output": "os.close(1); os.close(2); time.sleep(600)",
}


@pytest.mark.parametrize("hang", HANGS)
def test_a_hang_ends_within_two_seconds_of_its_deadline(hang):
    code = f"import os, signal, subprocess, time\n{HANGS[hang]}"
    started = time.monotonic()
    with DecoderChild(1.0, [sys.executable, "-c", code]) as child, pytest.raises(MediaError):
        child.receive()
    assert time.monotonic() - started < 3.0
    listed = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True)
    group = [line.split()[1] for line in listed.stdout.splitlines()
             if line.split()[0] == str(child._process.pid)]  # fmt: skip
    # A killed orphan is a zombie until init, wherever it is, has seen it.
    assert all(state.startswith("Z") for state in group)


def test_a_stalled_decoder_of_a_real_source_is_killed_with_its_group(tmp_path, make_video):
    from configs.clips import ClipsConfig
    from configs.sources import LimitsConfig
    from pipeline.media import decode

    path = make_video(tmp_path / "a.mp4")
    limits = LimitsConfig(deadline_s=1.0, deadline_per_s=0.01)
    request = decode.make_request(path, ClipsConfig(), limits)
    started = time.monotonic()
    with pytest.raises(MediaError, match="E_TIMEOUT"):
        # The plan takes longer than the child has; the parent must still see the deadline.
        decode.decode_source(request, limits, lambda _: time.sleep(1.2) or [0], lambda *_: None)
    assert time.monotonic() - started < 3.0


@pytest.mark.parametrize(("size", "most"), [((1920, 1080), 1 << 30), ((3840, 2160), 3 << 29)])
def test_the_memory_of_a_child_is_bounded(tmp_path, size, most):
    import imageio_ffmpeg

    from configs.clips import ClipsConfig
    from configs.sources import LimitsConfig
    from pipeline.media.decode import decode_source, make_request

    path, picture = tmp_path / "a.mp4", f"testsrc2=s={size[0]}x{size[1]}:r=25:d=3.4"
    words = ["-f", "lavfi", "-i", picture, "-c:v", "libx264", "-preset", "ultrafast"]
    words += ["-refs", "4", "-bf", "3", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *words], check=True)
    request = make_request(path, ClipsConfig(), LimitsConfig())
    _, summary = decode_source(request, LimitsConfig(), lambda _: [0, 1], lambda *_: None)
    assert 0 < summary.peak_memory_bytes <= most
