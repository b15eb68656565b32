"""Where a student may choose the task: one answer names it, and the grader asks for that one alone.

The assignment's metadata say `"choice": ["deblur", "enlarge"]`, and its answer cell `choice` holds `CHOICE = "deblur"`.
The line is read and never run. What is asked, and the reference that answers it, follow from it: hidden checks take
CHOICE as an argument, as they take a name of the variant.
"""

from __future__ import annotations

import ast

from lessons_grader.notebooks import CourseError

CELL, NAME = "choice", "CHOICE"


def read(answers: dict[str, str], offered: list[str]) -> str | None:
    """What the cell `choice` names last, if it is one of those offered; else None."""
    try:
        lines = ast.parse(answers.get(CELL, "")).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    named = None
    for line in lines:
        if isinstance(line, ast.Assign) and any(isinstance(t, ast.Name) and t.id == NAME for t in line.targets):
            named = line.value.value if isinstance(line.value, ast.Constant) else None
    return named if isinstance(named, str) and named in offered else None


def settle(batch: list[dict[str, str]], offered: list[str]) -> str | None:
    """The choice of all answers in a batch, the first one offered if none names any; None where there is no choice.

    Raises CourseError if they differ: one set of questions cannot be asked of both.
    """
    named = {read(answers, offered) for answers in batch} - {None}
    if len(named) > 1:
        raise CourseError(f"a batch chooses {', '.join(sorted(named))}: judge each choice in a batch of its own")
    return next(iter(named), offered[0]) if offered else None


def line(choice: str) -> str:
    """The reference's answer cell for a choice."""
    return f"{NAME} = {choice!r}"


def notes(answers: dict[str, str], offered: list[str]) -> list[str]:
    """What the student is told of the choice."""
    if not offered:
        return []
    named = read(answers, offered)
    if named:
        return [f"You chose to {named}, and only that was asked for."]
    ways = " or ".join(f"`{line(choice)}`" for choice in offered)
    return [f"The cell `{CELL}` makes no choice: write {ways}. The grader asked for `{offered[0]}`."]
