import builtins

import pytest

from configs.asr import AsrConfig
from pipeline.asr.model import find_model, hash_model, load_model, require_extra


def test_without_the_extra_the_message_says_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **more):
        if name.startswith("faster_whisper"):
            raise ImportError("No module named 'faster_whisper'")
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ValueError, match=r"pip install 'weakvid\[asr\]'"):
        require_extra()


def test_a_folder_without_weights_is_refused(tmp_path):
    pytest.importorskip("faster_whisper", reason="the extra asr is not installed")
    with pytest.raises(ValueError, match="CTranslate2 form"):
        find_model(str(tmp_path))
    (tmp_path / "model.bin").write_bytes(b"no model")
    assert find_model(str(tmp_path)) == tmp_path
    with pytest.raises(ValueError, match="must load on cpu as int8"):
        load_model(tmp_path, AsrConfig())


def test_an_unknown_name_is_refused_without_asking_anybody():
    pytest.importorskip("faster_whisper", reason="the extra asr is not installed")
    with pytest.raises(ValueError, match="asr.model must be a folder, or a name"):
        find_model("no-such-model")


def test_the_hash_tells_models_apart(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"a")
    first = hash_model(tmp_path)
    (tmp_path / "README").write_bytes(b"not part of it")
    assert hash_model(tmp_path) == first
    (tmp_path / "config.json").write_bytes(b"{}")
    assert hash_model(tmp_path) != first
