"""Submissions in, records out: one pure step a submission, many of them at once, none of them twice.

`work` takes plain values and returns a plain dict, so that any scheduler can run it (see `cluster`). The waiting is for
sandboxes, which are processes; so threads are enough to keep every core of one machine busy, and a killed grader leaves
nothing behind. Reading and storing stay with the one who started the run: whoever works sees neither files nor secret.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime
from pathlib import Path

from lessons_grader import notebooks
from lessons_grader.authoring import checks, choices, variants
from lessons_grader.authoring.checks import Check, Verdict
from lessons_grader.export import feedback
from lessons_grader.grading import manual_grading, model_answers, submissions
from lessons_grader.grading.submissions import Submission
from lessons_grader.notebooks import CourseError
from lessons_grader.sandbox import launcher, profiles

GRADED, LATE, NOT_GRADED = "graded", "late", "not graded"
ENDED = "The answers ended the grader's process, or stopped it, twice. What came out before counts."
ENGINE = 1  # raise it when the same submission could get another score


@dataclasses.dataclass(frozen=True)
class GradingOptions:
    """What holds for a whole run: the bundle, the secret, the last minute, and whether there is a sandbox."""

    bundle: dict
    key: str
    due: datetime | None = None
    unsafe: bool = False
    by: str = launcher.BUBBLEWRAP  # what makes the sandboxes: one of sandbox.WAYS
    limits: profiles.Limits | None = None  # of the first sandbox; None: its kind's own
    seed: int | None = None  # of the one student that these settings are for: then nobody needs the secret

    @property
    def profile(self) -> profiles.Profile:
        """The sandbox that the assignment asks for."""
        return profiles.PROFILES[self.bundle["about"].get("sandbox", "numpy")]


@dataclasses.dataclass(frozen=True)
class Job:
    """What the grading of one submission needs, as plain values; its settings hold a seed in place of the secret."""

    student: str
    mark: str  # the submission's fingerprint
    answers: dict[str, str]
    options: GradingOptions


Workers = Callable[[list[Job]], Iterator[tuple[str, dict | BaseException]]]  # (student, what `work` gave) as they come


def grade(submission: Submission, options: GradingOptions) -> dict:
    """The record of one submission: student, status, score (None if there is none), points, tests, notes."""
    record, job = prepare(submission, options)
    return finish(record, work(job)) if job else record


def prepare(submission: Submission, options: GradingOptions) -> tuple[dict, Job | None]:
    """The record as far as it is known before any answer has run, and the job that is left (None: nothing is)."""
    record = _empty(submission, options)
    if submission.problem:
        return record, None
    try:
        data = submissions.load(submission.path)
        mark = fingerprint(data, submission, options)
        notebook = notebooks.parse(data, submission.path.name)
        answers, notes = submissions.answers(notebook, questions_of(options.bundle))
    except CourseError as error:
        return record | {"status": submissions.CORRUPT, "notes": [str(error)]}, None
    notes = notes + choices.notes(answers, offered(options.bundle))
    late = submissions.is_late(submission, options.due)
    number = variants.seed(options.key, options.bundle["about"]["name"], submission.student)
    job = Job(submission.student, mark, answers, dataclasses.replace(options, key="", seed=number))
    status = LATE if late else GRADED
    if manual_grading.parts_of(options.bundle):
        record |= {"written": manual_grading.texts(notebook, options.bundle), "ended": status}
    return record | {"status": status, "key": mark, "notes": notes}, job


def work(job: Job) -> dict:
    """Run the answers of one submission in a sandbox, judged: tests, notes, and `ours`, a failure of the grader."""
    outcome, (verdicts,) = judge([job.answers], job.student, job.options)
    ours = "" if outcome.started else f"the sandbox did not start: {outcome.said}"
    if outcome.starved:
        ours = f"twice {(job.options.limits or job.options.profile.limits).wall:g} s passed: the machine was too busy"
    notes = [] if outcome.ended else [ENDED]
    return {"ours": ours, "tests": [_test(verdict) for verdict in verdicts], "notes": notes}


def finish(record: dict, result: dict | BaseException) -> dict:
    """The whole record. A failure of ours is never the submission's: it has no score, and is tried again."""
    if isinstance(result, BaseException):
        return _failed(record, f"the grader failed: {type(result).__name__}: {result}")
    if result["ours"]:
        return _failed(record, result["ours"])
    score = sum(test["score"] for test in result["tests"])
    so_far = {"so_far": score} if "written" in record else {}
    return record | so_far | {"score": score, "tests": result["tests"], "notes": record["notes"] + result["notes"]}


def judge(
    batch: list[dict[str, str]], student: str, options: GradingOptions
) -> tuple[launcher.Outcome, list[list[Verdict]]]:
    """Run sets of answers in one sandbox and judge each; in a course a batch is one submission, in tests it is many.

    A sandbox that ended early is given one more try: what killed it may have been the machine's lack of memory.
    """
    number = options.seed
    if number is None:
        number = variants.seed(options.key, options.bundle["about"]["name"], student)
    cells, space = student_cells(options.bundle, number, choices.settle(batch, offered(options.bundle)))
    pairs = [(check, checks.calls_of(check, number, space)) for check in checks_of(options.bundle)]
    jobs, arrays = checks.job(pairs)
    runs = [{"cells": _filled(cells, answers), "checks": jobs} for answers in batch]
    sandboxed = {"limits": options.limits, "profile": options.profile, "by": options.by, "unsafe": options.unsafe}
    outcome = launcher.run(runs, arrays, **sandboxed)
    if not outcome.ended:
        outcome = launcher.run(runs, arrays, **sandboxed)
    found = []
    for position in range(len(batch)):
        for place, (check, calls) in enumerate(pairs):
            stopped = outcome.frames.get(f"{position}/{place}/end", b"").decode(errors="replace")
            payloads = [outcome.frames.get(f"{position}/{place}/{n}") for n in range(len(calls))]
            found += [(check, c, checks.decode(p, stopped)) for c, p in zip(calls, payloads, strict=True)]
    second, settled = model_answers.settle(found, by=options.by, unsafe=options.unsafe)
    if second and (second.starved or not second.started):
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


def student_cells(bundle: dict, number: int, choice: str | None = None) -> tuple[list[tuple[str, str | None]], dict]:
    """The release's cells in order, answers as None, in a student's variant; and the names the reference defines.

    Where students choose, the reference is that of `choice`.
    """
    cells: list[tuple[str, str | None]] = []
    space: dict = {"__name__": "reference"}
    for part in bundle["cells"]:
        if part["kind"] in ("test", "written"):
            continue
        source = variants.choose(part["source"], number) if part["kind"] == "setup" else part["source"]
        cells.append((part["id"], source if part["kind"] == "setup" else None))
        if choice and part["id"] == choices.CELL:
            source = choices.line(choice)
        exec(compile(source, part["id"], "exec"), space)
    return cells, space


def checks_of(bundle: dict) -> list[Check]:
    """All hidden checks of a bundle, in order."""
    tests = [part for part in bundle["cells"] if part["kind"] == "test"]
    return [check for part in tests for check in _read(part["source"], part["id"].removesuffix("-test"))]


def questions_of(bundle: dict) -> list[str]:
    """The names of the answer cells, in order."""
    return [part["id"] for part in bundle["cells"] if part["kind"] == "answer"]


def offered(bundle: dict) -> list[str]:
    """What students may choose from, [] where they may not."""
    return bundle["about"].get("choice", [])


def fingerprint(data: bytes, submission: Submission, options: GradingOptions) -> str:
    """Changes when anything changes that a score depends on: the file, the bundle, the secret, the day, the engine."""
    late = submissions.is_late(submission, options.due)
    words = [str(ENGINE), options.bundle["digest"], submission.student, str(late), hashlib.sha256(data).hexdigest()]
    return hashlib.sha256(":".join([options.key, *words]).encode()).hexdigest()


def grade_all(
    found: list[Submission],
    options: GradingOptions,
    out: Path,
    jobs: int = 1,
    told: Callable[[dict, bool], None] = lambda record, fresh: None,
    workers: Workers | None = None,
    marks: manual_grading.Marks | None = None,
) -> list[dict]:
    """Grade what is not graded yet, `jobs` at once, and store each result as soon as it is there; all records.

    `told(record, fresh)` hears of each as it comes. A killed run goes on where it was: a result that is stored and
    whose fingerprint holds is not graded again. `workers` may be other machines'; without them, threads work here.
    `marks` are what a person gave for written parts.
    """
    records: dict[str, dict] = {}

    def keep(record: dict) -> None:
        record = manual_grading.apply(record, options.bundle, marks or {})
        feedback.store(record, out)
        told(record, True)
        records[record["student"]] = record

    waiting: dict[str, tuple[dict, Job]] = {}
    for submission in found:
        stored = _stored(submission, options, out)
        if stored:
            records[submission.student] = manual_grading.apply(stored, options.bundle, marks or {})
            if records[submission.student] != stored:
                feedback.store(records[submission.student], out)
            told(records[submission.student], False)
            continue
        try:
            record, job = prepare(submission, options)
        except Exception as error:
            record, job = finish(_empty(submission, options), error), None
        if job:
            waiting[submission.student] = record, job
        else:
            keep(record)
    with contextlib.closing((workers or threads(jobs))([job for _, job in waiting.values()])) as results:
        for student, result in results:
            keep(finish(waiting[student][0], result))
    return [records[student] for student in sorted(records)]


def threads(jobs: int) -> Workers:
    """Work here, on `jobs` submissions at once."""

    def run(todo: list[Job]) -> Iterator[tuple[str, dict | BaseException]]:
        with ThreadPoolExecutor(max(1, jobs)) as pool:
            futures = {pool.submit(work, job): job.student for job in todo}
            try:
                for future in as_completed(futures):
                    yield futures[future], future.exception() or future.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    return run


@functools.lru_cache(maxsize=256)
def _read(source: str, question: str) -> tuple[Check, ...]:
    return tuple(checks.read(source, question))


def _empty(submission: Submission, options: GradingOptions) -> dict:
    about = options.bundle["about"]
    record = {"student": submission.student, "status": submission.problem, "score": None, "tests": [], "key": None}
    record |= {"assignment": about["name"], "title": about["title"], "notes": [submission.note] * bool(submission.note)}
    if manual_grading.parts_of(options.bundle):
        record |= {"so_far": None, "waiting": None}
    return record | {"points": sum(c.points for c in checks_of(options.bundle)) + manual_grading.points(options.bundle)}


def _failed(record: dict, why: str) -> dict:
    return record | {"status": NOT_GRADED, "score": None, "key": None, "tests": [], "notes": [why]}


def _stored(submission: Submission, options: GradingOptions, out: Path) -> dict | None:
    """The record on disk if it is still true."""
    try:
        record = json.loads(feedback.place(submission.student, out).read_bytes())["extra_data"]
        data = submissions.load(submission.path) if submission.path else b""
        return record if record["key"] == fingerprint(data, submission, options) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _filled(cells: list[tuple[str, str | None]], answers: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, answers.get(name, "") if source is None else source) for name, source in cells]


def _test(verdict: Verdict) -> dict:
    check = verdict.check
    score = round(verdict.share * check.points, 4)
    return {"id": check.id, "question": check.question, "score": score, "points": check.points, "tells": verdict.tells}
