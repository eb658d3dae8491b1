import pytest

from configs.faults import FaultsConfig
from trainers.loop import folder, resize
from trainers.loop.resize import Watch, wait_for_workers


class FakeRoom:
    def __init__(self, *rooms, leaving=()):
        self.rooms, self.gone = list(rooms), list(leaving)

    def room(self, *, after_failure=False):
        return self.rooms.pop(0) if len(self.rooms) > 1 else self.rooms[0]

    def leaving(self):
        return self.gone


@pytest.fixture(autouse=True)
def no_time_between_looks(monkeypatch):
    monkeypatch.setattr(resize, "LOOK_S", 0.0)


def wait(make_job, room, stop=False, wait_s=0.0, after_failure=False, **options):
    job = make_job(**options)
    job = job.model_copy(update={"faults": FaultsConfig(wait_for_workers_s=wait_s)})
    return wait_for_workers(room, job, lambda: stop, after_failure=after_failure)


def test_as_many_workers_begin_as_there_is_room_for_but_never_fewer_than_are_enough(make_job):
    elastic = {"workers": 3, "min_workers": 2}
    assert wait(make_job, FakeRoom(9), **elastic) == 3
    assert wait(make_job, FakeRoom(2), **elastic) == 2
    assert wait(make_job, FakeRoom(1), **elastic) is None
    assert wait(make_job, FakeRoom(1, 2), wait_s=30, **elastic) == 2


def test_room_that_the_workers_before_still_hold_is_waited_for_a_moment(make_job, monkeypatch):
    elastic = {"workers": 3, "min_workers": 1, "wait_s": 9, "after_failure": True}
    assert wait(make_job, FakeRoom(1, 2, 3), **elastic) == 3
    monkeypatch.setattr(resize, "SETTLE_S", 0.1)
    assert wait(make_job, FakeRoom(2), **elastic) == 2


def test_a_fixed_number_is_left_to_ray_to_wait_for(make_job):
    assert wait(make_job, FakeRoom(1), workers=3) == 3


@pytest.mark.parametrize("options", [{"workers": 3}, {"workers": 3, "min_workers": 2}])
def test_no_workers_begin_once_the_run_was_asked_to_stop(make_job, options):
    assert wait(make_job, FakeRoom(9), stop=True, **options) == 0


def test_a_group_grows_only_at_a_checkpoint_and_only_into_room_that_lasts(make_job, tmp_path):
    watch = Watch(FakeRoom(2, 2, 1, 2, 2, 2), make_job(workers=2).training, tmp_path, 1)
    for _ in range(5):
        watch.look()
        assert not watch.asked
    watch.look()
    assert watch.asked == "resized"
    assert [path.name for path in tmp_path.iterdir()] == [folder.GROW]


def test_a_full_group_does_not_look_for_room(make_job, tmp_path):
    watch = Watch(FakeRoom(9), make_job(workers=2).training, tmp_path, 2)
    for _ in range(9):
        watch.look()
    assert not watch.asked


def test_a_node_that_leaves_asks_for_a_checkpoint_at_once(make_job, tmp_path):
    watch = Watch(FakeRoom(2, leaving=["abc"]), make_job(workers=2).training, tmp_path, 2)
    watch.look()
    assert watch.asked == "preempted"
    assert [path.name for path in tmp_path.iterdir()] == [folder.STOP]
