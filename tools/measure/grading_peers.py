"""nbgrader and otter-grader on our notebooks, for `tools/measure/grading.py peers`; the project needs neither.

Both run student code and tests in one process. nbgrader reads our source as it is, and otter's tests are written from
it; before them stands a cell with the reference solution, which declares `check` and `call` as our grader does, so that
all three make the same calls and compare the same numbers.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from lessons_grader import notebooks
from lessons_grader.authoring import source
from tools.measure.catalogue import make_submissions

NBGRADER, OTTER = "nbgrader==0.9.6", "otter-grader[grading]==7.0.0"
SHIM = """
import copy
import numpy as np

_reference = {{}}
exec({reference!r}, _reference)


def call(function, *args, **kwargs):
    return function, args, kwargs


def check(id, points, says, atol=1e-6, rtol=1e-5, dtype=False, judge=None):
    def run(make):
        made = make(np.random.default_rng([{seed}, *id.encode()]))
        found = []
        for space in (globals(), _reference):
            answers = []
            for name, args, kwargs in copy.deepcopy([made] if isinstance(made, tuple) else list(made)):
                try:
                    answers.append(np.asarray(space[name](*args, **kwargs)))
                except Exception as error:
                    answers.append(type(error).__name__)
            found.append(answers)
        if judge:
            assert judge(*found), says
        else:
            for got, right in zip(*found, strict=True):
                same = got == right if isinstance(right, str) else np.allclose(got, right, rtol=rtol, atol=atol)
                assert same, says
    return run
"""


def prepare(place: Path, students: int, measured: Callable[..., dict]) -> dict[str, Callable[[], dict]]:
    """Install both, make their versions of our first assignment and a class; what grades it, by name."""
    made = {}
    for name, package, run in (("nbgrader", NBGRADER, _nbgrader), ("otter", OTTER, _otter)):
        folder = place / name
        subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
        pip = [folder / "env" / "bin" / "python", "-m", "pip", "install", "-q", package, "ipykernel", "numpy"]
        subprocess.run(pip, check=True)
        made[package.replace("[grading]", "").replace("==", " ")] = run(folder, students, measured)
    return made


def environment(folder: Path) -> dict[str, str]:
    """Nothing of this machine's own Jupyter, and the peer's commands first."""
    path = f"{folder / 'env' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    home = {"HOME": str(folder), "JUPYTER_NO_CONFIG": "1", "PYTHONPATH": "", "JUPYTER_PREFER_ENV_PATH": "1"}
    return os.environ | home | {"PATH": path, "IPYTHONDIR": str(folder / "ipython")}


def shim() -> dict:
    """The cell that stands before the first answer."""
    parts = [part["source"] for part in make_submissions.bundle()["cells"] if part["kind"] in ("setup", "answer")]
    text = SHIM.format(reference="\n".join(parts), seed=7)
    mark = {"grade": False, "grade_id": "shim", "locked": True, "schema_version": 3, "solution": False, "task": False}
    return notebooks.code_cell("shim", text, {"nbgrader": mark})


def with_shim(cells: list[dict]) -> bytes:
    """A notebook of our cells without the last ones, which are for looking and need the book's pictures."""
    kept = [cell for cell in cells if cell["cell_type"] != "code" or notebooks.mark(cell)]
    return notebooks.write([kept[0], shim(), *kept[1:]], {})


def _nbgrader(folder: Path, students: int, measured: Callable[..., dict]) -> Callable[[], dict]:
    words = {"cwd": folder, "env": environment(folder)}
    path = folder / "source" / "convolve" / "convolve.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes(with_shim(list(make_submissions.assignment().cells)))
    (folder / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'course'\n")
    command = folder / "env" / "bin" / "nbgrader"
    subprocess.run([command, "generate_assignment", "convolve", "--create"], check=True, capture_output=True, **words)
    released = notebooks.read(folder / "release" / "convolve" / "convolve.ipynb")
    for number in range(students):
        for cell in released["cells"]:
            cell["source"] = make_submissions.answers().get(notebooks.grade_id(cell), cell["source"])
        place = folder / "submitted" / f"s{number}" / "convolve" / "convolve.ipynb"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(released), encoding="utf-8")

    def run() -> dict:
        took = measured([command, "autograde", "convolve", "--create", "--force"], **words)
        subprocess.run([command, "export"], check=True, capture_output=True, **words)
        with (folder / "grades.csv").open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["assignment"] == "convolve"]
        wrong = [row for row in rows if float(row["score"]) != 30]
        if len(rows) != students or wrong:
            raise SystemExit(f"nbgrader graded {len(rows)} of {students}, and {len(wrong)} not in full: {wrong[:1]}")
        return took

    return run


def _otter(folder: Path, students: int, measured: Callable[..., dict]) -> Callable[[], dict]:
    words = {"cwd": folder, "env": environment(folder)}
    tests = folder / "tests"
    tests.mkdir()
    for cell in make_submissions.assignment().cells:
        if source.kind(cell) == "test":
            name = notebooks.grade_id(cell).removesuffix("-test")
            code = f">>> exec({source.HIDDEN.search(cell['source'])['inner']!r}, globals())"
            suite = {"type": "doctest", "cases": [{"code": code, "hidden": False}], "scored": True}
            whole = {"name": name, "points": notebooks.mark(cell)["points"], "suites": [suite]}
            (tests / f"{name}.py").write_text(f"OK_FORMAT = True\n\ntest = {whole!r}\n", encoding="utf-8")
    command = folder / "env" / "bin" / "otter"
    options = ["--no-requirements", "--no-environment", "--no-config"]
    subprocess.run([command, "generate", "-t", "tests", "-o", "autograder.zip", *options], check=True, **words)
    cells = [
        cell | {"source": cell["source"]}
        for cell in notebooks.parse(source.student(make_submissions.assignment()), "s")["cells"]
    ]
    for cell in cells:
        cell["source"] = make_submissions.answers().get(notebooks.grade_id(cell), cell["source"])
    for number in range(students):
        (folder / f"s{number}").mkdir()
        (folder / f"s{number}" / "convolve.ipynb").write_bytes(with_shim(cells))

    def run() -> dict:
        took = {"seconds": 0.0, "cpu_seconds": 0.0}
        for number in range(students):
            place = folder / f"s{number}"
            one = measured(
                [command, "run", "-a", "autograder.zip", "-o", place, "--no-logo", place / "convolve.ipynb"], **words
            )
            took = {kind: took[kind] + one[kind] for kind in took}
            tests = json.loads((place / "results.json").read_text(encoding="utf-8"))["tests"]
            if sum(test.get("score", 0) for test in tests) != 30:
                raise SystemExit(f"otter did not grade in full: {json.dumps(tests)[:2000]}")
        return took

    return run
