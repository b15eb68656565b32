"""Submissions in, records out: many of them at once, none of them twice.

Each submission goes one way: `load` reads its file, `prepare` takes the answers out of it, `work` runs them in a
sandbox and judges what came out, `finish` makes the record. `grade_all` does this for all of them and stores the
records.

`work` takes and returns plain values, so that other machines can run it too (see `cluster`). It mostly waits for
sandboxes, which are processes; so threads are enough to keep every core of one machine busy, and a killed grader leaves
nothing behind. Reading and storing stay with the one who started the run: whoever works sees neither files nor secret.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from lessons_grader.authoring import checks, choices, variants
from lessons_grader.authoring.checks import Call, Check, Verdict
from lessons_grader.export import feedback
from lessons_grader.grading import manual_grading, model_answers, submissions
from lessons_grader.grading.submissions import Submission
from lessons_grader.notebooks import CourseError
from lessons_grader.record import CORRUPT, GRADED, LATE, NOT_GRADED, CheckResult, Record
from lessons_grader.sandbox import launcher, profiles

ENDED = "The answers ended the grader's process, or stopped it, twice. What came out before counts."
ENGINE = 1  # raise it when the same submission could get another score


@dataclasses.dataclass(frozen=True)
class GradingOptions:
    """What holds for a whole run.

    Attributes
    ----------
    bundle : dict
        The assignment, from `source.bundle`.
    key : str
        The course's secret.
    due : datetime or None
        What is handed in later is late.
    unsafe : bool
        Whether answers run in an ordinary process in place of a sandbox.
    by : str
        What makes the sandboxes, one of `launcher.WAYS`.
    limits : Limits or None
        What answers may use; None for the limits of the assignment's profile.
    seed : int or None
        The seed of the one student that these options are for. Then nobody needs the secret.
    """

    bundle: dict[str, Any]
    key: str
    due: datetime | None = None
    unsafe: bool = False
    by: str = launcher.BUBBLEWRAP
    limits: profiles.Limits | None = None
    seed: int | None = None

    @property
    def profile(self) -> profiles.Profile:
        """The profile of the sandbox that the assignment asks for."""
        return profiles.PROFILES[self.bundle["about"].get("sandbox", "numpy")]


@dataclasses.dataclass(frozen=True)
class Loaded:
    """A submission whose file was read.

    Attributes
    ----------
    submission : Submission
        Whose it is.
    data : bytes
        The notebook.
    key : str
        The fingerprint of everything that its score depends on.
    problem : str
        Why the file cannot be read, "" if it can.
    """

    submission: Submission
    data: bytes
    key: str
    problem: str = ""


@dataclasses.dataclass(frozen=True)
class Job:
    """What the grading of one submission needs, as plain values; `options` have a seed in place of the secret."""

    student: str
    mark: str  # the submission's fingerprint
    answers: dict[str, str]
    options: GradingOptions


@dataclasses.dataclass(frozen=True)
class JobResult:
    """What became of a job: the checks' results, notes for the student, and why the grader failed, if it did."""

    tests: tuple[CheckResult, ...]
    notes: tuple[str, ...] = ()
    failure: str = ""


Results = Generator[tuple[str, JobResult | BaseException], None, None]  # student by student, as they come
Workers = Callable[[list[Job]], Results]


def grade(submission: Submission, options: GradingOptions) -> Record:
    """Grade one submission, and store nothing."""
    record, job = prepare(load(submission, options), options)
    return finish(record, work(job)) if job else record


def load(submission: Submission, options: GradingOptions) -> Loaded:
    """Read the file of a submission."""
    try:
        data, problem = submissions.load(submission.path) if submission.path else b"", ""
    except CourseError as error:
        data, problem = b"", str(error)
    return Loaded(submission, data, fingerprint(data, submission, options), problem)


def prepare(loaded: Loaded, options: GradingOptions) -> tuple[Record, Job | None]:
    """Take the answers out of a submission.

    Parameters
    ----------
    loaded : Loaded
        The submission.
    options : GradingOptions
        Those of the run.

    Returns
    -------
    record : Record
        What is known before any answer has run.
    job : Job or None
        What is left to do; None if the record is final.
    """
    submission, bundle = loaded.submission, options.bundle
    record = _empty(submission, options)
    if submission.problem or not submission.path:
        return record, None
    parts = manual_grading.parts_of(bundle)
    try:
        if loaded.problem:
            raise CourseError(loaded.problem)
        found = submissions.read(loaded.data, submission.path.name, questions_of(bundle), parts)
    except CourseError as error:
        return dataclasses.replace(record, status=CORRUPT, notes=(str(error),)), None
    number = variants.seed(options.key, bundle["about"]["name"], submission.student)
    job = Job(submission.student, loaded.key, found.answers, dataclasses.replace(options, key="", seed=number))
    status = LATE if submissions.is_late(submission, options.due) else GRADED
    notes = (*found.notes, *choices.notes(found.answers, offered(bundle)))
    record = dataclasses.replace(record, status=status, key=loaded.key, notes=notes)
    return dataclasses.replace(record, written=found.written, ended=status) if parts else record, job


def work(job: Job) -> JobResult:
    """Run the answers of one submission in a sandbox, and judge them."""
    outcome, (verdicts,) = judge([job.answers], job.student, job.options)
    failure = "" if outcome.started else f"the sandbox did not start: {outcome.said}"
    if outcome.starved:
        wall = (job.options.limits or job.options.profile.limits).wall
        failure = f"twice {wall:g} s passed: the machine was too busy"
    return JobResult(tuple(map(_result, verdicts)), () if outcome.ended else (ENDED,), failure)


def finish(record: Record, result: JobResult | BaseException) -> Record:
    """Complete a record.

    Parameters
    ----------
    record : Record
        What `prepare` made.
    result : JobResult or BaseException
        What `work` gave, or the error that it raised.

    Returns
    -------
    Record
        If the grader failed, and not the submission, it has no score, and the submission is graded again next time.
    """
    if isinstance(result, BaseException):
        return _failed(record, f"the grader failed: {type(result).__name__}: {result}")
    if result.failure:
        return _failed(record, result.failure)
    score = sum(test.score for test in result.tests if test.score is not None)
    so_far = record.so_far if record.written is None else score
    notes = record.notes + result.notes
    return dataclasses.replace(record, score=score, so_far=so_far, tests=result.tests, notes=notes)


def judge(
    batch: list[dict[str, str]], student: str, options: GradingOptions
) -> tuple[launcher.Outcome, list[list[Verdict]]]:
    """Run sets of answers in one sandbox, and judge each of them.

    A sandbox that ended early is given one more try: what killed it may have been the machine's lack of memory.

    Parameters
    ----------
    batch : list of dict
        Sets of answers by question. In a course it is one submission; tests judge many at once.
    student : str
        Whose variant and inputs they get.
    options : GradingOptions
        Those of the run.

    Returns
    -------
    outcome : Outcome
        Of the sandbox; of the second one, for models, if that failed.
    verdicts : list of lists of Verdict
        For each set of answers, one for each check.
    """
    number = options.seed
    if number is None:
        number = variants.seed(options.key, options.bundle["about"]["name"], student)
    cells, space = student_cells(options.bundle, number, choices.settle(batch, offered(options.bundle)))
    pairs = [(check, checks.calls_of(check, number, space)) for check in checks_of(options.bundle)]
    outcome = _run(batch, cells, pairs, options)
    found = [
        (check, call, answer)
        for position in range(len(batch))
        for place, (check, calls) in enumerate(pairs)
        for call, answer in zip(calls, checks.answers_of(outcome.answers, position, place, len(calls)), strict=True)
    ]
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


def student_cells(
    bundle: dict[str, Any], number: int, choice: str | None = None
) -> tuple[list[tuple[str, str | None]], dict[str, Any]]:
    """The cells that a student was given, and what the reference solution defines.

    Parameters
    ----------
    bundle : dict
        The assignment.
    number : int
        The student's seed.
    choice : str, optional
        The task, where students may choose it.

    Returns
    -------
    cells : list of tuples
        Name and source of each cell that runs, in order; the source of an answer is None.
    space : dict
        The names that the reference defines.
    """
    cells: list[tuple[str, str | None]] = []
    space: dict[str, Any] = {"__name__": "reference"}
    for part in bundle["cells"]:
        if part["kind"] in ("test", "written"):
            continue
        source = variants.choose(part["source"], number) if part["kind"] == "setup" else part["source"]
        cells.append((part["id"], source if part["kind"] == "setup" else None))
        if choice and part["id"] == choices.CELL:
            source = choices.line(choice)
        exec(compile(source, part["id"], "exec"), space)
    return cells, space


def checks_of(bundle: dict[str, Any]) -> list[Check]:
    """The hidden checks of a bundle, in order."""
    tests = [part for part in bundle["cells"] if part["kind"] == "test"]
    return [check for part in tests for check in _read(part["source"], part["id"].removesuffix("-test"))]


def questions_of(bundle: dict[str, Any]) -> list[str]:
    """The names of the answer cells, in order."""
    return [part["id"] for part in bundle["cells"] if part["kind"] == "answer"]


def offered(bundle: dict[str, Any]) -> list[str]:
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
    told: Callable[[Record, bool], None] = lambda record, fresh: None,
    workers: Workers | None = None,
    marks: manual_grading.Marks | None = None,
) -> list[Record]:
    """Grade what is not graded yet, and store each result as soon as it is there.

    A killed run goes on where it was: a stored result whose fingerprint still holds is not made again.

    Parameters
    ----------
    found : list of Submission
        The submissions.
    options : GradingOptions
        Those of the run.
    out : Path
        The folder for the results.
    jobs : int
        How many submissions are graded at once.
    told : callable
        It is called with each record as it comes, and whether it is new.
    workers : callable, optional
        Who works, such as other machines; threads of this one if left out.
    marks : dict of Mark, optional
        What people gave for written parts.

    Returns
    -------
    list of Record
        All of them, in the order of the students' names.
    """
    records: dict[str, Record] = {}

    def keep(record: Record, stored: Record | None = None) -> None:
        record = manual_grading.apply(record, options.bundle, marks or {})
        if record != stored:
            feedback.store(record, out)
        told(record, stored is None)
        records[record.student] = record

    waiting: dict[str, tuple[Record, Job]] = {}
    for submission in found:
        record, stored, job = _next(submission, options, out)
        if job:
            waiting[submission.student] = record, job
        else:
            keep(record, stored)
    with closing((workers or threads(jobs))([job for _, job in waiting.values()])) as results:
        for student, result in results:
            keep(finish(waiting[student][0], result))
    return [records[student] for student in sorted(records)]


def threads(jobs: int) -> Workers:
    """Work here, on `jobs` submissions at once."""

    def run(todo: list[Job]) -> Results:
        with ThreadPoolExecutor(max(1, jobs)) as pool:
            futures = {pool.submit(work, job): job.student for job in todo}
            try:
                for future in as_completed(futures):
                    yield futures[future], future.exception() or future.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    return run


def _next(submission: Submission, options: GradingOptions, out: Path) -> tuple[Record, Record | None, Job | None]:
    """A submission's record, the same one if it was stored and still holds, and the job that is left, if any."""
    try:
        loaded = load(submission, options)
        stored = feedback.load(submission.student, out)
        if stored and not loaded.problem and stored.key == loaded.key:
            return stored, stored, None
        record, job = prepare(loaded, options)
        return record, None, job
    except Exception as error:
        return finish(_empty(submission, options), error), None, None


def _run(
    batch: list[dict[str, str]],
    cells: list[tuple[str, str | None]],
    pairs: list[tuple[Check, list[Call]]],
    options: GradingOptions,
) -> launcher.Outcome:
    """Run sets of answers in one sandbox, and once more if it ends early."""
    called, arrays = checks.job(pairs)
    runs = [{"cells": _filled(cells, answers), "checks": called} for answers in batch]

    def once() -> launcher.Outcome:
        return launcher.run(
            runs, arrays, limits=options.limits, profile=options.profile, by=options.by, unsafe=options.unsafe
        )

    outcome = once()
    return outcome if outcome.ended else once()


@functools.lru_cache(maxsize=256)
def _read(source: str, question: str) -> tuple[Check, ...]:
    return tuple(checks.read(source, question))


def _empty(submission: Submission, options: GradingOptions) -> Record:
    """The record of a submission of which nothing is known but what `submissions.find` found."""
    about = options.bundle["about"]
    return Record(
        submission.student,
        about["name"],
        about["title"],
        submission.problem,
        sum(check.points for check in checks_of(options.bundle)) + manual_grading.points(options.bundle),
        notes=(submission.note,) if submission.note else (),
        has_written=bool(manual_grading.parts_of(options.bundle)),
    )


def _failed(record: Record, why: str) -> Record:
    """The record of a submission that the grader failed to grade."""
    return dataclasses.replace(record, status=NOT_GRADED, score=None, key=None, tests=(), notes=(why,))


def _filled(cells: list[tuple[str, str | None]], answers: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, answers.get(name, "") if source is None else source) for name, source in cells]


def _result(verdict: Verdict) -> CheckResult:
    check = verdict.check
    return CheckResult(check.id, check.question, round(verdict.share * check.points, 4), check.points, verdict.tells)
