"""A process for each check: started with nothing but a pipe, watched, and stopped when it loops, idles or floods."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path

from lessons_grader.sandbox import wire

DONE = wire.pack("done", b"")


def write(channel: int, data: bytes) -> None:
    """Write all of it, however long the reader takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(channel, view) :]


def child(work: Callable, pipe: int, cpu: int) -> None:
    """Be the child: do `work(say)` within `cpu` seconds, and never return. Keeps no way out but its own pipe."""
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


def watch(pid: int, read: int, limits: dict) -> tuple[bytes, str, float]:
    """Collect what a child writes until it ends; stop it if it idles or floods: (bytes, why stopped, seconds idle)."""
    handle, started = os.pidfd_open(pid), time.monotonic()
    os.set_blocking(read, False)
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    poller.register(read, select.POLLIN)
    parts, size, stopped, over, idle = [], 0, "", False, 0.0
    waited: dict[str, float] = {}  # by thread: the kernel forgets it with the thread
    while not over:
        ready = dict(poller.poll(500))
        over = handle in ready
        if read in ready or over:
            try:
                while size <= limits["answer"] and (part := os.read(read, 1 << 20)):
                    parts.append(part)
                    size += len(part)
                if size <= limits["answer"]:
                    poller.unregister(read)  # closed by the child
            except (BlockingIOError, KeyError):
                pass
        idle = _idle(pid, started, waited)
        if size > limits["answer"]:
            stopped = "output"
        elif idle > limits["idle"]:
            stopped = "idle"
        if stopped and not over:
            break
    for kill in (os.kill, os.killpg):  # not yet waited for, so its number is still its own
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
    os.close(handle)
    return b"".join(parts), stopped, idle


def bury() -> None:
    """Take note of ended processes that their parents left: in a container they come to the runner, the first one."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _idle(pid: int, started: float, waited: dict[str, float]) -> float:
    """Seconds in which no thread of the child ran or waited for a core: a busy machine makes nobody idle.

    `waited` keeps the seconds that each thread has waited for a core, of ended ones too.
    """
    used = 0.0
    with contextlib.suppress(OSError, ValueError):  # it may end just now
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used += sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK")  # of all threads, ended ones too
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):  # TensorFlow computes in another one than the first
        with contextlib.suppress(OSError, ValueError):
            waited[thread.parent.name] = int(thread.read_text().split()[1]) / 1e9
    return time.monotonic() - started - used - sum(waited.values())


def why(status: int, used: float, cpu: int) -> str:
    """How a child ended that did not come to its end: "busy", "signal 11", "exit 3"."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU or used >= cpu:
            return "busy"
        return f"signal {number}"
    return f"exit {os.WEXITSTATUS(status)}"
