"""Takes system calls away from this process: sockets, new processes, other processes.

A list of what is denied, not of what is allowed: allocators, Python and the kernel's own
replacements of old calls differ from machine to machine, and a decoder that dies of a harmless
call would lose good videos. Sources: seccomp(2), linux/audit.h, the kernel's syscall tables.
"""

import ctypes
import errno
import platform
import struct
import sys

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_CLONE_THREAD = 0x00010000
_CLONE3 = 435
_X32_NUMBERS = 0x40000000

# Since Linux 5.1 every architecture gives a new call the same number.
_DENIED_EVERYWHERE = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "pidfd_open": 434, "pidfd_getfd": 438,
}  # fmt: skip
_DENIED_X86_64 = {
    "socket": 41, "connect": 42, "accept": 43, "sendto": 44, "sendmsg": 46, "bind": 49,
    "listen": 50, "socketpair": 53, "fork": 57, "vfork": 58, "execve": 59, "kill": 62,
    "ptrace": 101, "pivot_root": 155, "chroot": 161, "mount": 165, "umount2": 166,
    "init_module": 175, "tkill": 200, "kexec_load": 246, "add_key": 248, "request_key": 249,
    "keyctl": 250, "unshare": 272, "accept4": 288, "perf_event_open": 298,
    "name_to_handle_at": 303, "open_by_handle_at": 304, "sendmmsg": 307, "setns": 308,
    "process_vm_readv": 310, "process_vm_writev": 311, "finit_module": 313, "bpf": 321,
    "execveat": 322, "userfaultfd": 323,
}  # fmt: skip
_DENIED_AARCH64 = {
    "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "unshare": 97, "kexec_load": 104,
    "init_module": 105, "ptrace": 117, "kill": 129, "tkill": 130, "socket": 198,
    "socketpair": 199, "bind": 200, "listen": 201, "accept": 202, "connect": 203, "sendto": 206,
    "sendmsg": 211, "add_key": 217, "request_key": 218, "keyctl": 219, "execve": 221,
    "perf_event_open": 241, "accept4": 242, "name_to_handle_at": 264, "open_by_handle_at": 265,
    "setns": 268, "sendmmsg": 269, "process_vm_readv": 270, "process_vm_writev": 271,
    "finit_module": 273, "bpf": 280, "execveat": 281, "userfaultfd": 282,
}  # fmt: skip
# Machine: its number in linux/audit.h, its `clone`, what is denied.
_MACHINES = {
    "x86_64": (0xC000003E, 56, _DENIED_X86_64),
    "aarch64": (0xC00000B7, 220, _DENIED_AARCH64),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def deny_calls() -> bool:
    """Deny the listed calls with EPERM for good; return whether the kernel agreed.

    Threads may still be started, processes may not.
    """
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    code = _program(*_MACHINES[platform.machine()])
    program = _Program(len(code) // 8, code)
    return not libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)


def _program(arch: int, clone: int, denied: dict[str, int]) -> bytes:
    """Return the filter in classic BPF: each step is followed by what it guards."""
    deny = _step(_RETURN, _ERRNO | errno.EPERM)
    steps = [
        _step(_LOAD, _ARCH_AT),
        # Another architecture's numbers mean other calls.
        _step(_JUMP_EQUAL, arch, 1, 0),
        deny,
        _step(_LOAD, _NUMBER_AT),
        _step(_JUMP_AT_LEAST, _X32_NUMBERS, 0, 1),
        deny,
        _step(_JUMP_EQUAL, _CLONE3, 0, 1),
        # Its flags lie in memory, where a filter cannot look; libc falls back to clone.
        _step(_RETURN, _ERRNO | errno.ENOSYS),
    ]
    for number in sorted({*denied.values(), *_DENIED_EVERYWHERE.values()}):
        steps += [_step(_JUMP_EQUAL, number, 0, 1), deny]
    steps += [
        _step(_JUMP_EQUAL, clone, 0, 3),
        _step(_LOAD, _FIRST_ARGUMENT_AT),
        _step(_JUMP_BITS, _CLONE_THREAD, 1, 0),
        deny,
        _step(_RETURN, _ALLOW),
    ]
    return b"".join(steps)


def _step(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
