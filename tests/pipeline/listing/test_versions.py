import functools
import http.server
import threading

import pytest

from configs.sources import SourcesConfig
from pipeline.listing.build import list_sources
from pipeline.listing.versions import is_as_listed, local_version, remote_versions


@pytest.fixture
def web(tmp_path):
    """A web server over a folder; yields its address."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *args: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("listed", "found", "is_same"),
    [
        ((9, "1"), (9, "1"), True),
        ((9, "1"), (9, "2"), False),
        ((9, "1"), (8, "1"), False),
        ((9, ""), (9, "2"), True),
        ((9, ""), (8, "2"), False),
        ((-1, ""), (8, "2"), True),
        ((0, ""), (8, "2"), True),
        ((9, "1"), (-1, ""), True),
    ],
)
def test_what_was_not_known_is_not_compared(listed, found, is_same):
    assert is_as_listed(listed, found) is is_same


def test_a_listing_on_a_web_server_names_files_beside_it(web, tmp_path):
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "a b.mp4").write_bytes(b"video")
    (tmp_path / "v" / "list.csv").write_text("video\na b.mp4\ngone.mp4\n/etc/passwd\n../v/x\n")
    listing = list_sources(SourcesConfig(path=f"{web}/v/list.csv"))
    [source] = listing.sources
    assert (source.video, source.bytes) == (f"{web}/v/a%20b.mp4", 5)
    assert {row["code"] for row in listing.rejects} == {"E_FETCH"}
    assert any("files of this machine" in row["detail"] for row in listing.rejects)


def test_each_url_is_asked_for_once_and_what_is_missing_is_told_in_words(web, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"xyz")
    urls = [f"{web}/a.mp4", f"{web}/a.mp4", f"{web}/gone.mp4"]
    found = remote_versions(urls, 4)
    assert len(found) == 2 and found[urls[0]][0] == 3 and isinstance(found[urls[2]], str)


def test_what_is_no_file_is_told_in_words(tmp_path):
    assert local_version(str(tmp_path)) == "no file"
    assert "No such file" in local_version(str(tmp_path / "gone"))
    assert isinstance(local_version("a\0b"), str)


def test_a_folder_on_a_web_server_is_refused(web):
    with pytest.raises(ValueError, match="must be a listing where the videos lie on a web server"):
        list_sources(SourcesConfig(path=f"{web}/videos", kind="folder"))
