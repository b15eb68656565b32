"""The record of one submission: what grading found out about it, as it is stored, shown and exported."""

from __future__ import annotations

import dataclasses
from typing import Any

GRADED, LATE, WAITING = "graded", "late", "waiting"
CORRUPT, TWO, MISSING, NOT_GRADED = "corrupt", "two files", "missing", "not graded"
REQUIRED = ("student", "assignment", "title", "status", "score", "points", "tests", "notes", "key")
OPTIONAL = ("written", "ended", "so_far", "waiting")  # keys of assignments with written parts
OF_A_RESULT = ("id", "question", "score", "points", "tells")


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """The result of one hidden check, or of one line of the rubric of a written part.

    Attributes
    ----------
    id : str
        The name of the check or of the line.
    question : str
        The answer cell or the written part that it belongs to.
    score : float or None
        The points that were earned; None while a person still has to give them.
    points : float
        The points that can be earned.
    tells : str
        What the student reads, "" if everything is right.
    written : bool
        Whether it is a line of a rubric.
    """

    id: str
    question: str
    score: float | None
    points: float
    tells: str
    written: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a dict for JSON; `written` is left out unless it is true."""
        found = dataclasses.asdict(self)
        return found if self.written else {key: found[key] for key in OF_A_RESULT}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CheckResult:
        """From such a dict. Raises ValueError, naming the key, for one that is unknown or missing."""
        _check_keys("a check's result", data, OF_A_RESULT, ("written",))
        return cls(**data)


@dataclasses.dataclass(frozen=True)
class Record:
    """Everything that is known of one submission.

    Attributes
    ----------
    student, assignment, title : str
        Whose submission it is, and of which assignment.
    status : str
        One of the words at the top of this module.
    points : float
        The points that can be earned.
    score : float or None
        The points that were earned; None if there is no score, or none yet.
    tests : tuple of CheckResult
        The results of all checks, then those of the rubrics' lines.
    notes : tuple of str
        Sentences for the student.
    key : str or None
        The fingerprint of everything that the score depends on; None if nothing was graded.
    written : dict of str, or None
        The texts of the written parts; None if the assignment has none, or the file could not be read.
    ended : str or None
        The status that the record gets once no written part waits any more.
    has_written : bool
        Whether the assignment has written parts, and so the two numbers that follow.
    so_far : float or None
        The points that are certain; None if nothing was graded.
    waiting : float or None
        The points that a person still has to give.
    """

    student: str
    assignment: str
    title: str
    status: str
    points: float
    score: float | None = None
    tests: tuple[CheckResult, ...] = ()
    notes: tuple[str, ...] = ()
    key: str | None = None
    written: dict[str, str] | None = None
    ended: str | None = None
    has_written: bool = False
    so_far: float | None = None
    waiting: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The record as results.json stores it.

        Returns
        -------
        dict
            Plain values. The keys of written parts are there only if they mean something.
        """
        found = {name: getattr(self, name) for name in REQUIRED}
        found |= {"tests": [test.to_json() for test in self.tests], "notes": list(self.notes)}
        found |= {name: getattr(self, name) for name in ("written", "ended") if getattr(self, name) is not None}
        return found | ({"so_far": self.so_far, "waiting": self.waiting} if self.has_written else {})

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Record:
        """A record out of results.json.

        Parameters
        ----------
        data : dict
            What `to_json` made.

        Returns
        -------
        Record

        Raises
        ------
        ValueError
            If a key is unknown or missing. The message names it.
        """
        _check_keys("a record", data, REQUIRED, OPTIONAL)
        if ("so_far" in data) != ("waiting" in data):
            raise ValueError("a record has so_far and waiting together, or neither of them")
        tests = tuple(CheckResult.from_json(test) for test in data["tests"])
        return cls(**data | {"tests": tests, "notes": tuple(data["notes"]), "has_written": "so_far" in data})


def _check_keys(what: str, data: dict[str, Any], required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    unknown = sorted(set(data) - {*required, *optional})
    missing = [name for name in required if name not in data]
    if unknown or missing:
        wrong = [f"an unknown key {name!r}" for name in unknown] + [f"no key {name!r}" for name in missing]
        raise ValueError(f"{what} has {', '.join(wrong)}")
