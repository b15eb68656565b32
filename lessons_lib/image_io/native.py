"""What libraries written in C say on the terminal, kept from there: what matters of it is said by us."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def native_stderr_off() -> Iterator[None]:
    """Send what native code writes to stderr nowhere: TensorFlow greets from C++, before any setting can stop it."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
