import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shards import storage
from shards.stores import objects, retry, web
from shards.stores.errors import ChangedError, TooLargeError
from shards.stores.retry import num_retries

DATA = bytes(range(256)) * 40


class Handler(BaseHTTPRequestHandler):
    """Serves DATA at /file, and what the name of other paths says."""

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, *, with_body: bool):
        server = self.server
        server.asked.append((self.command, self.path, self.headers.get("Range", "")))
        name = self.path.partition("?")[0].strip("/")
        if name in {"403", "404", "410", "500"}:
            self.say(int(name))
        elif name == "busy" and len(server.asked) < 3:
            self.say(503, {"Retry-After": "0", "Content-Length": "0"})
        elif name == "get-only" and self.command == "HEAD":
            self.say(405)
        elif name == "redirect":
            self.say(302, {"Location": server.target, "Content-Length": "0"})
        else:
            self.send(name, with_body)

    def send(self, name: str, with_body: bool):
        body, status = DATA, 200
        headers = {"ETag": self.server.etag} if name != "plain" else {}
        span = self.headers.get("Range", "").removeprefix("bytes=")
        if span and name != "no-ranges":
            start, _, end = span.partition("-")
            if int(start) >= len(DATA):
                self.say(416)
                return
            stop = min(int(end or len(DATA) - 1), len(DATA) - 1)
            headers["Content-Range"] = f"bytes {start}-{stop}/{len(DATA)}"
            body, status = DATA[int(start) : stop + 1], 206
        length = len(body)
        if name == "cut" and self.server.cuts and with_body:
            self.server.cuts -= 1
            body = body[:10]
        if name != "unsized":
            headers["Content-Length"] = str(length)
        self.say(status, headers, body if with_body else b"")

    def say(self, status: int, headers=None, body: bytes = b""):
        self.send_response(status)
        for name, value in (headers or {"Content-Length": "0"}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.001)
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.asked, httpd.etag, httpd.target, httpd.cuts = [], '"1"', "", 0
    httpd.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield httpd
    httpd.shutdown()
    httpd.server_close()


def test_a_file_has_size_and_version_and_is_read_in_spans(server):
    path = f"{server.url}/file"
    assert storage.version_of(path) == (len(DATA), '"1"')
    assert storage.read_bytes(path) == DATA
    assert storage.read_range(path, 300, 20) == DATA[300:320]
    assert storage.read_range(path, len(DATA) - 5, 20) == DATA[-5:]
    assert storage.read_range(path, len(DATA) + 1, 20) == b""
    with storage.open_read(path) as file:
        file.seek(1000)
        assert file.read(10) == DATA[1000:1010]


@pytest.mark.parametrize("name", ["no-ranges", "get-only", "plain"])
def test_servers_that_know_less_are_read_as_well(server, name, tmp_path):
    path = f"{server.url}/{name}"
    expected = storage.version_of(path)
    assert expected == (len(DATA), "" if name == "plain" else '"1"')
    assert storage.read_range(path, 300, 20) == DATA[300:320]
    assert storage.download(path, tmp_path / "x", expected, len(DATA)) == len(DATA)
    assert (tmp_path / "x").read_bytes() == DATA


def test_a_page_that_is_made_as_it_is_sent_is_read_whole(server, tmp_path):
    path = f"{server.url}/unsized"
    assert storage.version_of(path) == (-1, '"1"')
    with storage.open_read(path) as file:
        assert file.read() == DATA
    assert storage.download(path, tmp_path / "x", (-1, '"1"'), len(DATA)) == len(DATA)
    assert (tmp_path / "x").read_bytes() == DATA
    with pytest.raises(TooLargeError):
        storage.download(path, tmp_path / "x", (-1, ""), len(DATA) - 1)


def test_a_server_that_trickles_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(objects, "GRACE_S", -1.0)
    path = f"{server.url}/file"
    with pytest.raises(OSError, match="came slower"):
        storage.download(path, tmp_path / "x", storage.version_of(path), len(DATA))


def test_a_busy_server_is_asked_again(server):
    before = num_retries()
    assert storage.read_bytes(f"{server.url}/busy") == DATA
    assert num_retries() == before + 2


def test_an_answer_that_ends_midway_is_fetched_again(server, tmp_path):
    path = f"{server.url}/cut"
    expected = storage.version_of(path)
    server.cuts, before = 2, num_retries()
    storage.download(path, tmp_path / "x", expected, len(DATA))
    assert (tmp_path / "x").read_bytes() == DATA
    assert num_retries() == before + 2


@pytest.mark.parametrize(
    ("name", "error"),
    [("404", FileNotFoundError), ("410", FileNotFoundError), ("403", PermissionError)],
)
def test_what_is_missing_or_forbidden_is_not_asked_for_again(server, name, error):
    with pytest.raises(error, match=name):
        storage.read_bytes(f"{server.url}/{name}")
    assert len(server.asked) == 1


def test_a_file_that_changes_between_two_spans_is_noticed(server, tmp_path):
    path = f"{server.url}/file"
    expected = storage.version_of(path)
    server.etag = '"2"'
    with pytest.raises(ChangedError):
        storage.download(path, tmp_path / "x", expected, len(DATA))


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://0.0.0.0/",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_leads_to_no_metadata_service_and_no_other_scheme(server, target):
    server.target = target
    with pytest.raises(OSError, match="127.0.0.1"):
        storage.read_bytes(f"{server.url}/redirect")
    assert len(server.asked) == 1


def test_a_name_that_resolves_to_a_metadata_service_is_refused(monkeypatch):
    monkeypatch.setattr(retry, "TRIES", 1)
    with pytest.raises(PermissionError, match="must not be connected to"):
        storage.read_bytes("http://169.254.169.254/x")
    with pytest.raises(PermissionError, match="metadata service"):
        storage.read_bytes("http://metadata.google.internal/x")


def test_secrets_of_a_url_are_in_no_message(server):
    signed = f"{server.url.replace('//', '//user:secret@')}/404?X-Amz-Signature=secret"
    with pytest.raises(FileNotFoundError) as caught:
        storage.read_bytes(signed)
    assert "secret" not in str(caught.value)


def test_nothing_is_written_to_a_web_server(server, tmp_path):
    path = f"{server.url}/file"
    (tmp_path / "x").write_bytes(b"")
    for write in (
        lambda: storage.write_atomic(path, b""),
        lambda: storage.create_if_absent(path, b""),
        lambda: storage.publish(str(tmp_path / "x"), path),
        lambda: storage.delete(path),
        lambda: storage.list_names(server.url, ""),
    ):
        with pytest.raises(ValueError, match="web server"):
            write()
    assert server.asked == []


def test_the_check_is_made_where_the_connection_is_made():
    # So that a name that resolves differently a second time does not get past.
    with pytest.raises(ValueError, match="must not be connected to"):
        web._checked_socket((2, 1, 6, "", ("169.254.169.254", 80)))
