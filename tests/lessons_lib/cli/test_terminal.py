"""Errors become one line, bars show only on a terminal, and native libraries write nothing of their own."""

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
