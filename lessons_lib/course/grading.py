"""Submissions in, records out: one pure step a submission, many of them at once, none of them twice.

`grade` takes plain values and returns a plain dict, so that any scheduler can run it. The waiting is for boxes, which
are processes; so threads are enough to keep every core busy, and a killed grader leaves nothing behind.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime
from pathlib import Path

from lessons_lib.course import box, checks, feedback, models, notebooks, submissions, variants
from lessons_lib.course.checks import Check, Verdict
from lessons_lib.course.notebooks import CourseError
from lessons_lib.course.submissions import Submission

GRADED, LATE, NOT_GRADED = "graded", "late", "not graded"
ENDED = "The answers ended the grader's process, or met its last limit of {:g} s, twice. What came out before counts."
ENGINE = 1  # raise it when the same submission could get another score


@dataclasses.dataclass(frozen=True)
class Settings:
    """What holds for a whole run: the bundle, the secret, the last minute, and whether there is a box."""

    bundle: dict
    key: str
    due: datetime | None = None
    unsafe: bool = False
    limits: box.Limits | None = None  # of the first box; None: its kind's own

    @property
    def kind(self) -> box.Kind:
        """The box that the assignment asks for."""
        return box.KINDS[self.bundle["about"].get("box", "numpy")]


def grade(submission: Submission, settings: Settings) -> dict:
    """The record of one submission: student, status, score (None if there is none), points, tests, notes."""
    empty = {"student": submission.student, "status": submission.problem, "score": None, "tests": [], "notes": []}
    record = empty | {"assignment": settings.bundle["about"]["name"], "title": settings.bundle["about"]["title"]}
    record |= {"points": sum(c.points for c in checks_of(settings.bundle)), "key": None}
    if submission.problem:
        return record | {"notes": [submission.note]}
    try:
        data = notebooks.load(submission.path)
        record["key"] = fingerprint(data, submission, settings)
        notebook = notebooks.parse(data, submission.path.name)
        answers, notes = submissions.answers(notebook, questions_of(settings.bundle))
    except CourseError as error:
        return record | {"status": submissions.CORRUPT, "notes": [str(error)]}
    outcome, verdicts = judge([answers], submission.student, settings)
    if not outcome.started:
        return record | {"status": NOT_GRADED, "key": None, "notes": [f"the box did not start: {outcome.said}"]}
    if not outcome.ended:
        notes = [*notes, ENDED.format((settings.limits or settings.kind.limits).wall)]
    late = submissions.is_late(submission, settings.due)
    tests = [_test(verdict) for verdict in verdicts[0]]
    score = sum(test["score"] for test in tests)
    return record | {"status": LATE if late else GRADED, "score": score, "tests": tests, "notes": notes}


def judge(batch: list[dict[str, str]], student: str, settings: Settings) -> tuple[box.Outcome, list[list[Verdict]]]:
    """Run sets of answers in one box and judge each; in a course a batch is one submission, in tests it is many.

    A box that ended early is given one more try: what killed it may have been the machine's lack of memory.
    """
    number = variants.seed(settings.key, settings.bundle["about"]["name"], student)
    cells, space = setting(settings.bundle, number)
    pairs = [(check, checks.calls_of(check, number, space)) for check in checks_of(settings.bundle)]
    jobs, arrays = checks.job(pairs)
    runs = [{"cells": _filled(cells, answers), "checks": jobs} for answers in batch]
    boxed = {"limits": settings.limits, "kind": settings.kind, "unsafe": settings.unsafe}
    outcome = box.run(runs, arrays, **boxed)
    if not outcome.ended:
        outcome = box.run(runs, arrays, **boxed)
    found = []
    for position in range(len(batch)):
        for place, (check, calls) in enumerate(pairs):
            stopped = outcome.frames.get(f"{position}/{place}/end", b"").decode(errors="replace")
            payloads = [outcome.frames.get(f"{position}/{place}/{n}") for n in range(len(calls))]
            found += [(check, c, checks.decode(p, stopped)) for c, p in zip(calls, payloads, strict=True)]
    second, settled = models.settle(found, unsafe=settings.unsafe)
    if second and not second.started:
        outcome = second
    answers = iter(settled)
    expected = [checks.reference(space, calls) for _, calls in pairs]
    verdicts = [
        [
            checks.judge(check, [next(answers) for _ in calls], right)
            for (check, calls), right in zip(pairs, expected, strict=True)
        ]
        for _ in batch
    ]
    return outcome, verdicts


def setting(bundle: dict, number: int) -> tuple[list[tuple[str, str | None]], dict]:
    """The release's cells in order, answers as None, in a student's variant; and the names the reference defines."""
    cells: list[tuple[str, str | None]] = []
    space: dict = {"__name__": "reference"}
    for part in bundle["cells"]:
        if part["kind"] == "test":
            continue
        source = variants.choose(part["source"], number) if part["kind"] == "setup" else part["source"]
        cells.append((part["id"], source if part["kind"] == "setup" else None))
        exec(compile(source, part["id"], "exec"), space)
    return cells, space


def checks_of(bundle: dict) -> list[Check]:
    """All hidden checks of a bundle, in order."""
    tests = [part for part in bundle["cells"] if part["kind"] == "test"]
    return [check for part in tests for check in _read(part["source"], part["id"].removesuffix("-test"))]


def questions_of(bundle: dict) -> list[str]:
    """The names of the answer cells, in order."""
    return [part["id"] for part in bundle["cells"] if part["kind"] == "answer"]


def fingerprint(data: bytes, submission: Submission, settings: Settings) -> str:
    """Changes when anything changes that a score depends on: the file, the bundle, the secret, the day, the engine."""
    late = submissions.is_late(submission, settings.due)
    words = [str(ENGINE), settings.bundle["digest"], submission.student, str(late), hashlib.sha256(data).hexdigest()]
    return hashlib.sha256(":".join([settings.key, *words]).encode()).hexdigest()


def grade_all(
    found: list[Submission],
    settings: Settings,
    out: Path,
    jobs: int = 1,
    told: Callable[[dict, bool], None] = lambda record, fresh: None,
) -> list[dict]:
    """Grade what is not graded yet, `jobs` at once, and store each result as soon as it is there; all records.

    `told(record, fresh)` hears of each as it comes. A killed run goes on where it was: a result that is stored and
    whose fingerprint holds is not graded again.
    """
    todo, records = [], []
    for submission in found:
        stored = _stored(submission, settings, out)
        if stored:
            told(stored, False)
            records.append(stored)
        else:
            todo.append(submission)
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        futures = [pool.submit(_grade_surely, submission, settings) for submission in todo]
        try:
            for future in as_completed(futures):
                record = future.result()
                feedback.store(record, out)
                told(record, True)
                records.append(record)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return sorted(records, key=lambda record: record["student"])


@functools.lru_cache(maxsize=256)
def _read(source: str, question: str) -> tuple[Check, ...]:
    return tuple(checks.read(source, question))


def _grade_surely(submission: Submission, settings: Settings) -> dict:
    """`grade`; if it fails, which is our fault, the record says so and the batch goes on."""
    try:
        return grade(submission, settings)
    except Exception as error:
        failed = grade(dataclasses.replace(submission, problem=NOT_GRADED), settings)
        return failed | {"notes": [f"the grader failed: {type(error).__name__}: {error}"]}


def _stored(submission: Submission, settings: Settings, out: Path) -> dict | None:
    """The record on disk if it is still true."""
    try:
        record = json.loads(feedback.place(submission.student, out).read_bytes())["extra_data"]
        data = notebooks.load(submission.path) if submission.path else b""
        return record if record["key"] == fingerprint(data, submission, settings) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _filled(cells: list[tuple[str, str | None]], answers: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, answers.get(name, "") if source is None else source) for name, source in cells]


def _test(verdict: Verdict) -> dict:
    check = verdict.check
    score = round(verdict.share * check.points, 4)
    return {"id": check.id, "question": check.question, "score": score, "points": check.points, "tells": verdict.tells}
