"""The slides hold what their chapters hold, by rule; in the browser each fits, and nothing comes from elsewhere."""

import hashlib
import re
from urllib.parse import urlsplit

import nbformat
import pytest

from tests.conftest import new_context
from tools.publish import exercises, slides

NAMES = sorted(path.stem for path in slides.BOOK.glob("*.ipynb"))
LOOK = """() => {
  const slide = Reveal.getCurrentSlide(), box = slide.getBoundingClientRect();
  const pictures = [...slide.querySelectorAll('img')];
  return {
    high: slide.scrollHeight, wide: slide.scrollWidth - slide.clientWidth, room: slide.clientHeight,
    letters: parseFloat(slide.style.fontSize), words: slide.innerText.trim().length, pictures: pictures.length,
    broken: pictures.filter(p => !p.naturalWidth || p.getBoundingClientRect().width < 40).length,
    mute: pictures.filter(p => p.alt.split(' ').length < 4).length,
    raw: /\\$[^$]+\\$|\\\\begin/.test(slide.innerText.replace(slide.querySelector('aside')?.innerText ?? '', '')),
  };
}"""


def read(name):
    return nbformat.read(slides.BOOK / f"{name}.ipynb", as_version=4)


def notebook(*cells):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Sewing\n\n**Why?**", id="title"), *cells])


def kinds(deck):
    return [cell.metadata["slideshow"]["slide_type"] for cell in deck.cells]


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    return {path.stem: path for path in slides.write(NAMES, tmp_path_factory.mktemp("slides"))}


def test_pieces_keep_code_and_formulas_whole():
    text = "One\nline\n\n```python\na = 1\n\nb = 2\n```\n\n$$\nx\n\ny\n$$\n\n$$ z $$\n\nlast"
    assert slides.pieces(text) == [
        "One\nline",
        "```python\na = 1\n\nb = 2\n```",
        "$$\nx\n\ny\n$$",
        "$$ z $$",
        "last",
    ]


def test_prose_becomes_notes_and_what_is_asked_is_shown():
    prose = "It was dark.\n\n## Night\n\nOwls.\n\n**Ask first.** How?\n\n- far\n- near\n\n[Day](day.ipynb#noon) came."
    deck = slides.slides(notebook(nbformat.v4.new_markdown_cell(prose, id="night")))
    assert kinds(deck)[:4] == ["slide", "notes", "slide", "notes"]
    assert deck.cells[2].source == "## Night\n\n**Ask first.** How?\n\n- far\n- near"
    assert deck.cells[3].source == "Owls.\n\nDay came."


def test_code_is_shown_if_it_is_short_and_pictures_without_it():
    table = nbformat.v4.new_output("display_data", {"text/markdown": "| a |\n|--|\n| 1 |"})
    cells = [
        nbformat.v4.new_code_cell("import os", id="setup"),
        nbformat.v4.new_code_cell("def f():\n    return 1", id="short"),
        nbformat.v4.new_code_cell("\n".join(f"a = {n}" for n in range(slides.LONGEST + 1)), id="long"),
        nbformat.v4.new_code_cell("show()", id="table", outputs=[table]),
        nbformat.v4.new_code_cell("fit()", id="fit", metadata={"tags": ["training"]}),
    ]
    deck = slides.slides(notebook(*cells))
    code = [cell for cell in deck.cells if cell.cell_type == "code"]
    assert [cell.source for cell in code] == ["def f():\n    return 1", "show()"]
    assert [cell.metadata["tags"] for cell in code] == [[], [slides.NO_CODE]]


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_before_the_quiz_is_on_a_slide_and_no_solution(name):
    chapter, deck = read(name), slides.slides(read(name))
    ends = [cell.id for cell in chapter.cells].index("quiz")
    hidden = {"gate", "training", "remove-cell"}

    def figures(cells):
        return [o.data["image/png"] for c in cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})]

    meant = [cell for cell in chapter.cells[:ends] if not hidden & set(cell.metadata.get("tags", []))]
    assert figures(deck.cells) == figures(meant) != []
    shown = "\n".join(cell.source for cell in deck.cells)
    assert "Solution of exercise" not in shown and ".ipynb" not in shown
    source = exercises.read(exercises.SOURCES / f"{name}.yml")
    assert all(exercises.inline(question["ask"]) in shown for question in source["quiz"])
    assert all(exercise["task"].strip().splitlines()[0] in shown for exercise in source["exercises"])
    assert kinds(deck).count("slide") >= 5


@pytest.mark.pages
def test_the_decks_name_no_other_host_and_no_outputs_are_older(decks):
    for name, path in decks.items():
        text = path.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]{1,80})', text)
        assert {urlsplit(address).scheme for address in loaded} <= {"", "data"}, name
        assert all((path.parent / a).is_file() for a in loaded if not a.startswith("data:"))
    [opening] = [cell for cell in read("pooling").cells if cell.id == "three-bridges"]
    assert opening.outputs[0].data["image/png"][:200] in decks["pooling"].read_text(encoding="utf-8")


def test_reveal_is_the_one_that_is_credited():
    credited = (slides.ROOT / "THIRD-PARTY.md").read_text(encoding="utf-8")
    for path in (slides.DECK / "reveal").glob("*.*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in credited, path.name


def walk(page):
    """Every slide of the deck that is open, as LOOK sees it, by its number."""
    page.wait_for_function("document.body.dataset.ready === 'yes'")
    seen = []
    for number in range(page.evaluate("Reveal.getTotalSlides()")):
        seen.append({"number": number + 1, **page.evaluate(LOOK)})
        page.keyboard.press("Space")
    return seen


def faults(slide):
    """What is wrong with a slide."""
    wrong = {
        "too high": slide["high"] > slide["room"],
        "too wide": slide["wide"] > 0,
        "letters too small": slide["letters"] < 14,
        "empty": not slide["words"] and not slide["pictures"],
        "a broken picture": slide["broken"],
        "a picture without alt text": slide["mute"],
        "a raw formula": slide["raw"],
    }
    return [f"slide {slide['number']}: {what}" for what, there in wrong.items() if there]


@pytest.mark.pages
@pytest.mark.parametrize("name", NAMES)
def test_every_slide_fits_and_nothing_is_fetched(chromium, decks, name):
    context = new_context(chromium)
    page, asked, said = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(decks[name].as_uri())
    seen = walk(page)
    last = page.evaluate("Reveal.isLastSlide()")
    context.close()
    assert len(seen) >= 30 and last, "the space bar leads from the first slide to the last"
    assert [fault for slide in seen for fault in faults(slide)] == []
    assert {urlsplit(url).scheme for url in asked} <= {"file", "data"}
    assert said == []


@pytest.mark.pages
def test_a_slide_that_does_not_fit_is_found(chromium, decks, tmp_path):
    text = decks["scoring"].read_text(encoding="utf-8")
    lines = "".join(f"<p>line {n}</p>" for n in range(80)) + '<img src="no.png" alt=""><p>$x^2$</p>'
    for path in decks["scoring"].parent.glob("deck/*"):
        (tmp_path / "deck").mkdir(exist_ok=True)
        (tmp_path / "deck" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "bad.html").write_text(text.replace("</h1>", f"</h1>{lines}", 1), encoding="utf-8")
    page = new_context(chromium).new_page()
    page.goto((tmp_path / "bad.html").as_uri())
    page.wait_for_function("document.body.dataset.ready === 'yes'")
    first = {"number": 1, **page.evaluate(LOOK)}
    page.context.close()
    found = " ".join(faults(first))
    assert all(word in found for word in ("too high", "broken", "alt text", "too small"))
