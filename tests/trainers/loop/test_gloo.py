from types import SimpleNamespace

import pytest

from trainers.loop import gloo
from trainers.loop.gloo import DEVICE, BetweenMachines, device_of


def test_the_device_of_an_address_is_found():
    assert device_of("127.0.0.1") == "lo"
    assert device_of("203.0.113.77") == ""


@pytest.fixture
def set_up(monkeypatch):
    """Set a group up whose workers are on nodes with these addresses; return what was set."""
    monkeypatch.delenv(DEVICE, raising=False)

    def set_up(*addresses):
        done = []
        monkeypatch.setattr(gloo._TorchBackend, "on_start", lambda *_: done.append("group"))
        monkeypatch.setattr(gloo.ray.util, "get_node_ip_address", lambda: "127.0.0.1")

        def execute(function):
            if function is gloo._name_device:
                function()
                done.append("device")
                return None
            return list(addresses)

        config = BetweenMachines(timeout_s=3)
        config.backend_cls().on_start(SimpleNamespace(execute=execute), config)
        return done

    return set_up


def test_workers_on_several_machines_are_told_their_device_before_the_group_is_made(
    set_up, monkeypatch
):
    assert set_up("10.0.0.1", "10.0.0.2") == ["device", "group"]
    assert gloo.os.environ[DEVICE] == "lo"
    monkeypatch.setenv(DEVICE, "ib0")
    assert set_up("10.0.0.1", "10.0.0.2") == ["device", "group"]
    assert gloo.os.environ[DEVICE] == "ib0"


def test_workers_on_one_machine_are_left_alone(set_up):
    assert set_up("10.0.0.1", "10.0.0.1") == ["group"]
    assert DEVICE not in gloo.os.environ


def test_a_group_that_has_failed_is_not_waited_for_long(monkeypatch):
    monkeypatch.delenv(gloo.TORCH_PROCESS_GROUP_SHUTDOWN_TIMEOUT_S, raising=False)
    seen = []
    name = gloo.TORCH_PROCESS_GROUP_SHUTDOWN_TIMEOUT_S
    monkeypatch.setattr(
        gloo._TorchBackend, "on_shutdown", lambda *_: seen.append(gloo.os.environ[name])
    )
    config = BetweenMachines(timeout_s=3)
    config.backend_cls().on_shutdown(None, config)
    assert seen == ["3"]
