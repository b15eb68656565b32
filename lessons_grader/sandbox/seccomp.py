"""System calls that no answer needs, and that would pass the sandbox's limits: a filter that the kernel applies.

Shared memory and memory files count for no process, so gigabytes of them would pass the limit of memory; a user
namespace of one's own makes one root in it, who may mount memory as a disk. The rest is the kernel's least tried
ground.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

CALLS = {  # numbers on x86-64 and on 64-bit ARM, from the kernel's tables
    "shmget": (29, 194),
    "msgget": (68, 186),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "fsopen": (430, 430),
    "open_tree": (428, 428),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
}
CLONE, CLONE3 = (56, 220), (435, 435)
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, the kernel's name for it
OTHER_TABLE = 0x40000000  # from here on, x86-64 has its calls a second time
NAMESPACES = 0x7E020080  # CLONE_NEW...
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, MACHINE, FIRST_ARGUMENT = 0, 4, 16  # where they stand in what a filter sees
ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000
NO_NEW_PRIVILEGES, SET_FILTER, FILTER_MODE = 38, 22, 2


def program(machine: str) -> bytes:
    """The filter in the kernel's bytecode.

    Parameters
    ----------
    machine : str
        The kind of processor, such as "x86_64".

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        If the numbers of its system calls are not known here.
    """
    if machine not in MACHINES:
        raise OSError(errno.ENOSYS, f"no filter of system calls is known for {machine}: grade on {', '.join(MACHINES)}")
    column, name = MACHINES[machine]
    refuse, unknown = FAIL | errno.EPERM, FAIL | errno.ENOSYS
    lines = [(LOAD, 0, 0, MACHINE), (EQUAL, 1, 0, name), (RETURN, 0, 0, KILL)]
    lines += [(LOAD, 0, 0, NUMBER), (AT_LEAST, 0, 1, OTHER_TABLE), (RETURN, 0, 0, refuse)]
    for numbers in CALLS.values():
        lines += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, refuse)]
    lines += [(EQUAL, 0, 1, CLONE3[column]), (RETURN, 0, 0, unknown)]  # its flags cannot be seen; libc then uses clone
    lines += [(EQUAL, 0, 3, CLONE[column]), (LOAD, 0, 0, FIRST_ARGUMENT)]
    lines += [(ANY_BIT, 0, 1, NAMESPACES), (RETURN, 0, 0, refuse), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def apply() -> None:
    """Apply the filter to this process and to all that it starts from now on.

    Raises
    ------
    OSError
        If the kernel does not take the filter.
    """
    code = program(platform.machine())
    libc, text = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(code, len(code))
    whole = struct.pack("@HP", len(code) // 8, ctypes.addressof(text))
    for words in ((NO_NEW_PRIVILEGES, 1, 0, 0, 0), (SET_FILTER, FILTER_MODE, whole, 0, 0)):
        if libc.prctl(*(word if isinstance(word, bytes) else ctypes.c_ulong(word) for word in words)):
            number = ctypes.get_errno()
            raise OSError(number, f"the filter of system calls was not taken: {os.strerror(number)}")
