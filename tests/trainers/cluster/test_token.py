"""The token is found where Ray looks for it, made once, and nobody else can read it."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from trainers.cluster import token
from trainers.cluster.token import ensure_token, find_token


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    for name in (token.MODE, token.TOKEN, token.TOKEN_PATH):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    # What Ray in this process believes is not to change with it.
    monkeypatch.setattr(token, "set_mode", lambda mode: monkeypatch.setenv(token.MODE, mode))
    return tmp_path


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_token_is_made_that_only_we_can_read_whatever_the_umask(home):
    before = os.umask(0)
    try:
        path = ensure_token()
    finally:
        os.umask(before)
    assert path == home / ".ray" / "auth_token"
    assert mode_of(path) == 0o600 and mode_of(path.parent) == 0o700
    assert len(path.read_text()) == 64 and os.environ[token.MODE] == "token"
    assert [one.name for one in path.parent.iterdir()] == ["auth_token"]


def test_many_that_start_at_once_agree_on_one_token():
    with ThreadPoolExecutor(16) as pool:
        found = {path.read_text() for path in pool.map(lambda _: ensure_token(), range(64))}
    assert len(found) == 1


def test_a_token_that_ray_left_open_to_all_is_closed_and_kept(home):
    path = home / ".ray" / "auth_token"
    path.parent.mkdir()
    path.write_text("sesame")
    path.chmod(0o644)
    assert ensure_token().read_text() == "sesame"
    assert mode_of(path) == 0o600


def test_a_token_in_the_environment_needs_no_file(home, monkeypatch):
    monkeypatch.setenv(token.TOKEN, "sesame")
    assert ensure_token() is None
    assert not (home / ".ray").exists()


def test_the_token_of_a_running_cluster_is_never_made_up(home):
    with pytest.raises(ValueError, match="copy the token of the cluster's head"):
        find_token()
    assert not (home / ".ray").exists()


@pytest.mark.parametrize("find", [ensure_token, find_token])
def test_a_named_file_that_is_not_there_is_not_made(find, home, monkeypatch):
    monkeypatch.setenv(token.TOKEN_PATH, str(home / "named"))
    with pytest.raises(ValueError, match="named must hold the token"):
        find()


def test_an_empty_token_lets_nobody_believe_that_there_is_one(home):
    ensure_token().write_text("\n")
    with pytest.raises(ValueError, match="is empty"):
        ensure_token()


def test_tokens_that_are_switched_off_are_an_error_with_its_cure(monkeypatch):
    monkeypatch.setenv(token.MODE, "disabled")
    with pytest.raises(ValueError, match=r"RAY_AUTH_MODE must be token.*--insecure-local"):
        ensure_token()
