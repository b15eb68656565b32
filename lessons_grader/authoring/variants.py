"""What differs from student to student, and how it stays secret: everything follows from one seed each.

The seed is sha256 of "secret:assignment:student". The secret is the instructor's, in a file or in an environment
variable, never in the repository: who reads the hidden checks still does not know the pictures they will use.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
from pathlib import Path

import numpy as np

from lessons_grader.notebooks import CourseError

VARIABLE = "LESSONS_COURSE_SECRET"
SHORTEST = 16
MAKE = 'python -c "import secrets; print(secrets.token_hex())" > course-secret.txt'
CHOICE = re.compile(r"^(?P<name>\w+) = (?P<first>.+?)  # variant: (?P<all>.+)$", re.MULTILINE)


def secret(path: Path | None = None) -> str:
    """The instructor's secret, from the file or from LESSONS_COURSE_SECRET. Raises CourseError without a good one."""
    if path is not None:
        try:
            found = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CourseError(f"{path} cannot be read as a secret: make one with {MAKE}") from error
    else:
        found = os.environ.get(VARIABLE, "").strip()
        if not found:
            raise CourseError(f"no secret: make one with {MAKE}, keep it out of git, give --secret FILE or {VARIABLE}")
    if len(found) < SHORTEST:
        raise CourseError(f"the secret has {len(found)} letters, and {SHORTEST} are the least: make one with {MAKE}")
    return found


def seed(key: str, assignment: str, student: str) -> int:
    """The seed of a student's variant and hidden inputs: sha256 of "secret:assignment:student" as a number."""
    return int.from_bytes(hashlib.sha256(f"{key}:{assignment}:{student}".encode()).digest(), "big")


def rng(number: int, part: str) -> np.random.Generator:
    """A generator of its own for each part (a check's or a variable's name), whatever the order of the others."""
    return np.random.default_rng([number, int.from_bytes(hashlib.sha256(part.encode()).digest()[:8], "big")])


def choose(source: str, number: int | None) -> str:
    """Settle lines such as `SIGMA = 0.1  # variant: 0.1 | 0.2`: as written without a seed, else drawn by it."""

    def settle(match: re.Match) -> str:
        options = options_of(match)
        drawn = options[0] if number is None else options[rng(number, match["name"]).integers(len(options))]
        return f"{match['name']} = {drawn}"

    return CHOICE.sub(settle, source)


def options_of(match: re.Match) -> list[str]:
    """The values of one variant line. Raises CourseError unless they are literals and the first is the one written."""
    options = [word.strip() for word in match["all"].split("|")]
    try:
        for option in options:
            ast.literal_eval(option)
    except (ValueError, SyntaxError) as error:
        raise CourseError(f"variant of {match['name']}: {option!r} is no plain value: write 0.1 | 0.2") from error
    if options[0] != match["first"].strip() or len(options) < 2:
        raise CourseError(f"variant of {match['name']}: the first of several values must be the one written before it")
    return options
