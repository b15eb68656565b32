"""What reaches the terminal: errors in one line, progress bars, and nothing that native libraries write."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from tqdm import tqdm

from lessons_lib.datasets import DatasetError
from lessons_lib.images import ImageError


def complain(error: BaseException) -> None:
    """Say an error in a line on stderr."""
    print(f"error: {str(error) or type(error).__name__}", file=sys.stderr, flush=True)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn what a user can mend into a line and exit code 1 instead of a traceback."""
    try:
        yield
    except (DatasetError, ImageError, OSError) as error:
        complain(error)
        raise typer.Exit(1) from error


@contextmanager
def progress_bar(name: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, none elsewhere; yields a function of the number of finished things and of all."""
    with tqdm(desc=name, unit=unit, leave=False, disable=None, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
