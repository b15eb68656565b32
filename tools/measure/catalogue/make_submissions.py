"""What tests and measurements grade: an assignment, its bundle, and submissions made of answers."""

import functools
import json
import shutil
from pathlib import Path

from lessons_grader.authoring import source
from lessons_grader.grading import pipeline
from lessons_grader.sandbox import launcher

SOURCES = Path(__file__).resolve().parents[3] / "book" / "assignments"
KEY = "a secret for the tests alone"


@functools.cache
def assignment(name="convolve"):
    return source.read(SOURCES / f"{name}.ipynb")


@functools.cache
def bundle(name="convolve"):
    return json.loads(source.bundle(assignment(name)))


@functools.cache
def no_sandbox():
    """Why bubblewrap makes no sandbox here, or ""."""
    return launcher.refusal()


@functools.cache
def ways():
    """What can make sandboxes here; a container engine only if its image was built."""
    return [
        way
        for way in launcher.WAYS
        if (way == launcher.BUBBLEWRAP or shutil.which(way)) and not launcher.refusal(by=way)
    ]


def settings(name="convolve", **options):
    return pipeline.GradingOptions(bundle(name), KEY, **{"unsafe": bool(no_sandbox())} | options)


def answers(which="source", name="convolve"):
    """The reference's answers, or the untouched ones ("stub")."""
    return {part["id"]: part[which] for part in bundle(name)["cells"] if part["kind"] == "answer"}


def handed_in(changed=None, which="source", name="convolve"):
    """A submission as a dict: the student's notebook with the reference's answers, some of them changed."""
    notebook = json.loads(source.student(assignment(name)))
    filled = answers(which, name) | (changed or {})
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if name in filled:
            cell["source"] = filled[name]
    return notebook


def put(folder, student, notebook):
    """Hand in, as SUBMISSIONS/student/convolve.ipynb or as the notebook's metadata say."""
    name = notebook.get("metadata", {}).get("course", {}).get("name", "convolve")
    path = folder / student / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path
