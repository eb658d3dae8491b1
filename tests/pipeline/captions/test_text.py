from pipeline.captions.text import plain


def test_markup_entities_and_control_characters_go():
    assert plain("<i>a</i> &lt;b&gt;\x1b\n\tc\u0301 {\\an8}d") == "a <b> \u0107 d"
