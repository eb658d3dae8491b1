import http.client
import threading
from pathlib import Path

import pytest

from pipeline.viewer.server import make_server
from shards.manifest import Manifest


@pytest.fixture(scope="module")
def key(little_shards) -> str:
    rows = Manifest.load(little_shards).samples.to_pylist()
    return next(row["key"] for row in rows if row["video_id"] == "cooking/eggs")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_another_host_name_is_refused(ask, host):
    answer, body = ask("/", Host=host)
    assert answer.status == 421
    assert b"cooking" not in body


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234"])
def test_this_machine_is_answered_through_any_port(ask, host):
    assert ask("/", Host=host)[0].status == 200


def test_every_answer_has_a_strict_policy(ask, key):
    for path in ("/", f"/film/{key}.jpg", "/nothing", "/view.js"):
        answer, _ = ask(path)
        policy = answer.getheader("Content-Security-Policy")
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Cross-Origin-Resource-Policy") == "same-origin"


def test_hostile_words_are_escaped_in_every_page(ask, little_shards):
    rows = Manifest.load(little_shards).samples.to_pylist()
    hostile = next(row["key"] for row in rows if row["video_id"].startswith("odd"))
    for path in ("/", f"/clip/{hostile}", "/videos", "/rejects", "/?q=%3Cscript%3Ealert"):
        body = ask(path)[1].decode()
        assert "<script>alert" not in body and "\x1b" not in body
        assert "&lt;script&gt;" in body or "&lt;<mark>script" in body or "<mark>&lt;script" in body
        assert "49" not in body.split("{{7*7}}")[0][-40:]


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd", "/film/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
        "/media/0000000000000000_000000000.mp4", "/clip/nothing", "/frame/x/1.jpg", "/video?id=no",
        "/clip/0000000000000000_000000000",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(ask, path):
    assert ask(path)[0].status == 404


def test_a_frame_past_the_end_is_not_found(ask, key):
    assert ask(f"/frame/{key}/31.jpg")[0].status == 200
    assert ask(f"/frame/{key}/32.jpg")[0].status == 404


def test_the_clip_and_its_sound_are_the_stored_bytes(ask, key):
    answer, body = ask(f"/media/{key}.mp4")
    assert (answer.getheader("Content-Type"), body[4:8]) == ("video/mp4", b"ftyp")
    answer, body = ask(f"/media/{key}.flac")
    assert (answer.getheader("Content-Type"), body[:4]) == ("audio/flac", b"fLaC")


def test_a_range_is_answered_with_that_range(ask, key):
    whole = ask(f"/media/{key}.mp4")[1]
    answer, body = ask(f"/media/{key}.mp4", Range="bytes=10-19")
    assert (answer.status, body) == (206, whole[10:20])
    assert answer.getheader("Content-Range") == f"bytes 10-19/{len(whole)}"
    answer, body = ask(f"/media/{key}.mp4", Range=f"bytes={len(whole) - 5}-")
    assert (answer.status, body) == (206, whole[-5:])
    assert ask(f"/media/{key}.mp4", Range="bytes=99999999-")[0].status == 200


def test_head_gives_headers_only_and_nothing_can_be_sent(ask):
    answer, body = ask("/", method="HEAD")
    assert answer.status == 200 and body == b"" and int(answer.getheader("Content-Length")) > 1000
    assert ask("/", method="POST")[0].status == 501


def test_odd_parameters_ask_for_nothing(ask):
    for path in (
        "/?page=-1",
        "/?page=99999999999999999999",
        "/?page=x&q=%ff",
        "/?split=%00",
        "/?q=(",
    ):
        assert ask(path)[0].status == 200


def test_a_damaged_clip_is_not_found_and_the_list_still_shows(built_shards):
    with Path(built_shards, "000000-00.tar").open("r+b") as file:
        file.write(b"x" * 2000)
    with make_server(built_shards, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        rows = Manifest.load(built_shards).samples.to_pylist()
        first = next(row["key"] for row in rows if row["shard"] == "000000-00.tar")
        for target, status in (("/", 200), (f"/film/{first}.jpg", 404), (f"/clip/{first}", 404)):
            connection = http.client.HTTPConnection(*server.server_address, timeout=10)
            connection.request("GET", target)
            assert connection.getresponse().status == status, target
            connection.close()
        server.shutdown()


def test_a_folder_without_a_manifest_or_a_wrong_port_is_bad_input(tmp_path, little_shards):
    with pytest.raises(ValueError, match=r"manifest\.json"):
        make_server(str(tmp_path), 0)
    with pytest.raises(ValueError, match="--port"):
        make_server(little_shards, 70_000)
    with make_server(little_shards, 0) as server:
        port = server.server_address[1]
        with pytest.raises(ValueError, match=f"{port}.*--port 0"):
            make_server(little_shards, port)


def test_only_this_machine_is_listened_to(little_shards):
    with make_server(little_shards, 0) as server:
        assert server.server_address[0] == "127.0.0.1"
