"""`chapter.defined` runs the cells it is given, with their imports, and nothing else."""

import json

import numpy as np
import pytest

from tests.book.chapter import defined


@pytest.fixture
def book(tmp_path):
    sources = {
        "setup": "import no_such_module\nimport numpy as np\nfrom math import pi, tau\nimport os.path",
        "area": "def area(radius):\n    return pi * radius**2",
        "areas": ["def areas(radii):\n", "    return np.array([area(r) for r in radii])"],
        "boom": "raise RuntimeError('this cell was not asked for')",
    }
    cells = [{"cell_type": "code", "id": name, "source": text} for name, text in sources.items()]
    notebook = {"cells": [{"cell_type": "markdown", "id": "top", "source": "# Circles"}, *cells]}
    (tmp_path / "circles.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    return tmp_path


def test_cells_share_one_namespace_and_find_their_imports(book):
    areas = defined("circles", "area", "areas", book=book)["areas"]
    np.testing.assert_allclose(areas([1, 2]), [np.pi, 4 * np.pi])


def test_only_the_imports_that_are_mentioned_run(book):
    assert set(defined("circles", "area", book=book)) == {"__name__", "__builtins__", "pi", "area"}


@pytest.mark.parametrize("cell_id", ["top", "nowhere"])
def test_an_unknown_cell_is_named_with_those_there_are(book, cell_id):
    with pytest.raises(KeyError, match=f"no code cell {cell_id}: choose from setup, area, areas, boom"):
        defined("circles", cell_id, book=book)


def test_an_error_names_the_cell(book):
    with pytest.raises(RuntimeError) as caught:
        defined("circles", "boom", book=book)
    assert caught.tb.tb_next.tb_next.tb_frame.f_code.co_filename == "circles.ipynb:boom"
