"""The page says what its source says: no word is lost, no mark-up is left over, and each term is explained."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
NAMES = sorted(path.stem for path in BOOK.glob("*.ipynb"))
SILENT = {
    "script",
    "style",
    "svg",
    "pre",
    "code",
    "dt",
    "button",
}  # of an element's text, what is no sentence of the chapter's
RAW = re.compile(r"\*\*|\]\(|```|:::|\{term\}|\{ref\}|<!--|^#+ |\\\[|\\\(", re.MULTILINE)
NOT_WORDS = re.compile(
    r"```.*?^```|^:::.*$|^%.*$|\$\$.*?\$\$|\$[^$]*\$|`[^`]*`|<!--.*?-->|\]\([^)]*\)|<[^>]+>|^\s*(?:[-+>|]|\d+\.|#+)\s",
    re.MULTILINE | re.DOTALL,
)
EMPTY = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Text(HTMLParser):
    """The words of a page's article, without code that stands by itself and without formulas."""

    def __init__(self, path: Path):
        super().__init__()
        self.parts: list[str] = []
        self.open: list[tuple[str, bool]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        if tag in EMPTY:
            return
        classes = (dict(attrs).get("class") or "").split()
        self.open.append((tag, tag in SILENT or "math" in classes or "headerlink" in classes))
        if "math" in classes:
            self.parts.append(" \N{MIDDLE DOT} ")

    def handle_endtag(self, tag):
        if any(name == tag for name, _ in self.open):
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data):
        if any(tag == "article" for tag, _ in self.open) and not any(silent for _, silent in self.open):
            self.parts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.parts)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def lost(sources: list[str], page: str) -> list[str]:
    """The stretches of Markdown between code, formulas and addresses whose words stand nowhere on the page in a row."""
    shown = f" {' '.join(words(page))} "
    found = []
    for source in sources:
        for stretch in NOT_WORDS.sub("\n", source.replace("\\", "")).split("\n"):
            row = " ".join(words(stretch))
            if row and f" {row} " not in shown:
                found.append(stretch.strip())
    return found


def markdown(name: str) -> list[str]:
    """The chapter's own text cells."""
    cells = json.loads((BOOK / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    own = (
        cell for cell in cells if cell["cell_type"] == "markdown" and not cell["id"].startswith(("quiz", "exercise"))
    )
    return ["".join(cell["source"]) for cell in own]


@pytest.mark.pages
@pytest.mark.parametrize("name", NAMES)
def test_no_word_of_the_source_is_lost(html, name):
    assert lost(markdown(name), Text(html / f"{name}.html").text) == []


@pytest.mark.pages
def test_no_markup_is_left_in_any_page(html):
    pages = [path for path in html.rglob("*.html") if "_static" not in path.parts and path.name != "api.html"]  # a ** b
    texts = {path.relative_to(html).as_posix(): Text(path).text for path in pages}
    found = {name: [match.group() for match in RAW.finditer(text)] for name, text in texts.items()}
    assert {name: marks for name, marks in found.items() if marks} == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_chapter_says_how_long_it_takes(name):
    opening = " ".join("\n".join(markdown(name)[:4]).split())
    assert re.search(r"hours? of study", opening)
    assert re.search(r"minutes?[^.]*(?:machine|laptop)|machine[^.]*minutes?", opening)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("<p>one two three</p>", "four"),
        ("<p>one two <code>x</code> three four</p><script>five</script>", "five"),
    ],
)
def test_a_lost_line_is_found(tmp_path, body, says):
    (tmp_path / "a.html").write_text(f"<article>{body}</article>", encoding="utf-8")
    source = "one *two* `x` three\nfour\n\n[five](a.html)"
    missing = lost([source], Text(tmp_path / "a.html").text)
    assert any(says in line for line in missing)
    (tmp_path / "a.html").write_text("<article>one <em>two</em> <code>x</code> three four five</article>", "utf-8")
    assert lost([source], Text(tmp_path / "a.html").text) == []


@pytest.mark.parametrize(
    "left", ["a **bold** word", "a [link](b.html)", ":::{ask} What?", "see {term}`wave`", "<!-- x"]
)
def test_left_over_markup_is_found(tmp_path, left):
    (tmp_path / "a.html").write_text(f"<article><p>{left.replace('<', '&lt;')}</p></article>", encoding="utf-8")
    assert RAW.search(Text(tmp_path / "a.html").text)
    (tmp_path / "a.html").write_text(f"<article><p><code>x</code></p><pre>{left}</pre></article>", encoding="utf-8")
    assert not RAW.search(Text(tmp_path / "a.html").text)


# --- the glossary ---


def stems(text: str) -> frozenset[str]:
    """Words without the endings that a sentence gives them."""
    bare = (re.sub(r"(?<=\w{3})(?:ations?|ings?|e?s|e?d|e)$", "", word) for word in words(text.replace("-", "")))
    return frozenset(re.sub(r"(\w)\1$", r"\1", word) for word in bare)


def terms() -> list[str]:
    text = (BOOK / "glossary.md").read_text(encoding="utf-8").split("```{glossary}")[1]
    return re.findall(r"(?m)^(?![#`:{ ])(\S.*)$", text)


def unexplained(bold: list[str], known: list[str]) -> list[str]:
    """Bold words that begin small, as terms do, but share no entry's words: all of the entry's, or all of their own."""
    entries = [stems(re.sub(r"\(.*\)", "", term)) for term in known]
    small = [word for word in bold if word[0].islower()]
    return [word for word in small if not any(stems(word) <= entry or entry <= stems(word) for entry in entries)]


@pytest.mark.parametrize("name", NAMES)
def test_each_bold_term_is_in_the_glossary(name):
    bold = re.findall(r"\*\*([^*\n]{2,60})\*\*", "\n".join(markdown(name)))
    assert unexplained(bold, terms()) == []


def test_a_term_that_is_explained_nowhere_is_found():
    assert unexplained(["bending", "max pooling", "poolings", "Note"], ["pooling"]) == ["bending"]


def test_each_term_of_the_glossary_is_used():
    pages = [path.read_text(encoding="utf-8") for path in BOOK.rglob("*.md") if path.name != "glossary.md"]
    pages += [path.read_text(encoding="utf-8") for path in (BOOK / "exercises").glob("*.yml")]
    pages += [text for name in NAMES for text in markdown(name)]
    entries = (BOOK / "glossary.md").read_text(encoding="utf-8")
    used = {stem for page in pages for stem in stems(page)} | stems(" ".join(re.findall(r"\{term\}`([^`]*)`", entries)))
    assert [term for term in terms() if not stems(re.sub(r"\(.*\)", "", term)) <= used] == []
