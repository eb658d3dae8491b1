import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.launching.reach import LOOPBACK, named_address, reach


class Open(BaseHTTPRequestHandler):
    """A job server that asks nobody for a token."""

    def do_GET(self) -> None:
        body = json.dumps([] if "jobs" in self.path else {"ray_version": "2.60.0"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def open_cluster() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Open) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(autouse=True)
def nothing_named(ray_as_before: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    # `reach` sets it.
    monkeypatch.setenv("RAY_AUTH_MODE", "token")


def test_the_given_address_counts_then_that_of_the_environment_then_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert named_address("") == LOOPBACK
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert named_address("") == "10.0.0.1:6379"
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://head:8265")
    assert named_address("") == "http://head:8265"
    assert named_address("http://other:8265") == "http://other:8265"


def test_a_cluster_that_lets_strangers_in_is_refused(open_cluster: str) -> None:
    with pytest.raises(ValueError, match="asks for no token"):
        reach(open_cluster, insecure_local=False)


def test_it_is_talked_to_where_that_was_said(open_cluster: str) -> None:
    assert reach(open_cluster, insecure_local=True).list_jobs() == []


def test_an_address_that_is_none_of_a_cluster_is_told() -> None:
    with pytest.raises(ValueError, match="--address must be that of a cluster's dashboard"):
        reach("http://127.0.0.1:9", insecure_local=False)
