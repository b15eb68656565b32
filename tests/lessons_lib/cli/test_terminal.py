"""Errors become one line, bars show only on a terminal, and native libraries write nothing of their own."""

import errno
import io
import logging
import sys
import warnings
from pathlib import Path

import pytest
import typer

from lessons_lib.cli import terminal
from lessons_lib.datasets import DatasetError
from lessons_lib.images import ImageError


@pytest.mark.parametrize("error", [ImageError("too small"), DatasetError("too small"), OSError("too small")])
def test_what_a_user_can_mend_is_a_line_and_exit_code_1(error, capsys):
    with pytest.raises(typer.Exit) as ended, terminal.one_line_errors():
        raise error
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err == "error: too small\n"


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError), terminal.one_line_errors():
        _ = 1 / 0


def test_an_error_without_words_is_named(capsys):
    terminal.complain(MemoryError())
    assert capsys.readouterr().err == "error: MemoryError\n"


def test_a_bar_counts_and_stays_off_what_is_no_terminal(capsys):
    with terminal.progress_bar("a.png", "tile") as show:
        show(1, 4)
        show(4, 4)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tab\tbell\a\x1b[31m\nnext", r"tab\tbell\x07\x1b[31m\nnext"),
        ("J\udcfcrgen.png", r"J\xfcrgen.png"),
        ("\ud800.png", r"\ud800.png"),
        ("gnp.\u202egpj", r"gnp.\u202egpj"),
        ("ünïcode 渡辺 📷.png", "ünïcode 渡辺 📷.png"),
        ("10.00\u202fAM.png", "10.00\u202fAM.png"),
    ],
)
def test_a_name_is_printed_in_one_line_and_steers_nothing(text, shown):
    assert terminal.printable(text) == shown


@pytest.mark.parametrize("error", [False, True])
def test_letters_that_a_pipe_does_not_know_are_escaped(monkeypatch, error):
    stream = io.TextIOWrapper(io.BytesIO(), "cp1252")
    monkeypatch.setattr(sys, "stderr" if error else "stdout", stream)
    terminal.say("渡辺.png -> é.png", error=error)
    assert stream.buffer.getvalue().strip() == rb"\u6e21\u8fba.png" + " -> é.png".encode("cp1252")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "a.png"), "a.png: you have no right to it"),
        (OSError(errno.ENOSPC, "No space left on device"), "out/b.png: the disk is full"),
        (OSError(errno.EROFS, "Read-only file system", "out/.b.png.77.part"), "out/b.png: that disk can only be read"),
        (FileExistsError(errno.EEXIST, "File exists", "out"), "out: a file stands where a folder is needed"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/proc/x"), "/proc/x: it is not there and cannot be made"),
        (OSError(errno.ENXIO, "No such device", "b"), "b: No such device"),
        (OSError("too small"), "too small"),
    ],
)
def test_a_refusal_of_the_system_is_said_in_words(error, says, capsys):
    terminal.complain(error, Path("out/b.png"))
    said = capsys.readouterr().err
    assert said.startswith(f"error: {says}") and "Errno" not in said


def test_a_refusal_without_a_name_gets_one():
    with pytest.raises(OSError) as failed, terminal.named(Path("a.png")):
        raise OSError(errno.EIO, "Input/output error")
    assert terminal.in_words(failed.value) == "a.png: the disk has an error there: copy the file to another disk first"


def test_libraries_remark_nothing_unless_asked(monkeypatch, capsys):
    logger = logging.getLogger("tensorflow")
    monkeypatch.setattr(sys, "warnoptions", [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with terminal.quiet_libraries():
            warnings.warn("a remark", stacklevel=1)
            assert not logger.isEnabledFor(logging.ERROR)
        assert logger.isEnabledFor(logging.ERROR)
        monkeypatch.setattr(sys, "warnoptions", ["error"])
        with pytest.raises(UserWarning), terminal.quiet_libraries():
            warnings.warn("a remark", stacklevel=1)
