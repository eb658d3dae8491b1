import os
import struct

import pytest

from pipeline.media.framing import pack, read_message, unpack, write_all


def test_messages_come_out_as_they_went_in_however_the_pipe_cuts_them():
    stream = pack({"kind": "clip", "slot": 3}, b"\0\1\2") + pack({"kind": "end"})
    buffer, got = bytearray(), []
    for byte in stream:
        buffer.append(byte)
        while (message := unpack(buffer)) is not None:
            got.append(message)
    assert got == [({"kind": "clip", "slot": 3}, b"\0\1\2"), ({"kind": "end"}, b"")]
    assert not buffer


def test_reading_one_message_leaves_the_next_in_the_pipe():
    reader, writer = os.pipe()
    write_all(writer, pack({"a": 1}, b"xy") + pack({"b": 2}))
    os.close(writer)
    assert read_message(reader) == ({"a": 1}, b"xy")
    assert read_message(reader) == ({"b": 2}, b"")
    with pytest.raises(EOFError):
        read_message(reader)
    os.close(reader)


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("!II", 2**31, 0),
        struct.pack("!II", 2, 2**31),
        pack({})[:8] + b"[]",
        struct.pack("!II", 200_000, 0) + b"[" * 200_000,
    ],
)
def test_a_message_of_absurd_length_or_form_is_refused(data):
    with pytest.raises(ValueError, match="message"):
        unpack(bytearray(data))
