import json
import socket

from pipeline.tasks.holder import Holder, holder_of
from pipeline.tasks.lock import LOCK, hold_output


def test_a_driver_is_alive_while_it_holds_and_gone_afterwards(tmp_path):
    out = str(tmp_path)
    assert holder_of(out) is None
    with hold_output(out):
        held = holder_of(out)
        assert held.state == "alive" and socket.gethostname() in held.name
        # Looking takes nothing away: the lock is still the driver's.
        assert holder_of(out) == held
    assert holder_of(out) == Holder(held.name, "gone")


def test_a_driver_on_another_machine_is_away(tmp_path):
    (tmp_path / LOCK).write_text("process 1 on somewhere-else\n")
    assert holder_of(str(tmp_path)) == Holder("process 1 on somewhere-else", "away")


def test_a_reused_process_number_is_not_taken_for_the_driver(tmp_path):
    (tmp_path / LOCK).write_text(f"process 1 on {socket.gethostname()}\n")
    assert holder_of(str(tmp_path)).state == "gone"


def test_what_is_not_a_signature_names_nobody(tmp_path):
    (tmp_path / LOCK).write_text(json.dumps({"name": "x"}))
    assert holder_of(str(tmp_path)) is None
