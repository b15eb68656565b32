import json
import os

import nbformat
import pytest

from lessons_grader import notebooks
from lessons_grader.notebooks import CourseError

CELLS = [
    notebooks.markdown_cell("a", "# Title\n\ntext", {}),
    notebooks.code_cell("b", "x = 1\ny = 2", {"nbgrader": {"grade_id": "q1"}}),
]


def test_what_is_written_is_valid_comes_back_and_is_the_same_each_time(tmp_path):
    data = notebooks.write(CELLS, {"course": {"name": "x"}})
    assert data == notebooks.write(CELLS, {"course": {"name": "x"}})
    nbformat.validate(nbformat.reads(data.decode(), 4))
    (tmp_path / "n.ipynb").write_bytes(data)
    back = notebooks.read(tmp_path / "n.ipynb")
    assert [cell["source"] for cell in back["cells"]] == ["# Title\n\ntext", "x = 1\ny = 2"]
    assert [notebooks.grade_id(cell) for cell in back["cells"]] == ["", "q1"]
    assert back["metadata"]["course"] == {"name": "x"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"nbformat": 3, "cells": []}',
        b'{"nbformat": 4, "cells": {}}',
        b'{"nbformat": 4, "cells": [3]}',
        b'{"nbformat": 4, "cells": [{"source": [1]}]}',
    ],
)
def test_what_is_no_notebook_is_refused_by_name(data):
    with pytest.raises(CourseError, match=r"^mine\.ipynb "):
        notebooks.parse(data, "mine.ipynb")


def test_strange_metadata_is_no_metadata():
    cell = {"cell_type": "code", "source": "x", "metadata": {"nbgrader": ["grade_id"]}}
    data = json.dumps({"nbformat": 4, "cells": [cell, {"source": "", "metadata": 3}]}).encode()
    assert [notebooks.grade_id(cell) for cell in notebooks.parse(data, "n")["cells"]] == ["", ""]


def test_links_devices_folders_and_giants_are_refused(tmp_path, monkeypatch):
    (tmp_path / "n.ipynb").write_bytes(notebooks.write(CELLS, {}))
    (tmp_path / "link.ipynb").symlink_to("n.ipynb")
    os.mkfifo(tmp_path / "pipe.ipynb")
    for name in ("link.ipynb", "gone.ipynb", "."):
        with pytest.raises(CourseError):
            notebooks.load(tmp_path / name)
    with pytest.raises(CourseError):
        notebooks.read(tmp_path / "pipe.ipynb")
    monkeypatch.setattr(notebooks, "LARGEST", 50)
    with pytest.raises(CourseError, match="clear the outputs"):
        notebooks.load(tmp_path / "n.ipynb")
