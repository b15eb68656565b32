"""What runs in the sandbox: the answer cells, called on given inputs. It holds no expected value and no verdict.

Each check gets a process of its own, forked from this one before any answer has run, so a loop, a crash or a patch in
one costs that check alone. This process reads what those processes write and hands it on under names that begin with
the check's number. All of it is at the mercy of the submission, and may be: what comes out is nothing but a claim
"this is what my function returned", and is judged outside of the sandbox.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lessons_grader.sandbox import process_watch, seccomp, wire

MESSAGE = 300  # letters of an error that leave the sandbox
SEED = 1
MODEL = 8 << 20  # bytes of a model's file; what is larger is cut off, and refused later
Say = Callable[[str, bytes], None]  # hands on a named byte string


def main() -> None:
    """Read a job from standard input, write its answers to standard output."""
    data = dict(wire.unpack(sys.stdin.buffer.read()))
    job = json.loads(data.pop("job.json"))
    lower(job["limits"], job["uid"])
    if job["sandboxed"]:
        seccomp.apply()
    if job["warm"]:  # once, and every process that is forked from here shares it
        importlib.import_module(job["warm"])
    channel, nothing = os.dup(1), os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)

    def send(name: str, payload: bytes = b"") -> None:
        process_watch.write(channel, wire.pack(name, payload))

    send("hello")  # from here on, whatever fails is the submission's doing
    for number, run in enumerate(job["runs"]):
        Run(run, data, job["limits"], number).go(send)
    send("bye")


def lower(limits: dict[str, Any], uid: int | None) -> None:
    """Give up for good what this process does not need: root's rights, memory, files, processes.

    Parameters
    ----------
    limits : dict
        The values of the limits that the kernel keeps, by the names that `resource` has for them.
    uid : int or None
        The user number to take; None to keep this one.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # if memory runs out, the kernel takes the sandbox first
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    try:
        import resource
    except ImportError:  # Windows, where only an instructor's own files are run
        return
    for kind in ("AS", "DATA", "NPROC", "NOFILE", "FSIZE", "CORE"):
        if kind in limits:
            with contextlib.suppress(ValueError, OSError):  # an ordinary user's own limit may be lower already
                resource.setrlimit(getattr(resource, f"RLIMIT_{kind}"), (limits[kind], limits[kind]))


class Run:
    """One submission: its cells, the checks to call, and how much time it has used.

    Parameters
    ----------
    run : dict
        `cells`, pairs of name and source, and `checks` as `checks.job` writes them.
    arrays : dict of bytes
        The inputs, by name, as .npy files.
    limits : dict
        The fields of `profiles.Limits`.
    number : int
        The place of this run in the job, from 0.
    """

    def __init__(self, run: dict[str, Any], arrays: dict[str, bytes], limits: dict[str, Any], number: int = 0) -> None:
        self.cells, self.checks, self.arrays, self.limits = run["cells"], run["checks"], arrays, limits
        self.number = number
        self.skipped: dict[str, str] = {}
        self.patience = 2.0  # seconds
        self.busy: defaultdict[str, float] = defaultdict(float)  # seconds of a core, by question
        self.idle: defaultdict[str, float] = defaultdict(float)

    def go(self, send: Say) -> None:
        """Try the cells, then every check; send each answer, and for a check that was stopped the reason."""
        self.find_cells_that_never_end()
        for check in self.checks:
            question, stopped = check["cell"], wire.stop_name(self.number, check["id"])
            if self.busy[question] > self.limits["busy"] or self.idle[question] > self.limits["dozing"]:
                send(stopped, b"budget")
                continue
            most = check.get("cpu") or self.limits["cpu"]
            answers, reason = self.attempt(functools.partial(self.work, check), question, most)
            for call, payload in wire.unpack(answers):
                send(wire.answer_name(self.number, check["id"], call), payload)
            if reason:
                send(stopped, reason.encode())
        if self.skipped:
            send(f"{self.number}/skipped", json.dumps(self.skipped).encode())

    def find_cells_that_never_end(self) -> None:
        """Run all cells; leave out the one that hangs or kills the process, and try again."""
        for _ in self.cells:
            said, reason = self.attempt(self.open_cells)
            if not reason:
                return
            begun = [name for name, _ in wire.unpack(said)]
            if not begun or begun[-1] in self.skipped:
                return
            self.skipped[begun[-1]] = reason

    def open_cells(self, say: Say) -> tuple[dict[str, Any], dict[str, dict]]:
        """Run the cells in order.

        Parameters
        ----------
        say : callable
            It is given the name of each cell before it runs.

        Returns
        -------
        space : dict
            The names that the cells define.
        failed : dict of dict
            By cell, the error of each that failed.
        """
        space: dict[str, Any] = {"__name__": "__main__"}
        if "keras" in sys.modules:  # initial weights that nobody seeded must not make the luck of a grade
            sys.modules["keras"].utils.set_random_seed(SEED)
        failed: dict[str, dict] = {
            name: {"error": ["Stopped"], "message": reason} for name, reason in self.skipped.items()
        }
        for name, source in self.cells:
            if name not in self.skipped:
                say(name, b"")
                try:
                    exec(compile_cell(source, name), space)
                except BaseException as error:
                    failed[name] = describe(error)
        return space, failed

    def work(self, check: dict[str, Any], say: Say) -> None:
        """Say the answer to each call of one check.

        An input that two calls name is one and the same array, so that an answer that changes it in place is found out.
        """
        space, failed = self.open_cells(lambda name, payload: None)
        inputs = {name: wire.load(self.arrays[name]) for name in check["arrays"]}
        for number, (function, positional, named) in enumerate(check["calls"]):
            values = [_value(v, inputs) for v in positional]
            keywords = {key: _value(v, inputs) for key, v in named.items()}
            if function not in space:
                why = failed.get(check["cell"], {"error": ["Undefined"], "message": function})
                payload = b"E" + json.dumps(why).encode()
            else:
                try:
                    payload = _answer(space[function](*values, **keywords))
                except BaseException as error:
                    payload = b"E" + json.dumps(describe(error)).encode()
            say(str(number), payload)

    def fork(self) -> int | None:
        """As os.fork; None if earlier checks left processes that fill the sandbox, and would not die in two seconds."""
        while True:
            try:
                return os.fork()
            except OSError:
                process_watch.reap()
                if self.patience <= 0:
                    return None
                self.patience -= 0.05
                time.sleep(0.05)

    def attempt(self, work: Callable[[Say], object], question: str = "", most: int = 0) -> tuple[bytes, str]:
        """Do some work in a process of its own.

        Parameters
        ----------
        work : callable
            It is given `say(name, payload)`.
        question : str
            Whose time it is.
        most : int
            Its seconds of a core, if not the usual ones.

        Returns
        -------
        said : bytes
            The named byte strings that it said.
        reason : str
            Why it was stopped, "" if it was not.
        """
        most = most or self.limits["cpu"]
        if not hasattr(os, "pidfd_open"):  # not Linux: no sandbox either, so these are an instructor's own files
            said: list[bytes] = []
            work(lambda name, payload: said.append(wire.pack(name, payload)))
            return b"".join(said), ""
        read, write = os.pipe()
        pid = self.fork()
        if pid is None:
            os.close(read)
            os.close(write)
            return b"", "processes"
        if pid == 0:
            process_watch.work_and_exit(work, write, most)
        os.close(write)
        written, stopped, idle = process_watch.watch(pid, read, self.limits)
        _, status, used = os.wait4(pid, 0)
        process_watch.reap()
        self.busy[question] += used.ru_utime + used.ru_stime
        self.idle[question] += idle
        os.close(read)
        if written.endswith(process_watch.DONE):
            return written.removesuffix(process_watch.DONE), ""
        return written, stopped or process_watch.why(status, used.ru_utime + used.ru_stime, most)


def compile_cell(source: str, name: str) -> Any:
    """A cell as code. A line of `%magic` or `!shell` means nothing here and is left out."""
    try:
        return compile(source, name, "exec", dont_inherit=True)
    except SyntaxError:
        lines = source.split("\n")
        kept = ["pass" if line[:1] in "%!" and line else line for line in lines]
        if kept == lines:
            raise
        return compile("\n".join(kept), name, "exec", dont_inherit=True)


def describe(error: BaseException) -> dict[str, Any]:
    """An error as plain text: the names of its classes, its message, and the line of the cell."""
    classes = [c.__name__ for c in type(error).__mro__ if c not in (object, BaseException)]
    line, trace = getattr(error, "lineno", None), error.__traceback__
    while trace:
        if not set("/\\<") & set(trace.tb_frame.f_code.co_filename) and not line:  # a cell has no path
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        message = str(error)[:MESSAGE]
    except Exception:
        message = ""
    return {"error": classes, "message": message, "line": line if isinstance(line, int) else None}


def _answer(result: object) -> bytes:
    """What a function returned, as the bytes that `checks.decode` reads."""
    import numpy as np

    files = _models(result)
    if files:
        return b"K" + b"".join(wire.pack(str(number), file) for number, file in enumerate(files))
    array = np.asarray(result)
    if array.dtype.kind not in wire.DTYPE_KINDS:
        return b"E" + json.dumps({"error": ["NotNumbers"], "message": type(result).__name__}).encode()
    return b"N" + wire.save(array)


def _models(result: object) -> list[bytes]:
    """The .keras files of an answer that is a model, the path of a file it wrote, or a tuple of these; [] if not."""
    keras, files = sys.modules.get("keras"), []
    if keras is None:
        return []
    for item in result if isinstance(result, tuple) else (result,):
        if isinstance(item, str) and item.endswith(".keras"):
            files.append(_start(Path(item)))
        elif isinstance(item, keras.Model):
            with tempfile.TemporaryDirectory() as folder:  # only here: an answer may have filled the disk
                item.save(path := Path(folder, "model.keras"))
                files.append(_start(path))
        else:
            return []
    return files


def _start(path: Path) -> bytes:
    """The start of a file: one byte more than is accepted, so that a larger one is told from one that fits."""
    with path.open("rb") as file:
        return file.read(MODEL + 1)


def _value(value: dict[str, Any], inputs: dict[str, Any]) -> Any:
    """An argument of a call: a plain value, or one of the input arrays."""
    return inputs[value["array"]] if "array" in value else value["value"]
