"""Where the test material lies, and how many tests had to do without it."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

# The same examples on every machine, however slow it is.
settings.register_profile("house", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("house")


def _folder() -> Path:
    named = os.environ.get("WEAKVID_TEST_DATA")
    return Path(named) if named else ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real and nasty media; a proving run fails where it is not there."""
    folder = _folder()
    if folder.is_dir():
        return folder
    reason = f"no test material in {folder}; set WEAKVID_TEST_DATA"
    if os.environ.get("WEAKVID_PROVE"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


def pytest_report_header() -> str:
    folder = _folder()
    return f"test material: {folder if folder.is_dir() else 'none (set WEAKVID_TEST_DATA)'}"


def pytest_collection_finish(session: pytest.Session) -> None:
    count = sum("test_data" in getattr(item, "fixturenames", ()) for item in session.items)
    session.config.stash[_COUNT] = count


_COUNT = pytest.StashKey[int]()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    num_need = config.stash.get(_COUNT, 0)
    num_skipped = sum(
        "WEAKVID_TEST_DATA" in str(report.longrepr)
        for report in terminalreporter.stats.get("skipped", ())
    )
    if num_need:
        terminalreporter.write_line(
            f"test material: {num_need} tests need it, {num_skipped} skipped for want of it"
        )
