from pathlib import Path

import pytest

from pipeline.stages import verify


def test_a_folder_without_a_manifest_fails_with_a_reason(tmp_path, capsys):
    assert verify.run(str(tmp_path)) == 1
    said = capsys.readouterr().out
    assert "manifest.json" in said and "1 problem in" in said


@pytest.mark.parametrize(
    ("words", "depth"),
    [
        ({}, "every byte was read; 3 samples of each of 4 shards were decoded"),
        ({"decode": None}, "every byte was read; all samples were decoded"),
        ({"quick": True}, "no byte of a tar was read"),
    ],
)
def test_a_whole_folder_says_how_deep_it_was_looked_into(words, depth, built_shards, capsys):
    assert verify.run(built_shards, **words) == 0
    said = capsys.readouterr().out
    assert "is whole: 4 shards, 12 samples, planned 14 = written 12 + rejected 2" in said
    assert depth in said


def test_quick_finds_a_cut_and_the_whole_check_a_flip(built_shards, capsys):
    path = Path(built_shards, "000000-00.tar")
    with path.open("r+b") as file:
        byte = file.read(1)
        file.seek(0)
        file.write(bytes([byte[0] ^ 1]))
    assert verify.run(built_shards, quick=True) == 0
    assert verify.run(built_shards) == 1
    with path.open("r+b") as file:
        file.truncate(1000)
    assert verify.run(built_shards, quick=True) == 1
    assert "must have" in capsys.readouterr().out
