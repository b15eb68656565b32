"""What a change touched, and which long proofs it therefore needs: `python -m tools.changes` names them.

`--minutes N` names no more than fit into N minutes, and says on stderr which it left out. The base is LESSONS_BASE, or
the base of a pull request, or else the last commit that is half a day older than this one.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
HALF_A_DAY = 12 * 3600  # seconds
# By proof, the folders and files that it is about: the quickest first, then in the order of what a mistake would cost.
PROOFS = {
    "library": ("lessons_lib", "tests/lessons_lib", "requirements.lock", "constraints.txt"),
    "assignments": (
        *("lessons_grader", "book/assignments", "tests/assignments", "tests/lessons_grader", "tools/measure/catalogue"),
        *("lessons_lib/datasets", "lessons_lib/images.py", "data", "deploy/sandbox.Dockerfile", "requirements.lock"),
    ),
    "pages": (
        "book",
        "_config.yml",
        "_toc.yml",
        "tools/publish",
        "tools/browser.py",
        "tests/book",
        "requirements.lock",
    ),
    "exercises": ("book", "lessons_lib", "tools/publish", "tools/pytest_plugins", "data", "requirements.lock"),
}
# Of each proof, on two cores of a slow machine.
MINUTES = {"library": 3, "assignments": 20, "pages": 10, "exercises": 12}
SAMPLE = 5  # unchanged pages that each commit looks at, other ones each time


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def base() -> str:
    """The commit to compare with, "" if there is none (a first commit, a shallow clone)."""
    if named := os.environ.get("LESSONS_BASE"):
        return named
    if branch := os.environ.get("GITHUB_BASE_REF"):
        return f"origin/{branch}"
    before = int(_git("log", "-1", "--format=%ct")) - HALF_A_DAY
    return _git("rev-list", "-1", f"--before={before}", "HEAD")


def changed() -> list[str] | None:
    """The files that differ from the base, uncommitted ones too; None if nobody can say: then all counts as changed."""
    try:
        commit = base()
        if not commit:
            return None
        files = _git("diff", "--name-only", "--no-renames", commit).splitlines()
        return files + _git("ls-files", "--others", "--exclude-standard").splitlines()
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None


def proofs(files: list[str] | None) -> list[str]:
    """The long proofs that a change of these files needs."""
    if files is None:
        return list(PROOFS)
    return [name for name, places in PROOFS.items() if any(_inside(file, place) for file in files for place in places)]


def fitting(names: list[str], minutes: float) -> list[str]:
    """The first of these proofs that together take no longer than this."""
    chosen: list[str] = []
    for name in names:
        if sum(MINUTES[other] for other in [*chosen, name]) <= minutes:
            chosen.append(name)
    return chosen


def chosen_pages(pages: list[str], files: list[str] | None, seed: str) -> set[str]:
    """Of the book's pages, those that `make test` opens: the changed ones, and a sample of the others."""
    if files is None:
        return set(pages)
    own = {page for page in pages if set(_sources(page)) & set(files)}
    rest = sorted(set(pages) - own)
    return own | set(random.Random(seed).sample(rest, min(SAMPLE, len(rest))))


def pages_to_open(pages: list[str]) -> set[str]:
    """`chosen_pages` for the change and the commit at hand."""
    files = changed()
    return chosen_pages(pages, files, "" if files is None else _git("rev-parse", "HEAD"))


def _inside(file: str, place: str) -> bool:
    return file == place or PurePosixPath(place) in PurePosixPath(file).parents


def _sources(page: str) -> list[str]:
    """The files that a page, such as course/attend.html, is made of."""
    stem = page.removesuffix(".html")
    folder, _, name = stem.rpartition("/")
    if folder == "course":
        return [f"book/assignments/{name}.ipynb"]
    return [f"book/{stem}.ipynb", f"book/{stem}.md", f"book/exercises/{stem}.yml"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="how long the proofs may take together")
    needed = proofs(changed())
    chosen = fitting(needed, parser.parse_args().minutes)
    if left := [name for name in needed if name not in chosen]:
        print(f"No time here for {', '.join(left)}: run `make prove NAMES='{' '.join(left)}'`", file=sys.stderr)
    print(*chosen)


if __name__ == "__main__":
    main()
