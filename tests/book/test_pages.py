"""Every rendered page, opened from the disk with the network off and from a server, in light and in dark."""

from __future__ import annotations

import pytest

from tests.conftest import built_pages, new_context
from tools import browser as browsers
from tools.browser import Watched

pytestmark = pytest.mark.pages
COLAB = "https://colab.research.google.com/github/pixels-to-ridnet/pixels-to-ridnet/blob/main/book/"
PAGES = [name for name in built_pages() if name != "index.html"] or [
    "intro.html"
]  # an unbuilt book is skipped, or failed in CI, by the fixture `html`


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page_from_disk(schemes, html, name, scheme):
    watched = Watched(schemes[scheme], html.as_uri()).open((html / name).as_uri())
    try:
        assert watched.page.evaluate("document.documentElement.dataset.theme") == scheme
        watched.look_at_pictures()
        watched.look_for_barriers(others=scheme == "light")
        watched.look_at_width()
        if scheme == "light":  # what a phone shows differs in its parts, not in its colours
            watched.look_for_barriers(colours=False)
    finally:
        watched.page.close()
    assert not watched.problems, "\n".join(watched.problems)


@pytest.fixture(scope="module")
def served(chromium):
    return new_context(chromium, offline=False)


@pytest.mark.parametrize("name", PAGES)
def test_page_from_server(served, address, name):
    watched = Watched(served, address).open(address + name)
    watched.look_at_pictures()
    watched.page.close()
    assert not watched.problems, "\n".join(watched.problems)


def test_first_page_leads_to_the_introduction(schemes, html):
    watched = Watched(schemes["light"], html.as_uri())
    watched.page.goto((html / "index.html").as_uri())
    watched.page.wait_for_url("**/intro.html")
    watched.page.close()


@pytest.mark.parametrize("place", ["disk", "server"])
def test_search_finds(schemes, served, html, address, place):
    """As a reader does it: press the button, type, Enter. `bottleneck` stands in the glossary."""
    context, home = (schemes["light"], html.as_uri() + "/") if place == "disk" else (served, address)
    watched = Watched(context, home).open(home + "intro.html")
    watched.page.locator(".search-button-field").first.click()
    watched.page.locator("dialog input[name=q]").fill("bottleneck")
    watched.page.keyboard.press("Enter")
    found = watched.page.locator("#search-results li a[href*='glossary.html']").first
    found.wait_for()
    found.click()
    watched.page.wait_for_url("**/glossary.html*")
    watched.page.close()
    assert not watched.problems, "\n".join(watched.problems)


@pytest.mark.parametrize("place", ["disk", "server"])
def test_switches_change_the_numbers(schemes, served, html, address, place):
    context, home = (schemes["light"], html.as_uri() + "/") if place == "disk" else (served, address)
    watched = Watched(context, home).open(home + "scoring.html")
    box = watched.page.locator(".switches")
    numbers = [float(text) for text in box.locator("td").all_inner_texts()]
    box.get_by_label("range").select_option("255")
    changed = [float(text) for text in box.locator("td").all_inner_texts()]
    watched.page.close()
    assert [after - before for before, after in zip(numbers, changed, strict=True)] == pytest.approx(
        [48.13] * 4, abs=0.02
    )
    assert not watched.problems, "\n".join(watched.problems)


def test_every_chapter_can_be_taken_along(html):
    """Each notebook's page has its notebook to download and a way to Colab."""
    notebooks = sorted(html.glob("_sources/*.ipynb"))
    assert notebooks
    for notebook in notebooks:
        page = (html / f"{notebook.stem}.html").read_text(encoding="utf-8")
        assert f'href="_sources/{notebook.name}"' in page
        assert COLAB + notebook.name in page


# The checks themselves: each must turn red on a page that has its fault, and stay silent on one that has none.
GOOD = "<p>Text</p><img src='dot.svg' alt='a dot'><img src='dot.svg' alt='' role='presentation'>"
BAD = {
    "outside request": "<script src='https://example.org/x.js'></script>",
    "outside request: https://example.org/f.woff2": "<style>@font-face{font-family:f;src:url(https://example.org/f.woff2)}"
    "p{font-family:f}</style><p>Text</p>",
    "console error": "<script>console.error('no')</script>",
    "page error": "<script>throw new Error('no')</script>",
    "did not load": "<link rel=stylesheet href=none.css>",
    "missing image": "<div style='height:9000px'></div><img loading=lazy src='none.png' alt='nothing'>",
    "image without alt text": "<img src='dot.svg' alt=''>",
    "image without alt text: dot.svg": "<img src='dot.svg'>",
    "wider than 390 px": "<table><tr><td style='min-width:600px'>wide</td></tr></table>",
    "small text in a drawing: 8.7 px: tiny": "<svg viewBox='0 0 390 50' style='width:260px'>"
    "<text y=20 style='font-size:13px'>tiny</text></svg>",
    "serious: color-contrast": "<p style='color:#bbb;background:#fff'>pale</p>",
    "serious: color-contrast (1 times)": 5 * "<p style='color:#757575'>alike</p>"
    + "<div style='background:#999'><p style='color:#757575'>the same colour on another ground</p></div>",
    "serious: color-contrast (3 times)": 4 * "<p style='color:#bbb' hidden>unseen</p><i style='color:#bbb'></i>"
    + 5 * "<p style='color:#bbb'>pale: three stand for all that look the same</p>",
    "critical: button-name": "<button></button>",
}


def problems_of(body: str, folder, context) -> list[str]:
    dot = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><circle r='9'/></svg>"
    (folder / "dot.svg").write_text(dot, encoding="utf-8")
    head = "<!doctype html><html lang=en><head><meta charset=utf-8><title>A page</title></head>"
    (folder / "page.html").write_text(f"{head}<body><main><h1>A page</h1>{body}</main></body></html>", encoding="utf-8")
    watched = Watched(context, folder.as_uri()).open((folder / "page.html").as_uri())
    watched.look_at_pictures()
    watched.look_for_barriers()
    watched.look_at_width()
    watched.page.close()
    return watched.problems


def test_good_page_passes(tmp_path, offline):
    assert problems_of(GOOD, tmp_path, offline) == []


@pytest.mark.parametrize("problem", BAD)
def test_bad_page_is_red(tmp_path, offline, problem):
    assert any(found.startswith(problem) for found in problems_of(GOOD + BAD[problem], tmp_path, offline))


def test_wide_box_that_scrolls_inside_itself_passes(tmp_path, offline):
    box = "<div tabindex=0 style='overflow-x:auto'><div style='width:900px'>wide</div></div>"
    assert problems_of(box, tmp_path, offline) == []


def test_browser_is_found_by_any_of_its_names(monkeypatch):
    for name in browsers.NAMES:
        monkeypatch.setattr(browsers.shutil, "which", lambda asked, name=name: asked == name and f"/bin/{name}")
        assert browsers.find_chromium() == f"/bin/{name}"


def test_without_a_browser_it_skips_here_and_fails_in_ci(monkeypatch):
    from tests.conftest import stop

    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no browser"):
        stop("no browser")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no browser"):
        stop("no browser")
