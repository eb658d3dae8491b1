"""Messages between the decoder child and its parent: a JSON head and a block of bytes.

    4 bytes length of the head | 4 bytes length of the block | head | block

Lengths are checked before anything is read: the child has untrusted input, so the parent
treats its messages as untrusted too.
"""

import json
import os
import struct
from typing import Any, TypeAlias

_LENGTHS = struct.Struct("!II")
MAX_HEAD_BYTES = 4 << 20
MAX_BLOCK_BYTES = 256 << 20

Message: TypeAlias = dict[str, Any]


def pack(head: Message, block: bytes = b"") -> bytes:
    """Return the bytes of a message."""
    encoded = json.dumps(head, ensure_ascii=True, allow_nan=False).encode()
    return _LENGTHS.pack(len(encoded), len(block)) + encoded + block


def unpack(buffer: bytearray) -> tuple[Message, bytes] | None:
    """Take one message off the front of the buffer, or return None until it is whole.

    Raises:
        ValueError: If it is longer than a message may be, or its head is no JSON object.
    """
    if len(buffer) < _LENGTHS.size:
        return None
    head_bytes, block_bytes = _LENGTHS.unpack_from(buffer)
    if head_bytes > MAX_HEAD_BYTES or block_bytes > MAX_BLOCK_BYTES:
        raise ValueError(f"a message must be short, got {head_bytes} and {block_bytes} bytes")
    stop = _LENGTHS.size + head_bytes + block_bytes
    if len(buffer) < stop:
        return None
    with memoryview(buffer) as view:
        encoded = bytes(view[_LENGTHS.size : _LENGTHS.size + head_bytes])
        block = bytes(view[_LENGTHS.size + head_bytes : stop])
    del buffer[:stop]
    try:
        head = json.loads(encoded)
    except RecursionError:
        raise ValueError("a message's head must be flat, got one nested without end") from None
    if not isinstance(head, dict):
        raise ValueError(f"a message's head must be an object, got {type(head).__name__}")
    return head, block


def write_all(descriptor: int, data: bytes) -> None:
    """Write to a blocking pipe."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def read_message(descriptor: int) -> tuple[Message, bytes]:
    """Read one message from a blocking pipe.

    Raises:
        EOFError: If the other side has gone.
    """
    buffer = bytearray()
    while (message := unpack(buffer)) is None:
        # One byte too many would belong to the next message, so ask for no more than this one.
        chunk = os.read(descriptor, _missing(buffer))
        if not chunk:
            raise EOFError("the other side has gone")
        buffer += chunk
    return message


def _missing(buffer: bytearray) -> int:
    if len(buffer) < _LENGTHS.size:
        return _LENGTHS.size - len(buffer)
    return _LENGTHS.size + sum(_LENGTHS.unpack_from(buffer)) - len(buffer)
