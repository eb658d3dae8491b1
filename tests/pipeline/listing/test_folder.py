import errno
import os
from pathlib import Path

import pytest

from configs.sources import SourcesConfig
from pipeline.listing.folder import list_folder


@pytest.fixture
def folder(tmp_path):
    def put(*names: str, data: bytes = b"x"):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return tmp_path

    return put


def listed(root, languages=(), **limits):
    settings = {"path": str(root), "languages": languages, "limits": limits}
    listing = list_folder(SourcesConfig.model_validate(settings))
    codes = {(row["video_id"], row["code"]) for row in listing.rejects}
    return listing.sources, codes


def test_videos_of_all_folders_are_listed_by_id(folder):
    root = folder("b.mp4", "b.vtt", "sub/a.MKV", "sub/a.srt", "note.txt")
    sources, codes = listed(root)
    assert [source.video_id for source in sources] == ["b", "sub/a"]
    assert sources[1].captions.endswith("sub/a.srt") and codes == set()


def test_the_preferred_caption_format_is_taken(folder):
    sources, _ = listed(folder("a.mp4", "a.json", "a.srt", "a.vtt", "b.avi", "b.json", "b.srt"))
    assert [source.captions[-4:] for source in sources] == [".vtt", ".srt"]


def test_what_does_not_fit_is_a_reject_with_a_code(folder):
    root = folder("a.mp4", "a.vtt", "a.webm", "mute.mp4", "lone.vtt")
    folder("empty.mp4", "empty.vtt", data=b"")
    sources, codes = listed(root)
    assert [(s.video_id, bool(s.captions)) for s in sources] == [("a", True), ("mute", False)]
    assert codes == {
        ("a", "E_DUPID"),
        ("lone", "E_CAPNOVIDEO"),
        ("empty", "E_EMPTY"),
    }


def test_json_is_taken_for_captions_only_beside_a_video(folder):
    sources, codes = listed(folder("a.mp4", "a.vtt", "truth/corpus.json"))
    assert len(sources) == 1 and codes == set()


def test_a_file_over_the_limit_is_rejected(folder):
    root = folder("a.mp4", "a.vtt", data=b"x" * 11)
    assert listed(root, file_bytes=10) == ([], {("a", "E_HUGE")})
    assert len(listed(root, file_bytes=11)[0]) == 1


@pytest.mark.parametrize("name", [b"a\nb", b"a\x1b[31m", b"a\\b", b"\xff\xfe"])
def test_an_unprintable_id_is_rejected_and_spelled_out(tmp_path, name):
    for suffix in (b".mp4", b".vtt"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name + suffix)).write_bytes(b"x")
    sources, codes = listed(tmp_path)
    [(video_id, code)] = codes
    assert sources == [] and code == "E_ID"
    assert video_id.isprintable() and video_id.encode()


def test_captions_that_are_no_file_make_way_for_others(folder):
    root = folder("a.mp4", "a.srt", "b.mp4")
    (root / "a.vtt").symlink_to(root / "gone.vtt")
    os.mkfifo(root / "b.vtt")
    sources, codes = listed(root)
    assert [source.captions[-5:] for source in sources] == ["a.srt", ""] and codes == set()


def test_a_subfolder_that_cannot_be_read_is_no_empty_one(folder, monkeypatch):
    root = folder("a.mp4", "a.vtt", "sub/b.mp4", "sub/b.vtt")
    scandir = os.scandir

    def forbidden(path):
        if str(path).endswith("sub"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidden)
    with pytest.raises(ValueError, match=r"sources\.path must be readable .*sub"):
        listed(root)


def test_a_folder_without_videos_is_an_error_that_names_the_setting(tmp_path):
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=r"sources\.path"):
            listed(root)


def test_the_language_in_the_name_of_captions_is_kept(folder):
    root = folder("a.mp4", "a.de.vtt", "a.en-US.vtt", "b.mp4", "b.vtt", "b.en.vtt", "c.info.json")
    folder("c.mp4")

    def found(*languages):
        return [(s.captions.rpartition("/")[2], s.language) for s in listed(root, languages)[0]]

    assert found() == [("a.de.vtt", "de"), ("b.vtt", ""), ("", "")]
    assert found("fr", "en") == [("a.en-US.vtt", "en-US"), ("b.vtt", ""), ("", "")]
    assert listed(root)[1] == set()


def test_links_to_folders_are_followed_once_and_real_folders_keep_their_names(folder, tmp_path):
    root = folder("in/real/a.mp4", "out/b.mp4", "out/deep/c.mp4") / "in"
    (root / "also").symlink_to(root / "real")
    (root / "far").symlink_to(tmp_path / "out")
    (tmp_path / "out" / "back").symlink_to(tmp_path)
    listing = list_folder(SourcesConfig(path=str(root)))
    assert [source.video_id for source in listing.sources] == ["far/b", "far/deep/c", "real/a"]
    assert listing.rejects == [] and "3 links" in listing.notices[0]


def test_ids_that_differ_by_case_are_noticed_and_kept(folder):
    listing = list_folder(SourcesConfig(path=str(folder("a.mp4", "A.mp4", "b.mp4"))))
    assert len(listing.sources) == 3
    assert "W_CASECOLLIDE" in listing.notices[0] and "1 ids" in listing.notices[0]


def test_a_link_to_nothing_is_a_reject(folder):
    root = folder("a.mp4")
    (root / "b.mp4").symlink_to(root / "gone.mp4")
    assert listed(root)[1] == {("b", "E_FETCH")}
