import pytest

from shards.state import begin_build, is_complete, is_rebuilt, mark_complete, refuse_rebuilt


def test_a_folder_is_complete_while_its_mark_fits_its_manifest(tmp_path):
    out = str(tmp_path)
    assert not is_complete(out)
    (tmp_path / "manifest.json").write_bytes(b"one")
    mark_complete(out, b"one")
    assert is_complete(out)
    (tmp_path / "manifest.json").write_bytes(b"two")
    assert not is_complete(out)


def test_a_first_build_replaces_nothing(tmp_path):
    begin_build(str(tmp_path), replaces=True)
    assert not is_rebuilt(str(tmp_path))


def test_readers_keep_away_from_a_folder_under_replacement(tmp_path):
    out = str(tmp_path)
    (tmp_path / "manifest.json").write_bytes(b"one")
    mark_complete(out, b"one")
    begin_build(out, replaces=False)
    refuse_rebuilt(out)
    begin_build(out, replaces=True)
    assert not is_complete(out)
    with pytest.raises(ValueError, match="a build is under way"):
        refuse_rebuilt(out)
    mark_complete(out, b"one")
    refuse_rebuilt(out)
    assert is_complete(out)
