"""What differs from student to student: everything follows from one seed for each of them, and a secret.

The seed is sha256 of "secret:assignment:student". Only the instructor has the secret, in a file or in an environment
variable and never in the repository. So whoever reads the hidden checks does not know which pictures they will use.
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
    """Read the instructor's secret.

    Parameters
    ----------
    path : Path, optional
        The file that holds it; without one it is taken from the environment variable LESSONS_COURSE_SECRET.

    Returns
    -------
    str

    Raises
    ------
    CourseError
        If there is none, or it is shorter than 16 letters.
    """
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
    """Make a random generator.

    Parameters
    ----------
    number : int
        A student's seed.
    part : str
        What it is for, a check's name or a variable's. Each part has its own numbers, whatever the others draw.

    Returns
    -------
    numpy.random.Generator
    """
    return np.random.default_rng([number, int.from_bytes(hashlib.sha256(part.encode()).digest()[:8], "big")])


def choose(source: str, number: int | None) -> str:
    """Settle lines such as `SIGMA = 0.1  # variant: 0.1 | 0.2`.

    Parameters
    ----------
    source : str
        A cell.
    number : int or None
        A student's seed, which draws the values; None for the first value of each line.

    Returns
    -------
    str
        The cell with plain lines such as `SIGMA = 0.2`.
    """

    def settle(match: re.Match) -> str:
        options = options_of(match)
        drawn = options[0] if number is None else options[rng(number, match["name"]).integers(len(options))]
        return f"{match['name']} = {drawn}"

    return CHOICE.sub(settle, source)


def options_of(match: re.Match) -> list[str]:
    """Read the values of one such line.

    Parameters
    ----------
    match : re.Match
        Of CHOICE.

    Returns
    -------
    list of str

    Raises
    ------
    CourseError
        If a value is no literal, there is only one, or the first is not the one that stands before the comment.
    """
    options = [word.strip() for word in match["all"].split("|")]
    try:
        for option in options:
            ast.literal_eval(option)
    except (ValueError, SyntaxError) as error:
        raise CourseError(f"variant of {match['name']}: {option!r} is no plain value: write 0.1 | 0.2") from error
    if options[0] != match["first"].strip() or len(options) < 2:
        raise CourseError(f"variant of {match['name']}: the first of several values must be the one written before it")
    return options
