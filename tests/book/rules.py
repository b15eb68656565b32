"""What every committed notebook must keep, as functions from a notebook (a dict) to the list of what is wrong.

nbval passes a notebook whose outputs were stripped, never checks how a notebook is written, and lets a cell tagged
`raises-exception` pass that raises nothing. These rules close that; test_notebooks.py proves each on a bad notebook.
"""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Iterator
from statistics import median

import cv2
import numpy as np

LONGEST, TYPICAL = 30, 10  # lines of a code cell: at most, and in the median
PICTURES = 1_000_000  # bytes a notebook
COMPARED = 0.6  # share of the cells with outputs that nbval must compare
TRAINING, GATE, IGNORE = "training", "gate", "nbval-ignore-output"
FOLDED = {"hide-cell", "remove-cell", "hide-input"}  # on the page: exercises' cells, and what a chapter does not teach
LIMITS = {"cells": 90, "median": 6, "90th percentile": 14, "longest": 25, "in a row": 2}  # of finished chapters
MEASURED = re.compile(r"\d\s?(?:dB|%|per cent|percent)(?![\w-])")
CITED = "<!-- cited -->"


def source(cell: dict) -> str:
    return "".join(cell["source"])


def tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


def code(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def pictures(notebook: dict) -> Iterator[tuple[dict, dict]]:
    for cell in code(notebook):
        for output in cell["outputs"]:
            if "image/png" in output.get("data", {}):
                yield cell, output


def drawings(notebook: dict) -> Iterator[tuple[dict, str]]:
    for cell in code(notebook):
        for output in cell["outputs"]:
            if "image/svg+xml" in output.get("data", {}):
                yield cell, "".join(output["data"]["image/svg+xml"])


def was_executed(notebook: dict) -> list[str]:
    """Every code cell ran, in order, from a fresh kernel."""
    counts = [cell["execution_count"] for cell in code(notebook)]
    return [] if counts == list(range(1, len(counts) + 1)) else [f"execution counts are {counts}"]


def has_outputs(notebook: dict) -> list[str]:
    """Cells that publish something carry it: a stripped notebook would pass nbval."""
    speaks = re.compile(r"\b(print|display|plots\.\w+|training\.gate)\(")
    silent = [
        cell["id"]
        for cell in code(notebook)
        if not cell["outputs"] and any(speaks.match(line) for line in source(cell).splitlines())
    ]
    if not any(cell["outputs"] for cell in code(notebook)):
        silent.append("all of them")
    return [f"no output is stored in: {', '.join(silent)}"] if silent else []


def has_figures(notebook: dict) -> list[str]:
    """A cell that draws has its picture."""
    draws = re.compile(r"^(plots\.(show|curves|bars|history|figure)|drawing\.publish)\(", re.MULTILINE)
    drawn = {cell["id"] for cell, _ in [*pictures(notebook), *drawings(notebook)]}
    drawing = {cell["id"] for cell in code(notebook) if draws.search(source(cell))}
    return [f"{name} draws, but has no picture" for name in sorted(drawing - drawn)]


def is_clean(notebook: dict) -> list[str]:
    """No stderr, no times, no widgets, the plain kernel."""
    wrong = []
    for cell in code(notebook):
        wrong += [f"{cell['id']} stores stderr" for out in cell["outputs"] if out.get("name") == "stderr"]
        wrong += [f"{cell['id']} stores {key}" for key in cell["metadata"].keys() - {"tags"}]
    if "widgets" in notebook["metadata"]:
        wrong.append("widget state is stored")
    if notebook["metadata"].get("kernelspec", {}).get("name") != "python3":
        wrong.append("the kernel is not python3")
    if notebook["metadata"].get("language_info") != {"name": "python"}:
        wrong.append("language_info is more than the name, or missing")
    return wrong


def errors_are_meant(notebook: dict) -> list[str]:
    """An error is stored where, and only where, the cell is tagged raises-exception."""
    wrong = []
    for cell in code(notebook):
        failed = any(output["output_type"] == "error" for output in cell["outputs"])
        if failed != ("raises-exception" in tags(cell)):
            wrong.append(f"{cell['id']} {'fails' if failed else 'is tagged raises-exception and does not fail'}")
    return wrong


def pictures_are_fine(notebook: dict) -> list[str]:
    """Pictures decode, show something, have alt text, and are small together."""
    wrong, total = [], 0
    for cell, output in pictures(notebook):
        raw = base64.b64decode("".join(output["data"]["image/png"]))
        total += len(raw)
        picture = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)
        if picture is None or picture.std() < 1:
            wrong.append(f"{cell['id']} has a blank or broken picture")
        alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
        if len(alt.split()) < 4:
            wrong.append(f"{cell['id']} has a picture with the alt text {alt!r}: say in a sentence what it shows")
    if total > PICTURES:
        wrong.append(f"pictures are {total / 1e6:.2f} MB, more than {PICTURES / 1e6:.0f}")
    return wrong


def cells_are_short(notebook: dict) -> list[str]:
    lengths = {cell["id"]: len(source(cell).splitlines()) for cell in code(notebook)}
    wrong = [f"{name} has {length} lines" for name, length in lengths.items() if length > LONGEST]
    middle = median(lengths[cell["id"]] for cell in code(notebook) if not FOLDED & set(tags(cell)))
    return wrong + ([f"the median code cell has {middle} lines, more than {TYPICAL}"] if middle > TYPICAL else [])


def only_exercises_are_folded(notebook: dict) -> list[str]:
    """The page shows all that a lesson computes: of other cells only the code may be folded."""
    return [
        f"{cell['id']} is folded on the page, and no exercise"
        for cell in code(notebook)
        if {"hide-cell", "remove-cell"} & set(tags(cell)) and not cell["id"].startswith("exercise")
    ]


def rhythm(notebook: dict) -> dict[str, float]:
    """What LIMITS limits: cells without exercises', lines of open code, open cells without a sentence between."""
    cells = [cell for cell in notebook["cells"] if not cell["id"].startswith("exercise")]
    lengths = sorted(len(source(cell).splitlines()) for cell in code(notebook) if not FOLDED & set(tags(cell)))
    row = longest = 0
    for cell in cells:
        row = 0 if cell["cell_type"] == "markdown" else row + (not FOLDED & set(tags(cell)))
        longest = max(longest, row)
    return {
        "cells": len(cells),
        "median": median(lengths),
        "90th percentile": lengths[int(0.9 * (len(lengths) - 1))],
        "longest": lengths[-1],
        "in a row": longest,
    }


def too_much(notebook: dict) -> list[str]:
    """What of a finished chapter's rhythm is over its limit."""
    return [
        f"{name}: {value:g}, more than {LIMITS[name]}"
        for name, value in rhythm(notebook).items()
        if value > LIMITS[name]
    ]


def training_cells(notebook: dict) -> list[str]:
    """The ids of the cells that train: they call fit, or a function of this notebook that does."""
    trains, found = {"fit"}, []
    for cell in code(notebook):
        tree = ast.parse(source(cell))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        inside = {id(node) for function in functions for node in ast.walk(function)}
        trains |= {function.name for function in functions if any(_calls(trains, n) for n in ast.walk(function))}
        if any(_calls(trains, node) for node in ast.walk(tree) if id(node) not in inside):
            found.append(cell["id"])
    return found


def _calls(names: set[str], node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    return getattr(called, "id", getattr(called, "attr", None)) in names


def trainings_have_gates(notebook: dict) -> list[str]:
    """A cell that trains is tagged, and the next code cell is its gate."""
    wrong, cells, training = [], code(notebook), training_cells(notebook)
    for cell, after in zip(cells, [*cells[1:], None], strict=True):
        if cell["id"] in training:
            if not {TRAINING, IGNORE} <= set(tags(cell)):
                wrong.append(f"{cell['id']} trains: tag it {TRAINING} and {IGNORE}")
            if after is None or GATE not in tags(after) or "training.gate(" not in source(after):
                wrong.append(f"{cell['id']} trains: the next code cell must be tagged {GATE} and call training.gate")
    return wrong


def enough_is_compared(notebook: dict) -> list[str]:
    """Nothing is skipped, and most cells with outputs are compared by nbval."""
    wrong = [f"{cell['id']} is tagged nbval-skip" for cell in code(notebook) if "nbval-skip" in tags(cell)]
    speaking = [cell for cell in code(notebook) if cell["outputs"]]
    compared = sum(IGNORE not in tags(cell) for cell in speaking)
    if speaking and compared < COMPARED * len(speaking):
        wrong.append(f"{compared} of {len(speaking)} cells with outputs are compared, fewer than {COMPARED:.0%}")
    return wrong


def numbers_are_measured(notebook: dict) -> list[str]:
    """No measured number is typed into prose: a cell displays it. Published ones carry the mark of a citation."""
    return [
        f"{cell['id']} types {match.group(0)!r} into prose"
        for cell in notebook["cells"]
        if cell["cell_type"] == "markdown" and CITED not in source(cell)
        for match in MEASURED.finditer(re.sub(r"<details>.*?</details>", "", source(cell), flags=re.DOTALL))
    ]


def code_is_ours(notebook: dict) -> list[str]:
    """Keras only, no pickle, no global randomness, no machine's paths, no PSNR of one's own."""
    forbidden = {
        r"\bimport tensorflow|\bfrom tensorflow": "imports tensorflow: use keras and keras.ops",
        r"\bpickle\b|allow_pickle": "uses pickle",
        r"np\.random\.(?!default_rng|Generator)": "uses NumPy's global randomness: pass a Generator",
        r"log10\(": "computes decibels itself: PSNR lives in lessons_lib.metrics",
        r"""["'](/|[A-Z]:\\)""": "names an absolute path",
        r"^\s*[!%]": "runs a shell or a magic command",
    }
    return [
        f"{cell['id']} {complaint}"
        for cell in code(notebook)
        for pattern, complaint in forbidden.items()
        if re.search(pattern, source(cell), re.MULTILINE)
    ]


def imports_exist(notebook: dict) -> list[str]:
    """What is imported from lessons_lib is there."""
    from importlib.util import find_spec

    wrong = []
    for cell in code(notebook):
        for node in ast.walk(ast.parse(source(cell))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lessons_lib":
                whole = node.module == "lessons_lib"
                names = [f"lessons_lib.{alias.name}" for alias in node.names] if whole else [node.module]
                wrong += [f"{cell['id']} imports {name}" for name in names if find_spec(name) is None]
    return wrong


def starts_with_a_title(notebook: dict) -> list[str]:
    prose = [source(cell) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    unfenced = re.sub(r"```.*?```", "", "\n".join(prose), flags=re.DOTALL)  # in a solution, "# " is a comment
    titles = len(re.findall(r"^# ", unfenced, re.MULTILINE))
    fine = source(notebook["cells"][0]).startswith("# ")
    return [] if fine and titles == 1 else [f"it must start with its one title; there are {titles}"]


RULES = [
    was_executed,
    has_outputs,
    has_figures,
    is_clean,
    errors_are_meant,
    pictures_are_fine,
    cells_are_short,
    only_exercises_are_folded,
    trainings_have_gates,
    enough_is_compared,
    numbers_are_measured,
    code_is_ours,
    imports_exist,
    starts_with_a_title,
]
