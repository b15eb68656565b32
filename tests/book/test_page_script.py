"""What book/_static/page.js does to a page, on pages made for it: it covers answers, and enlarges pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.book.test_extension import built
from tools.browser import Watched

pytestmark = pytest.mark.pages
BOOK = Path(__file__).parents[2] / "book"
CELL = "<div class='cell {tag} docutils container'><div class='cell_output docutils container'>{output}</div></div>"
QUESTION = """
# Page

:::{ask} Which filter wins?
- the median
- the *cosine* filter
:::
"""


@pytest.fixture
def page(tmp_path, offline):
    """A function: HTML after the question -> the page opened, with the script and style of the book."""
    pages = []

    def opened(after):
        body = "<section" + built(tmp_path, QUESTION).split("<section")[1].split("</section>")[0]
        scripts = [BOOK / "_vendor" / "medium-zoom" / "medium-zoom.min.js", BOOK / "_static" / "page.js"]
        head = f"<link rel=stylesheet href='{(BOOK / '_static' / 'book.css').as_uri()}'>"
        head += "".join(f"<script src='{script.as_uri()}'></script>" for script in scripts)
        (tmp_path / "p.html").write_text(
            f"<!doctype html><html lang=en><head><meta charset=utf-8><title>A page</title>{head}</head>"
            f"<body><main class='bd-article'>{body}{after}</section></main></body></html>",
            encoding="utf-8",
        )
        pages.append(Watched(offline, "file://").open((tmp_path / "p.html").as_uri()))
        return pages[-1].page

    yield opened
    for watched in pages:
        watched.page.close()
        assert not watched.problems, "\n".join(watched.problems)


def test_an_answer_is_covered_until_a_guess_is_made(page):
    answer = CELL.format(tag="tag_answer", output="<p>30 dB</p>")
    opened = page(answer + "<p>The median.</p><p>More.</p>")
    assert not opened.get_by_text("30 dB").is_visible()
    assert not opened.get_by_text("The median.").is_visible()
    assert opened.get_by_text("More.").is_visible()
    guess = opened.get_by_role("button", name="the cosine filter")
    guess.focus()
    opened.keyboard.press("Enter")
    assert guess.get_attribute("aria-pressed") == "true"
    assert opened.get_by_text("30 dB").is_visible()
    assert opened.get_by_text("The median.").is_visible()


def test_cells_before_the_answer_and_after_a_heading_stay_in_view(page):
    cells = CELL.format(tag="", output="<p>one</p>") + CELL.format(tag="tag_answer", output="<p>two</p>")
    opened = page(cells + "<h2>Next</h2>" + CELL.format(tag="tag_answer", output="<p>three</p>"))
    shown = {name: opened.get_by_text(name).is_visible() for name in ("one", "two", "three")}
    assert shown == {"one": True, "two": False, "three": True}


def test_a_question_whose_answer_is_not_there_keeps_its_list(page):
    opened = page("<p>Think about it.</p>")
    assert opened.get_by_role("listitem").count() == 2
    assert opened.get_by_role("button").count() == 0


def test_on_paper_nothing_is_covered(page):
    opened = page(CELL.format(tag="tag_answer", output="<p>30 dB</p>"))
    opened.emulate_media(media="print")
    assert opened.get_by_text("30 dB").is_visible()


def test_a_picture_is_enlarged_by_a_click_and_put_back_by_escape(page):
    dot = "data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22 width=%2290%22 height=%2260%22/>"
    opened = page(CELL.format(tag="", output=f"<img alt='a dot' src='{dot}' style='width:90px'>"))
    opened.locator("img").click()
    opened.locator(".medium-zoom-image--opened").first.wait_for()
    overlay = opened.locator(".medium-zoom-overlay")
    for _ in range(100):  # while it still grows it takes no key
        opened.keyboard.press("Escape")
        opened.wait_for_timeout(100)
        if not overlay.count():
            break
    assert not overlay.count()
