"""Written parts as their author writes them: the stub that students fill, and the table that says what earns points."""

from __future__ import annotations

import re

from lessons_grader.notebooks import CourseError

STUB = "YOUR ANSWER HERE"
ROW = re.compile(r"^\|\s*(?P<id>[\w-]+)\s*\|\s*(?P<points>\d+(\.\d+)?)\s*\|\s*(?P<says>[^|]+?)\s*\|\s*$", re.MULTILINE)


def rubric(table: str, name: str) -> list[dict]:
    """The lines of a written part's rubric: id, points, says. Raises CourseError for a table without or with odd ones.

    A line is a row such as `| w1-claim | 2 | What the numbers say, with the numbers. |`.
    """
    found = [{"id": m["id"], "points": float(m["points"]), "says": m["says"]} for m in ROW.finditer(table)]
    names = [line["id"] for line in found]
    if not found or len(set(names)) < len(names) or not all(line["points"] > 0 for line in found):
        raise CourseError(f"cell {name}: {name}-rubric needs a table: rows `| {name}-claim | 2 | what earns them |`")
    for line in names:
        if not line.startswith(f"{name}-"):
            raise CourseError(f"cell {name}: the lines of its rubric are called {name}-..., not {line!r}")
    return found
