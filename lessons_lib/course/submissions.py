"""What students handed in: who, which file, when, and the answers in it. Nothing in a submission is executed here.

Read are: a folder a student (SUBMISSIONS/ada/convolve.ipynb; nbgrader's ada/convolve/convolve.ipynb; Moodle's
"Ada L_123_assignsubmission_file_"), one file a student (ada.ipynb), Canvas's flat names (ada_12_345_convolve.ipynb).
"""

from __future__ import annotations

import csv
import dataclasses
import re
from datetime import UTC, datetime
from pathlib import Path

from lessons_lib.course import notebooks
from lessons_lib.course.notebooks import CourseError

CANVAS = re.compile(r"(?P<student>[^_]+)_(?:LATE_)?\d+_\d+_(?P<name>.*)")
MOODLE = re.compile(r"(?P<student>.+?)_\d+_assignsubmission_file_?")
MISSING, CORRUPT, TWO = "missing", "corrupt", "two files"
LONGEST = 200_000  # letters of an answer


@dataclasses.dataclass(frozen=True)
class Submission:
    """One student's file. `problem` is a status (missing, corrupt, two files) or "", with `note` saying more."""

    student: str
    path: Path | None
    handed_in: datetime | None = None
    problem: str = ""
    note: str = ""


def roster(path: Path) -> list[dict[str, str]]:
    """The course list: a CSV with a column `student` (the folder's name) and any others. Raises CourseError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [{str(k).strip(): (v or "").strip() for k, v in row.items()} for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"{path} cannot be read as a CSV table ({error}): export it as CSV in UTF-8") from error
    names = [row.get("student", "") for row in rows]
    for name in names:
        if not name or name.startswith(".") or set(name) & set("/\\\0") or names.count(name) > 1:
            raise CourseError(f"{path}: student {name!r} must be a folder name of its own: a column `student` has them")
    return rows


def find(folder: Path, assignment: str, students: list[str] | None = None) -> list[Submission]:
    """All submissions in a folder, in the order of the names; with a roster also those that are missing.

    Raises CourseError if there is no such folder.
    """
    if not folder.is_dir():
        raise CourseError(f"{folder} is no folder: give the one that holds the submissions")
    files: dict[str, list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            match = MOODLE.fullmatch(entry.name)
            files.setdefault(match["student"] if match else entry.name, []).extend(_inside(entry, assignment))
        elif entry.suffix == ".ipynb":
            match = CANVAS.fullmatch(entry.stem)
            files.setdefault(match["student"] if match else entry.stem, []).append(entry)
    names = sorted(set(files) | set(students or ()))
    return [_submission(name, files.get(name, [])) for name in names]


def answers(notebook: dict, questions: list[str]) -> tuple[dict[str, str], list[str]]:
    """The source of each answer cell, and notes for the student about what is odd.

    A cell that JupyterLab split in two, or that was copied, has its name twice: the parts run in order, as they did for
    the student. A cell that was deleted has no answer. Raises CourseError if there is no answer cell at all.
    """
    found: dict[str, list[str]] = {}
    for cell in notebook["cells"]:
        name = notebooks.grade_id(cell)
        if name in questions and cell.get("cell_type") == "code":
            found.setdefault(name, []).append(cell["source"])
    gone = [question for question in questions if question not in found]
    if len(gone) == len(questions):
        raise CourseError("no answer cell of this assignment is in it: is it the right notebook?")
    notes = [f"The answer cell of {', '.join(gone)} is gone: download the notebook again and copy it."] if gone else []
    for question, parts in found.items():
        if len(parts) > 1:
            notes.append(f"{question}: {len(parts)} cells carry this name; they were run in order.")
    joined = {q: "\n".join(parts) for q, parts in found.items()}
    notes += [
        f"{q}: the answer is longer than {LONGEST} letters and was left out." for q in joined if _giant(joined[q])
    ]
    return {q: source for q, source in joined.items() if not _giant(source)}, notes


def is_late(submission: Submission, due: datetime | None) -> bool:
    """Whether it was handed in after the last minute; a `due` without time zone is this machine's."""
    return bool(due and submission.handed_in and submission.handed_in > due.astimezone(UTC))


def _giant(source: str) -> bool:
    return len(source) > LONGEST


def _inside(folder: Path, assignment: str) -> list[Path]:
    """The notebooks of a student's folder that may be this assignment."""
    if (folder / assignment).is_dir():
        folder = folder / assignment
    found = sorted(p for p in folder.iterdir() if p.suffix == ".ipynb" and not p.name.startswith("."))
    named = [path for path in found if path.stem.lower().startswith(assignment)]
    return named or found


def _submission(name: str, found: list[Path]) -> Submission:
    if not found:
        return Submission(name, None, problem=MISSING, note="nothing was handed in")
    if len(found) > 1:
        files = ", ".join(path.name for path in found)
        return Submission(name, None, problem=TWO, note=f"{files}: keep the one that counts, then grade again")
    path = found[0]
    try:
        stamp = path.with_name("timestamp.txt")  # nbgrader writes when it was handed in
        words = stamp.read_text().split() if stamp.is_file() and not stamp.is_symlink() else []
        when = datetime.fromisoformat(" ".join(words[:2])) if words else None
        if when is None:
            when = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except (OSError, ValueError) as error:
        return Submission(name, path, problem=CORRUPT, note=f"no time of handing in: {error}")
    return Submission(name, path, when if when.tzinfo else when.replace(tzinfo=UTC))
