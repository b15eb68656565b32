"""All records as one table, and the two tables that learning platforms read. No score is ever an empty cell's zero."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from lessons_grader.export import feedback
from lessons_grader.notebooks import CourseError

RISKY = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would take such a cell for a formula


def table(records: list[dict], questions: list[str]) -> str:
    """gradebook.csv: one row a student; score and questions are empty unless the status is graded or late.

    With written parts there are two columns more: the points so far, and those that wait for a person.
    """
    more = ["so far", "waiting"] if any("so_far" in record for record in records) else []
    rows = [["student", "assignment", "status", "score", "points", "percent", *more, *questions, "note"]]
    for record in records:
        score, points = record["score"], record["points"]
        numbers = ["", _number(points), ""]
        if score is not None:
            numbers = [_number(score), _number(points), _number(100 * score / points)]
        sums = feedback.questions(record)
        numbers += [_number(record.get(name)) for name in ("so_far", "waiting")[: len(more)]]
        each = [_number(sums[q][0]) if q in sums else "" for q in questions]
        note = " ".join(record["notes"])
        rows.append([record["student"], record["assignment"], record["status"], *numbers, *each, note])
    return text(rows)


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a gradebook.csv. Raises CourseError."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise CourseError(f"{path} is not there: run `lessons course grade` with this folder first") from error
    if not rows or "status" not in rows[0]:
        raise CourseError(f"{path} is no gradebook: run `lessons course grade` again")
    return [{key: plain(value or "") for key, value in row.items()} for row in rows]


def canvas(rows: list[dict[str, str]], roster: list[dict[str, str]]) -> str:
    """Canvas's import: Student, ID, SIS User ID, SIS Login ID, Section, and the assignment.

    The roster's columns `name`, `id`, `sis_id`, `login`, `section` fill the first five; without `login` the student's
    name in the gradebook is taken for it. A student without a score keeps what Canvas has.
    """
    people = {row["student"]: row for row in roster}
    title = rows[0]["assignment"]
    lines = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title]]
    lines.append(["Points Possible", "", "", "", "", rows[0]["points"]])
    for row in rows:
        person = people.get(row["student"], {})
        who = [person.get("name") or row["student"], person.get("id", ""), person.get("sis_id", "")]
        lines.append([*who, person.get("login") or row["student"], person.get("section", ""), row["score"]])
    return text(lines)


def moodle(rows: list[dict[str, str]], roster: list[dict[str, str]]) -> str:
    """Moodle's grade import: Username, Email address, the assignment, and the note as feedback."""
    people = {row["student"]: row for row in roster}
    lines = [["Username", "Email address", rows[0]["assignment"], f"{rows[0]['assignment']} (feedback)"]]
    for row in rows:
        person = people.get(row["student"], {})
        note = " ".join(filter(None, [feedback.WORDS[row["status"]], row["note"]]))
        lines.append([person.get("login") or row["student"], person.get("email", ""), row["score"], note])
    return text(lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def text(rows: list[list[str]]) -> str:
    """Rows as a CSV file in which no cell is a formula."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([[_guard(cell) for cell in row] for row in rows])
    return buffer.getvalue()


def _guard(cell: str) -> str:
    return f"'{cell}" if cell.startswith(RISKY) else cell


def plain(cell: str) -> str:
    """A cell of such a file as it was."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(RISKY) else cell
