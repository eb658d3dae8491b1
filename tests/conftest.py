"""Where the test material lies, and how many tests had to do without it."""

import importlib.util
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from shards.stores import objects

ROOT = Path(__file__).resolve().parents[1]

# The same examples on every machine, however slow it is.
settings.register_profile("house", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("house")


def _folder() -> Path:
    named = os.environ.get("WEAKVID_TEST_DATA")
    return Path(named) if named else ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real and nasty media; a proving run fails where it is not there."""
    folder = _folder()
    if folder.is_dir():
        return folder
    reason = f"no test material in {folder}; set WEAKVID_TEST_DATA"
    if os.environ.get("WEAKVID_PROVE"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """A real S3 server on loopback, named by the environment as users do; its endpoint."""
    missing = [name for name in ("moto", "flask", "s3fs") if not importlib.util.find_spec(name)]
    if missing:
        pytest.skip(f"no S3 server to test against: {', '.join(missing)} not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    command = [Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    settings = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "key-of-tests",
        "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for(endpoint)
            yield endpoint
        finally:
            server.kill()
            server.wait()


def _wait_for(endpoint: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(endpoint, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"moto_server must answer on {endpoint}, it does not")


@pytest.fixture
def faulty_s3(
    s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Callable[[], dict[str, int]]]]:
    """Puts a proxy that fails a share of requests before the server; it returns their counts."""
    proxies: list[subprocess.Popen[str]] = []

    def put_before(share: float, kinds: str, seed: int = 0) -> Callable[[], dict[str, int]]:
        port = s3_server.rpartition(":")[2]
        command = [sys.executable, ROOT / "tests/fault_proxy.py", port, str(share), kinds]
        proxy = subprocess.Popen([*command, str(seed)], stdout=subprocess.PIPE, text=True)
        proxies.append(proxy)
        assert proxy.stdout is not None
        endpoint = f"http://127.0.0.1:{proxy.stdout.readline().strip()}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setattr(objects, "_stores", {})

        def counts() -> dict[str, int]:
            return json.load(urllib.request.urlopen(f"{endpoint}/__counts__", timeout=10))

        return counts

    yield put_before
    for proxy in proxies:
        proxy.kill()
        proxy.wait()


@pytest.fixture
def bucket(s3_server: str) -> str:
    """A bucket of its own, as s3://NAME."""
    name = f"weakvid-{secrets.token_hex(6)}"
    request = urllib.request.Request(f"{s3_server}/{name}", method="PUT")
    urllib.request.urlopen(request, timeout=10).close()
    return f"s3://{name}"


def pytest_report_header() -> str:
    folder = _folder()
    return f"test material: {folder if folder.is_dir() else 'none (set WEAKVID_TEST_DATA)'}"


def pytest_collection_finish(session: pytest.Session) -> None:
    count = sum("test_data" in getattr(item, "fixturenames", ()) for item in session.items)
    session.config.stash[_COUNT] = count


_COUNT = pytest.StashKey[int]()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    num_need = config.stash.get(_COUNT, 0)
    num_skipped = sum(
        "WEAKVID_TEST_DATA" in str(report.longrepr)
        for report in terminalreporter.stats.get("skipped", ())
    )
    if num_need:
        terminalreporter.write_line(
            f"test material: {num_need} tests need it, {num_skipped} skipped for want of it"
        )
