from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trainers.loop import folder
from trainers.loop.attempts import Fence, append_event
from trainers.loop.record import Recorder


def record(run_dir, attempt, steps, step, value):
    append_event(run_dir, attempt, "begin")
    recorder = Recorder(run_dir, Fence(run_dir, attempt), step)
    for done in steps:
        recorder.write(done, {"train/loss": value})
    recorder.close()


def test_tensorboard_shows_steps_that_are_done_again_once(tmp_path):
    # Killed before the first checkpoint: everything is done again.
    record(tmp_path, 1, [1, 2, 3], 0, 5.0)
    record(tmp_path, 2, [1, 2, 3], 0, 6.0)
    record(tmp_path, 3, [3, 4], 2, 7.0)
    events = EventAccumulator(str(tmp_path / folder.TENSORBOARD)).Reload().Scalars("train/loss")
    assert [(event.step, event.value) for event in events] == [(1, 6), (2, 6), (3, 7), (4, 7)]
