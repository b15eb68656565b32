"""Written parts: a person reads them, by a rubric, and gives the points; until then the points wait and are no zero.

The rubric is a table in the notebook, which the student reads too. `lessons course grade` writes two files beside the
gradebook: answers.html, to read, and marks.csv, one row for each student and line of the rubric, to fill in. The same
command, given again, takes the marks in. A mark belongs to the text that was read: another text waits again.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lessons_grader import files, tables
from lessons_grader.export import pages
from lessons_grader.notebooks import CourseError
from lessons_grader.record import WAITING, CheckResult, Record

SHEET, ANSWERS = "marks.csv", "answers.html"
COLUMNS = ["student", "line", "points", "mark", "comment", "earns", "text"]
WAITS = "A person reads this."


@dataclasses.dataclass(frozen=True)
class Mark:
    """What a person gave for one line of the rubric.

    Attributes
    ----------
    points : float or None
        The points; None if nothing was given yet.
    comment : str
        A sentence for the student.
    text : str
        The fingerprint of the text that was read, "" if the sheet does not have it.
    place : str
        File and row, for messages.
    """

    points: float | None
    comment: str = ""
    text: str = ""
    place: str = ""


Marks = dict[tuple[str, str], Mark]  # by student and line of the rubric


def parts_of(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    """The written parts of a bundle: id, stub, rubric, and the model answer as source."""
    return [part for part in bundle["cells"] if part["kind"] == "written"]


def points(bundle: dict[str, Any]) -> float:
    """The points that a person gives."""
    return sum(line["points"] for part in parts_of(bundle) for line in part["rubric"])


def read(paths: list[Path], bundle: dict[str, Any]) -> Marks:
    """Read the marks that people gave.

    Parameters
    ----------
    paths : list of Path
        Sheets such as marks.csv.
    bundle : dict
        The assignment.

    Returns
    -------
    dict of Mark
        By student and line of the rubric.

    Raises
    ------
    CourseError
        If something is no mark, or two marks contradict each other. The message names file and row.
    """
    most = {line["id"]: line["points"] for part in parts_of(bundle) for line in part["rubric"]}
    if paths and not most:
        raise CourseError(f"{bundle['about']['name']} has no written part: leave the marks out")
    found: Marks = {}
    for path in paths:
        for number, row in enumerate(_rows(path), 2):
            who, place = (row["student"], row["line"]), f"{path}, row {number}"
            if who[1] not in most:
                raise CourseError(f"{place}: {who[1]!r} is no line of the rubric: they are {', '.join(most)}")
            mark = Mark(_points(row["mark"], most[who[1]], place), row["comment"], row["text"], place)
            old = found.get(who)
            if old and None not in (old.points, mark.points) and (old.points, old.text) != (mark.points, mark.text):
                raise CourseError(f"{place}: another mark for {who[0]}, {who[1]} is in {old.place}: keep one of them")
            if not old or mark.points is not None:
                found[who] = mark
    return found


def apply(record: Record, bundle: dict[str, Any], marks: Marks) -> Record:
    """Add the written parts to a record: the lines with a mark count, the others wait.

    While one waits the status is "waiting", there is no score, and `so_far` has the points that are certain.

    Parameters
    ----------
    record : Record
        A record. If it was not graded, or the assignment has no written parts, it stays as it is. If it has been
        through here before, the marks of now replace those of then.
    bundle : dict
        The assignment.
    marks : dict of Mark
        What people gave.

    Returns
    -------
    Record
    """
    if record.written is None or record.ended is None or record.so_far is None:
        return record
    automatic = [test for test in record.tests if not test.written]
    lines = []
    for part in parts_of(bundle):
        text = record.written[part["id"]]
        for line in part["rubric"]:
            mark = valid(marks.get((record.student, line["id"])), text)
            score, tells = _judged(line, mark, text)
            lines.append(CheckResult(line["id"], part["id"], score, line["points"], tells, written=True))
    so_far = sum(test.score for test in automatic + lines if test.score is not None)
    waiting = sum(line.points for line in lines if line.score is None)
    status, score = (WAITING, None) if waiting else (record.ended, so_far)
    tests = (*automatic, *lines)
    return dataclasses.replace(record, tests=tests, status=status, score=score, so_far=so_far, waiting=waiting)


def valid(mark: Mark | None, text: str) -> Mark | None:
    """The mark, if it is one and was given for this text."""
    return mark if mark and mark.points is not None and mark.text in ("", fingerprint(text)) else None


def fingerprint(text: str) -> str:
    """A short name of a text."""
    return "t" + hashlib.sha256(text.encode()).hexdigest()[:10]  # digits alone are a number to a spreadsheet


def store(records: list[Record], bundle: dict[str, Any], marks: Marks, out: Path) -> str:
    """Write marks.csv and answers.html, if the assignment has written parts.

    Parameters
    ----------
    records : list of Record
        The records of all submissions, after `apply`.
    bundle : dict
        The assignment.
    marks : dict of Mark
        What people gave.
    out : Path
        The folder of the run.

    Returns
    -------
    str
        What is left to do for the instructor, "" if nothing is.
    """
    if not parts_of(bundle):
        return ""
    files.write(out / ANSWERS, page(records, bundle))
    files.write(out / SHEET, tables.text(sheet(records, bundle, marks)))
    names = sorted({who for who, _ in marks} - {record.student for record in records})
    said = [f"marks for nobody who handed in: {', '.join(names)}."] if names else []
    number = sum(record.status == WAITING for record in records)
    if number:
        said += [
            f"{number} wait for a person: read {out / ANSWERS}, fill in {out / SHEET}, give the same command again."
        ]
    return " ".join(said)


def sheet(records: list[Record], bundle: dict[str, Any], marks: Marks) -> list[list[str]]:
    """The rows of marks.csv: every line of everybody who was graded, with the marks that there are.

    A mark for a text that has changed moves into the comment. A mark of somebody who is not among the records stays.
    """
    rows, left = [COLUMNS], dict(marks)
    for student, written in _written(records):
        for part in parts_of(bundle):
            text = written[part["id"]]
            for line in part["rubric"]:
                mark = left.pop((student, line["id"]), Mark(None))
                kept, comment = valid(mark, text), mark.comment
                if mark.points is not None and not kept:
                    comment = f"(for an earlier text: {mark.points:g}) {comment}".strip()
                row = [student, line["id"], f"{line['points']:g}", _given(kept), comment, line["says"]]
                rows.append([*row, fingerprint(text)])
    rows += [[student, line, "", _given(mark), mark.comment, "", mark.text] for (student, line), mark in left.items()]
    return rows


def page(records: list[Record], bundle: dict[str, Any]) -> str:
    """All written answers as one HTML file to read: the rubric, the model answer, then student by student."""
    return pages.render("answers", parts=parts_of(bundle), answers=list(_written(records)))


def _written(records: list[Record]) -> Iterator[tuple[str, dict[str, str]]]:
    """Student by student, the texts of everybody who was graded."""
    for record in records:
        if record.so_far is not None and record.written is not None:
            yield record.student, record.written


def _given(mark: Mark | None) -> str:
    """The points of a mark as a cell."""
    return "" if mark is None or mark.points is None else f"{mark.points:g}"


def _judged(line: dict[str, Any], mark: Mark | None, text: str) -> tuple[float | None, str]:
    """Score and words of one line of the rubric. Who wrote nothing has nothing that could wait."""
    if mark:
        full = mark.points == line["points"]
        return mark.points, mark.comment or ("" if full else line["says"])
    if text:
        return None, WAITS
    return 0.0, f"Not answered yet. {line['says']}"


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a sheet, each with all COLUMNS."""
    found = tables.read(path, "marks")
    if not {"student", "line", "mark"} <= set(found.columns):
        raise CourseError(f"{path} is no sheet of marks: it needs the columns student, line and mark")
    return [{name: tables.unguarded(row.get(name, "").strip()) for name in COLUMNS} for row in found.rows]


def _points(word: str, most: float, place: str) -> float | None:
    """The points that a cell gives, None if it is empty."""
    if not word:
        return None
    try:
        given = float(word.replace(",", "."))
    except ValueError:
        given = -1.0
    if not 0 <= given <= most:
        raise CourseError(f"{place}: the mark is {word!r}: give a number from 0 to {most:g}, or leave it empty")
    return given
