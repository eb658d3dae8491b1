"""Seeds by hashing: randomness is derived from where one stands, so there is none to save."""

import hashlib
import struct


def derive_seed(*numbers: int) -> int:
    """Return a seed in `[0, 2**63)` that depends on every number and on their order.

    Python's own `hash` of integers is the identity and collides for sums; a real hash makes
    neighbouring steps and virtual ranks unrelated.
    """
    packed = struct.pack(f"<{len(numbers)}q", *numbers)
    return int.from_bytes(hashlib.blake2b(packed, digest_size=8).digest(), "little") >> 1
