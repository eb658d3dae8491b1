import logging

import pytest

from pipeline.console import complain, printable, say


def test_an_escape_sequence_in_a_title_does_not_reach_the_terminal() -> None:
    assert "\x1b" not in printable("how to \x1b[2Jcook\x07\r\u202e")
    assert "\u202e" not in printable("\u202etxt.exe")


def test_ordinary_text_stays_as_it_is() -> None:
    assert printable("Käse\tpur\nzwei") == "Käse\tpur\nzwei"


def test_results_and_complaints_go_to_their_own_streams(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say("result")
    complain("bad\x1b")
    out, err = capsys.readouterr()
    assert out == "result\n"
    assert err.startswith("bad") and "\x1b" not in err


def test_log_records_are_stripped_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline import console

    made: list[logging.Handler] = []
    monkeypatch.setattr(console.logging, "basicConfig", lambda **kw: made.extend(kw["handlers"]))
    console.set_up_logging()
    record = logging.LogRecord("a", logging.INFO, "", 0, "video %s", ("\x1b]0;x",), None)
    assert "\x1b" not in made[0].format(record)


def test_blanks_of_other_widths_are_blanks() -> None:
    assert printable("8\u202fMiB\u00a0\u2003x") == "8 MiB  x"
