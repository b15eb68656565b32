"""Notebooks as files: read with care, written the same to the byte each time. Cells go by nbgrader's grade_id."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

LARGEST = 20 << 20  # bytes of a notebook that is read; pictures in outputs make some large, nothing makes them larger
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class CourseError(ValueError):
    """An assignment, a submission or a setting that cannot be used. The message says what, where and what to do."""


def read(path: Path) -> dict:
    """Read a notebook.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        See `parse`.

    Raises
    ------
    CourseError
        If it is no notebook of format 4, or no plain file: see `load`.
    """
    return parse(load(path), path.name)


def load(path: Path) -> bytes:
    """Read a plain file of at most LARGEST bytes.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bytes

    Raises
    ------
    CourseError
        If it is larger, cannot be read, or is a link or a device.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise CourseError(f"{path.name} cannot be read ({error.strerror}): hand in a plain file, no link") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise CourseError(f"{path.name} is no plain file: hand in a notebook")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read(LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(data) > LARGEST:
        raise CourseError(
            f"{path.name} is larger than {LARGEST >> 20} MB: clear the outputs of all cells, save, hand it in again"
        )
    return data


def parse(data: bytes, name: str) -> dict:
    """Read a notebook from its bytes.

    Parameters
    ----------
    data : bytes
        The file.
    name : str
        Its name, for messages.

    Returns
    -------
    dict
        The notebook. Each cell has its source as one string, and metadata that are a dict.

    Raises
    ------
    CourseError
        If it is no notebook of format 4.
    """
    try:
        notebook = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CourseError(f"{name} is no notebook ({_brief(error)}): open it in JupyterLab, save, try again") from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or notebook.get("nbformat") != 4:
        raise CourseError(f"{name} is no notebook of format 4: open it in JupyterLab, save it, try again")
    return notebook | {"cells": [_tidy(cell, name) for cell in cells]}


def grade_id(cell: dict) -> str:
    """nbgrader's name of a cell, "" if it has none."""
    return str(mark(cell).get("grade_id", ""))


def mark(cell: dict) -> dict:
    """nbgrader's metadata of a cell, {} if it has none."""
    found = cell["metadata"].get("nbgrader")
    return found if isinstance(found, dict) else {}


def code_cell(identity: str, source: str, metadata: dict) -> dict:
    """A code cell that has not run."""
    return _cell("code", identity, source, metadata) | {"execution_count": None, "outputs": []}


def markdown_cell(identity: str, source: str, metadata: dict) -> dict:
    """A cell of prose."""
    return _cell("markdown", identity, source, metadata)


def write(cells: list[dict], metadata: dict) -> bytes:
    """Make the bytes of a notebook; the same cells give the same bytes.

    Parameters
    ----------
    cells : list of dict
        From `code_cell` and `markdown_cell`.
    metadata : dict
        The notebook's metadata, beside those of its kernel.

    Returns
    -------
    bytes
    """
    whole = {"cells": cells, "metadata": KERNEL | metadata, "nbformat": 4, "nbformat_minor": 5}
    lines = [cell | {"source": cell["source"].splitlines(keepends=True)} for cell in cells]
    text = json.dumps(whole | {"cells": lines}, indent=1, ensure_ascii=False, sort_keys=True)
    return (text + "\n").encode()


def _cell(kind: str, identity: str, source: str, metadata: dict) -> dict:
    return {"cell_type": kind, "id": identity, "metadata": metadata, "source": source}


def _tidy(cell: object, name: str) -> dict:
    """A cell with its source as one string."""
    source = cell.get("source", "") if isinstance(cell, dict) else None
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(cell, dict) or not isinstance(source, str):
        raise CourseError(f"{name} has a cell that is no cell: open it in JupyterLab, save it, try again")
    metadata = cell.get("metadata")
    return cell | {"source": source, "metadata": metadata if isinstance(metadata, dict) else {}}


def _brief(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error))[:80]
