"""What a student gets back: results.json in Gradescope's shape, and a page. Neither tells a right value.

An input shows only where the submission's own error message quotes it, and it is that student's alone. Everything a
submission may have written is escaped: the page holds no script and loads nothing.
"""

from __future__ import annotations

import html
import json
import os
from pathlib import Path

STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .3rem .6rem; vertical-align: top }
td:first-child, th:first-child { width: 8rem }
tr { border-top: 1px solid #8888 } .points { text-align: right; white-space: nowrap }
"""
WORDS = {
    "graded": "Graded.",
    "late": "Graded; it was handed in late.",
    "corrupt": "Your file could not be read, so nothing was graded. Hand it in again.",
    "two files": "There is more than one file, so nothing was graded. Say which one counts.",
    "missing": "No notebook was handed in.",
    "waiting": "Graded, but for what a person reads: those points are still to come.",
    "not graded": "Not graded yet. It is the grader's fault, not yours.",
}


def place(student: str, out: Path) -> Path:
    """Where a student's results.json lies."""
    return out / "students" / student / "results.json"


def store(record: dict, out: Path) -> None:
    """Write results.json and feedback.html. What is not graded yet leaves none, so that it is graded next time."""
    path = place(record["student"], out)
    if record["status"] in ("missing", "not graded"):
        for old in (path, path.with_name("feedback.html")):
            old.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path.with_name("feedback.html"), page(record))
    write(path, json.dumps(gradescope(record), indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def gradescope(record: dict) -> dict:
    """The record in the shape that Gradescope reads; `score` is left out where there is none."""
    tests = [_test(test) for test in record["tests"]]
    output = "\n".join([WORDS[record["status"]], *record["notes"]])
    result = {
        "output": output,
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }
    return result | ({"score": record["score"]} if record["score"] is not None else {}) | {"extra_data": record}


def _test(test: dict) -> dict:
    """One check for Gradescope; a line that waits for a person has neither score nor status."""
    score = test["score"]
    judged = {"score": score, "status": "passed" if score == test["points"] else "failed"}
    return {
        "name": test["id"],
        "number": test["question"].removeprefix("q"),
        "max_score": test["points"],
        "output": test["tells"] or "Right.",
        "output_format": "text",  # it may quote what a submission wrote
        "visibility": "visible",
    } | (judged if score is not None else {})


def questions(record: dict) -> dict[str, tuple[float | None, float]]:
    """Points earned and possible, question by question; what still waits for a person has earned None."""
    sums: dict[str, tuple[float | None, float]] = {}
    for test in record["tests"]:
        earned, possible = sums.get(test["question"], (0.0, 0.0))
        earned = None if None in (earned, test["score"]) else earned + test["score"]
        sums[test["question"]] = (earned, possible + test["points"])
    return sums


def page(record: dict) -> str:
    """The feedback as one HTML file."""
    title = html.escape(f"{record['title']}: {record['student']}")
    parts = [f"<h1>{title}</h1>", f"<p>{WORDS[record['status']]}</p>"]
    if record["score"] is not None:
        parts.append(f"<p><strong>{record['score']:g} of {record['points']:g} points</strong></p>")
    elif record.get("waiting"):
        so_far = f"{record['so_far']:g} points so far; {record['waiting']:g} of {record['points']:g} are to come"
        parts.append(f"<p><strong>{so_far}</strong></p>")
    if record["notes"]:
        parts.append("<ul>" + "".join(f"<li>{html.escape(note)}</li>" for note in record["notes"]) + "</ul>")
    for question, (earned, possible) in questions(record).items():
        sum_of_it = f"{possible:g} to be given" if earned is None else f"{earned:g} of {possible:g}"
        parts.append(f"<h2>{html.escape(question)}: {sum_of_it}</h2><table>")
        parts.append('<tr><th scope="col">Check</th><th scope="col">What was seen</th>')
        parts.append('<th scope="col" class="points">Points</th></tr>')
        for test in (t for t in record["tests"] if t["question"] == question):
            seen = html.escape(test["tells"]) or "Right."
            parts.append(f"<tr><td>{html.escape(test['id'])}</td><td>{seen}</td>")
            score = "to come" if test["score"] is None else f"{test['score']:g}"
            parts.append(f'<td class="points">{score} / {test["points"]:g}</td></tr>')
        parts.append("</table>")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    body = "\n".join(parts)
    return f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>\n'


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
