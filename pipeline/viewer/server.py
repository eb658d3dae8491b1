"""The local web server of `weakvid view`: for this machine only, and read only.

Captions and names come from strangers and a browser shows them, so nothing but our own script
may run: a strict content policy, no inline style or script, nothing from elsewhere. A foreign
page whose name is made to point at 127.0.0.1 (DNS rebinding) is refused by its Host header.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from pipeline.reports.page import read_asset
from pipeline.viewer.catalog import Catalog
from pipeline.viewer.meaning import Meaning
from pipeline.viewer.media import Media
from pipeline.viewer.pages import PACKAGE, Pages
from pipeline.viewer.query import Query
from shards.manifest import Manifest

logger = logging.getLogger(__name__)

ADDRESS = "127.0.0.1"
HOSTS = re.compile(r"(127\.0\.0\.1|localhost)(:[0-9]{1,5})?")
POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; script-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
HTML = "text/html; charset=utf-8"
MEDIA_PATH = re.compile(
    r"/(?:(film)/([0-9a-f]{16}_[0-9]{9})\.jpg"
    r"|(frame)/([0-9a-f]{16}_[0-9]{9})/([0-9]{1,6})\.jpg"
    r"|(media)/([0-9a-f]{16}_[0-9]{9})\.(mp4|flac))"
)
CLIP_PATH = re.compile(r"/clip/([0-9a-f]{16}_[0-9]{9})")
RANGE = re.compile(r"bytes=([0-9]{1,15})-([0-9]{1,15})?")
MAX_PATH = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: `is_kept` tells the browser that it may keep it."""

    body: bytes
    kind: str
    status: HTTPStatus = HTTPStatus.OK
    is_kept: bool = False


class Site:
    """The addresses of the viewer and what they answer."""

    def __init__(self, out: str, embeddings: str = "") -> None:
        manifest = Manifest.load(out)
        self._catalog = Catalog(manifest, Meaning(embeddings, manifest) if embeddings else None)
        self._media = Media(out)
        self._pages = Pages(self._catalog, self._media)
        styles = read_asset("pipeline.reports", "report.css") + read_asset(PACKAGE, "view.css")
        self._assets = {
            "/style.css": Answer(styles.encode(), "text/css; charset=utf-8"),
            "/view.js": Answer(read_asset(PACKAGE, "view.js").encode(), "text/javascript"),
            "/icon.svg": Answer(read_asset(PACKAGE, "icon.svg").encode(), "image/svg+xml"),
        }

    def answer(self, target: str) -> Answer:
        """Return what stands at a path with its parameters."""
        parts = urlsplit(target)
        path = unquote(parts.path)
        if path in self._assets:
            return self._assets[path]
        if found := MEDIA_PATH.fullmatch(path):
            return self._answer_media(found)
        parameters = parse_qs(parts.query, max_num_fields=32, errors="replace")
        html = self._html(path, parameters)
        if html is None:
            text = "There is nothing at this address in the folder that is shown."
            return self._problem(HTTPStatus.NOT_FOUND, "Not found", text)
        return Answer(html.encode(), HTML)

    def failure(self) -> Answer:
        """Return what is said when a page could not be made."""
        text = "This page could not be made; the terminal of `weakvid view` says why."
        return self._problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong", text)

    def _html(self, path: str, parameters: dict[str, list[str]]) -> str | None:
        if found := CLIP_PATH.fullmatch(path):
            return self._pages.clip(found[1])
        if path == "/video":
            return self._pages.video(parameters.get("id", [""])[0])
        lists: dict[str, Callable[[Query], str]] = {
            "/": self._pages.clips,
            "/videos": self._pages.videos,
            "/rejects": self._pages.rejects,
        }
        return lists[path](Query.read(parameters)) if path in lists else None

    def _answer_media(self, found: re.Match[str]) -> Answer:
        what = found[1] or found[3] or found[6]
        row = self._catalog.sample_row(found[2] or found[4] or found[7])
        body, kind = None, "image/jpeg"
        if row is not None:
            match what:
                case "film":
                    body = self._media.film(row)
                case "frame":
                    body = self._media.frame(row, int(found[5]))
                case "media" if found[8] == "mp4":
                    body, kind = self._media.clip(row), "video/mp4"
                case _:
                    sample = self._media.sample(row)
                    body, kind = sample.audio if sample else None, "audio/flac"
        if body is None:
            return Answer(b"", "text/plain", HTTPStatus.NOT_FOUND)
        return Answer(body, kind, is_kept=True)

    def _problem(self, status: HTTPStatus, title: str, text: str) -> Answer:
        return Answer(self._pages.problem(title, text).encode(), HTML, status)


def make_server(out: str, port: int, embeddings: str = "") -> ThreadingHTTPServer:
    """Return a server on 127.0.0.1 that shows an output folder.

    Args:
        out: A folder written by `weakvid shards`.
        port: 0 takes a free one.
        embeddings: A folder that `weakvid embed` wrote of it; empty: only words as they stand are
            searched.

    Raises:
        ValueError: If there is no whole manifest, the embeddings are of other shards, or the port
            cannot be had.
    """
    if not 0 <= port < 2**16:
        raise ValueError(f"--port must be in 0..65535, got {port}")
    site = Site(out, embeddings)
    try:
        return _Server(site, port)
    except OSError as error:
        raise ValueError(
            f"--port must be free, got {port}: {error.strerror}; --port 0 takes any"
        ) from error


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, site: Site, port: int) -> None:
        self.site = site
        super().__init__((ADDRESS, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "weakvid", ""
    timeout = 30

    def _answer(self) -> Answer:
        assert isinstance(self.server, _Server)
        site = self.server.site
        try:
            return site.answer(self.path)
        except Exception:
            logger.exception("view: %.200s", self.path)
            return site.failure()

    def do_GET(self) -> None:
        if not self._is_ours():
            refusal = b"this page answers to 127.0.0.1 and localhost only\n"
            self._send(Answer(refusal, "text/plain", HTTPStatus.MISDIRECTED_REQUEST))
        elif len(self.path) > MAX_PATH:
            self._send(Answer(b"", "text/plain", HTTPStatus.REQUEST_URI_TOO_LONG))
        else:
            self._send(self._answer())

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        logger.debug("view: %s", format % args)

    def _is_ours(self) -> bool:
        hosts = self.headers.get_all("Host") or []
        return len(hosts) == 1 and HOSTS.fullmatch(hosts[0]) is not None

    def _send(self, answer: Answer) -> None:
        begin, end = 0, len(answer.body)
        status = answer.status
        found = RANGE.fullmatch(self.headers.get("Range", ""))
        if found and status is HTTPStatus.OK and int(found[1]) < end:
            begin = int(found[1])
            end = min(end, int(found[2]) + 1) if found[2] else end
            status = HTTPStatus.PARTIAL_CONTENT
        end = max(begin, end)
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(end - begin))
        self.send_header("Accept-Ranges", "bytes")
        # Media carry the manifest's hash in their address; everything else may change.
        kept = "private, max-age=86400, immutable"
        self.send_header("Cache-Control", kept if answer.is_kept else "no-store")
        if status is HTTPStatus.PARTIAL_CONTENT:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(answer.body)}")
        self.end_headers()
        if self.command != "HEAD":
            try:
                self.wfile.write(answer.body[begin:end])
            except (BrokenPipeError, ConnectionResetError):
                logger.debug("view: the browser hung up")
