"""Long proofs: each notes its figures, and a proving run keeps them in docs/proofs/NAME.md.

A proof asks for the fixture `figures` and calls `figures(name=value, ...)`; values are numbers or
short texts. NAME is the module's name without `test_`. A proving run (WEAKVID_PROVE=1, what
`make prove` sets) skips nothing: a skip is a failure that says what is missing.
"""

import contextlib
import os
import platform
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

# Harnesses that several proofs share lie beside them: `import kills`.
sys.path.insert(0, str(Path(__file__).parent))
import builds
import kills

ROOT = Path(__file__).resolve().parents[2]
NUM_VIDEOS = 44
PROVES = bool(os.environ.get("WEAKVID_PROVE"))


@dataclass
class Proof:
    """What one test showed."""

    name: str
    outcome: str = "not run"
    seconds: float = 0.0
    figures: dict[str, object] = field(default_factory=dict)


_PROOFS = pytest.StashKey[dict[str, dict[str, Proof]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_PROOFS] = {}


def _proof_of(item: pytest.Item) -> Proof:
    module = item.config.stash[_PROOFS].setdefault(item.path.stem.removeprefix("test_"), {})
    return module.setdefault(item.name, Proof(item.name))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """44 short narrated videos, one of them torn and one whose captions are none."""
    folder = tmp_path_factory.mktemp("corpus") / "videos"
    log = folder.parent / "log"
    made = builds.weakvid("demo-corpus", "--out", str(folder), "--videos", str(NUM_VIDEOS))
    assert builds.finish(made, log, ROOT) == 0, log.read_text()
    shutil.rmtree(folder / "truth", ignore_errors=True)
    videos = sorted(folder.glob("*.mp4"))
    videos[3].write_bytes(videos[3].read_bytes()[:20_000])
    videos[5].with_suffix(".vtt").write_text("no captions at all")
    return folder


@pytest.fixture(scope="session")
def undisturbed(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """SHA-256 of every file of a build of the corpus that nothing disturbed."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    log = out.parent / "log"
    assert builds.finish(builds.shards(corpus, out), log, ROOT) == 0, log.read_text()[-3000:]
    return kills.snapshot(out)


@pytest.fixture
def figures(request: pytest.FixtureRequest):
    """A function that notes figures of this proof."""
    proof = _proof_of(request.node)
    started = time.monotonic()

    def note(**values: object) -> None:
        proof.figures.update(values)
        line = ", ".join(f"{name}={value}" for name, value in values.items())
        print(f"  [{time.monotonic() - started:6.1f} s] {line}", flush=True)

    return note


@pytest.fixture(scope="session")
def canary() -> Iterator[tuple[int, list[str]]]:
    """A port on the loopback address, and who has called there."""
    callers: list[str] = []

    def answer() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, address = listener.accept()
                callers.append(str(address))
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, daemon=True).start()
        yield listener.getsockname()[1], callers


@pytest.fixture(scope="session")
def nasty_corpus(test_data: Path, tmp_path_factory: pytest.TempPathFactory, canary) -> Path:
    """The files of `make_nasty.py`, made anew by the ffmpeg that is here. Do not write into it.

    Its `manifest.json` lies beside the folder; its URLs point at the canary.
    """
    import imageio_ffmpeg

    program = test_data.parent / "tools" / "make_nasty.py"
    if not program.is_file():
        pytest.skip(f"no {program}; set WEAKVID_TEST_DATA")
    folder = tmp_path_factory.mktemp("nasty") / "corpus"
    words = [sys.executable, str(program), imageio_ffmpeg.get_ffmpeg_exe(), str(folder)]
    words += ["--port", str(canary[0])]
    subprocess.run(words, check=True, capture_output=True, timeout=280)
    return folder / "files"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if PROVES and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"a proving run skips none: {report.longrepr[2]}"
    proof = _proof_of(item)
    proof.seconds += report.duration
    if report.when == "call" or report.outcome != "passed":
        proof.outcome = report.outcome
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not PROVES:
        return
    folder = ROOT / "docs" / "proofs"
    folder.mkdir(parents=True, exist_ok=True)
    for name, proofs in session.config.stash[_PROOFS].items():
        (folder / f"{name}.md").write_text(_page(name, list(proofs.values())))


def _page(name: str, proofs: list[Proof]) -> str:
    failed = [proof for proof in proofs if proof.outcome != "passed"]
    lines = [
        f"# Proof: {name.replace('_', ' ')}",
        "",
        f"- result: {f'{len(failed)} FAILED of ' if failed else 'all passed, '}{len(proofs)}",
        f"- command: `make prove ARGS=tests/proofs/test_{name}.py`",
        f"- commit: {_git('rev-parse', '--short=12', 'HEAD')}{_dirt()}",
        f"- date: {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}",
        f"- machine: {os.cpu_count()} CPUs, {platform.system()} {platform.release()}, "
        f"Python {sys.version.split()[0]}; its load average at the end {os.getloadavg()[2]:.1f}",
        "",
        "| proof | result | figure | value |",
        "|---|---|---|---|",
    ]
    for proof in proofs:
        sentence = proof.name.removeprefix("test_").replace("_", " ")
        rows = {**proof.figures, "wall time": f"{proof.seconds:.0f} s"}
        for figure, value in rows.items():
            text = f"{value:.4g}" if isinstance(value, float) else str(value)
            lines.append(f"| {sentence} | {proof.outcome} | {figure.replace('_', ' ')} | {text} |")
    return "\n".join(lines) + "\n"


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def _dirt() -> str:
    """Say where the code that ran is not that of the commit."""
    dirty = _git("status", "--porcelain", "--", "pipeline", "shards", "configs", "tests/proofs")
    return "" if dirty == "unknown" else f" and {len(dirty.splitlines())} changed files"
