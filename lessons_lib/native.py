"""What libraries say on the terminal by themselves, kept from there: what matters of it is said by us."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

HARMLESS = 16  # bytes between the pixels and the end of a JPEG that some cameras write


class _Aside:
    """Stderr turned away into a file, and warnings off: by the first thread that asks, until the last one is done."""

    def __init__(self) -> None:
        self.lock, self.inside = threading.Lock(), 0

    def begin(self) -> None:
        with self.lock:
            if not self.inside:
                with suppress(AttributeError, ValueError):  # a program without a terminal has no stderr
                    sys.stderr.flush()
                self.file = tempfile.TemporaryFile("ab+")  # noqa: SIM115  closed by the last thread
                self.kept = os.dup(2)
                os.dup2(self.file.fileno(), 2)
                self.warnings = warnings.catch_warnings()
                self.warnings.__enter__()
                warnings.simplefilter("ignore")
            self.inside += 1

    def end(self) -> None:
        with self.lock:
            self.inside -= 1
            if not self.inside:
                self.warnings.__exit__(None, None, None)
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
    """Keep from the terminal what libraries say there: native code on stderr, warnings, and tifffile's log.

    TensorFlow greets from C++ before any setting can stop it, and readers of pictures remark on what they pass over.
    Gives a function that returns what has been written since.
    """
    _aside.begin()
    start = _aside.size()
    try:
        yield lambda: _aside.since(start)
    finally:
        _aside.end()


def told_of_damage(words: str) -> bool:
    """Whether libjpeg met data that make no sense, by what it wrote; a few spare bytes are no damage."""
    spare = re.search(r"(\d+) extraneous bytes before marker", words)
    return "orrupt JPEG data" in words and not (spare and int(spare[1]) <= HARMLESS)


logging.getLogger("tifffile").addFilter(lambda _: not _aside.inside)
