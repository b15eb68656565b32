"""The book's own Sphinx extension."""

import importlib
import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book" / "_ext"))
pages = importlib.import_module("pages")


@pytest.mark.parametrize(("age", "outdated"), [(0, {"intro", "credits"}), (2**32, set())])
def test_pages_are_written_anew_when_a_style_is_newer(tmp_path, age, outdated):
    built = tmp_path / "search.html"
    built.touch()
    os.utime(built, (age, age))
    app, env = SimpleNamespace(outdir=tmp_path), SimpleNamespace(found_docs={"intro", "credits"})
    assert pages.outdated_pages(app, env, set(), set(), set()) == outdated


def test_nothing_is_outdated_before_the_first_build(tmp_path):
    app, env = SimpleNamespace(outdir=tmp_path), SimpleNamespace(found_docs={"intro"})
    assert pages.outdated_pages(app, env, set(), set(), set()) == set()


def test_pictures_get_their_size_and_scrolling_boxes_a_tab_stop(tmp_path):
    source = tmp_path / "dot.svg"
    source.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    body = '<img alt="a dot" src="_images/dot.svg" /><div class="pst-scrollable-table-container"><table>'
    finished = pages.finish_body(body, {"dot.svg": source})
    assert '<img loading="lazy" decoding="async" alt="a dot"' in finished
    assert '<div class="pst-scrollable-table-container" tabindex="0">' in finished


def test_a_folded_cell_is_called_what_it_says():
    finished = pages.finish_body('<summary aria-label="Toggle hidden content"><span>folded source</span></summary>', {})
    assert finished == "<summary><span>The code of this cell</span></summary>"


def test_the_costs_of_notebooks_are_those_that_were_measured():
    costs = importlib.import_module("pages.costs")
    measured = json.loads(costs.TABLE.read_text(encoding="utf-8"))["rows"]
    rows = costs.cost_rows()
    by_chapter = {row["Chapter"]: row for row in rows}
    chapters = sorted(path.stem for path in costs.BOOK.glob("*.ipynb"))
    assert sorted(costs.chapters()) == chapters == sorted(row["notebook"] for row in measured if row["budget"] == "cpu")
    for row in measured:
        if row["budget"] == "cpu":
            shown = by_chapter[f"[](/{row['notebook']}.ipynb)"]
            minutes, seconds = shown["Runs, min:s"].split(":")
            assert 60 * int(minutes) + int(seconds) == row["seconds"]
            assert shown["Memory at most, MB"].replace(",", "") == str(row["peak_mb"])
    minutes, seconds = rows[-1]["Runs, min:s"].strip("*").split(":")
    assert 60 * int(minutes) + int(seconds) == sum(row["seconds"] for row in measured if row["budget"] == "cpu")


def test_a_chapter_that_was_never_measured_stops_the_build(tmp_path, monkeypatch):
    costs = importlib.import_module("pages.costs")
    monkeypatch.setattr(costs, "TABLE", tmp_path / "notebooks.json")
    costs.TABLE.write_text('{"rows": [{"notebook": "pooling", "budget": "cpu", "seconds": 1, "peak_mb": 2}]}')
    with pytest.raises(KeyError, match="image-basics"):
        costs.cost_rows()


def built(folder, text):
    """A page as Sphinx renders it with the directive that asks."""
    (folder / "source").mkdir(exist_ok=True)
    (folder / "source" / "index.md").write_text(text, encoding="utf-8")
    settings = {"extensions": ["myst_parser"], "myst_enable_extensions": ["colon_fence"], "html_theme": "basic"}
    said = io.StringIO()
    places = (folder / "source", None, folder / "html", folder / "trees", "html")
    with docutils_namespace():
        sphinx = Sphinx(*places, confoverrides=settings, status=None, warning=said, freshenv=True)
        sphinx.add_directive("ask", pages.ask.Ask)
        sphinx.build()
    assert not said.getvalue(), said.getvalue()
    return (folder / "html" / "index.html").read_text(encoding="utf-8")


def test_a_question_is_there_with_its_guesses_without_any_script(tmp_path):
    page = built(tmp_path, "# Page\n\n:::{ask} Which `filter` wins?\n- the median\n- the *other*\n:::\n")
    box = page.partition('<div class="ask docutils container">')[2].partition("</div>")[0]
    assert "Ask first. </strong>Which <code" in box
    assert [line for line in box.splitlines() if line.startswith("<li>")] == [
        "<li><p>the median</p></li>",
        "<li><p>the <em>other</em></p></li>",
    ]


@pytest.mark.parametrize("content", ["", "one sentence", "- one guess", "- one\n- two\n\nand more"])
def test_a_question_without_guesses_stops_the_build(tmp_path, content):
    with pytest.raises(AssertionError, match="ask needs one list of 2 to 4 guesses"):
        built(tmp_path, f"# Page\n\n:::{{ask}} Why?\n{content}\n:::\n")
