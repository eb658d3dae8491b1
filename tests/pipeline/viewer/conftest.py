"""The viewer's server on a free port, and a real browser that is told what to do through a pipe."""

import contextlib
import http.client
import itertools
import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.viewer.server import ADDRESS, make_server

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars")
AUTOPLAY = "--autoplay-policy=no-user-gesture-required"
WAIT_S = 20


@pytest.fixture(scope="session")
def site(little_shards):
    """The address of a viewer over the little shards."""
    with make_server(little_shards, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{ADDRESS}:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def ask(site):
    """A function that asks the server and returns the answer with its whole body."""

    def call(path: str, method: str = "GET", **headers: str):
        connection = http.client.HTTPConnection(site.removeprefix("http://"), timeout=10)
        connection.request(
            method, path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer, body

    return call


class TabError(Exception):
    """What the browser would not do."""


class Browser:
    """One tab. Keeps what pages complain of and what they ask for."""

    def __init__(self, program: str, profile: Path) -> None:
        # The browser reads commands from descriptor 3 and writes answers to 4.
        through = 'exec "$@" 3<&0 4>&1 0</dev/null 1>/dev/null'
        flags = [*FLAGS, AUTOPLAY, "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(
            ["sh", "-c", through, "sh", program, *flags],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._write, self._read = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._session = ""
        self.complaints: list[str] = []
        self.requests: list[str] = []
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        attached = self.tell("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for part in ("Page", "Runtime", "Log", "Network"):
            self.tell(f"{part}.enable")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(WAIT_S)
        self._process.stdin.close()
        self._process.stdout.close()

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                if "error" in answer:
                    raise TabError(answer["error"])
                return answer["result"]

    def open(self, address: str) -> None:
        self._loaded = False
        self.tell("Page.navigate", url=address)
        while not self._loaded:
            self._next()

    def run(self, script: str) -> Any:
        """The value of an expression; promises are waited for."""
        answer = self.tell(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, script: str) -> Any:
        deadline = time.monotonic() + WAIT_S
        while True:
            # Between two pages there is nothing that a script could run in.
            with contextlib.suppress(TabError):
                if value := self.run(script):
                    return value
            assert time.monotonic() < deadline, f"never true: {script}"
            time.sleep(0.05)

    def press(self, key: str) -> None:
        text = {"text": key} if len(key) == 1 else {}
        self.tell("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.tell("Input.dispatchKeyEvent", type="keyUp", key=key)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            data = os.read(self._read, 1 << 16)
            assert data, "the browser has gone"
            self._buffer += data
        text, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(text)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _note(self, method: str | None, what: dict[str, Any]) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                self.requests.append(what["request"]["url"])
            case "Log.entryAdded":
                self.complaints.append(what["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(what["exceptionDetails"]))
            case "Page.javascriptDialogOpening":
                self.complaints.append(f"a dialog opened: {what['message']}")


@pytest.fixture(scope="session")
def shared_browser(tmp_path_factory):
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no browser: `apt-get install chromium` brings one")
    browser = Browser(program, tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture
def browser(shared_browser) -> Browser:
    """The browser with nothing noted yet."""
    shared_browser.complaints.clear()
    shared_browser.requests.clear()
    return shared_browser
