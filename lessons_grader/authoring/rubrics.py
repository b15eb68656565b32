"""Written parts as their author writes them: the cell that students fill in, and the table of what earns points."""

from __future__ import annotations

import re
from typing import Any

from lessons_grader.notebooks import CourseError

STUB = "YOUR ANSWER HERE"
ROW = re.compile(r"^\|\s*(?P<id>[\w-]+)\s*\|\s*(?P<points>\d+(\.\d+)?)\s*\|\s*(?P<says>[^|]+?)\s*\|\s*$", re.MULTILINE)


def rubric(table: str, name: str) -> list[dict]:
    """Read the rubric of a written part.

    Parameters
    ----------
    table : str
        Markdown with rows such as `| w1-claim | 2 | What the numbers say, with the numbers. |`.
    name : str
        The name of the written part, such as w1.

    Returns
    -------
    list of dict
        For each row its `id`, its `points`, and what it `says`.

    Raises
    ------
    CourseError
        If there is no row, or one without points or with the name of another.
    """
    found: list[dict[str, Any]] = [
        {"id": row["id"], "points": float(row["points"]), "says": row["says"]} for row in ROW.finditer(table)
    ]
    names = [line["id"] for line in found]
    if not found or len(set(names)) < len(names) or not all(line["points"] > 0 for line in found):
        raise CourseError(f"cell {name}: {name}-rubric needs a table: rows `| {name}-claim | 2 | what earns them |`")
    for line in names:
        if not line.startswith(f"{name}-"):
            raise CourseError(f"cell {name}: the lines of its rubric are called {name}-..., not {line!r}")
    return found
