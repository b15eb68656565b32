"""Every committed notebook keeps the rules, and every rule finds what it is there to find."""

import base64
import copy
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.book import rules

BOOK = Path(__file__).resolve().parents[2] / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_the_rule(path, rule):
    assert rule(read(path)) == []


def test_every_chapter_of_the_toc_is_a_notebook_and_the_other_way_round():
    toc = set(re.findall(r"file: ([\w-]+)\n", (BOOK.parent / "_toc.yml").read_text(encoding="utf-8")))
    notebooks = {path.stem for path in NOTEBOOKS}
    assert notebooks - toc == set()
    assert toc - notebooks - {path.stem for path in BOOK.glob("*.md")} == set()
    assert len(notebooks) >= 4


def png(picture=None):
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8) if picture is None else picture
    return base64.b64encode(cv2.imencode(".png", picture)[1].tobytes()).decode()


def good():
    """A small notebook that keeps every rule."""

    def cell(name, text, outputs=(), tags=()):
        metadata = {"tags": list(tags)} if tags else {}
        return {"cell_type": "code", "id": name, "metadata": metadata, "source": text, "outputs": list(outputs)}

    def printed(text):
        return {"output_type": "stream", "name": "stdout", "text": text}

    alt = {"image/png": {"alt": "a square of coloured noise"}}
    figure = {"output_type": "display_data", "data": {"image/png": png()}, "metadata": alt}
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
    cells = [
        {"cell_type": "markdown", "id": "top", "metadata": {}, "source": "# A title\n\nWe expect little."},
        cell("see", "plots.show(x, alt='a square of coloured noise')", [figure]),
        cell("say", "print(1)", [printed("1\n")]),
        cell("more", "print(2)", [printed("2\n")]),
        cell(
            "train",
            "history = training.fit(model, data, epochs=1)",
            [printed("e\n")],
            ["training", "nbval-ignore-output"],
        ),
        cell("gate", "training.gate(psnr, 20, 'PSNR')", [printed("ok\n")], ["gate", "nbval-ignore-output"]),
        cell("fail", "raise ValueError('no')", [error], ["raises-exception"]),
        cell("imports", "from lessons_lib import images", []),
    ]
    for count, one in enumerate((c for c in cells if c["cell_type"] == "code"), 1):
        one["execution_count"] = count
    metadata = {"kernelspec": {"name": "python3"}, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def change(name, **new):
    def changed(notebook):
        next(cell for cell in notebook["cells"] if cell["id"] == name).update(new)

    return changed


def strip_all(notebook):
    for cell in rules.code(notebook):
        cell["outputs"] = []


def blank_picture(notebook):
    notebook["cells"][1]["outputs"][0]["data"]["image/png"] = png(np.full((8, 8, 3), 255, np.uint8))


def big_picture(notebook):
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), np.uint8)
    notebook["cells"][1]["outputs"][0]["data"]["image/png"] = png(noise)


def no_alt(notebook):
    notebook["cells"][1]["outputs"][0]["metadata"] = {}


def ignore_most(notebook):
    for cell in notebook["cells"][1:4]:
        cell["metadata"] = {"tags": ["nbval-ignore-output"]}


STDERR = [{"output_type": "stream", "name": "stderr", "text": "warning\n"}]
BAD = [
    (rules.was_executed, change("say", execution_count=None)),
    (rules.was_executed, change("say", execution_count=7)),
    (rules.has_outputs, strip_all),
    (rules.has_outputs, change("say", outputs=[])),
    (rules.has_outputs, change("gate", outputs=[])),
    (rules.has_figures, change("see", outputs=[])),
    (rules.is_clean, change("say", outputs=STDERR)),
    (rules.is_clean, change("say", metadata={"execution": {"iopub.execute_input": "2026-01-01"}})),
    (rules.is_clean, lambda n: n["metadata"].update(widgets={})),
    (rules.is_clean, lambda n: n["metadata"].pop("kernelspec")),
    (rules.is_clean, lambda n: n["metadata"].update(language_info={"name": "python", "version": "3.11.7"})),
    (rules.errors_are_meant, change("fail", metadata={})),
    (rules.errors_are_meant, change("fail", outputs=[])),
    (rules.pictures_are_fine, blank_picture),
    (rules.pictures_are_fine, big_picture),
    (rules.pictures_are_fine, no_alt),
    (rules.cells_are_short, change("say", source="x = 1\n" * 31)),
    (rules.cells_are_short, lambda n: [c.update(source="x = 1\n" * 11) for c in rules.code(n)]),
    (rules.cells_are_short, lambda n: n["cells"][1].update(source="x = 1\n" * 31, metadata={"tags": ["hide-cell"]})),
    (rules.only_exercises_are_folded, change("say", metadata={"tags": ["hide-cell"]})),
    (rules.only_exercises_are_folded, change("imports", metadata={"tags": ["remove-cell"]})),
    (rules.trainings_have_gates, change("train", metadata={})),
    (rules.trainings_have_gates, change("gate", metadata={})),
    (rules.trainings_have_gates, change("gate", source="print('fine')")),
    (rules.trainings_have_gates, change("imports", source="model.fit(x, y)")),
    (rules.trainings_have_gates, change("say", source="def f(m):\n    return m\n\nmodel.fit(x, y)")),
    (rules.trainings_have_gates, change("say", source="def f(m):\n    m.fit(x)\n\n[f(m) for m in models]")),
    (rules.enough_is_compared, ignore_most),
    (rules.enough_is_compared, change("say", metadata={"tags": ["nbval-skip"]})),
    (rules.numbers_are_measured, change("top", source="# A title\n\nIt reaches 27.3 dB.")),
    (rules.numbers_are_measured, change("top", source="# A title\n\nThe error falls by 12 % or so.")),
    (rules.code_is_ours, change("say", source="import tensorflow as tf")),
    (rules.code_is_ours, change("say", source="np.load(f, allow_pickle=True)")),
    (rules.code_is_ours, change("say", source="np.random.seed(0)")),
    (rules.code_is_ours, change("say", source="10 * np.log10(1 / mse)")),
    (rules.code_is_ours, change("say", source="open('/data/x.png')")),
    (rules.code_is_ours, change("say", source="!pip install x")),
    (rules.imports_exist, change("imports", source="from lessons_lib import no_such_room")),
    (rules.starts_with_a_title, change("top", source="No title")),
    (rules.starts_with_a_title, change("top", source="# One\n\n# Two")),
]


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_a_good_notebook_keeps_the_rule(rule):
    assert rule(good()) == []


@pytest.mark.parametrize(("rule", "break_it"), BAD)
def test_the_rule_finds_the_fault(rule, break_it):
    notebook = copy.deepcopy(good())
    break_it(notebook)
    assert rule(notebook)


def test_every_rule_is_proven():
    assert {rule for rule, _ in BAD} == set(rules.RULES)


def test_defining_a_training_is_not_training():
    notebook = good()
    change("say", source="def train(model):\n    return training.fit(model, data, epochs=1)")(notebook)
    assert rules.trainings_have_gates(notebook) == []


def test_checks_of_exercises_do_not_count_for_the_median():
    notebook = good()
    for cell in rules.code(notebook):
        cell.update(source="x = 1\n" * 20, metadata={"tags": ["hide-cell"]})
    change("say", metadata={}, source="x = 1")(notebook)
    assert rules.cells_are_short(notebook) == []


def test_a_cited_number_may_stand_in_prose():
    notebook = good()
    notebook["cells"][0]["source"] = "# T\n\nThe paper reports 39.26 dB. <!-- cited -->"
    assert rules.numbers_are_measured(notebook) == []
