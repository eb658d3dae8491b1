import pytest

from pipeline.captions.tags import language_of


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "en"),
        ("en-US", "en"),
        ("pt_BR", "pt"),
        ("eng", "en"),
        ("ger", "de"),
        ("English", "en"),
        ("zh-Hans", "zh"),
        ("yue", "yue"),
        ("und", ""),
        ("", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_every_usual_way_to_write_a_language_is_one_code(tag, code):
    assert language_of(tag) == code
