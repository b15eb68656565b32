"""One process for each check: it can only write into its pipe, and is stopped when it loops, idles or writes too much.

The runner forks the process, which calls `work_and_exit`; the runner itself calls `watch`.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from lessons_grader.sandbox import wire

DONE = wire.pack("done", b"")
GLANCE = 500  # milliseconds between two looks at a process that writes nothing


def write(channel: int, data: bytes) -> None:
    """Write all of the data, however long the reader takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(channel, view) :]


def work_and_exit(work: Callable[[Callable[[str, bytes], None]], object], pipe: int, cpu: int) -> NoReturn:
    """Do the work of a process that was just forked, and end it.

    Parameters
    ----------
    work : callable
        It is given a function `say(name, payload)` that writes a named byte string into the pipe.
    pipe : int
        The end of the pipe to write to. All other files are closed.
    cpu : int
        The kernel ends the process after so many seconds of a core.
    """
    import resource

    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
        os.closerange(3, pipe)
        os.closerange(pipe + 1, 512)
        work(lambda name, payload: write(pipe, wire.pack(name, payload)))
        write(pipe, DONE)
        os._exit(0)
    except BaseException:
        os._exit(9)


def watch(pid: int, pipe: int, limits: dict[str, Any]) -> tuple[bytes, str, float]:
    """Collect what a process writes until it ends, and kill it if it goes beyond a limit.

    Twice a second, and whenever there is something to read, two things are looked at: how much was written, and for
    how long the process has been idle. At the end the process and all of its group are killed; the caller waits for it.

    Parameters
    ----------
    pid : int
        The process.
    pipe : int
        The end of its pipe to read from.
    limits : dict
        `answer`, the most bytes that it may write, and `idle`, the most seconds that it may be idle.

    Returns
    -------
    written : bytes
        What it wrote.
    stopped : str
        Why it was stopped, "output" or "idle"; "" if it ended by itself.
    idle : float
        The seconds in which it was idle.
    """
    handle, started = os.pidfd_open(pid), time.monotonic()
    os.set_blocking(pipe, False)
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    poller.register(pipe, select.POLLIN)
    parts: list[bytes] = []
    stopped, ended, idle = "", False, 0.0
    waited: dict[str, float] = {}
    while not ended and not stopped:
        ready = dict(poller.poll(GLANCE))
        ended = handle in ready
        if (pipe in ready or ended) and _read_some(pipe, parts, limits["answer"]):
            with contextlib.suppress(KeyError):  # it was unregistered before
                poller.unregister(pipe)
        idle = _idle_seconds(pid, started, waited)
        if sum(map(len, parts)) > limits["answer"]:
            stopped = "output"
        elif idle > limits["idle"]:
            stopped = "idle"
    for kill in (os.kill, os.killpg):  # nobody has waited for it yet, so its number still belongs to it
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
    os.close(handle)
    return b"".join(parts), stopped, idle


def reap() -> None:
    """Wait for ended processes that lost their parents: in a container the runner, its first process, gets them."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def why(status: int, used: float, cpu: int) -> str:
    """Say how a process ended that did not finish its work.

    Parameters
    ----------
    status : int
        Its exit status, from os.wait4.
    used, cpu : float, int
        The seconds of a core that it used, and those that it had.

    Returns
    -------
    str
        "busy" if its seconds were used up, else the likes of "signal 11" and "exit 3".
    """
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU or used >= cpu:
            return "busy"
        return f"signal {number}"
    return f"exit {os.WEXITSTATUS(status)}"


def _read_some(pipe: int, parts: list[bytes], most: int) -> bool:
    """Read what is there, until it is more than `most` bytes in all; whether the other end was closed."""
    size = sum(map(len, parts))
    try:
        while size <= most:
            part = os.read(pipe, 1 << 20)
            if not part:
                return True
            parts.append(part)
            size += len(part)
    except BlockingIOError:
        pass
    return False


def _idle_seconds(pid: int, started: float, waited: dict[str, float]) -> float:
    """Seconds since `started` in which no thread of a process ran, or waited for a core to run on.

    Waiting for a core does not count as idle: on a busy machine nobody can help it. `waited` keeps for each thread how
    long it has waited for a core, because the kernel forgets it when the thread ends.
    """
    used = 0.0
    with contextlib.suppress(OSError, ValueError):  # the process may just have ended
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used += sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK")  # of all threads, ended ones too
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):  # TensorFlow computes in other threads than the first
        with contextlib.suppress(OSError, ValueError):
            waited[thread.parent.name] = int(thread.read_text().split()[1]) / 1e9
    return time.monotonic() - started - used - sum(waited.values())
