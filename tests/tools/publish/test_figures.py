"""Drawings leave the chapters as vectors, pixels stay pixels, and no notebook is changed."""

import copy
from xml.etree import ElementTree

import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure

from tools.publish import figures, notebooks

SVG = "{http://www.w3.org/2000/svg}"
CODE = """
import numpy as np
from lessons_lib import plots
plots.curves({"a": np.array([0.0, 1.0])}, xlabel="x", ylabel="y", alt="A line that rises to the right.", caption="Up.")
plots.show(np.eye(8), alt="A white diagonal on black, eight by eight.")
plots.curves({"b": np.array([1.0, 0.0])}, xlabel="x", ylabel="y", alt="A line that falls to the right & ends.")
"""


def line(values=(0, 1)):
    fig = Figure()
    fig.subplots().plot(values)
    return fig


def picture():
    fig = Figure()
    ax = fig.subplots()
    ax.imshow(np.eye(4))
    ax.set_title("four pixels")
    return fig


def bars():
    fig = Figure()
    fig.subplots().bar([1, 2], [3, 4])
    return fig


@pytest.mark.parametrize(("fig", "drawing"), [(line(), True), (bars(), True), (picture(), False)])
def test_a_drawing_is_more_than_pixels(fig, drawing):
    assert figures.is_drawing(fig) == drawing


def test_a_picture_with_a_frame_drawn_on_it_is_a_drawing():
    fig = picture()
    fig.axes[0].plot([1, 2], [1, 1])
    assert figures.is_drawing(fig)


def test_svg_says_what_it_shows_and_is_the_same_twice():
    text = figures.svg(line(), "A line & nothing else.", "Up <again>.")
    assert text == figures.svg(line(), "A line & nothing else.", "Up <again>.")
    assert text != figures.svg(line((1, 0)), "A line & nothing else.", "Up <again>.")
    root = ElementTree.fromstring(text)
    assert [(child.tag, child.text) for child in root[:2]] == [
        (f"{SVG}title", "Up <again>."),
        (f"{SVG}desc", "A line & nothing else."),
    ]
    assert root.get("role") == "img" and not list(root.iter(f"{SVG}text")), "letters are paths: no font is needed"
    assert len(list(root.iter(f"{SVG}path"))) > 5


@pytest.fixture(scope="module")
def sewing(tmp_path_factory):
    """A small chapter, run: its path, the names of its drawings, and the cells that look otherwise."""
    folder = tmp_path_factory.mktemp("book")
    path = folder / "sewing.ipynb"
    cells = [nbformat.v4.new_markdown_cell("# Sewing", id="title"), nbformat.v4.new_code_cell(CODE, id="seams")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    executed, _, _ = notebooks.execute(path)
    nbformat.write(executed, path)
    before = path.read_bytes()
    paths, other = figures.export(path, folder / "out")
    assert path.read_bytes() == before
    return executed, paths, other


def test_each_drawing_is_named_by_chapter_and_cell(sewing):
    executed, paths, other = sewing
    assert [path.name for path in paths] == ["sewing-seams.svg", "sewing-seams-2.svg"]
    assert [ElementTree.parse(path).findtext(f"{SVG}title") for path in paths] == [
        "Up.",
        "A line that falls to the right & ends.",
    ]
    assert sum("image/png" in output.get("data", {}) for output in executed.cells[1].outputs) == 3
    assert other == [], "a run draws what the page has"


def test_a_picture_that_is_not_the_pages_is_named(sewing):
    executed = sewing[0]
    other = copy.deepcopy(executed)
    pictures = [output for output in other.cells[1].outputs if "image/png" in output.get("data", {})]
    pictures[0]["data"]["image/png"] = pictures[2]["data"]["image/png"]
    assert figures.strangers(executed, executed) == []
    assert figures.strangers(executed, other) == ["seams"]


def test_code_before_the_first_cell_leaves_no_trace(tmp_path):
    path = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(told)", id="one")]), path)
    executed, _, _ = notebooks.execute(path, before="told = 3")
    assert [cell.id for cell in executed.cells] == ["one"]
    assert executed.cells[0].outputs[0].text == "3\n"


def test_an_unknown_chapter_is_refused(monkeypatch):
    monkeypatch.setattr("sys.argv", ["figures.py", "sewing"])
    with pytest.raises(SystemExit, match="no chapter sewing: choose from autoencoder"):
        figures.main()
