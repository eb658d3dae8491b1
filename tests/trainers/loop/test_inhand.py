import threading
from contextlib import ExitStack

import pytest

from trainers.loop.inhand import RowsInHand, read_rows


def test_rows_are_in_hand_while_they_are_read_and_while_their_step_is_done(tmp_path):
    in_hand = RowsInHand(tmp_path, 1, 0)
    assert read_rows(tmp_path, 1, 0) == []
    with in_hand.reading(4):
        in_hand.stepping([10, 11, 12])
        assert read_rows(tmp_path, 1, 0) == [4, 10, 11, 12]
    in_hand.stepping([13])
    assert read_rows(tmp_path, 1, 0) == [13]
    in_hand.close()


def test_each_thread_has_its_own_row_in_hand(tmp_path):
    in_hand = RowsInHand(tmp_path, 1, 0)
    begun, end = threading.Barrier(4), threading.Event()

    def read(row):
        with in_hand.reading(row):
            begun.wait()
            end.wait()

    threads = [threading.Thread(target=read, args=(row,)) for row in (7, 8, 9)]
    for thread in threads:
        thread.start()
    begun.wait()
    assert sorted(read_rows(tmp_path, 1, 0)) == [7, 8, 9]
    end.set()
    for thread in threads:
        thread.join()
    assert read_rows(tmp_path, 1, 0) == []
    in_hand.close()


def test_a_row_whose_reading_failed_stays_in_hand(tmp_path):
    in_hand = RowsInHand(tmp_path, 1, 0)
    with pytest.raises(MemoryError), in_hand.reading(4):
        raise MemoryError
    assert read_rows(tmp_path, 1, 0) == [4]
    in_hand.close()


def test_a_file_that_is_missing_or_torn_gives_no_rows(tmp_path):
    assert read_rows(tmp_path, 1, 0) == []
    RowsInHand(tmp_path, 1, 0).close()
    [path] = tmp_path.rglob("*.rows")
    path.write_bytes(path.read_bytes()[:100])
    assert read_rows(tmp_path, 1, 0) == []


def test_more_rows_than_there_are_slots_do_no_harm(tmp_path):
    in_hand = RowsInHand(tmp_path, 1, 0)
    with ExitStack() as stack:
        for row in range(70):
            stack.enter_context(in_hand.reading(row))
        assert sorted(read_rows(tmp_path, 1, 0)) == [*range(64)]
    assert read_rows(tmp_path, 1, 0) == []
    with in_hand.reading(99):
        assert read_rows(tmp_path, 1, 0) == [99]
    in_hand.close()
