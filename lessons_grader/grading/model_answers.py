"""Models that answers returned: never opened out here, tried in a second sandbox, and arrays come back."""

from __future__ import annotations

import numpy as np

from lessons_grader.authoring import checks
from lessons_grader.authoring.checks import Call, Check, Failure, Models
from lessons_grader.sandbox import launcher, profiles, wire

CELL = "from lessons_grader.sandbox.model_runner import answer"
Answer = np.ndarray | Failure | Models


def settle(
    found: list[tuple[Check, Call, Answer]], *, by: str = launcher.BUBBLEWRAP, unsafe: bool = False
) -> tuple[launcher.Outcome | None, list[np.ndarray | Failure]]:
    """Answers with what became of their models in place of the models, and the second sandbox (None if none was
    needed).

    All models of a submission share that sandbox, each in a process of its own. If it never started, the answers mean
    nothing. What is no model where one was asked for, or a model where none was, is a Failure.
    """
    runs, arrays, settled, places = [], {}, [], []
    for check, called, answer in found:
        if isinstance(answer, Models) and called.trial:
            places.append(len(settled))
            runs.append(_job(str(len(runs)), check, called.trial, answer, arrays))
        settled.append(_refused(called, answer))
    if not runs:
        return None, settled
    run = {"cells": [["trial", CELL]], "checks": runs}
    outcome = launcher.run([run], arrays, profile=profiles.MODEL_PROFILE, by=by, unsafe=unsafe)
    if not outcome.ended:  # the machine's lack of memory, perhaps
        outcome = launcher.run([run], arrays, profile=profiles.MODEL_PROFILE, by=by, unsafe=unsafe)
    for number, place in enumerate(places):
        stopped = outcome.frames.get(f"0/{number}/end", b"").decode(errors="replace")
        tried = checks.decode(outcome.frames.get(f"0/{number}/0"), stopped)
        settled[place] = _explained(tried)
    return outcome, settled


def _job(name: str, check: Check, trial: checks.Trial, answer: Models, arrays: dict[str, bytes]) -> dict:
    """One call of `trial.answer`, as `checks.job` writes it; its arrays are put into `arrays`."""
    files = [np.frombuffer(file, np.uint8) for file in answer.files]
    given = [{"value": None} if trial.on is None else trial.on.astype(np.float32), *files]
    words, names = [], []
    for value in given:
        if isinstance(value, np.ndarray):
            names.append(f"m{len(arrays)}")
            arrays[names[-1]] = wire.save(value)
            value = {"array": names[-1]}
        words.append(value)
    words[1:1] = [{"value": trial.most}, {"value": trial.width}]
    return {"id": name, "cell": check.id, "calls": [["answer", words, {}]], "arrays": names}


def _refused(called: Call, answer: Answer) -> np.ndarray | Failure:
    """The answer, unless it is of the wrong kind."""
    if isinstance(answer, Models):
        return Failure(("NotNumbers",), "a Keras model")
    if called.trial and isinstance(answer, np.ndarray):
        return Failure(("NotModel",), "numbers")
    if called.trial and answer.classes[:1] == ("NotNumbers",):
        return Failure(("NotModel",), "nothing" if answer.message == "NoneType" else answer.message)
    return answer


def _explained(tried: Answer) -> np.ndarray | Failure:
    """What the second sandbox said of a model: an array, or a Failure in words for who built it."""
    if isinstance(tried, np.ndarray):
        return tried
    if isinstance(tried, Failure) and tried.classes[:1] == ("ModelError",):
        return Failure(("ModelError",), tried.message)
    profile = tried.message if isinstance(tried, Failure) and tried.classes == ("Stopped",) else ""
    reasons = {"busy": "it takes too long to answer", "output": "it makes far too much"}
    return Failure(("ModelError",), reasons.get(profile, "it needs more than the grader gives"))
