"""What is proven of every assignment in the same way: mutants, what is published, public checks."""

import dataclasses
import json

import nbformat

from lessons_grader.grading import pipeline
from lessons_grader.sandbox import launcher, profiles, runner, wire
from tools.measure.catalogue import make_submissions


def unhurried(profile=profiles.PROFILES["numpy"]):
    """The limits of a kind of sandbox, for a batch of mutants that share one."""
    return dataclasses.replace(profile.limits, busy=1e3, dozing=1e3)


def earned(verdicts):
    return sum(verdict.share * verdict.check.points for verdict in verdicts)


def only(name, question, plain=False):
    """The bundle with the checks of one question; if plain, for a sandbox that has NumPy alone and starts at once."""
    whole = make_submissions.bundle(name)
    cells = [part for part in whole["cells"] if part["kind"] != "test" or part["id"] == f"{question}-test"]
    if plain:
        cells = [part | {"source": plainly(part["source"])} if part["id"] == "setup" else part for part in cells]
        whole = whole | {"about": whole["about"] | {"sandbox": "numpy"}}
    return whole | {"cells": cells}


def plainly(source):
    """A setup cell without what imports Keras."""
    return "\n".join(line for line in source.splitlines() if "keras" not in line)


def lost(name, question, mutants, student, plain=True, always=None):
    """Mutant by mutant, the checks that it loses: if plain in one sandbox of NumPy, else with `warm`.

    `always` are answers that all of them give in place of the reference's.
    """
    settings = pipeline.GradingOptions(
        only(name, question, plain), make_submissions.KEY, unsafe=bool(make_submissions.no_sandbox())
    )
    settings = dataclasses.replace(settings, limits=unhurried(settings.profile))  # Keras never starts in NumPy's
    batch = [make_submissions.answers(name=name) | (always or {}) | {question: text} for text, _ in mutants.values()]
    outcome, verdicts = pipeline.judge(batch, student, settings)
    assert outcome.ended
    failed = [{v.check.id.removeprefix(f"{question}-") for v in row if v.share < 1} for row in verdicts]
    return dict(zip(mutants, failed, strict=True))


class Here(runner.Run):
    """A run without a process for each check: what it costs to start TensorFlow is paid once for all mutants."""

    def attempt(self, work, question="", most=0):
        said = []
        work(lambda name, payload: said.append(wire.pack(name, payload)))
        return b"".join(said), ""


def warm(runs, arrays, limits=None, **_):
    """In place of sandbox.run: the same jobs, in this very process, for mutants that only err and never attack."""
    limits, found = dataclasses.asdict(unhurried()), {}
    for number, run in enumerate(runs):
        Here(run, arrays, limits).go(lambda name, payload, at=number: found.__setitem__(f"{at}/{name}", payload))
    return launcher.Outcome(found, True, True, "")


def idle(name, mutants):
    """Checks without which some mutant would still lose points: those that no mutant loses alone."""
    alone = {
        f"{question}-{next(iter(declared))}"
        for question, found in mutants.items()
        for _, declared in found.values()
        if len(declared) == 1
    }
    return {check.id for check in pipeline.checks_of(make_submissions.bundle(name))} - alone


def leaks(name, version):
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


def raised(name, version, changed=None):
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
