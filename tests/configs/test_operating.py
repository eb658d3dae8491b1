import pytest

from configs.operating import OperatingConfig


def test_logs_are_not_added_to_an_object():
    with pytest.raises(ValueError, match="must be a folder of a file system"):
        OperatingConfig(log_folder="s3://bucket/logs")


def test_a_stall_takes_some_time():
    with pytest.raises(ValueError, match="greater than 0"):
        OperatingConfig(stall_s=0)
