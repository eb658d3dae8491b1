import pytest

from trainers.loop.stepline import describe_step, describe_time


def test_a_step_reads_as_one_line_with_units():
    values = {
        "step": 3, "train/loss": 2.34567, "train/lr": 0.00812, "train/grad_norm": 12.345,
        "train/clips_per_s": 41.26, "train/data_wait": 0.034, "memory/rss_bytes": 1.5 * 2**30,
        "train/recall_at_1": 0.25, "train/mfu": 0.41,
    }  # fmt: skip
    assert describe_step(values) == (
        "loss 2.346, R@1 25 %, lr 8.1e-03, grad norm 12.3, 41.3 clips/s, data wait 3 %, "
        "MFU 41 %, 1.5 GiB"
    )


def test_what_is_not_there_is_left_out():
    assert describe_step({"train/loss": 1.0}) == "loss 1.000"
    on_gpu = {"train/loss": 1.0, "memory/rss_bytes": 2**31, "memory/cuda_peak_bytes": 2**32}
    assert describe_step(on_gpu) == "loss 1.000, 4.0 GiB"


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0 s"), (41.7, "42 s"), (200, "3:20 min"), (18420, "5:07 h")]
)
def test_time_reads_like_a_clock(seconds, text):
    assert describe_time(seconds) == text
