"""Slides of the chapters: `python -m tools.publish.slides [NAME ...] [-o FOLDER]`, which no network is needed to show.

nbconvert turns what a notebook carries into a reveal.js deck, by rule, so that no slide can be older than its chapter:
headings, questions, lists, formulas, figures, tables and short code are shown, all other prose becomes speaker notes
(key S); quiz and exercises follow, solutions do not. Nothing runs: pictures and numbers are the chapter's outputs.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor, TagRemovePreprocessor
from traitlets.config import Config

from lessons_lib import datasets
from tools.publish import kit

ROOT = Path(__file__).resolve().parents[2]

BOOK = ROOT / "book"
DECK = Path(__file__).with_name("slides_deck")
MATHJAX = BOOK / "_vendor" / "mathjax" / "tex-svg.js"
OUT = BOOK / "_build" / "kit" / "slides"
LONGEST = 14  # lines of code that an audience reads
END = "further"  # from this cell on: further reading
NO_CODE, NO_OUTPUT = "no-code", "no-output"
LINK = re.compile(r"\[([^\]]+)\]\([\w.-]+\.(?:ipynb|md)(?:#[\w-]*)?\)")  # to pages that do not lie beside
LICENCE = """## Credits

{title}, a chapter of *From pixels to RIDNet*. Text and figures: CC BY 4.0. Code: MIT.
"""


def pieces(text: str) -> list[str]:
    """Markdown cut at empty lines; code between fences and formulas between dollars stay whole."""
    found, current, fence = [], [], None
    for line in text.splitlines():
        mark = next((m for m in ("```", "$$") if line.strip().startswith(m)), None)
        if mark and not (mark == "$$" and line.strip().count("$$") == 2):
            fence = None if fence == mark else (fence or mark)
        if line.strip() or fence:
            current.append(line)
        elif current:
            found.append("\n".join(current))
            current = []
    return [*found, "\n".join(current)] if current else found


def is_shown(piece: str) -> bool:
    """Whether a piece of prose is for the audience: a question, a list, a table, a formula, a line in bold."""
    bold = re.fullmatch(r"\*\*[^*]+\*\*", piece.strip())
    return bool(bold) or piece.lstrip().startswith(("**Ask first", "- ", "1. ", "| ", "$$", "!["))


def sections(text: str) -> list[tuple[str, list[str]]]:
    """(heading or "", pieces) of a cell of prose, cut before each heading of the first two levels."""
    found: list[tuple[str, list[str]]] = [("", [])]
    for piece in pieces(text):
        if re.match(r"##? ", piece):
            heading, _, rest = piece.partition("\n")
            found.append((heading, [rest] if rest.strip() else []))
        else:
            found[-1][1].append(piece)
    return [(heading, parts) for heading, parts in found if heading or parts]


def slides(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook of a chapter's slides: its cells, each a slide (`slideshow` in the metadata) or speaker notes."""
    made = _Maker()
    cells = [cell for cell in notebook.cells if not cell.id.startswith("exercise") or cell.cell_type == "markdown"]
    for cell in cells:
        if cell.id == END:
            break
        if cell.id == "quiz":
            made.quiz(cell.source)
        elif re.fullmatch(r"exercise-\d+-solution", cell.id):
            continue
        elif re.fullmatch(r"exercise-\d+", cell.id):
            made.slide(cell.source)
        elif cell.cell_type == "markdown":
            for heading, parts in sections(cell.source):
                made.prose(heading, parts)
        else:
            made.code(cell)
    made.heading(LICENCE.format(title=title(notebook)) + credits(notebook))
    chosen = nbformat.v4.new_notebook(cells=made.cells)
    chosen.metadata["title"] = title(notebook)
    return chosen


def title(notebook: nbformat.NotebookNode) -> str:
    """The heading of a chapter."""
    return notebook.cells[0].source.splitlines()[0].removeprefix("# ").strip()


def credits(notebook: nbformat.NotebookNode) -> str:
    """The pictures that a chapter's code names, with authors and licences; all photographs if it loads all."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    rows = datasets.credits()
    if "datasets.photos(" not in code:
        rows = [row for row in rows if re.search(rf"[\"']{re.escape(row['photograph'])}[\"']", code)]
    lines = [f"- {row['photograph']}, reduced: {row['author']}, {_plain(row['licence'])}" for row in rows]
    files = json.loads((ROOT / "data" / "manifest.json").read_text(encoding="utf-8"))["files"]
    small = [entry for entry in files if f"datasets.{entry['kind']}" in code and entry["kind"] != "photo"]
    lines += dict.fromkeys(f"- {entry['kind']}: {entry['author']}, {entry['licence']}" for entry in small)
    return "\n".join(["\n<div class='credits'>\n", *lines, "\n</div>"]) if lines else ""


def _plain(licence: str) -> str:
    return re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", licence)


class _Maker:
    """Collects the cells of a deck, and knows the section that it is in."""

    def __init__(self) -> None:
        self.cells: list[nbformat.NotebookNode] = []
        self.section = ""

    def heading(self, text: str) -> None:
        """A slide that starts a section."""
        self.section = "" if text.startswith("# ") else text.splitlines()[0].removeprefix("## ").strip()
        self._add(nbformat.v4.new_markdown_cell(text), "slide")

    def slide(self, text: str) -> None:
        """A slide below the last one that started a section."""
        self._where()
        self._add(nbformat.v4.new_markdown_cell(text), "-")

    def notes(self, text: str) -> None:
        if text.strip():
            self._add(nbformat.v4.new_markdown_cell(text), "notes")

    def prose(self, heading: str, parts: list[str]) -> None:
        shown = "\n\n".join(part for part in parts if is_shown(part))
        if heading:
            self.heading(f"{heading}\n\n{shown}")
        elif shown:
            self.slide(shown)
        self.notes("\n\n".join(part for part in parts if not is_shown(part)))

    def quiz(self, text: str) -> None:
        intro, *questions = re.split(r'(?=^<div class="quiz")', text, flags=re.MULTILINE)
        self.heading("## Quiz")
        self.notes(intro.partition("\n")[2])
        for question in questions:
            self.slide(question)

    def code(self, cell: nbformat.NotebookNode) -> None:
        """A slide with what a cell shows, or its code if that is short; none for imports, trainings and gates."""
        tags = set(cell.metadata.get("tags", []))
        pictured = any({"image/png", "text/markdown"} & set(output.get("data", {})) for output in cell.outputs)
        short = len(cell.source.splitlines()) <= LONGEST
        if cell.id == "setup" or tags & {"gate", "training", "remove-cell"} or not (pictured or short):
            return
        copy = nbformat.v4.new_code_cell(cell.source, outputs=cell.outputs)
        copy.metadata["tags"] = [NO_CODE] if pictured else []
        self._where()
        self._add(copy, "-")

    def _where(self) -> None:
        """Opens a slide below, and says to whom it belongs."""
        self._add(nbformat.v4.new_markdown_cell(f"<p class='where'>{self.section or '&nbsp;'}</p>"), "subslide")

    def _add(self, cell: nbformat.NotebookNode, kind: str) -> None:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(r"\1", cell.source)
        cell.id = f"slide-{len(self.cells)}"
        cell.metadata["slideshow"] = {"slide_type": kind}
        self.cells.append(cell)


def exporter() -> SlidesExporter:
    """nbconvert's, with a template that names no other host."""
    settings = Config()
    settings.TagRemovePreprocessor.enabled = True
    settings.TagRemovePreprocessor.remove_input_tags = {NO_CODE}
    settings.CSSHTMLHeaderPreprocessor.style = "a11y-high-contrast-light"
    settings.SlidesExporter.preprocessors = [TagRemovePreprocessor, CSSHTMLHeaderPreprocessor]
    settings.SlidesExporter.exclude_output_prompt = settings.SlidesExporter.exclude_input_prompt = True
    return SlidesExporter(
        config=settings, extra_template_basedirs=[str(DECK.parent)], template_name=DECK.name, anchor_link_text=""
    )


def write(names: list[str], out: Path) -> list[Path]:
    """Write the decks of these chapters, and what they need, into a folder; returns the decks' paths."""
    (out / "deck").mkdir(parents=True, exist_ok=True)
    for source in [*sorted((DECK / "reveal").iterdir()), DECK / "deck.js", DECK / "deck.css", MATHJAX]:
        shutil.copyfile(source, out / "deck" / source.name)
    paths = []
    for name in names:
        deck = slides(nbformat.read(BOOK / f"{name}.ipynb", as_version=4))
        paths.append(out / f"{name}.html")
        paths[-1].write_text(exporter().from_notebook_node(deck)[0], encoding="utf-8", newline="\n")
    return paths


def main() -> None:
    known = (path.stem for path in BOOK.glob("*.ipynb"))
    for path in write(*kit.asked(__doc__, "chapter", known, OUT)):
        print(path)


if __name__ == "__main__":
    main()
