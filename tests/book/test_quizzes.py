"""Every quiz, answered in a browser as a reader does: by mouse, by keyboard, without scripts, and in JupyterLab."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

from tests.conftest import new_context
from tools import browser as browsers
from tools.browser import Watched
from tools.publish import exercises

pytestmark = pytest.mark.pages
CHAPTERS = sorted(path.stem for path in exercises.SOURCES.glob("*.yml"))


def plain(text: str) -> str:
    """As the browser shows it: no marks of Markdown, single spaces."""
    return " ".join(text.replace("`", "").replace("*", "").split())


def shown(locator) -> str:
    return plain(locator.inner_text())


def click(page, summary) -> None:
    summary.click()


def press(page, summary) -> None:
    """Tab leads to the answer from whatever stands before it, and the space bar opens it."""
    for _ in range(6):  # a heading has a link of its own, and in JupyterLab a button
        page.keyboard.press("Tab")
        if summary.evaluate("e => e === document.activeElement"):
            break
    assert summary.evaluate("e => e === document.activeElement"), f"Tab does not reach {shown(summary)!r}"
    page.keyboard.press("Space")


def answer_all(page, questions: list[dict], choose) -> None:
    """Open each answer of each question and read what it says: nothing before, the reason after."""
    boxes = page.locator(".quiz")
    assert boxes.count() == len(questions)
    for box, question in zip(boxes.all(), questions, strict=True):
        assert plain(question["ask"]) in shown(box.locator("p").first)
        choices = box.locator("details")
        assert choices.count() == 1 + len(question["wrong"])
        verdicts = []
        for choice, (text, why, right) in zip(choices.all(), exercises.answers(question), strict=True):
            summary, reason = choice.locator("summary"), choice.locator("p")
            assert shown(summary).endswith(plain(text))
            assert not reason.is_visible()
            choose(page, summary)
            reason.wait_for(state="visible")
            assert shown(reason) == ("Right. " if right else "Not so. ") + plain(why)
            verdicts.append(right)
        assert sum(verdicts) == 1


@pytest.mark.parametrize(("choose", "scheme"), [(click, "light"), (press, "dark")], ids=["mouse", "keyboard"])
@pytest.mark.parametrize("name", CHAPTERS)
def test_every_quiz_is_answered_on_its_page(schemes, html, name, choose, scheme):
    """And with all answers open, each scheme once, it is readable on a phone."""
    watched = Watched(schemes[scheme], html.as_uri()).open((html / f"{name}.html").as_uri())
    page = watched.page
    try:
        # The tab stop before the quiz, from where a reader's Tab comes to the first answer.
        page.evaluate("""() => {
          const stop = document.createElement("a"); stop.href = "#quiz"; stop.textContent = "here";
          document.querySelector(".quiz").before(stop); stop.focus(); }""")
        answer_all(page, exercises.read(exercises.SOURCES / f"{name}.yml")["quiz"], choose)
        watched.look_at_width()
        watched.look_for_barriers(within=".quiz")
    finally:
        page.close()
    assert not watched.problems, "\n".join(watched.problems)


def test_a_quiz_needs_no_script(chromium, html):
    context = chromium.new_context(offline=True, java_script_enabled=False, viewport=browsers.PHONE)
    page = context.new_page()
    page.goto((html / "convolution.html").as_uri())
    answer_all(page, exercises.read(exercises.SOURCES / "convolution.yml")["quiz"], click)
    context.close()


# The checks themselves: each must turn red on a quiz that has its fault.
FAULTS = {
    "a reason in the wrong place": lambda text: text.replace("Right.", "Not so.", 1),
    "an open answer": lambda text: text.replace("<details>", "<details open>", 1),
    "an answer that Tab does not reach": lambda text: text.replace("<summary>", '<summary tabindex="-1">', 1),
    "a question less": lambda text: text.replace('class="quiz"', 'class="none"', 1),
}


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_a_faulty_quiz_is_red(offline, tmp_path, fault):
    questions = exercises.read(exercises.SOURCES / "convolution.yml")["quiz"]
    body = exercises.quiz(questions)
    body = FAULTS[fault](body) if fault else body
    head = "<!doctype html><html lang=en><meta charset=utf-8><title>A quiz</title><a href='#' autofocus>here</a>"
    (tmp_path / "quiz.html").write_text(head + body, encoding="utf-8")
    page = offline.new_page()
    page.goto((tmp_path / "quiz.html").as_uri())
    with pytest.raises(AssertionError) if fault else contextlib.nullcontext():
        answer_all(page, questions, press)
    page.close()


@contextlib.contextmanager
def jupyterlab(folder):
    """JupyterLab on this folder, at the address it gives."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    words = ["-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0"]
    words += [f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=", "--ServerApp.log_level=ERROR"]
    places = {name: str(folder / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    server = subprocess.Popen(
        [sys.executable, *words], env={**os.environ, **places}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), urllib.request.urlopen(address + "api", timeout=5):
                break
            assert server.poll() is None, "JupyterLab did not start"
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A Lab that holds each chapter's quiz cell as it is committed, and does not trust it."""
    folder = tmp_path_factory.mktemp("lab")
    for name in CHAPTERS:
        notebook = nbformat.read(exercises.BOOK / f"{name}.ipynb", 4)
        notebook.cells = [cell for cell in notebook.cells if cell.id == "quiz"]
        nbformat.write(notebook, folder / f"{name}.ipynb")
    with jupyterlab(folder) as address:
        yield address


@pytest.mark.parametrize("choose", [click, press], ids=["mouse", "keyboard"])
def test_a_quiz_is_answered_in_jupyterlab(chromium, lab, choose):
    context = new_context(chromium, offline=False)
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(lab + "doc/tree/convolution.ipynb?reset")
    page.locator(".quiz").last.wait_for()
    page.locator("h2", has_text="Quiz").click()  # chooses the cell; from here Tab goes on
    answer_all(page, exercises.read(exercises.SOURCES / "convolution.yml")["quiz"], choose)
    context.close()
