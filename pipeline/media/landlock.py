"""Takes the file system away from this process, but for reading what it names.

Landlock is the kernel's own, needs no privilege, and exists since Linux 5.13. Source:
https://docs.kernel.org/userspace-api/landlock.html
"""

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
# Rights over files that each version of the kernel's interface knows, newest last.
_NUM_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_ALL_NETWORK = 0b11  # bind and connect over TCP, since version 4
_ALL_SCOPES = 0b11  # abstract sockets and signals of others, since version 6


def version() -> int:
    """Return the version of the kernel's interface, 0 where it has none."""
    if sys.platform != "linux":
        return 0
    return max(0, ctypes.CDLL(None).syscall(_CREATE_RULESET, None, 0, _VERSION))


def allow_reading(paths: Iterable[str]) -> bool:
    """Allow nothing but to read these files and folders, for good.

    Args:
        paths: Absolute paths; those that do not exist are passed over.

    Returns:
        Whether the kernel agreed.
    """
    newest = version()
    if not newest:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    rules = libc.syscall(_CREATE_RULESET, *_ruleset(newest), 0)
    if rules < 0:
        return False
    try:
        for path in paths:
            with contextlib.suppress(OSError):
                _allow(libc, rules, path)
        is_bound = not libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return is_bound and not libc.syscall(_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def _ruleset(newest: int) -> tuple[ctypes.Array[ctypes.c_char], ctypes.c_size_t]:
    rights = (1 << _NUM_FILE_RIGHTS.get(newest, max(_NUM_FILE_RIGHTS.values()))) - 1
    packed = struct.pack("=Q", rights)
    if newest >= 4:
        packed += struct.pack("=Q", _ALL_NETWORK)
    if newest >= 6:
        packed += struct.pack("=Q", _ALL_SCOPES)
    return ctypes.create_string_buffer(packed, len(packed)), ctypes.c_size_t(len(packed))


def _allow(libc: ctypes.CDLL, rules: int, path: str) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = _READ_FILE | _READ_DIR if Path(path).is_dir() else _READ_FILE
        rule = struct.pack("=Qi", rights, descriptor)
        libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, ctypes.c_char_p(rule), 0)
    finally:
        os.close(descriptor)
