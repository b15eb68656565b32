"""Quizzes and exercises, book/exercises/NAME.yml, into notebooks: `python -m tools.publish.exercises [NAME ...]`.

A source holds five questions, and the exercises with the cell that checks an answer, the folded solution, and wrong
answers that the check must hint at. They become cells before "Further reading"; a second run changes nothing. The quiz
is HTML that needs no script, so it works on the page and in JupyterLab, which runs none in a Markdown cell.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import html
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import yaml
from markdown_it import MarkdownIt
from nbclient import NotebookClient

from tools.publish import notebooks

ROOT = Path(__file__).resolve().parents[2]

BOOK = ROOT / "book"
SOURCES = BOOK / "exercises"
OURS = re.compile(r"quiz|exercises|exercises-import|exercise-\d+(-check|-solution)?")
OLD = re.compile(r"^## Exercises\n.*?(?=^## Further reading)", re.MULTILINE | re.DOTALL)
ANCHOR = "## Further reading"
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
QUIZ = """## Quiz

Choose an answer by opening it, with the mouse or with Tab and the space bar. It tells whether it is right, and why.
Then open the others: they are mistakes that people really make."""
EXERCISES = """## Exercises

In JupyterLab, put your answer in place of the three dots and run the cell: it gives a hint, as often as you like.
Solutions are folded away below; they run as they stand, with all that this chapter has defined."""
# On the page, where nobody runs them:
FOLDED, ABSENT = {"tags": ["hide-cell"]}, {"tags": ["remove-cell"]}


def read(path: Path) -> dict:
    """A chapter's source: `quiz`, a list of ask, right and wrong; `exercises`, a list of title, task, check, ..."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def formatted(codes: list[str]) -> list[str]:
    """Pieces of Python as ruff writes them in notebooks."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.py" for number in range(len(codes))]
        for path, code in zip(paths, codes, strict=True):
            path.write_text(code, encoding="utf-8")
        command = [sys.executable, "-m", "ruff", "format", "--no-cache", "--config", str(BOOK / "ruff.toml")]
        done = subprocess.run([*command, folder], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr.strip())
        return [path.read_text(encoding="utf-8").rstrip("\n") for path in paths]


def inline(text: str) -> str:
    """Markdown within a line as HTML, for in a line of HTML no Markdown is read."""
    return MarkdownIt().renderInline(" ".join(text.split()))


def answers(question: dict) -> list[tuple[str, str, bool]]:
    """(answer, why, right or not) of a question, in an order that only their words decide."""
    made = [(*question["right"], True), *((*pair, False) for pair in question["wrong"])]
    return sorted(made, key=lambda answer: hashlib.sha256(answer[0].encode()).hexdigest())


def quiz(questions: list[dict]) -> str:
    """The Markdown of a quiz."""
    parts = [QUIZ]
    for number, question in enumerate(questions, 1):
        lines = [f'<div class="quiz" role="group" aria-label="Question {number}">']
        lines.append(f"<p><strong>{number}.</strong> {inline(question['ask'])}</p>")
        for letter, (answer, why, right) in zip("ABCDE", answers(question), strict=False):
            kind, word = ("right", "Right.") if right else ("wrong", "Not so.")
            lines.append(f"<details><summary>{letter}. {inline(answer)}</summary>")
            lines.append(f'<p class="{kind}"><strong>{word}</strong> {inline(why)}</p></details>')
        parts.append("\n".join([*lines, "</div>"]))
    return "\n\n".join(parts)


def cells(source: dict) -> list[nbformat.NotebookNode]:
    """All cells of a chapter's quiz and exercises, code cells without outputs."""
    made = [
        nbformat.v4.new_markdown_cell(quiz(source["quiz"]), id="quiz"),
        nbformat.v4.new_markdown_cell(EXERCISES, id="exercises"),
        nbformat.v4.new_code_cell("from lessons_lib import exercises", id="exercises-import", metadata=ABSENT),
    ]
    exercises = source["exercises"]
    fenced = [FENCE.findall(exercise["solution"]) for exercise in exercises]
    neat = iter(formatted([exercise["check"] for exercise in exercises] + [code for codes in fenced for code in codes]))
    checks = [next(neat) for _ in exercises]
    for number, (exercise, check) in enumerate(zip(exercises, checks, strict=True), 1):
        name, task = f"exercise-{number}", exercise["task"].strip()
        solution = FENCE.sub(lambda _: f"```python\n{next(neat)}\n```", exercise["solution"].strip())
        folded = f"<details><summary>Solution of exercise {number}</summary>\n\n{solution}\n\n</details>"
        made += [
            nbformat.v4.new_markdown_cell(f"**{number}. {html.escape(exercise['title'])}.** {task}", id=name),
            nbformat.v4.new_code_cell(check, id=f"{name}-check", metadata=FOLDED),
            nbformat.v4.new_markdown_cell(folded, id=f"{name}-solution"),
        ]
    return made


def place(notebook: nbformat.NotebookNode, made: list[nbformat.NotebookNode]) -> None:
    """Put the cells before "Further reading", in place of those of another run and of exercises in prose."""
    stay = [cell for cell in notebook.cells if not OURS.fullmatch(cell.id)]
    for position, cell in enumerate(stay):
        if cell.cell_type != "markdown":
            continue
        cell.source = OLD.sub("", cell.source)
        before, anchor, after = cell.source.partition(ANCHOR)
        if anchor:
            parts = [nbformat.v4.new_markdown_cell(anchor + after, id="further" if before else cell.id)]
            if before:
                cell.source = before.rstrip()
                parts.insert(0, cell)
            stay[position : position + 1] = [*parts[:-1], *made, parts[-1]]
            break
    else:
        raise SystemExit(f"no {ANCHOR!r} in this notebook, before which its exercises would stand")
    notebook.cells = stay
    count = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count


def run(made: list[nbformat.NotebookNode]) -> None:
    """Store what the cells say of an answer that was not given: it depends on nothing else in the notebook."""
    alone = nbformat.v4.new_notebook(cells=[cell for cell in made if cell.cell_type == "code"])
    quiet = ["--IPKernelApp.log_level=ERROR"]
    options = {"timeout": 120, "kernel_name": "python3", "record_timing": False, "coalesce_streams": True}
    NotebookClient(alone, extra_arguments=quiet, **options).execute()
    notebooks.clean(alone)


def written(name: str, execute: bool = True) -> tuple[str, str]:
    """A chapter's notebook as it is, and as it reads with its exercises in place; new cells are run if `execute`."""
    text = (BOOK / f"{name}.ipynb").read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    made = cells(read(SOURCES / f"{name}.yml"))
    known = {cell.source: cell.outputs for cell in notebook.cells if OURS.fullmatch(cell.id) and "outputs" in cell}
    for cell in made:
        if cell.cell_type == "code":
            cell.outputs = known.get(cell.source, [])
    if execute and any(cell.cell_type == "code" and cell.source not in known for cell in made):
        run(made)
    place(notebook, made)
    return text, notebooks.as_text(notebook)


def trials(notebook: nbformat.NotebookNode, source: dict | None) -> list[tuple[str, str]]:
    """(name, code) of all that must hold of a notebook's exercises, to be run in its kernel after its last cell.

    Each folded solution runs and its check has nothing to add; after each wrong answer of the source the check hints.
    """
    found, texts = [], {cell.id: cell.source for cell in notebook.cells}
    for name in [name for name in texts if re.fullmatch(r"exercise-\d+", name)]:
        number = int(name.removeprefix("exercise-"))
        code = "\n".join(FENCE.findall(texts[f"{name}-solution"]))
        check = without_dots(texts[f"{name}-check"])
        found.append((f"{name}: solution", f"{code}\n{check}\nassert hint_{number} == '', hint_{number}"))
        for wrong in source["exercises"][number - 1]["wrong"] if source else []:
            hinted = f"assert hint_{number}, 'the check has nothing to say against this wrong answer'"
            found.append((f"{name}: wrong answer", f"{wrong}\n{check}\n{hinted}"))
    return found


def without_dots(code: str) -> str:
    """A check's cell without the lines `name = ...` that wait for answers."""
    tree = ast.parse(code)
    tree.body = [node for node in tree.body if not _waits(node)]
    return ast.unparse(tree)


def _waits(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value is ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="chapters; all without")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a notebook would change")
    args = parser.parse_args()
    changed = []
    for name in args.names or sorted(path.stem for path in SOURCES.glob("*.yml")):
        before, after = written(name)
        if before != after:
            changed.append(name)
            if not args.check:
                notebooks.store(BOOK / f"{name}.ipynb", after)
        print(f"{name}: {'changed' if before != after else 'as before'}", flush=True)
    if args.check and changed:
        raise SystemExit(f"out of step with their sources: {', '.join(changed)}")


if __name__ == "__main__":
    main()
