"""`lessons course build | grade | export`: notebooks out, submissions in, grades and feedback back."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from tqdm import tqdm

from lessons_grader import files
from lessons_grader.authoring import source, variants
from lessons_grader.export import gradebook
from lessons_grader.grading import cluster, manual_grading, pipeline, submissions
from lessons_grader.grading.submissions import Submission
from lessons_grader.notebooks import CourseError
from lessons_grader.record import NOT_GRADED, WAITING, Record
from lessons_grader.sandbox import launcher, profiles

app = typer.Typer(no_args_is_help=True, help="Make assignments, grade what students hand in, and export the grades.")
SOURCES = Path(__file__).resolve().parents[1] / "book" / "assignments"
CORES = os.cpu_count() or 1
FORMATS = {"canvas": gradebook.canvas, "moodle": gradebook.moodle}

Names = Annotated[
    list[str] | None,
    typer.Argument(help="Assignments to build, such as `convolve`, or paths of source notebooks. All if left out."),
]
Made = Annotated[Path, typer.Option("-o", "--output", help="Folder to write the notebooks into.")]
Graded = Annotated[
    Path, typer.Option("-o", "--output", help="Folder to write results into. Give the same one to continue a run.")
]
Roster = Annotated[
    Path | None,
    typer.Option(help="CSV file with a column `student` and one row per student, as named in the submissions."),
]
Secret = Annotated[
    Path | None,
    typer.Option(
        help="File with the course's secret, which decides each student's variant and the inputs of hidden checks. "
        f"If left out, the environment variable {variants.VARIABLE} has it."
    ),
]
Folder = Annotated[
    Path, typer.Argument(metavar="SUBMISSIONS", help="Folder that holds one folder, or one file, per student.")
]
Assignment = Annotated[
    str,
    typer.Option(help="What to grade: an assignment's name, its source notebook, or a grader/*.json from `build`."),
]
Jobs = Annotated[
    int, typer.Option("-j", "--jobs", min=1, help="How many submissions to grade at the same time on this machine.")
]
Due = Annotated[
    datetime | None,
    typer.Option(help="Mark as late what was handed in after this time, such as 2026-10-01T23:59."),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS|local",
        help="Grade on other machines: the address of a Dask scheduler whose workers do it, or `local` to start one "
        "on this machine.",
    ),
]
Sheets = Annotated[
    list[Path] | None,
    typer.Option(
        help="Filled-in sheet with points for written parts, besides OUTPUT/marks.csv. Can be given several times."
    ),
]
Sandbox = Annotated[
    str,
    typer.Option(
        "--sandbox",
        "--box",
        metavar="|".join(launcher.WAYS),
        help="What isolates the students' code. If left out, the first of these that works on this machine.",
    ),
]
Unsafe = Annotated[
    bool,
    typer.Option(
        "--unsafe-trusted",
        help="Run the students' code without a sandbox, with all your rights. Only for files that you wrote yourself.",
    ),
]


@app.command()
def build(out: Made, names: Names = None, roster: Roster = None, secret: Secret = None) -> None:
    """Build each assignment's notebooks from its source notebook.

    OUTPUT/student has the notebook to hand out, OUTPUT/solution the one with the solutions, OUTPUT/page the book's
    page, and OUTPUT/grader the file that `grade` needs. With --roster, OUTPUT/students has a notebook of their own for
    each student.
    """
    with _one_line():
        students = _students(roster) or []
        key = variants.secret(secret) if students else ""
        for path in [_source(name) for name in names] if names else sorted(SOURCES.glob("*.ipynb")):
            assignment = source.read(path)
            name = assignment.about["name"]
            made = {
                f"student/{name}.ipynb": source.student(assignment),
                f"solution/{name}.ipynb": source.solution(assignment),
                f"page/{name}.ipynb": source.page(assignment),
                f"grader/{name}.json": source.bundle(assignment),
            }
            for student in students:
                number = variants.seed(key, name, student)
                made[f"students/{student}/{name}.ipynb"] = source.student(assignment, number)
            for place, data in made.items():
                (out / place).parent.mkdir(parents=True, exist_ok=True)
                files.write(out / place, data)
            print(f"{name}: {len(assignment.questions)} questions, {len(made)} files in {out}")
        print("Hand out student/ (or students/). Keep solution/ until the last day, and grader/ to yourself.")


@app.command()
def grade(
    folder: Folder,
    assignment: Assignment,
    out: Graded,
    jobs: Jobs = CORES,
    roster: Roster = None,
    secret: Secret = None,
    due: Due = None,
    scheduler: Scheduler = None,
    marks: Sheets = None,
    by: Sandbox = "",
    unsafe: Unsafe = False,
) -> None:
    """Grade all submissions, each in a sandbox of its own.

    OUTPUT/gradebook.csv has the grades, and OUTPUT/students each student's feedback. If the run was stopped, give the
    same command again: it continues, and grades only what is new or has changed.

    If the assignment has written parts, a person gives their points: read OUTPUT/answers.html, fill in
    OUTPUT/marks.csv, and give the same command again.

    The exit code is 0 if everything was graded, 1 if something was not, and 2 if no sandbox can be made; then nothing
    is written.
    """
    with _one_line():
        options = pipeline.GradingOptions(_bundle(assignment), variants.secret(secret), due, unsafe)
        if not unsafe:
            options = replace(options, by=_sandbox(options.profile, by, scheduler))
        students = _students(roster)
        sheets = [path for path in (out / manual_grading.SHEET,) if path.is_file()] + (marks or [])
        given = manual_grading.read(sheets, options.bundle)
        found = _found(folder, options, students)
        records, earlier = _graded(found, options, out, jobs, scheduler, given)
        _report(records, earlier, options, given, out)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="GRADED", help="Folder that `grade` wrote its results into.")],
    to: Annotated[str, typer.Option(metavar="|".join(FORMATS), help="The learning platform to write the file for.")],
    out: Annotated[Path, typer.Option("-o", "--output", help="CSV file to write, which the platform imports.")],
    roster: Annotated[
        Path | None,
        typer.Option(
            help="CSV file with a column `student` and what the platform knows the students by: `login`; for Canvas "
            "also `name`, `id`, `sis_id` and `section`; for Moodle also `email`."
        ),
    ] = None,
) -> None:
    """Write the grades as a file that Canvas or Moodle imports.

    A student without a score gets an empty cell, never a zero.
    """
    with _one_line():
        if to not in FORMATS:
            raise CourseError(f"--to is {to!r}: choose one of {', '.join(FORMATS)}")
        rows = gradebook.read(folder / "gradebook.csv")
        files.write(out, FORMATS[to](rows, submissions.roster(roster) if roster else []))
        print(f"{len(rows)} students in {out}")
        _warn("no score yet, they wait for marks", [row["student"] for row in rows if row["status"] == WAITING])


def _students(roster: Path | None) -> list[str] | None:
    """The names in a roster, None without one."""
    return [row["student"] for row in submissions.roster(roster)] if roster else None


def _source(name: str) -> Path:
    """The source notebook of an assignment by its name or its path."""
    for path in (Path(name), SOURCES / f"{name}.ipynb"):
        if path.suffix == ".ipynb" and path.is_file():
            return path
    here = ", ".join(sorted(path.stem for path in SOURCES.glob("*.ipynb")))
    raise CourseError(f"assignment is {name!r}: choose one of {here}, or give a source notebook's path")


def _bundle(name: str) -> dict:
    """A grader bundle by its file, or made now from the source."""
    if not name.endswith(".json"):
        return json.loads(source.bundle(source.read(_source(name))))
    try:
        bundle = json.loads(Path(name).read_bytes())
        if bundle["format"] == source.FORMAT:
            return bundle
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise CourseError(f"{name} is no grader bundle of this version: make one with `lessons course build`")


def _sandbox(profile: profiles.Profile, by: str, scheduler: str | None) -> str:
    """What makes the sandboxes; a scheduler's workers are asked later. Exits with 2 if nothing can."""
    try:
        return launcher.choose(profile, by) if scheduler is None else by or launcher.BUBBLEWRAP
    except launcher.SandboxError as error:
        _refuse(str(error), "no sandbox can be made here")


def _found(folder: Path, options: pipeline.GradingOptions, students: list[str] | None) -> list[Submission]:
    """The submissions in a folder, with warnings of what is odd about it."""
    found = submissions.find(folder, options.bundle["about"]["name"], students)
    _warn("taken for no submission", submissions.aside(folder))
    if students is not None:
        _warn("not in the roster", [s.student for s in found if s.student not in students])
    return found


def _graded(
    found: list[Submission],
    options: pipeline.GradingOptions,
    out: Path,
    jobs: int,
    scheduler: str | None,
    given: manual_grading.Marks,
) -> tuple[list[Record], int]:
    """The records of all submissions, with a progress bar, and how many are of an earlier run."""
    fresh: list[bool] = []
    progress = tqdm(total=len(found), unit="submission", disable=None)
    with _workers(scheduler, jobs, options) as workers, progress as bar:
        out.mkdir(parents=True, exist_ok=True)

        def told(record: Record, new: bool) -> None:
            fresh.append(new)
            bar.update()

        records = pipeline.grade_all(found, options, out, jobs, told, workers, given)
    return records, fresh.count(False)


def _report(
    records: list[Record], earlier: int, options: pipeline.GradingOptions, given: manual_grading.Marks, out: Path
) -> None:
    """Write the gradebook and the sheets, and say what was done. Exits with 1 if something was not graded."""
    left = manual_grading.store(records, options.bundle, given, out)
    questions = pipeline.questions_of(options.bundle) + [p["id"] for p in manual_grading.parts_of(options.bundle)]
    files.write(out / "gradebook.csv", gradebook.table(records, questions))
    counts = Counter(record.status for record in records)
    said = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
    print(f"{said or 'no submissions'}; {earlier} of them from an earlier run. Grades: {out / 'gradebook.csv'}")
    if left:
        print(left)
    if counts[NOT_GRADED]:
        print("error: some were not graded; the notes say why. Run the same command again", file=sys.stderr)
        raise typer.Exit(1)


@contextmanager
def _workers(scheduler: str | None, jobs: int, options: pipeline.GradingOptions) -> Iterator[pipeline.Workers]:
    """Who grades: threads here, or a scheduler's workers. Exits with 2 if a worker can make no sandbox."""
    if scheduler is None:
        os.environ.update(options.profile.environment)  # so that the reference computes as the answers do
        yield pipeline.threads(jobs)
    else:
        with cluster.connect(scheduler, jobs) as found:
            if why := found.refusal(options):
                _refuse(why, "a worker may not grade")
            yield found.run


def _warn(what: str, names: list[str]) -> None:
    if names:
        shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
        print(f"warning: {what}: {shown}", file=sys.stderr)


def _refuse(why: str, what: str) -> NoReturn:
    print(f"error: nothing was graded, because {what}: {why}", file=sys.stderr)
    raise typer.Exit(2)


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn what an instructor can mend into a message and exit code 1 instead of a traceback."""
    try:
        yield
    except (CourseError, launcher.SandboxError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
