"""One source notebook in nbgrader's format, and the versions that are made of it.

Cells by their nbgrader metadata: an *answer* (solution, grade_id "q3") holds `### BEGIN SOLUTION`; its *test* (grade,
grade_id "q3-test") holds public checks and `### BEGIN HIDDEN TESTS`; a *setup* cell (locked, neither) is run before the
answers, in the sandbox too. A *written* part is nbgrader's manually graded cell (Markdown, solution and grade, grade_id
"w1"): a person gives its points, by the table in the locked Markdown cell "w1-rubric". Everything else is prose or
play: it is shown and never run by the grader.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import re
from pathlib import Path

from lessons_grader import notebooks
from lessons_grader.authoring import checks, choices, rubrics, variants
from lessons_grader.notebooks import CourseError
from lessons_grader.sandbox import profiles

FORMAT = 1  # of the bundle
SOLUTION = re.compile(r"^(?P<pad>[ \t]*)### BEGIN SOLUTION\n(?P<inner>.*?)^[ \t]*### END SOLUTION(\n|$)", re.M | re.S)
HIDDEN = re.compile(r"^### BEGIN HIDDEN TESTS\n(?P<inner>.*?)^### END HIDDEN TESTS(\n|$)", re.M | re.S)
MARKER = re.compile(r"### (BEGIN|END) (SOLUTION|HIDDEN TESTS)")
NAME = re.compile(r"[a-z][a-z0-9-]*")
ABOUT = {"name", "title", "skills", "minutes"}
DOWNLOAD = "**[Download this notebook](path:student/{}.ipynb)**, open it in JupyterLab, answer, hand in that one file."


@dataclasses.dataclass(frozen=True)
class Assignment:
    """A source notebook without mistakes.

    Attributes
    ----------
    about : dict
        Its name, title, skills (a list) and minutes; perhaps `sandbox`, the profile of the sandbox that it needs, and
        `choice`, the tasks to choose from.
    cells : tuple of dict
        Its cells.
    """

    about: dict
    cells: tuple[dict, ...]

    @property
    def questions(self) -> list[str]:
        """The grade_ids of the answer cells, in order."""
        return [notebooks.grade_id(cell) for cell in self.cells if kind(cell) == "answer"]


def kind(cell: dict) -> str:
    """What a cell is for the grader: "answer", "test", "setup", "written" or "shown"."""
    mark = notebooks.mark(cell)
    if cell.get("cell_type") == "markdown" and mark.get("solution") and mark.get("grade"):
        return "written"
    if cell.get("cell_type") != "code" or not mark.get("grade_id"):
        return "shown"
    return "answer" if mark.get("solution") else "test" if mark.get("grade") else "setup"


def read(path: Path) -> Assignment:
    """Read a source notebook.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Assignment

    Raises
    ------
    CourseError
        If anything in it would go wrong later, when students work on it or when they are graded.
    """
    notebook = notebooks.read(path)
    about = notebook["metadata"].get("course", {})
    if (
        set(about) - {"sandbox", "choice"} != ABOUT
        or about.get("sandbox", "numpy") not in profiles.PROFILES
        or not NAME.fullmatch(about.get("name", ""))
    ):
        wanted = ", ".join(sorted(ABOUT))
        raise CourseError(
            f"{path.name}: metadata.course must have {wanted}, the name in small letters, sandbox: numpy or keras"
        )
    assignment = Assignment(about, tuple(notebook["cells"]))
    if not assignment.cells or not re.match(r"# \S", assignment.cells[0]["source"]):
        raise CourseError(f"{path.name}: its first cell must begin with its title, `# Title`")
    _check(assignment)
    return assignment


def student(assignment: Assignment, number: int | None = None) -> bytes:
    """Make the notebook that is handed out: without solutions, hidden checks and outputs.

    Parameters
    ----------
    assignment : Assignment
        The assignment.
    number : int, optional
        The seed of a student whose variant it shall be; the public variant if left out.

    Returns
    -------
    bytes
    """
    cells = [_released(cell, number) for cell in assignment.cells]
    return notebooks.write(cells, {"course": assignment.about})


def page(assignment: Assignment) -> bytes:
    """Make the page of the book: the notebook for students, with a link to it below the title.

    Jupyter Book lets readers download the page's own notebook too, so it keeps the metadata that the grader needs.
    """
    cells = [_released(cell, None) for cell in assignment.cells]
    title, _, rest = cells[0]["source"].partition("\n")
    cells[0]["source"] = f"{title}\n\n{DOWNLOAD.format(assignment.about['name'])}\n{rest}"
    return notebooks.write(cells, {"course": assignment.about})


def solution(assignment: Assignment, number: int | None = None) -> bytes:
    """Make the notebook that is shown after the last day: with the solutions, still without the hidden checks."""
    cells = [_released(cell, number, solved=True) for cell in assignment.cells]
    return notebooks.write(cells, {"course": assignment.about})


def bundle(assignment: Assignment) -> bytes:
    """Make the file that the grader needs: locked cells, untouched answers, reference solutions and hidden checks.

    Parameters
    ----------
    assignment : Assignment
        The assignment.

    Returns
    -------
    bytes
        JSON. `digest` changes whenever anything in it changes.
    """
    parts = []
    for cell in assignment.cells:
        name, which, source = notebooks.grade_id(cell), kind(cell), cell["source"]
        if which == "setup":
            parts.append({"id": name, "kind": which, "source": source})
        elif which == "answer":
            parts.append({"id": name, "kind": which, "source": _solved(source), "stub": _stub(source, name)})
        elif which == "test":
            parts.append({"id": name, "kind": which, "source": _hidden(source)})
        elif which == "written":
            part = {"id": name, "kind": which, "source": _solved(source), "stub": _untold(source)}
            parts.append(part | {"rubric": rubrics.rubric(_rubric(assignment.cells, name), name)})
    whole = {"format": FORMAT, "about": assignment.about, "cells": parts}
    whole["digest"] = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
    return (json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _released(cell: dict, number: int | None, *, solved: bool = False) -> dict:
    """A cell as students see it, before or, if `solved`, after the last day."""
    which, name, source = kind(cell), notebooks.grade_id(cell), cell["source"]
    if cell["cell_type"] != "code":
        if which == "written":
            source = _solved(source) if solved else _untold(source)
        return notebooks.markdown_cell(cell["id"], source, _plain(cell))
    if which == "answer":
        source = _solved(source) if solved else _stub(source, name)
    elif which == "test":
        source = HIDDEN.sub("", source).rstrip("\n")
    elif which == "setup":
        source = variants.choose(source, number)
    return notebooks.code_cell(cell["id"], source, _plain(cell))


def _plain(cell: dict) -> dict:
    """nbgrader's metadata, and those with which JupyterLab keeps a cell from being deleted or edited."""
    mark = copy.deepcopy(notebooks.mark(cell))
    if not mark:
        return {}
    return {"nbgrader": mark, "deletable": False} | ({"editable": False} if mark.get("locked") else {})


def _stub(source: str, name: str) -> str:
    """An answer cell with the line that a student replaces."""
    text = f'# YOUR CODE HERE\n{{pad}}raise NotImplementedError("{name} is not answered yet")\n'
    return SOLUTION.sub(lambda match: match["pad"] + text.format(pad=match["pad"]), source).rstrip("\n")


def _untold(source: str) -> str:
    """A written part with the line that a student replaces."""
    return SOLUTION.sub(f"{rubrics.STUB}\n", source).rstrip("\n")


def _rubric(cells: tuple[dict, ...], name: str) -> str:
    """The text of the cell that says what earns the points of a written part, "" if there is none."""
    return next((cell["source"] for cell in cells if notebooks.grade_id(cell) == f"{name}-rubric"), "")


def _solved(source: str) -> str:
    return SOLUTION.sub(lambda match: match["inner"], source).rstrip("\n")


def _hidden(source: str) -> str:
    return "".join(match["inner"] for match in HIDDEN.finditer(source))


def _check(assignment: Assignment) -> None:
    """Raise CourseError for repeated names, stray markers, tests without an answer, points that do not add up."""
    named = [cell for cell in assignment.cells if notebooks.grade_id(cell)]
    names = [notebooks.grade_id(cell) for cell in named]
    for name in names:
        if names.count(name) > 1 or not NAME.fullmatch(name):
            raise CourseError(f"grade_id {name!r}: names are small letters, and each comes once")
    for cell in assignment.cells:
        _check_cell(cell, assignment)
    offered = assignment.about.get("choice", [])
    if bool(offered) != (choices.CELL in assignment.questions) or len(offered) == 1 or not isinstance(offered, list):
        raise CourseError(f"{assignment.about['name']}: its choice lists two or more, an answer cell `choice`")
    tested = {name.removesuffix("-test") for name in names if name.endswith("-test")}
    if set(assignment.questions) != tested:
        raise CourseError(f"questions {sorted(set(assignment.questions) - tested)} have no test cell")


def _check_cell(cell: dict, assignment: Assignment) -> None:
    """Raise CourseError for what is wrong in one cell."""
    name, which, source = notebooks.grade_id(cell), kind(cell), cell["source"]
    markers = {"answer": SOLUTION, "written": SOLUTION, "test": HIDDEN}.get(which)
    rest = markers.sub("", source) if markers else source
    if MARKER.search(rest) or (which in ("answer", "written")) != bool(SOLUTION.search(source)):
        raise CourseError(f"cell {name or cell.get('id')}: markers come in pairs, BEGIN SOLUTION in answers alone")
    if which == "written":
        points = sum(line["points"] for line in rubrics.rubric(_rubric(assignment.cells, name), name))
        if points != notebooks.mark(cell).get("points"):
            raise CourseError(f"cell {name}: its rubric gives {points:g} points, its metadata says otherwise")
    for match in variants.CHOICE.finditer(source):
        variants.options_of(match)
    if which == "test":
        question = name.removesuffix("-test")
        if name == question or question not in assignment.questions:
            raise CourseError(f"cell {name}: a test is named after its answer cell, such as q3-test for q3")
        points = sum(check.points for check in checks.read(_hidden(source), question))
        if points != notebooks.mark(cell).get("points"):
            raise CourseError(f"cell {name}: its hidden checks give {points:g} points, its metadata says otherwise")
