"""What the tests of all assignments share: wrong answers, what is published, public checks."""

import dataclasses
import json

import nbformat

from lessons_grader.grading import pipeline
from lessons_grader.sandbox import launcher, profiles, runner, wire
from tools.measure.catalogue import make_submissions


def generous_limits(profile=profiles.PROFILES["numpy"]):
    """A profile's limits, with time enough for a batch of wrong answers that share a sandbox."""
    return dataclasses.replace(profile.limits, busy=1e3, dozing=1e3)


def points_of(verdicts):
    return sum(verdict.share * verdict.check.points for verdict in verdicts)


def bundle_with(name, question, plain=False):
    """The bundle with the checks of one question; if plain, for a sandbox that has NumPy alone and starts at once."""
    whole = make_submissions.bundle(name)
    cells = [part for part in whole["cells"] if part["kind"] != "test" or part["id"] == f"{question}-test"]
    if plain:
        cells = [part | {"source": without_keras(part["source"])} if part["id"] == "setup" else part for part in cells]
        whole = whole | {"about": whole["about"] | {"sandbox": "numpy"}}
    return whole | {"cells": cells}


def without_keras(source):
    """A setup cell without what imports Keras."""
    return "\n".join(line for line in source.splitlines() if "keras" not in line)


def lost_checks(name, question, mutants, student, plain=True, always=None):
    """Mutant by mutant, the checks that it loses: if plain in one sandbox of NumPy, else in the assignment's own.

    `always` are answers that all of them give in place of the reference's.
    """
    settings = pipeline.GradingOptions(
        bundle_with(name, question, plain), make_submissions.KEY, unsafe=bool(make_submissions.no_sandbox())
    )
    settings = dataclasses.replace(settings, limits=generous_limits(settings.profile))  # Keras never starts in NumPy's
    batch = [make_submissions.answers(name=name) | (always or {}) | {question: text} for text, _ in mutants.values()]
    outcome, verdicts = pipeline.judge(batch, student, settings)
    assert outcome.ended
    failed = [{v.check.id.removeprefix(f"{question}-") for v in row if v.share < 1} for row in verdicts]
    return dict(zip(mutants, failed, strict=True))


class RunHere(runner.Run):
    """A run without a process for each check: what it costs to start TensorFlow is paid once for all mutants."""

    def attempt(self, work, question="", most=0):
        said = []
        work(lambda name, payload: said.append(wire.pack(name, payload)))
        return b"".join(said), ""


def run_here(runs, arrays, limits=None, **_):
    """In place of launcher.run: the same jobs, in this very process, for mutants that only err and never attack."""
    limits, found = dataclasses.asdict(generous_limits()), {}
    for number, run in enumerate(runs):
        RunHere(run, arrays, limits, number).go(found.__setitem__)
    return launcher.Outcome(found, True, True, "")


def checks_that_catch_nothing_alone(name, mutants):
    """The checks that could be left out: no wrong answer loses points to one of them alone."""
    alone = {
        f"{question}-{next(iter(declared))}"
        for question, found in mutants.items()
        for _, declared in found.values()
        if len(declared) == 1
    }
    return {check.id for check in pipeline.checks_of(make_submissions.bundle(name))} - alone


def published_secrets(name, version):
    """Lines of solutions and hidden checks that a published version holds."""
    notebook = nbformat.reads(version(make_submissions.assignment(name)).decode(), 4)
    nbformat.validate(notebook)
    text = "\n".join(cell.source for cell in notebook.cells)
    lines = {line.strip() for line in text.splitlines()}
    assert "HIDDEN" not in text and "SOLUTION" not in text and "# variant" not in text
    found = []
    for part in make_submissions.bundle(name)["cells"]:
        secret = part["source"].splitlines()
        if part["kind"] in ("answer", "written"):
            secret = [line for line in secret if line not in part["stub"].splitlines()]
        if part["kind"] != "setup":
            found += [line for line in secret if len(line.strip()) > 6 and line.strip() in lines]
    return found


def errors_of_tests(name, version, changed=None):
    """Run a notebook's answer, setup and test cells as a student does; what each test cell raises."""
    space, errors = {}, {}
    for cell in json.loads(version(make_submissions.assignment(name)))["cells"]:
        mark = cell["metadata"].get("nbgrader", {})
        if mark and cell["cell_type"] == "code":
            try:
                exec((changed or {}).get(mark["grade_id"], "".join(cell["source"])), space)
            except (AssertionError, NotImplementedError) as error:
                errors[mark["grade_id"]] = error
    return errors
