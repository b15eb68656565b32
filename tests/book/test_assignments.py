"""What the rendered book publishes of an assignment: page and notebook to answer; no solution, no hidden check."""

import functools
import html as markup
import json
import re
from pathlib import Path

import pytest
import snowballstemmer

import tasks
from lessons_grader import notebooks
from lessons_grader.authoring import source
from lessons_grader.grading import submissions
from tests.conftest import new_context

BOOK = Path(__file__).resolve().parents[2] / "book"
SOURCES = sorted((BOOK / "assignments").glob("*.ipynb"))
TEXT = {".html", ".ipynb", ".js", ".json", ".md", ".txt", ".py", ".inv", ""}
WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]{3,}")
STEMMER = snowballstemmer.stemmer("english")


def lines(text):
    return {line.strip() for line in text.splitlines() if len(line.strip()) > 6}


def read(path):
    """A published file as a reader's eye has it: no colours between the words, no escapes."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".ipynb":
        return sources_of(text.encode())
    return markup.unescape(re.sub(r"<[^>]*>", "", text)) if path.suffix == ".html" else text


def told():
    """What the book tells anyway: its chapters, the library (its docstrings are a page), and what is handed out."""
    chapters = [*BOOK.glob("*.ipynb"), *BOOK.glob("*.md")]
    texts = [read(path) for path in chapters] + [without_pictures(path) for path in chapters]  # and outputs
    texts += [path.read_text(encoding="utf-8") for path in (BOOK.parent / "lessons_lib").rglob("*.py")]
    return "\n".join(texts + [sources_of(source.student(source.read(path))) for path in SOURCES])


def without_pictures(path):
    """A file of the book as it is stored, less its pictures: millions of letters of base64, in which no word stands."""
    return re.sub(r'"image/png": "[^"]*"', "", path.read_text(encoding="utf-8"))


def sources_of(notebook):
    return "\n".join(cell["source"] for cell in notebooks.parse(notebook, "made")["cells"])


def words(text):
    """Words as they stand, and as a search index has them: "thinking" as "think"."""
    found = {word.lower() for word in WORD.findall(text)}
    return found | set(STEMMER.stemWords(sorted(found)))


@functools.cache
def secrets():
    """Lines, and words, that stand in solutions and hidden checks alone."""
    parts = [part for path in SOURCES for part in json.loads(source.bundle(source.read(path)))["cells"]]
    found = "\n".join(part["source"] for part in parts if part["kind"] != "setup")
    return lines(found) - lines(told()), words(found) - words(told())


def leaks(folder):
    """Each published file in which such a line stands, and each such word of the search index."""
    secret_lines, secret_words = secrets()
    assert len(secret_lines) > 50 and len(secret_words) > 3
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in TEXT:
            text = read(path)
            if path.suffix in {".js", ".json"}:  # their lines are not the text's
                found += [f"{path.name}: {line}" for line in secret_lines if len(line) > 25 and line in text]
            found += [f"{path.name}: {line}" for line in secret_lines & lines(text)]
            if path.name == "searchindex.js":
                found += [f"{path.name}: {word}" for word in secret_words & words(text)]
    return found


@pytest.mark.pages
def test_no_solution_and_no_hidden_check_is_published(html):
    assert leaks(html) == []
    names = {path.relative_to(html).as_posix() for path in html.rglob("*") if "assignments" in path.as_posix()}
    assert names == set()


@pytest.mark.parametrize("place", ["_sources/convolve.ipynb", "page.html", "searchindex.js", "_downloads/x/made.json"])
def test_what_is_published_by_mistake_is_found(tmp_path, place):
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    assignment = source.read(BOOK / "assignments" / "convolve.ipynb")
    if path.suffix == ".ipynb":
        path.write_bytes(source.solution(assignment))
    elif path.suffix == ".html":
        path.write_text('<span class="k">return</span> image <span>@</span> np.array([0.299, 0.587, 0.114])\n')
    elif path.suffix == ".js":
        path.write_text('Search.setIndex({"terms": {"outermost": [1]}})')
    else:
        path.write_text('{"line": "    return room // stride + 1 if room >= 0 else 0"}')
    assert leaks(tmp_path)
    path.write_bytes(source.page(assignment))
    assert path.suffix == ".js" or leaks(tmp_path) == []


@pytest.mark.pages
@pytest.mark.parametrize("name", [path.stem for path in SOURCES])
def test_both_downloads_of_a_page_can_be_graded(html, name):
    """The one that the page names, and the one behind the button that every page of the book has."""
    page = (html / "course" / f"{name}.html").read_text(encoding="utf-8")
    assert "colab.research" not in page, "the page is not in the repository, so Colab cannot open it"
    [link] = re.findall(r'<a class="reference download internal" download="" href="([^"]+)"', page)
    assert Path(link).name == f"{name}.ipynb"
    assignment = source.read(BOOK / "assignments" / f"{name}.ipynb")
    assert (html / "course" / link).read_bytes() == source.student(assignment)
    for offered in (html / "course" / link, html / "_sources" / "course" / f"{name}.ipynb"):
        answers, notes = submissions.answers(notebooks.read(offered), assignment.questions)
        assert list(answers) == assignment.questions and notes == []


@pytest.mark.pages
def test_a_student_presses_download_and_gets_the_file_by_its_name(chromium, address, tmp_path):
    context = new_context(chromium, offline=False)
    page = context.new_page()
    page.goto(address + "course/convolve.html")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download this notebook").click()
    saved = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(saved)
    context.close()
    assert saved.name == "convolve.ipynb"
    assert saved.read_bytes() == source.student(source.read(BOOK / "assignments" / "convolve.ipynb"))


def test_what_is_published_is_the_same_each_time_and_nothing_else(tmp_path):
    made, course = tmp_path / "made", tmp_path / "course"
    for kind, text in (("page", "p"), ("student", "s"), ("solution", "secret"), ("grader", "secret")):
        (made / kind).mkdir(parents=True)
        (made / kind / "sew.ipynb").write_text(text)
    (course / "student").mkdir(parents=True)
    (course / "student" / "old.ipynb").write_text("an assignment that is no more")
    for _ in range(2):
        tasks.publish_assignments(made, course)
        found = {path.relative_to(course).as_posix(): path for path in course.rglob("*") if path.is_file()}
        assert {name: path.read_text() for name, path in found.items()} == {
            "sew.ipynb": "p",
            "student/sew.ipynb": "s",
        }
        assert all(not path.stat().st_mode & 0o222 for path in found.values()), "answers written here would be lost"
