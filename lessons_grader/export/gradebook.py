"""All records as one table, and the two tables that learning platforms read. A missing score is never written as 0."""

from __future__ import annotations

from pathlib import Path

from lessons_grader import tables
from lessons_grader.export import feedback
from lessons_grader.notebooks import CourseError
from lessons_grader.record import Record


def table(records: list[Record], questions: list[str]) -> str:
    """The text of gradebook.csv, one row for each student.

    Parameters
    ----------
    records : list of Record
        The records of all submissions.
    questions : list of str
        The questions and written parts that get a column each.

    Returns
    -------
    str
        Where there is no score, its cell is empty. If the assignment has written parts, two more columns have the
        points so far, and those that a person still has to give.
    """
    more = ["so far", "waiting"] if any(record.has_written for record in records) else []
    rows = [["student", "assignment", "status", "score", "points", "percent", *more, *questions, "note"]]
    for record in records:
        percent = None if record.score is None else 100 * record.score / record.points
        numbers = [_number(record.score), _number(record.points), _number(percent)]
        numbers += [_number(number) for number in (record.so_far, record.waiting)[: len(more)]]
        sums = feedback.questions(record)
        numbers += [_number(sums[question][0]) if question in sums else "" for question in questions]
        rows.append([record.student, record.assignment, record.status, *numbers, " ".join(record.notes)])
    return tables.text(rows)


def read(path: Path) -> list[dict[str, str]]:
    """Read a gradebook.csv.

    Parameters
    ----------
    path : Path
        The file that `table` made; a spreadsheet may have saved it again.

    Returns
    -------
    list of dict
        One row for each student, by the names of the columns.

    Raises
    ------
    CourseError
        If it is not there, or no gradebook.
    """
    if not path.exists():
        raise CourseError(f"{path} is not there: run `lessons course grade` with this folder first")
    found = tables.read(path, "a gradebook")
    if not found.rows or "status" not in found.columns:
        raise CourseError(f"{path} is no gradebook: run `lessons course grade` again")
    return [{column: tables.unguarded(cell) for column, cell in row.items()} for row in found.rows]


def canvas(rows: list[dict[str, str]], roster: list[dict[str, str]]) -> str:
    """The table that Canvas imports: Student, ID, SIS User ID, SIS Login ID, Section, and the assignment.

    Parameters
    ----------
    rows : list of dict
        The gradebook.
    roster : list of dict
        Its columns `name`, `id`, `sis_id`, `login` and `section` fill the first five. Without `login` the student's
        name in the gradebook is taken.

    Returns
    -------
    str
        A student without a score has an empty cell, and Canvas keeps what it has.
    """
    people = {row["student"]: row for row in roster}
    title = rows[0]["assignment"]
    lines = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title]]
    lines.append(["Points Possible", "", "", "", "", rows[0]["points"]])
    for row in rows:
        person = people.get(row["student"], {})
        who = [person.get("name") or row["student"], person.get("id", ""), person.get("sis_id", "")]
        lines.append([*who, person.get("login") or row["student"], person.get("section", ""), row["score"]])
    return tables.text(lines)


def moodle(rows: list[dict[str, str]], roster: list[dict[str, str]]) -> str:
    """The table that Moodle imports: Username, Email address, the assignment, and the note as feedback.

    Parameters
    ----------
    rows : list of dict
        The gradebook.
    roster : list of dict
        Its columns `login` and `email` fill the first two. Without `login` the student's name in the gradebook is
        taken.

    Returns
    -------
    str
    """
    people = {row["student"]: row for row in roster}
    lines = [["Username", "Email address", rows[0]["assignment"], f"{rows[0]['assignment']} (feedback)"]]
    for row in rows:
        person = people.get(row["student"], {})
        note = " ".join(filter(None, [feedback.WORDS[row["status"]], row["note"]]))
        lines.append([person.get("login") or row["student"], person.get("email", ""), row["score"], note])
    return tables.text(lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")
