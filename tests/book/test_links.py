"""Nothing in the book leads nowhere: links and anchors, contents, vendored scripts, what front matter repeats."""

from __future__ import annotations

import hashlib
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"


class Page(HTMLParser):
    """The anchors of a page and the addresses it links to or loads."""

    def __init__(self, path: Path):
        super().__init__()
        self.anchors, self.links = set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors |= {attrs.get("id"), attrs.get("name")} - {None}
        self.links += [attrs[key] for key in ("href", "src") if attrs.get(key)]


def broken_links(html: Path) -> list[str]:
    """Each link inside the book that has no file or no anchor at its end."""
    names = [path for path in html.rglob("*.html") if "_static" not in path.relative_to(html).parts]
    pages = {path.resolve(): Page(path) for path in names}
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not target.exists():
                broken.append(f"{path.name}: {link}: no such file")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                broken.append(f"{path.name}: {link}: no such anchor")
    return broken


@pytest.mark.pages
def test_links_inside_the_book_resolve(html):
    assert broken_links(html) == []


@pytest.mark.parametrize("link", ["gone.html", "b.html#gone", "#gone", "_images/gone.png"])
def test_broken_link_is_found(tmp_path, link):
    (tmp_path / "b.html").write_text("<h1 id='here'>B</h1>", encoding="utf-8")
    (tmp_path / "a.html").write_text(f"<a href='b.html#here'>good</a><a href='{link}'>bad</a>", encoding="utf-8")
    assert [problem.split(": ")[1] for problem in broken_links(tmp_path)] == [link]


def toc_entries() -> list[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


def test_contents_and_folder_agree():
    sources = sorted(path.stem for suffix in ("md", "ipynb") for path in BOOK.glob(f"*.{suffix}"))
    assignments = [f"course/{path.stem}" for path in (BOOK / "assignments").glob("*.ipynb")]
    teaching = [f"teaching/{path.stem}" for path in (BOOK / "teaching").glob("*.md")]
    assert sorted(toc_entries()) == sorted(sources + assignments + teaching)


@pytest.mark.parametrize("path", sorted((BOOK / "_vendor").rglob("*.js")), ids=lambda path: path.stem)
def test_vendored_script_is_the_one_that_is_credited(path):
    script = path.read_bytes()
    assert hashlib.sha256(script).hexdigest() in (ROOT / "THIRD-PARTY.md").read_text(encoding="utf-8")


def test_colab_gets_the_versions_that_the_project_pins():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[\[>=<]", pin)[0]: pin for pin in project["dependencies"] if "<" in pin}
    line = next(x for x in (BOOK / "running.md").read_text(encoding="utf-8").splitlines() if x.startswith("%pip"))
    told = {re.split(r"[\[>=<]", pin)[0]: re.sub(r"\[.*?\]", "", pin) for pin in re.findall(r'"([^"]+)"', line)}
    assert told
    assert {name: wanted[name] for name in told} == told
    assert set(line.split()) >= {"typer", "pywavelets", "drawsvg"}  # what Colab does not bring


def test_glossary_has_no_term_twice_and_enough():
    text = (BOOK / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"(?m)^(?![#`:{ ])(\S.*)$", text.split("```{glossary}")[1])
    assert len(terms) == len({term.lower() for term in terms}) >= 45
    used = re.findall(r"\{term\}`([^`]+)`", text)
    assert {term.lower() for term in used} <= {term.lower() for term in terms}
