"""What a student gets back: results.json in Gradescope's shape, and a page. Neither tells a right value.

An input shows only where the submission's own error message quotes it, and it is that student's alone. Everything a
submission may have written is escaped: the page holds no script and loads nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lessons_grader import files
from lessons_grader.export import pages
from lessons_grader.record import CORRUPT, GRADED, LATE, MISSING, NOT_GRADED, TWO, WAITING, CheckResult, Record

WORDS = {
    GRADED: "Graded.",
    LATE: "Graded; it was handed in late.",
    CORRUPT: "Your file could not be read, so nothing was graded. Hand it in again.",
    TWO: "There is more than one file, so nothing was graded. Say which one counts.",
    MISSING: "No notebook was handed in.",
    WAITING: "Graded, but for what a person reads: those points are still to come.",
    NOT_GRADED: "Not graded yet. It is the grader's fault, not yours.",
}


def place(student: str, out: Path) -> Path:
    """Where a student's results.json lies."""
    return out / "students" / student / "results.json"


def store(record: Record, out: Path) -> None:
    """Write a student's results.json and feedback.html.

    What is missing or was not graded gets neither, and old ones are removed, so that it is graded next time.

    Parameters
    ----------
    record : Record
        The record of the submission.
    out : Path
        The folder of the run.
    """
    path = place(record.student, out)
    if record.status in (MISSING, NOT_GRADED):
        for old in (path, path.with_name("feedback.html")):
            old.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path.with_name("feedback.html"), page(record))
    files.write(path, json.dumps(gradescope(record), indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def load(student: str, out: Path) -> Record | None:
    """Read back what `store` wrote; None if there is nothing, or nothing that this version can read."""
    try:
        return Record.from_json(json.loads(place(student, out).read_bytes())["extra_data"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def gradescope(record: Record) -> dict[str, Any]:
    """A record in the shape that Gradescope reads.

    Parameters
    ----------
    record : Record
        The record of a submission.

    Returns
    -------
    dict
        Plain values; `extra_data` has the whole record. There is no `score` where the record has none.
    """
    result: dict[str, Any] = {
        "output": "\n".join([WORDS[record.status], *record.notes]),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_test(test) for test in record.tests],
    }
    return result | ({"score": record.score} if record.score is not None else {}) | {"extra_data": record.to_json()}


def questions(record: Record) -> dict[str, tuple[float | None, float]]:
    """Points earned and possible, question by question; what still waits for a person has earned None."""
    sums: dict[str, tuple[float | None, float]] = {}
    for test in record.tests:
        earned, possible = sums.get(test.question, (0.0, 0.0))
        both = None if earned is None or test.score is None else earned + test.score
        sums[test.question] = (both, possible + test.points)
    return sums


def page(record: Record) -> str:
    """The feedback as one HTML file."""
    return pages.render("feedback", record=record, words=WORDS[record.status], questions=questions(record))


def _test(test: CheckResult) -> dict[str, Any]:
    """One check for Gradescope; a line that waits for a person has neither score nor status."""
    judged = {"score": test.score, "status": "passed" if test.score == test.points else "failed"}
    return {
        "name": test.id,
        "number": test.question.removeprefix("q"),
        "max_score": test.points,
        "output": test.tells or "Right.",
        "output_format": "text",  # it may quote what a submission wrote
        "visibility": "visible",
    } | (judged if test.score is not None else {})
