"""The instructor's pages name only what exists: plans add up, commands run, files are there."""

import json
import re
import shlex

import pytest
import yaml

import tasks
from lessons_grader.cli import app as course
from lessons_lib.cli import app

BOOK = tasks.ROOT / "book"
PAGES = [BOOK / "teaching.md", *sorted((BOOK / "teaching").glob("*.md"))]
CHAPTERS = sorted(path.stem for path in BOOK.glob("*.ipynb"))
LINK = re.compile(r"\]\(\.\./([\w-]+)\.ipynb\)")


def tables(text):
    """Each table of a Markdown text that has a header, as a list of dicts."""
    found = []
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()]
        found.append([dict(zip(rows[0], row, strict=True)) for row in rows[2:]])
    return found


def plans():
    text = (BOOK / "teaching" / "syllabus.md").read_text(encoding="utf-8")
    return {len(table): table for table in tables(text) if "Week" in table[0]}


def exercises(name):
    source = yaml.safe_load((BOOK / "exercises" / f"{name}.yml").read_text(encoding="utf-8"))
    return len(source["exercises"])


def faults(plan):
    """What is wrong with a plan: chapters left out or twice, exercises that are not there, wrong sums of minutes."""
    wrong, seen = [], []
    for row in plan:
        names = LINK.findall(row["Pages"])
        seen += names
        chosen = [[int(n) for n in part.split(",")] for part in row["Exercises"].split("·")]
        if len(chosen) != len(names):
            wrong.append(f"week {row['Week']}: exercises of {len(chosen)} chapters, pages of {len(names)}")
        for name, numbers in zip(names, chosen, strict=False):
            if max(numbers) > exercises(name) or len(set(numbers)) < len(numbers):
                wrong.append(f"week {row['Week']}: {name} has no exercises {numbers}")
        minutes = (40 + 10) * len(names) + 10 * sum(map(len, chosen))
        if int(row["Lab, minutes"]) != minutes:
            wrong.append(f"week {row['Week']}: {minutes} minutes by the plan's own rule")
    return wrong + ([] if sorted(seen) == CHAPTERS else ["not every chapter once"])


@pytest.mark.parametrize("weeks", [6, 12])
def test_a_plan_has_every_chapter_once_and_adds_up(weeks):
    plan = plans()[weeks]
    assert [row["Week"] for row in plan] == [str(week) for week in range(1, weeks + 1)]
    assert faults(plan) == []
    handed = " ".join(row["Assignment"] for row in plan)
    for number in range(1, 6):
        assert handed.index(f"{number} out") < handed.index(f"{number} in")


def test_a_wrong_plan_is_found():
    plan = [dict(row) for row in plans()[12]]
    plan[1]["Exercises"] = "1, 2, 3, 9"
    plan[2]["Lab, minutes"] = "100"
    plan[3]["Pages"] = plan[4]["Pages"]
    assert len(faults(plan)) == 3


def test_the_assignments_take_what_their_notebooks_say():
    text = (BOOK / "teaching" / "syllabus.md").read_text(encoding="utf-8")
    [table] = [table for table in tables(text) if "Minutes" in table[0]]
    assert len(table) == len(list((BOOK / "assignments").glob("*.ipynb")))
    for row in table:
        link = re.fullmatch(r"\[(\d) ([\w ]+)\]\(\.\./course/([\w-]+)\.ipynb\)", row["Assignment"])
        number, title, name = link.groups()
        about = json.loads((BOOK / "assignments" / f"{name}.ipynb").read_text(encoding="utf-8"))["metadata"]["course"]
        assert about["title"] == f"Assignment {number}: {title}"
        assert about["minutes"] == int(row["Minutes"])


def commands():
    """(page, line) of every command in the pages' text blocks and inline code."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```text\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        lines = [line for block in blocks for line in block.splitlines()]
        inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
        yield from ((page.name, line.strip()) for line in [*lines, *inline] if line.strip())


def unknown(line):
    """What a command names that the project does not have; empty if all is there."""
    words = shlex.split(line, posix=False) if line.count('"') % 2 == 0 and line.count("'") % 2 == 0 else line.split()
    while words and re.fullmatch(r"\w+=\S*|sudo|py|python3?|\S*/python", words[0]):
        words.pop(0)
    if not words:
        return ""
    head, rest = words[0], [word for word in words[1:] if not word.startswith("-")]
    if head in {"make", "tasks.py"} and rest and rest[0] not in tasks.TASKS:
        return f"no task {rest[0]}"
    if head.startswith("tools/") and not (tasks.ROOT / head).is_file():
        return f"no {head}"
    if re.fullmatch(r"(\S*/)?lessons", head) and rest:
        groups = {group.name: group.typer_instance for group in app.registered_groups}
        names = {c.name or c.callback.__name__ for c in app.registered_commands} | set(groups)
        if rest[0] not in names:
            return f"no command lessons {rest[0]}"
        if rest[0] in groups and len(rest) > 1:
            below = {(c.name or c.callback.__name__).removeprefix("data_") for c in groups[rest[0]].registered_commands}
            return "" if rest[1] in below else f"no command lessons {rest[0]} {rest[1]}"
    return ""


def test_every_command_that_the_pages_name_exists():
    found = list(commands())
    assert len([line for _, line in found if re.search(r"\b(make|lessons|tools/)", line)]) >= 25
    assert [(page, line, unknown(line)) for page, line in found if unknown(line)] == []
    assert {c.name or c.callback.__name__ for c in course.registered_commands} >= {"build", "grade", "export"}


@pytest.mark.parametrize(
    "line",
    ["make slide", "py tasks.py films", "lessons cook", ".venv/bin/lessons course mark x", "python tools/song.py x"],
)
def test_a_command_that_does_not_exist_is_found(line):
    assert unknown(line)


def test_files_and_folders_that_the_pages_name_exist():
    place = re.compile(r"`((?:book|lessons_lib|results|tools|data)/[\w./-]+\w)`")
    named = {name for page in PAGES for name in place.findall(page.read_text(encoding="utf-8"))}
    kept = {name.replace("NAME", "pooling") for name in named if not name.startswith("book/_build")}
    assert len(kept) >= 2
    assert [name for name in kept if not (tasks.ROOT / name).exists()] == []
