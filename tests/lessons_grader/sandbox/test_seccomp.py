import dataclasses
import struct

import pytest

from lessons_grader.sandbox import launcher, profiles, seccomp
from tests.lessons_grader.sandbox.test_launcher import ask, sandboxed
from tools.measure.catalogue import make_submissions


def verdict(machine, number, first=0, name=None):
    """What the filter says of a call: the kernel's little machine, run here."""
    whole = seccomp.program(machine)
    code = [struct.unpack_from("=HBBI", whole, at) for at in range(0, len(whole), 8)]
    seen = {
        seccomp.NUMBER: number,
        seccomp.MACHINE: name or seccomp.MACHINES[machine][1],
        seccomp.FIRST_ARGUMENT: first,
    }
    at = value = 0
    while True:
        profile, yes, no, word = code[at]
        if profile == seccomp.RETURN:
            return word
        if profile == seccomp.LOAD:
            value, step = seen[word], 0
        else:
            test = {seccomp.EQUAL: value == word, seccomp.AT_LEAST: value >= word, seccomp.ANY_BIT: bool(value & word)}
            step = yes if test[profile] else no
        at += 1 + step


@pytest.mark.parametrize("machine", seccomp.MACHINES)
def test_the_filter_refuses_what_it_names_and_nothing_else(machine):
    column = seccomp.MACHINES[machine][0]
    refused = {numbers[column] for numbers in seccomp.CALLS.values()}
    clone, clone3 = seccomp.CLONE[column], seccomp.CLONE3[column]
    for number in set(range(470)) - {clone, clone3}:
        assert (verdict(machine, number) != seccomp.ALLOW) == (number in refused), number
    assert verdict(machine, clone, 17) == seccomp.ALLOW  # a child process, a thread
    assert verdict(machine, clone, 0x10000000) == seccomp.FAIL | 1  # a user namespace
    assert verdict(machine, clone3) == seccomp.FAIL | 38
    assert verdict(machine, seccomp.OTHER_TABLE + 1) == seccomp.FAIL | 1
    assert verdict(machine, 1, name=0x40000003) == seccomp.KILL  # 32-bit calls


def test_another_machine_is_refused():
    with pytest.raises(OSError, match="no filter of system calls is known for m68k"):
        seccomp.program("m68k")


CALL = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\ndef f():\n    {}\n    return ctypes.get_errno()"


@sandboxed
@pytest.mark.parametrize(
    "call",
    [
        "libc.shmget(0, 1 << 20, 0o1600)",
        "libc.msgget(0, 0o1600)",
        "libc.memfd_create(b'x', 0)",
        "libc.unshare(0x10000000)",
        "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
        "libc.ptrace(0, 0, 0, 0)",
        "libc.syscall(ctypes.c_long(425), 8, None)",
    ],
)
def test_the_sandbox_refuses_memory_that_nobody_counts_and_namespaces(call):
    assert ask(CALL.format(call)) == 1  # EPERM


@sandboxed
def test_processes_and_threads_still_work_in_the_sandbox():
    source = "import os, threading\ndef f():\n    seen = []\n    t = threading.Thread(target=lambda: seen.append(1))\n"
    source += "    t.start(); t.join()\n    pid = os.fork()\n    if pid == 0: os._exit(3)\n"
    assert ask(source + "    return len(seen) + (os.waitpid(pid, 0)[1] >> 8)") == 4


def test_where_there_is_no_filter_there_is_no_sandbox():
    if make_submissions.no_sandbox():
        pytest.skip(f"no sandbox can be made here: {make_submissions.no_sandbox()}")
    profile = profiles.PROFILES["numpy"]
    without = dataclasses.replace(profile, ours=tuple(name for name in profile.ours if "seccomp" not in name))
    assert "no sandbox starts" in launcher.refusal(without)
