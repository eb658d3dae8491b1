import codecs

import pytest

from pipeline.captions.cue import CaptionError
from pipeline.captions.text import decode_bytes, plain


@pytest.mark.parametrize(
    ("data", "is_foreign"),
    [
        ("é\n".encode(), False),
        (codecs.BOM_UTF8 + "é\n".encode(), True),
        (codecs.BOM_UTF16_LE + "é\n".encode("utf-16-le"), True),
        (codecs.BOM_UTF16_BE + "é\n".encode("utf-16-be"), True),
        (codecs.BOM_UTF32_LE + "é\n".encode("utf-32-le"), True),
        ("é\r\n".encode("cp1252"), True),
    ],
)
def test_every_usual_encoding_is_read(data, is_foreign):
    assert decode_bytes(data) == ("é\n", is_foreign)


def test_bytes_of_no_encoding_are_an_error():
    with pytest.raises(CaptionError, match="E_CAPENC"):
        decode_bytes(b"\xff\x81\x8d\x8f\x90\x9d" * 20)


def test_markup_entities_and_control_characters_go():
    assert plain("<i>a</i> &lt;b&gt;\x1b\n\tc\u0301 {\\an8}d") == "a <b> \u0107 d"
