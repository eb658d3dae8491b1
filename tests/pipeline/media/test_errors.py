from pathlib import Path

import av
import pytest

from configs.clips import ClipsConfig
from configs.sources import LimitsConfig
from pipeline.media.decode import decode_source, make_request
from pipeline.media.errors import MediaError, words_of


def test_an_error_is_told_without_the_place_of_the_file(tmp_path):
    path = tmp_path / "page.mp4"
    path.write_bytes(b"<html>no such video</html>")
    with pytest.raises(av.error.FFmpegError) as caught:
        av.open(f"file:{path}")
    assert str(path) in str(caught.value)
    assert words_of(caught.value, 200) == "Invalid data found when processing input"
    assert words_of(ValueError("x" * 300), 200) == "x" * 200


def test_why_a_file_is_no_video_does_not_depend_on_where_it_lies(tmp_path):
    told = []
    # So deep that a message with the path in it would be cut within the path.
    for folder in (tmp_path / "a", tmp_path / ("b" * 150)):
        folder.mkdir()
        path = Path(folder / "page.mp4")
        path.write_bytes(b"<html>no such video</html>" * 50)
        request = make_request(path, ClipsConfig(), LimitsConfig())
        with pytest.raises(MediaError, match="E_NOTMEDIA") as caught:
            decode_source(request, LimitsConfig(), lambda probe: (0,), lambda head, block: None)
        told.append(caught.value.detail)
    assert told[0] == told[1] and "page.mp4" not in told[0]
