"""Written parts: a person reads them, by a rubric, and gives the points; until then the points wait and are no zero.

The rubric is a table in the notebook, which the student reads too. `lessons course grade` writes two files beside the
gradebook: answers.html, to read, and marks.csv, one row for each student and line of the rubric, to fill in. The same
command, given again, takes the marks in. A mark belongs to the text that was read: another text waits again.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import html
import io
from pathlib import Path

from lessons_grader import notebooks
from lessons_grader.authoring.rubrics import STUB
from lessons_grader.export import feedback, gradebook
from lessons_grader.notebooks import CourseError

WAITING = "waiting"
SHEET, ANSWERS = "marks.csv", "answers.html"
COLUMNS = ["student", "line", "points", "mark", "comment", "earns", "text"]
WAITS = "A person reads this."
LONGEST = 50_000  # letters of a text that are read
STYLE = "body { font: 1rem/1.5 sans-serif; max-width: 46rem; margin: 2rem auto } pre { white-space: pre-wrap }"


@dataclasses.dataclass(frozen=True)
class Mark:
    """What a person gave for one line of the rubric, None if nothing yet; `text` is the fingerprint of what was read.

    `place` is where it stands, for messages.
    """

    points: float | None
    comment: str = ""
    text: str = ""
    place: str = ""


Marks = dict[tuple[str, str], Mark]  # by student and line of the rubric


def parts_of(bundle: dict) -> list[dict]:
    """The written parts of a bundle: id, stub, rubric, and the model answer as source."""
    return [part for part in bundle["cells"] if part["kind"] == "written"]


def points(bundle: dict) -> float:
    """The points that a person gives."""
    return sum(line["points"] for part in parts_of(bundle) for line in part["rubric"])


def texts(notebook: dict, bundle: dict) -> dict[str, str]:
    """What was written, part by part; "" where the cell is gone, empty, or as it was handed out."""
    found = {}
    for part in parts_of(bundle):
        cells = [cell["source"].strip() for cell in notebook["cells"] if notebooks.grade_id(cell) == part["id"]]
        said = "\n\n".join(text for text in cells if text != part["stub"].strip())
        found[part["id"]] = said.replace(STUB, "").strip()[:LONGEST]
    return found


def read(paths: list[Path], bundle: dict) -> Marks:
    """The marks in sheets. Raises CourseError, naming file and row, for what is no mark, or two that contradict."""
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


def apply(record: dict, bundle: dict, marks: Marks) -> dict:
    """The record with its written parts: lines with a mark count, lines without one wait.

    While one waits the status is "waiting", there is no score, and `so_far` has the points that are certain. A record
    that was not graded, or of an assignment without written parts, stays as it is. Done again, it gives the same.
    """
    if "written" not in record or record["so_far"] is None:
        return record
    automatic = [test for test in record["tests"] if not test.get("written")]
    lines = []
    for part in parts_of(bundle):
        text = record["written"][part["id"]]
        for line in part["rubric"]:
            mark = valid(marks.get((record["student"], line["id"])), text)
            lines.append({"id": line["id"], "question": part["id"], "points": line["points"], "written": True})
            lines[-1] |= _judged(line, mark, text)
    so_far = sum(test["score"] for test in automatic + lines if test["score"] is not None)
    waiting = sum(line["points"] for line in lines if line["score"] is None)
    status, score = (WAITING, None) if waiting else (record["ended"], so_far)
    return record | {
        **{"tests": automatic + lines, "status": status, "score": score, "so_far": so_far, "waiting": waiting}
    }


def valid(mark: Mark | None, text: str) -> Mark | None:
    """The mark, if it is one and was given for this text."""
    return mark if mark and mark.points is not None and mark.text in ("", fingerprint(text)) else None


def fingerprint(text: str) -> str:
    """A short name of a text."""
    return "t" + hashlib.sha256(text.encode()).hexdigest()[:10]  # digits alone are a number to a spreadsheet


def store(records: list[dict], bundle: dict, marks: Marks, out: Path) -> str:
    """Write marks.csv and answers.html, if the assignment has written parts; what is left to do, or ""."""
    if not parts_of(bundle):
        return ""
    feedback.write(out / ANSWERS, page(records, bundle))
    feedback.write(out / SHEET, gradebook.text(sheet(records, bundle, marks)))
    names = sorted({who for who, _ in marks} - {record["student"] for record in records})
    said = [f"marks for nobody who handed in: {', '.join(names)}."] if names else []
    number = sum(record["status"] == WAITING for record in records)
    if number:
        said += [
            f"{number} wait for a person: read {out / ANSWERS}, fill in {out / SHEET}, give the same command again."
        ]
    return " ".join(said)


def sheet(records: list[dict], bundle: dict, marks: Marks) -> list[list[str]]:
    """The rows of marks.csv: every line of everybody who was graded, with the marks there are.

    A mark for a text that has changed moves into the comment. A mark of somebody who is not among the records stays.
    """
    rows, left = [COLUMNS], dict(marks)
    for record in records:
        for part in parts_of(bundle) if record.get("so_far") is not None else []:
            text = record["written"][part["id"]]
            for line in part["rubric"]:
                mark = left.pop((record["student"], line["id"]), Mark(None))
                kept, comment = valid(mark, text), mark.comment
                if mark.points is not None and not kept:
                    comment = f"(for an earlier text: {mark.points:g}) {comment}".strip()
                given = f"{kept.points:g}" if kept else ""
                row = [record["student"], line["id"], f"{line['points']:g}", given, comment, line["says"]]
                rows.append([*row, fingerprint(text)])
    for (student, line), mark in left.items():
        given = "" if mark.points is None else f"{mark.points:g}"
        rows.append([student, line, "", given, mark.comment, "", mark.text])
    return rows


def page(records: list[dict], bundle: dict) -> str:
    """All written answers as one HTML file to read: the rubric, the model answer, then student by student."""
    parts = []
    for part in parts_of(bundle):
        parts.append(f"<h1>{html.escape(part['id'])}</h1><ul>")
        lines = [f"{line['id']} ({line['points']:g}): {line['says']}" for line in part["rubric"]]
        parts += [f"<li>{html.escape(line)}</li>" for line in lines]
        parts.append(f"</ul><h2>A model answer</h2><pre>{html.escape(part['source'])}</pre>")
        for record in records:
            if record.get("so_far") is not None:
                text = record["written"][part["id"]] or "(nothing)"
                parts.append(f"<h2>{html.escape(record['student'])}</h2><pre>{html.escape(text)}</pre>")
    head = f'<meta charset="utf-8"><title>Written answers</title><style>{STYLE}</style>'
    body = "\n".join(parts)
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _judged(line: dict, mark: Mark | None, text: str) -> dict:
    """Score and words of one line of the rubric. Who wrote nothing has nothing that could wait."""
    if mark:
        full = mark.points == line["points"]
        return {"score": mark.points, "tells": mark.comment or ("" if full else line["says"])}
    if text:
        return {"score": None, "tells": WAITS}
    return {"score": 0.0, "tells": f"Not answered yet. {line['says']}"}


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a sheet, as any spreadsheet writes them."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} cannot be read as marks ({error}): save it as CSV in UTF-8") from error
    comma = ";" if text.partition("\n")[0].count(";") else ","  # spreadsheets write what their language uses
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=comma)
    if not {"student", "line", "mark"} <= set(table.fieldnames or []):
        raise CourseError(f"{path} is no sheet of marks: it needs the columns student, line and mark")
    return [{name: gradebook.plain((row.get(name) or "").strip()) for name in COLUMNS} for row in table]


def _points(word: str, most: float, place: str) -> float | None:
    if not word:
        return None
    try:
        given = float(word.replace(",", "."))
    except ValueError:
        given = -1.0
    if not 0 <= given <= most:
        raise CourseError(f"{place}: the mark is {word!r}: give a number from 0 to {most:g}, or leave it empty")
    return given
