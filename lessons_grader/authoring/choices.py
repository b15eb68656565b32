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
    """Read which task a student chose.

    Parameters
    ----------
    answers : dict of str
        The source of each answer cell.
    offered : list of str
        The tasks to choose from.

    Returns
    -------
    str or None
        What the cell `choice` sets CHOICE to, the last time that it does; None if that is no plain text, or not
        offered.
    """
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
    """Settle which task is asked for.

    Parameters
    ----------
    batch : list of dict
        Sets of answers that are judged together.
    offered : list of str
        The tasks to choose from, [] if there is no choice.

    Returns
    -------
    str or None
        What the sets choose, or the first task that is offered if none of them chooses; None if there is no choice.

    Raises
    ------
    CourseError
        If they choose different tasks: they cannot be asked the same questions.
    """
    named = {choice for answers in batch if (choice := read(answers, offered)) is not None}
    if len(named) > 1:
        raise CourseError(f"a batch chooses {', '.join(sorted(named))}: judge each choice in a batch of its own")
    return next(iter(named), offered[0]) if offered else None


def line(choice: str) -> str:
    """The reference's answer cell for a choice."""
    return f"{NAME} = {choice!r}"


def notes(answers: dict[str, str], offered: list[str]) -> list[str]:
    """What the student is told about the choice: nothing if there is none to make."""
    if not offered:
        return []
    named = read(answers, offered)
    if named:
        return [f"You chose to {named}, and only that was asked for."]
    ways = " or ".join(f"`{line(choice)}`" for choice in offered)
    return [f"The cell `{CELL}` makes no choice: write {ways}. The grader asked for `{offered[0]}`."]
