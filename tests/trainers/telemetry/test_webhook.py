import http.server
import json
import threading
import time

import pytest

from trainers.telemetry import webhook
from trainers.telemetry.webhook import FILE, URL, Webhook, find_url

SECRET = "/services/canary-5f2a9c"


@pytest.fixture
def server():
    """A server that answers as told, and remembers what it was sent."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.got.append((self.path, json.loads(body)))
            answer = self.server.answers.pop(0) if self.server.answers else 200
            self.send_response(answer)
            if answer == 302:
                self.send_header("Location", self.server.url + "/elsewhere")
            self.end_headers()

        do_GET = do_POST  # a redirect that was followed would come as one

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.answers = [], []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(webhook, "PAUSES_S", (0.0, 0.0))


def test_a_message_is_posted(server):
    hook = Webhook(server.url + SECRET)
    hook.tell({"event": "finished"})
    hook.close()
    assert server.got == [(SECRET, {"event": "finished"})]


def test_a_server_that_stumbles_is_asked_again_and_not_for_ever(server):
    server.answers = [503, 500, 200, 503, 503, 503, 503]
    hook = Webhook(server.url)
    hook.tell({"event": "one"})
    hook.tell({"event": "two"})
    hook.close()
    assert [body["event"] for _, body in server.got] == ["one"] * 3 + ["two"] * 3


def test_no_redirect_is_followed_and_no_log_has_the_address(server, caplog):
    server.answers = [302]
    hook = Webhook(server.url + SECRET)
    hook.tell({"event": "finished"})
    hook.close()
    assert len(server.got) == 1
    assert "HTTP 302" in caplog.text and "canary" not in caplog.text


def test_a_server_that_is_away_neither_fails_nor_holds_up_a_job(caplog):
    hook = Webhook("http://127.0.0.1:9" + SECRET)
    began = time.monotonic()
    hook.tell({"event": "finished"})
    assert time.monotonic() - began < 0.5
    hook.close()
    assert "could not be posted" in caplog.text and "canary" not in caplog.text


def test_the_address_comes_from_the_environment_or_a_file(monkeypatch, tmp_path):
    monkeypatch.delenv(URL, raising=False)
    monkeypatch.delenv(FILE, raising=False)
    assert find_url() is None
    (tmp_path / "hook").write_text("https://hooks.example/x\n")
    monkeypatch.setenv(FILE, str(tmp_path / "hook"))
    assert find_url() == "https://hooks.example/x"
    monkeypatch.setenv(URL, "https://other.example/y")
    assert find_url() == "https://other.example/y"


@pytest.mark.parametrize("url", ["file:///etc/canary", "canary", "gopher://canary/", "http://"])
def test_what_is_no_web_address_is_a_warning_that_does_not_repeat_it(monkeypatch, caplog, url):
    monkeypatch.setenv(URL, url)
    assert find_url() is None
    assert "nobody is told" in caplog.text and "canary" not in caplog.text


def test_a_file_that_is_not_there_is_a_warning(monkeypatch, caplog):
    monkeypatch.delenv(URL, raising=False)
    monkeypatch.setenv(FILE, "/nowhere/canary")
    assert find_url() is None
    assert "cannot be read" in caplog.text and "canary" not in caplog.text
