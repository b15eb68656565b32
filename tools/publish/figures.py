"""The chapters' drawings as SVG: `python -m tools.publish.figures [NAME ...] [-o FOLDER]`, into FOLDER/NAME-CELL.svg.

A drawing is a figure with lines, bars, arrows or areas; one that holds pixels alone stays the PNG that it is. The
notebooks keep no vectors, so each named chapter runs once, in the budget of the book's pages (minutes; see
results/notebooks.json), and no notebook is changed. Alt text and caption go into the file.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from xml.etree import ElementTree

import nbformat

from tools.publish import kit, notebooks
from tools.pytest_plugins import nbval_pictures

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "book" / "_build" / "kit" / "figures"
MIME = "image/svg+xml"
SPACES = {"": "http://www.w3.org/2000/svg", "xlink": "http://www.w3.org/1999/xlink"}
# Runs in the kernel before the first cell: a drawing is published a second time, as SVG beside the PNG.
HOOK = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tools.publish import figures
figures.watch()
del sys, figures
"""


def is_drawing(fig) -> bool:
    """Whether a Matplotlib figure holds more than pictures: lines, bars, arrows, areas."""
    return any(ax.lines or ax.patches or ax.collections or ax.containers for ax in fig.axes)


def svg(fig, alt: str, caption: str | None = None) -> str:
    """A figure as SVG, its caption as title and its alt text as description; letters are paths, so no font is needed.

    The same bytes on each run.
    """
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "from pixels to RIDNet", "svg.fonttype": "path"}):
        fig.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    for prefix, space in SPACES.items():
        ElementTree.register_namespace(prefix, space)
    root = ElementTree.fromstring(buffer.getvalue())
    for tag, text in (("desc", alt), ("title", caption or alt)):
        node = ElementTree.Element(f"{{{SPACES['']}}}{tag}")
        node.text = text
        root.insert(0, node)
    root.set("role", "img")
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def watch() -> None:
    """From now on, in this process, `plots.figure` publishes each drawing as SVG too."""
    from IPython.display import display

    from lessons_lib import plots

    publish = plots.figure

    def figure(fig, *, alt: str, caption: str | None = None) -> None:
        publish(fig, alt=alt, caption=caption)
        if is_drawing(fig):
            display({MIME: svg(fig, alt, caption), "text/plain": alt}, raw=True)

    plots.figure = figure


def drawn(notebook: nbformat.NotebookNode, name: str) -> dict[str, str]:
    """{file name: SVG} of a notebook that ran with the hook: NAME-CELL.svg, NAME-CELL-2.svg for a cell's second."""
    found = {}
    for cell in notebook.cells:
        vectors = [o.data[MIME] for o in cell.get("outputs", []) if MIME in o.get("data", {})]
        for number, vector in enumerate(vectors, 1):
            found[f"{name}-{cell.id}{'' if number == 1 else f'-{number}'}.svg"] = "".join(vector)
    return found


def strangers(committed: nbformat.NotebookNode, now: nbformat.NotebookNode) -> list[str]:
    """Cells that did not draw what the page shows: on another machine a training ends a little elsewhere."""
    pages = {cell.id: nbval_pictures.pictures(cell.get("outputs", [])) for cell in committed.cells}
    runs = {cell.id: nbval_pictures.pictures(cell.get("outputs", [])) for cell in now.cells}
    return [name for name, drawn in runs.items() if nbval_pictures.difference(drawn, pages.get(name, []))]


def export(path: Path, out: Path) -> tuple[list[Path], list[str]]:
    """Run a notebook and write its drawings; the paths, and the cells that drew something else than the page has."""
    executed, _, _ = notebooks.execute(path, before=HOOK)
    out.mkdir(parents=True, exist_ok=True)
    found = drawn(executed, path.stem)
    for name, text in found.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    return [out / name for name in found], strangers(nbformat.read(path, as_version=4), executed)


def main() -> None:
    known = (path.stem for path in notebooks.BOOK.glob("*.ipynb"))
    names, out = kit.asked(__doc__, "chapter", known, OUT)
    os.environ.update(PYTHONHASHSEED="0", TF_CPP_MIN_LOG_LEVEL="3")
    for name in names:
        print(f"{name}: running ...", flush=True)
        paths, other = export(notebooks.BOOK / f"{name}.ipynb", out)
        for path in paths:
            print(path)
        if other:
            print(f"{name}: here these do not look as on the page: {', '.join(other)}")


if __name__ == "__main__":
    main()
