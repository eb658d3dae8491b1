import pytest

from pipeline import cli
from pipeline.stages import explain
from shards.schema import sample_key


def test_the_story_is_printed_without_control_characters(little_shards, capsys):
    assert explain.run(sample_key("cooking/eggs", 0), little_shards) == 0
    assert "crack the eggs" in capsys.readouterr().out
    assert cli.main(["explain", "nowhere", "--shards", little_shards]) == 0
    said = capsys.readouterr().out
    assert "<script>alert('hi')" in said and "\x1b" not in said


def test_what_is_not_known_is_bad_usage(little_shards, tmp_path):
    assert cli.main(["explain", "nobody", "--shards", little_shards]) == 2
    assert cli.main(["explain", "nobody", "--shards", str(tmp_path)]) == 2
    with pytest.raises(ValueError, match="nobody"):
        explain.run("nobody", little_shards)
