"""Models that answers returned: never opened by the grader, but called in a second sandbox, and arrays come back."""

from __future__ import annotations

from typing import Any

import numpy as np

from lessons_grader.authoring import checks
from lessons_grader.authoring.checks import Answer, Call, Check, Failure, Models
from lessons_grader.sandbox import launcher, profiles, wire

CELL = "from lessons_grader.sandbox.model_runner import answer"


def settle(
    found: list[tuple[Check, Call, Answer]], *, by: str = launcher.BUBBLEWRAP, unsafe: bool = False
) -> tuple[launcher.Outcome | None, list[np.ndarray | Failure]]:
    """Call the models among the answers, and put what came out in their place.

    All models of a submission share the second sandbox, each in a process of its own.

    Parameters
    ----------
    found : list of tuples
        Check, call and answer.
    by : str
        What makes the sandbox, one of `launcher.WAYS`.
    unsafe : bool
        Use an ordinary process in its place.

    Returns
    -------
    outcome : Outcome or None
        Of the second sandbox, None if none was needed. If it never started, the answers mean nothing.
    answers : list of ndarray or Failure
        In the order of `found`. What is no model where one was asked for, or a model where none was, is a Failure.
    """
    called: list[dict[str, Any]] = []
    arrays: dict[str, bytes] = {}
    settled: list[np.ndarray | Failure] = []
    places = []
    for check, call, answer in found:
        if isinstance(answer, Models) and call.trial:
            places.append(len(settled))
            called.append(_job(str(len(called)), check, call.trial, answer, arrays))
        settled.append(_refused(call, answer))
    if not called:
        return None, settled
    run = {"cells": [["trial", CELL]], "checks": called}
    outcome = launcher.run([run], arrays, profile=profiles.MODEL_PROFILE, by=by, unsafe=unsafe)
    if not outcome.ended:  # the machine's lack of memory, perhaps
        outcome = launcher.run([run], arrays, profile=profiles.MODEL_PROFILE, by=by, unsafe=unsafe)
    for number, place in enumerate(places):
        (made,) = checks.answers_of(outcome.answers, 0, number, 1)
        settled[place] = _explained(made)
    return outcome, settled


def _job(name: str, check: Check, trial: checks.Trial, answer: Models, arrays: dict[str, bytes]) -> dict[str, Any]:
    """One call of `model_runner.answer`, as `checks.job` writes it; its arrays are put into `arrays`."""
    names: list[str] = []

    def encode(array: np.ndarray) -> dict[str, Any]:
        names.append(f"m{len(arrays)}")
        arrays[names[-1]] = wire.save(array)
        return {"array": names[-1]}

    pictures = {"value": None} if trial.on is None else encode(trial.on.astype(np.float32))
    words = [pictures, {"value": trial.most}, {"value": trial.width}]
    words += [encode(np.frombuffer(file, np.uint8)) for file in answer.files]
    return {"id": name, "cell": check.id, "calls": [["answer", words, {}]], "arrays": names}


def _refused(called: Call, answer: Answer) -> np.ndarray | Failure:
    """The answer, unless it is of the wrong kind."""
    if isinstance(answer, Models):
        return Failure(("NotNumbers",), "a Keras model")
    if not called.trial:
        return answer
    if isinstance(answer, np.ndarray):
        return Failure(("NotModel",), "numbers")
    if answer.classes[:1] == ("NotNumbers",):
        return Failure(("NotModel",), "nothing" if answer.message == "NoneType" else answer.message)
    return answer


def _explained(made: Answer) -> np.ndarray | Failure:
    """What the second sandbox said of a model: an array, or a Failure in words for who built it."""
    if isinstance(made, np.ndarray):
        return made
    if isinstance(made, Failure) and made.classes[:1] == ("ModelError",):
        return Failure(("ModelError",), made.message)
    stopped = made.message if isinstance(made, Failure) and made.classes == ("Stopped",) else ""
    reasons = {"busy": "it takes too long to answer", "output": "it makes far too much"}
    return Failure(("ModelError",), reasons.get(stopped, "it needs more than the grader gives"))
