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

from lessons_grader.authoring import source, variants
from lessons_grader.export import gradebook
from lessons_grader.grading import cluster, manual_grading, pipeline, submissions
from lessons_grader.notebooks import CourseError
from lessons_grader.sandbox import launcher, profiles

app = typer.Typer(no_args_is_help=True, help="Assignments: make them, grade them, hand back grades.")
SOURCES = Path(__file__).resolve().parents[1] / "book" / "assignments"
FORMATS = {"canvas": gradebook.canvas, "moodle": gradebook.moodle}
Out = Annotated[Path, typer.Option("-o", "--output", help="a folder for what is made")]
Secret = Annotated[Path | None, typer.Option(help="file with the course's secret; or set LESSONS_COURSE_SECRET")]
Roster = Annotated[Path | None, typer.Option(help="CSV with a column `student`, one row a student")]


@app.command()
def build(
    out: Out,
    names: Annotated[list[str] | None, typer.Argument(help="assignments, such as convolve; all if none")] = None,
    roster: Roster = None,
    secret: Secret = None,
) -> None:
    """Make of each source notebook the student, solution, page and grader versions; with a roster, one per student."""
    with _one_line():
        students = [row["student"] for row in submissions.roster(roster)] if roster else []
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
                (out / place).write_bytes(data)
            print(f"{name}: {len(assignment.questions)} questions, {len(made)} files in {out}")
        print("Hand out student/ (or students/). Keep solution/ until the last day, and grader/ to yourself.")


@app.command()
def grade(
    folder: Annotated[Path, typer.Argument(metavar="SUBMISSIONS", help="a folder or a file for each student")],
    assignment: Annotated[str, typer.Option(help="its name, its source notebook or its grader bundle (.json)")],
    out: Out,
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=1, help="how many at once")] = os.cpu_count() or 1,
    roster: Roster = None,
    secret: Secret = None,
    due: Annotated[datetime | None, typer.Option(help="the last minute, such as 2026-10-01T23:59")] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS|local", help="work on the workers of a Dask scheduler")
    ] = None,
    marks: Annotated[
        list[Path] | None, typer.Option(help="points that a person gave, beside those in OUTPUT/marks.csv")
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            "--sandbox", metavar="|".join(launcher.WAYS), help="what locks answers in; by itself the first that can"
        ),
    ] = "",
    unsafe: Annotated[
        bool, typer.Option("--unsafe-trusted", help="no sandbox: only for files that you wrote yourself")
    ] = False,
) -> None:
    """Grade all submissions, each in a sandbox of its own; run it again after a stop, and it goes on.

    Where a person gives points for written parts, they wait in OUTPUT/marks.csv: fill it in and run this again.
    With --scheduler Dask's workers make the sandboxes, as many at once as they have threads. Exit code 2 if no sandbox
    can be made there (nothing is written then), 1 if something is left to grade.
    """
    with _one_line():
        options = pipeline.GradingOptions(_bundle(assignment), variants.secret(secret), due, unsafe)
        if not unsafe:
            options = replace(options, by=_sandbox(options.profile, by, scheduler))
        students = [row["student"] for row in submissions.roster(roster)] if roster else None
        sheets = [path for path in (out / manual_grading.SHEET,) if path.is_file()] + (marks or [])
        given = manual_grading.read(sheets, options.bundle)
        found = submissions.find(folder, options.bundle["about"]["name"], students)
        _warn("taken for no submission", submissions.aside(folder))
        if students is not None:
            _warn("not in the roster", [s.student for s in found if s.student not in students])
        fresh = Counter()
        progress = tqdm(total=len(found), unit="submission", disable=None)
        with _workers(scheduler, jobs, options) as workers, progress as bar:
            out.mkdir(parents=True, exist_ok=True)

            def told(record: dict, new: bool) -> None:
                fresh[record["status"], new] += 1
                bar.update()

            records = pipeline.grade_all(found, options, out, jobs, told, workers, given)
        left = manual_grading.store(records, options.bundle, given, out)
        questions = pipeline.questions_of(options.bundle) + [p["id"] for p in manual_grading.parts_of(options.bundle)]
        text = gradebook.table(records, questions)
        (out / "gradebook.csv").write_text(text, encoding="utf-8")
        old = sum(n for (_, new), n in fresh.items() if not new)
        counts = Counter(record["status"] for record in records)
        said = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
        print(f"{said or 'no submissions'}; {old} of them from an earlier run. Grades: {out / 'gradebook.csv'}")
        if left:
            print(left)
        if counts[pipeline.NOT_GRADED]:
            print("error: some were not graded; the notes say why. Run the same command again", file=sys.stderr)
            raise typer.Exit(1)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="GRADED", help="the folder that `grade` wrote")],
    to: Annotated[str, typer.Option(help="canvas or moodle")],
    out: Annotated[Path, typer.Option("-o", "--output", help="the CSV file to write")],
    roster: Roster = None,
) -> None:
    """Write the grades as Canvas or Moodle import them. Who has no score gets an empty cell, never a zero."""
    with _one_line():
        if to not in FORMATS:
            raise CourseError(f"--to is {to!r}: choose one of {', '.join(FORMATS)}")
        rows = gradebook.read(folder / "gradebook.csv")
        out.write_text(FORMATS[to](rows, submissions.roster(roster) if roster else []), encoding="utf-8")
        print(f"{len(rows)} students in {out}")
        _warn(
            "no score yet, they wait for marks",
            [row["student"] for row in rows if row["status"] == manual_grading.WAITING],
        )


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


@contextmanager
def _workers(scheduler: str | None, jobs: int, options: pipeline.GradingOptions) -> Iterator[pipeline.Workers]:
    """Who grades: threads here, or a scheduler's workers. Exits with 2 if a worker can make no sandbox."""
    if scheduler is None:
        os.environ.update(options.profile.environment)  # the reference's imports, out here, are as plain and as quiet
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
