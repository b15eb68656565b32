"""CSV tables: read as any spreadsheet saves them, and written so that no cell becomes a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from lessons_grader.notebooks import CourseError

RISKY = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would take such a cell for a formula


class Table(NamedTuple):
    """A table that was read: the names of its columns, and its rows as dicts."""

    columns: list[str]
    rows: list[dict[str, str]]


def read(path: Path, what: str) -> Table:
    """Read a CSV file, separated by commas or semicolons, in UTF-8 with or without a byte order mark.

    Parameters
    ----------
    path : Path
        The file. Its first line names the columns.
    what : str
        What it should be, such as "a roster", for the message.

    Returns
    -------
    Table
        Cells as they are in the file, see `unguarded`. A cell that a short row lacks is ""; cells beyond the last
        column are left out.

    Raises
    ------
    CourseError
        If it is no such file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        separator = ";" if ";" in text.partition("\n")[0] else ","  # spreadsheets write what their language uses
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
        rows = [{name: cell or "" for name, cell in row.items() if name is not None} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"{path} cannot be read as {what} ({error}): save it as CSV in UTF-8") from error
    return Table(list(reader.fieldnames or []), rows)


def text(rows: Iterable[Sequence[str]]) -> str:
    """Make the text of a CSV file in which no cell is a formula.

    Parameters
    ----------
    rows : iterable of sequences of str
        The first one has the names of the columns.

    Returns
    -------
    str
        A cell that a spreadsheet would calculate has an apostrophe before it: see `unguarded`.
    """
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([[_guarded(cell) for cell in row] for row in rows])
    return buffer.getvalue()


def unguarded(cell: str) -> str:
    """A cell as it was before `text` put an apostrophe before it."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(RISKY) else cell


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith(RISKY) else cell
