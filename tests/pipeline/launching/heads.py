"""A head of Ray with a token and ports of its own, and a project whose verb is a stand-in."""

import importlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PORTS = (
    "--port --dashboard-port --dashboard-agent-listen-port --dashboard-agent-grpc-port "
    "--runtime-env-agent-port --metrics-export-port --ray-client-server-port"
).split()

# It takes the place of `pipeline.cli` on the cluster: the launching folder comes first there.
STAND_IN = """
import os, signal, sys, time
from pathlib import Path

wanted = Path("wanted").read_text().strip()
print("verb", sys.argv[1], "line one", flush=True)

def drain(*_):
    print("draining", flush=True)
    time.sleep(4)  # longer than Ray waits by itself before it kills
    end(143)

def end(code):
    print(f"weakvid: job {os.environ['WEAKVID_JOB']} ends with exit code {code}", flush=True)
    os._exit(code)

if wanted == "drain":
    signal.signal(signal.SIGTERM, drain)
elif wanted == "hang":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    end(int(wanted))
while True:
    time.sleep(0.1)
"""


@dataclass
class Head:
    """A cluster of one machine."""

    url: str
    gcs: str
    token: Path
    environment: dict[str, str]

    program: Path
    """Not `python -m pipeline.cli`: that would look into the working directory first."""


@pytest.fixture
def ray_as_before() -> Iterator[None]:
    """Ray of this process reads its mode again when the environment is what it was."""
    yield
    raylet = importlib.import_module("ray._raylet")
    raylet.Config.initialize("")
    raylet.AuthenticationTokenLoader.instance().reset_cache()


@pytest.fixture(scope="module")
def head(root: Path) -> Iterator[Head]:
    # Short: the path of a Unix socket has 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="wv-", dir="/tmp"))
    token = folder / "token"
    token.touch(0o600)
    token.write_text(secrets.token_hex(32))
    kept = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    environment = kept | {
        "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}",
        "PYTHONPATH": str(root),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    command = [Path(sys.executable).with_name("ray"), "start", "--head", "--block"]
    command += ["--num-cpus", "2", "--temp-dir", folder / "r", "--node-ip-address", "127.0.0.1"]
    command += [word for name, port in ports.items() for word in (name, str(port))]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        command, env=environment, stdout=log, stderr=log, start_new_session=True
    )
    try:
        url = f"http://127.0.0.1:{ports['--dashboard-port']}"
        wait_for(url, process, folder / "log")
        program = Path(sys.executable).with_name("weakvid")
        yield Head(url, f"127.0.0.1:{ports['--port']}", token, environment, program)
    finally:
        # The one that we started: it ends those that it has started itself.
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the job server asks for a token."""
    for _ in range(1800):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{url}/api/jobs/", timeout=5).close()
        except urllib.error.HTTPError as error:
            if error.code == 401:
                return
        except OSError:
            pass
        time.sleep(0.1)
    pytest.fail(f"the head must start, got:\n{log.read_text()}")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder to launch from; `wanted` says what the stand-in does."""
    (tmp_path / "project" / "pipeline").mkdir(parents=True)
    (tmp_path / "project" / "pipeline" / "__init__.py").touch()
    (tmp_path / "project" / "pipeline" / "cli.py").write_text(STAND_IN)
    return tmp_path / "project"
