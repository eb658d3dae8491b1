import pytest

from pipeline.health.isolation import check_isolation, judge


@pytest.mark.parametrize(
    ("layers", "state", "says"),
    [
        (["landlock", "seccomp"], "ok", "seccomp"),
        (["landlock", "namespace"], "ok", "namespace"),
        (["landlock"], "warn", "network"),
        (["seccomp"], "warn", "files"),
        ([], "warn", "network, files"),
    ],
)
def test_a_missing_layer_is_told(layers, state, says):
    finding = judge(layers)
    assert finding.state == state and says in finding.found
    assert bool(finding.mend) == (state == "warn")


def test_this_machine_is_asked():
    assert check_isolation().state in ("ok", "warn")
