"""Each claim on record stands in its chapter, and its evidence is there; a finished chapter keeps the rhythm."""

import json
import re
from pathlib import Path

import pytest

from tests.book import claims, rules

ROOT = Path(__file__).parents[2]
KEYS = set(re.findall(r"^@\w+\{([^,]+),", (ROOT / "book" / "references.bib").read_text(encoding="utf-8"), re.MULTILINE))


def notebook(name):
    return json.loads((ROOT / "book" / f"{name}.ipynb").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", claims.chapters())
def test_claims_stand_and_have_their_evidence(name):
    exercises = (ROOT / "book" / "exercises" / f"{name}.yml").read_text(encoding="utf-8")
    assert claims.wrong(claims.read(name), notebook(name), exercises, KEYS, ROOT / "results") == []


@pytest.mark.parametrize("name", claims.chapters())
def test_a_finished_chapter_keeps_the_rhythm(name):
    assert rules.too_much(notebook(name)) == []


@pytest.mark.parametrize("name", claims.chapters())
def test_a_finished_chapter_has_two_drawings(name):
    assert len(list(rules.drawings(notebook(name)))) >= 2


GOOD = {"claim": "It rises by itself.", "cell": "a", "evidence": {"run": ["b"]}, "changed": "no"}
CELLS = {
    "cells": [
        {"id": "a", "cell_type": "markdown", "source": ["So it *rises*\n", "by itself."]},
        {"id": "b", "cell_type": "code", "source": ["f()"], "outputs": [{"text": "1"}], "metadata": {}},
        {"id": "c", "cell_type": "code", "source": ["g()"], "outputs": [], "metadata": {}},
    ]
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, ""),
        ({"claim": "It falls."}, "does not stand in a"),
        ({"cell": "z"}, "no cell z"),
        ({"evidence": {"run": ["z"]}}, "no cell z"),
        ({"evidence": {"run": ["c"]}}, "c shows nothing"),
        ({"evidence": {"cite": ["nobody2000"]}}, "no nobody2000"),
        ({"evidence": {"results": ["none.json#x"]}}, "no results/none.json"),
        ({"evidence": {"results": ["there.json#x"]}}, "holds no 'x'"),
        ({"evidence": {}}, "evidence has the keys []"),
        ({"evidence": {"hope": True}}, "evidence has the keys ['hope']"),
        ({"extra": 1}, "has the keys"),
    ],
)
def test_a_claim_without_a_place_or_evidence_is_found(tmp_path, change, says):
    (tmp_path / "there.json").write_text("{}", encoding="utf-8")
    found = claims.wrong([GOOD | change], CELLS, "", set(), tmp_path)
    assert (found == []) if not says else (len(found) == 1 and says in found[0])


def test_cells_in_a_row_are_counted_without_folded_ones():
    cells = [
        {"id": str(n), "cell_type": "code", "source": ["x\n"] * n, "metadata": {}, "outputs": []} for n in range(1, 5)
    ]
    cells[1]["metadata"] = {"tags": ["hide-input"]}
    found = rules.rhythm({"cells": cells})
    assert found == {"cells": 4, "median": 3, "90th percentile": 3, "longest": 4, "in a row": 3}
    assert rules.too_much({"cells": cells}) == ["in a row: 3, more than 2"]
