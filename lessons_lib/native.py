"""What libraries say on the terminal by themselves, kept from there: what matters of it is said by us."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class _Aside:
    """Stderr turned away into a file: by the first thread that asks, until the last one is done."""

    def __init__(self) -> None:
        self.lock, self.inside = threading.Lock(), 0

    def begin(self) -> None:
        with self.lock:
            if not self.inside:
                with suppress(AttributeError, ValueError):  # a program without a terminal has no stderr
                    sys.stderr.flush()
                self.file = tempfile.TemporaryFile()  # noqa: SIM115  closed by the last thread
                self.kept = os.dup(2)
                os.dup2(self.file.fileno(), 2)
            self.inside += 1

    def end(self) -> None:
        with self.lock:
            self.inside -= 1
            if not self.inside:
                os.dup2(self.kept, 2)
                os.close(self.kept)
                self.file.close()

    def size(self) -> int:
        return os.fstat(self.file.fileno()).st_size

    def since(self, start: int) -> str:
        with open(os.dup(self.file.fileno()), "rb") as copy:  # noqa: PTH123  a descriptor, no path
            here = copy.tell()
            copy.seek(start)
            text = copy.read()
            copy.seek(here)  # both descriptors share one place
        return text.decode(errors="replace")


_aside = _Aside()


@contextmanager
def native_stderr_off() -> Iterator[Callable[[], str]]:
    """Keep from the terminal what native code writes there: TensorFlow greets before any setting can stop it.

    Gives a function that returns what has been written since.
    """
    _aside.begin()
    start = _aside.size()
    try:
        yield lambda: _aside.since(start)
    finally:
        _aside.end()


@contextmanager
def libraries_off() -> Iterator[Callable[[], str]]:
    """Keep from the terminal what libraries that read and write files say there: by C, by warnings, by loggers."""
    with native_stderr_off() as said, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield said


logging.getLogger("tifffile").addFilter(lambda _: not _aside.inside)
