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
