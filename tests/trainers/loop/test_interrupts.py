import os
import signal

import pytest

from trainers.loop.interrupts import Interrupts


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_first_signal_asks_the_workers_to_stop_and_a_second_one_does_not_wait(
    tmp_path, number, code
):
    stop = tmp_path / "stop"
    before = signal.getsignal(number)
    with Interrupts(stop) as interrupts:
        assert not interrupts.received
        assert interrupts.exit_code == 0
        os.kill(os.getpid(), number)
        assert interrupts.received
        assert stop.exists()
        assert interrupts.exit_code == code
        stop.unlink()
        interrupts.renew()
        assert stop.exists()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert not stop.exists()
    assert signal.getsignal(number) == before
