import pytest

from pipeline.health.finding import Finding, guarded
from pipeline.stages import doctor


def test_a_cure_stands_below_what_is_broken() -> None:
    text = doctor.render(
        [Finding("disk", "broken", "0 GiB", "free some"), Finding("clock", "ok", "2026")]
    )
    assert text.splitlines() == [
        "BROKEN  disk   0 GiB",
        "               -> free some",
        "ok      clock  2026",
        "1 broken, 0 to watch",
    ]


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("warn", 0), ("broken", 1)])
def test_only_what_is_broken_fails(
    state: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        doctor, "CHECKS", [("disk", lambda: Finding("disk", state, "so so"), "mend")]
    )
    assert doctor.run() == code
    assert "so so" in capsys.readouterr().out


def test_a_check_that_raises_is_a_finding_with_a_cure() -> None:
    def check() -> Finding:
        raise OSError("no such device")

    finding = guarded("disk", check, "mount it")
    assert (finding.state, finding.mend) == ("broken", "mount it")
    assert "no such device" in finding.found
