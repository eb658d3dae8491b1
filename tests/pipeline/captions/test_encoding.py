import codecs

import pytest

from pipeline.captions.cue import CaptionError
from pipeline.captions.encoding import decode_bytes


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


SPOKEN = {
    "ja": "今日は玉ねぎを小さく切ります。それからフライパンで炒めましょう。",
    "ko": "오늘은 양파를 작게 썰어서 프라이팬에 볶아 보겠습니다. 그리고 소금을 넣습니다.",
    "zh": "现在我们把洋葱切成小块 然后放进锅里炒一会儿 再加上一点盐 大家请看。",
    "zh-Hant": "現在我們把洋蔥切成小塊 然後放進鍋裡炒一會兒 再加上一點鹽 大家請看。",
    "ru": "Теперь мы режем лук мелкими кусочками, кладём всё на сковороду.",
    "el": "Τώρα κόβουμε το κρεμμύδι σε μικρά κομμάτια και το βάζουμε στο τηγάνι.",
    "pl": "Teraz kroimy cebulę na małe kawałki i wkładamy ją na patelnię, żeby się zeszkliła.",
    "fr": "Maintenant nous coupons les oignons en petits morceaux, très fins, à la poêle.",
    "de": "Jetzt schneiden wir die Zwiebel in kleine Würfel und geben sie in die heiße Pfanne.",
}


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        ("ja", "shift_jis"),
        ("ja", "euc_jp"),
        ("ko", "euc_kr"),
        ("zh", "gb2312"),
        ("zh", "gb18030"),
        ("zh-Hant", "big5"),
        ("ru", "cp1251"),
        ("ru", "koi8_r"),
        ("el", "cp1253"),
        ("pl", "cp1250"),
        ("fr", "cp1252"),
        ("de", "cp1252"),
        ("fr", "utf-16-le"),
        ("zh", "utf-16-be"),
    ],
)
def test_an_encoding_without_a_mark_is_told_from_the_language(language, encoding):
    text = "".join(
        f"{index}\n00:00:0{index},000 --> 00:00:0{index},900\n{SPOKEN[language]}\n\n"
        for index in range(1, 5)
    )
    assert decode_bytes(text.encode(encoding)) == (text, True)


def test_utf8_with_a_damaged_byte_is_still_utf8():
    damaged = (SPOKEN["ru"] * 5).encode() + b"\xff."
    assert decode_bytes(damaged) == (SPOKEN["ru"] * 5 + "\ufffd.", True)


def test_the_encoding_that_an_xml_file_declares_is_believed():
    data = '<?xml version="1.0" encoding="iso-8859-15"?><tt>10 \u20ac</tt>'.encode("iso-8859-15")
    assert "10 \u20ac" in decode_bytes(data)[0]
    assert decode_bytes(data.replace(b"iso-8859-15", b"no-such-one"))[1]
