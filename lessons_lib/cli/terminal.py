"""What reaches the terminal: a line a file, errors in one line, progress bars, and nothing that libraries write."""

from __future__ import annotations

import errno
import logging
import re
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from tqdm import tqdm

from lessons_lib.datasets import DatasetError
from lessons_lib.images import ImageError

TURNING = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}  # text that follows runs backwards
PART = re.compile(r"\.(.+)\.\d+\.part.*")  # the name of a file until it is whole
ELSEWHERE = "choose another folder"
REFUSALS = {  # what a system refuses, after the name of the file: what is wrong, and the way out
    errno.EACCES: "you have no right to it: change its permissions, or name another one",
    errno.EPERM: "you have no right to it: change its permissions, or name another one",
    errno.ENOENT: f"it is not there and cannot be made there: check the spelling, or {ELSEWHERE}",
    errno.EEXIST: f"a file stands where a folder is needed: {ELSEWHERE}",
    errno.ENOTDIR: f"a file stands where a folder is needed: {ELSEWHERE}",
    errno.EISDIR: "it is a folder: name a file",
    errno.ENOSPC: f"the disk is full: make room, or {ELSEWHERE}",
    errno.EDQUOT: f"your share of the disk is used up: make room, or {ELSEWHERE}",
    errno.EFBIG: f"the file becomes larger than is allowed there: {ELSEWHERE}",
    errno.EROFS: f"that disk can only be read: {ELSEWHERE}",
    errno.ENAMETOOLONG: "its name is too long for that disk: choose a shorter one",
    errno.EINVAL: "that disk takes no such name: choose another one",
    errno.ELOOP: "its links lead in a circle: name the file itself",
    errno.EBUSY: "another program holds it: close that first",
    errno.EIO: "the disk has an error there: copy the file to another disk first",
    errno.EMFILE: "too many files are open: close other programs first",
    errno.ENOMEM: "the memory does not suffice: close other programs first",
}


def printable(text: str) -> str:
    """The text in one line, with what would steer a terminal, or cannot be printed, escaped."""
    return "".join(map(_shown, text))


def _shown(letter: str) -> str:
    if 0xDC80 <= ord(letter) <= 0xDCFF:  # a byte of a name that is no UTF-8, as Python holds it
        return f"\\x{ord(letter) - 0xDC00:02x}"
    steers = unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or letter in TURNING
    return letter.encode("unicode_escape").decode() if steers else letter


def say(text: str, *, error: bool = False) -> None:
    """Print a line to stdout or stderr; letters that the stream does not know are escaped."""
    stream = sys.stderr if error else sys.stdout
    known = stream.encoding or "utf-8"
    print(printable(text).encode(known, "backslashreplace").decode(known), file=stream, flush=True)


def complain(error: BaseException, about: Path | None = None) -> None:
    """Say an error in a line on stderr; `about` is the file that it is about, if it does not say."""
    say(f"error: {in_words(error, about)}", error=True)


def in_words(error: BaseException, about: Path | None = None) -> str:
    """What an error says to a user: a system's refusal with the file's name and a way out instead of a number."""
    if isinstance(error, OSError) and error.errno is not None:
        path = Path(error.filename if isinstance(error.filename, str) else about or "")
        part = PART.fullmatch(path.name)
        name = str(path.with_name(part[1]) if part else path) if path.name else ""
        reason = REFUSALS.get(error.errno, error.strerror or type(error).__name__)
        return f"{name}: {reason}" if name else reason
    return str(error) or type(error).__name__


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Give the file's name to a refusal of the system that does not say it, such as of a disk with an error."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep what libraries remark on their own work from the terminal, unless Python was asked for warnings."""
    logger = logging.getLogger("tensorflow")  # as it is called in Python: nothing is imported for that
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


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
    with tqdm(desc=printable(name), unit=unit, leave=False, disable=None, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
