"""Hidden checks: what is called, and how the answers are judged. Nothing here runs in the sandbox.

In a source notebook a hidden check reads

    @check("q3-flip", points=1, says="A convolution mirrors the kernel in both directions.")
    def _(rng):
        return call("convolve", rng.random((6, 7)), rng.random((3, 3)))

The function makes the inputs of one call, or a list of several. If it takes a further argument, such as SIGMA, that is
the value of this name in the student's variant of the assignment. The grader calls the reference solution on the same
inputs, outside of the sandbox. A check is passed if every answer equals the reference's: in its shape, in its values
(within `atol` and `rtol`), with dtype=True in its type of number; or if it raises the same kind of error. With
`judge=function` the check decides itself: `function(answers, expected)` returns the share of the points from 0 to 1, or
that share and a sentence for the student, such as what was measured.

If the answer is a Keras model, a check returns `trial(call("train", ...), on=noisy, right=clean)`. The model is then
called in a second sandbox, on pictures that the student's code never sees, and what it makes of them is judged.

If the reference would take too long, a check returns `known(call(...), right)`. The answer is then compared with
`right`, and the reference is not called.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lessons_grader.authoring import variants
from lessons_grader.notebooks import CourseError
from lessons_grader.sandbox import wire

LONGEST = 80  # letters of an error's name that are quoted
TOO_BROAD = {"Exception", "BaseException"}
# Failures after which the check's hint is left out: there are no numbers, and a hint about them would mislead.
SILENT = {(kind,) for kind in ("Stopped", "Undefined", "NotNumbers", "NotModel", "ModelError", "Broken")}
STOPS = {
    "busy": "It ran for too long: is there a loop that never ends?",
    "idle": "It waited for something and did nothing: answers may not sleep, ask or connect.",
    "budget": "It was not tried, because the checks before it used up this question's time.",
    "output": "It returned far too much.",
    "processes": "It was not tried, because earlier answers left processes running.",
}


@dataclasses.dataclass(frozen=True)
class Trial:
    """How a model that an answer returned is called, and what is right.

    Attributes
    ----------
    right : ndarray or tuple of ndarray
        What the model should make of the pictures. In a tuple, further arrays follow that the check's `judge` needs.
    on : ndarray or None
        The pictures (N, H, W, C). Without them three numbers are compared: the model's weights, those that can learn,
        and the steps of its optimizer (-1 without one).
    most : int
        The most weights that it may have; 0 for any number.
    width : int
        The most numbers a picture that may pass from the first model to the second; 0 for any number.
    """

    right: np.ndarray | tuple[np.ndarray, ...]
    on: np.ndarray | None = None
    most: int = 0
    width: int = 0


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a function that the student wrote; `right` is its result where the reference is not called."""

    function: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    trial: Trial | None = None
    right: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Check:
    """One hidden check.

    Attributes
    ----------
    id, question : str
        Its name, and that of the answer cell it belongs to.
    points : float
        What it gives at most.
    says : str
        The hint that the student reads if it fails.
    make : callable
        Given a random generator, and the values that it asks for, it makes the calls.
    atol, rtol : float
        How far numbers may be off, as in `numpy.allclose`.
    dtype : bool
        Whether the type of number must be equal too.
    judge : callable or None
        Given the answers and the expected ones, it returns the share of the points, or that and a sentence.
    seconds : int
        The seconds of a core that it may take, 0 for the usual ones.
    """

    id: str
    question: str
    points: float
    says: str
    make: Callable[..., Any]
    atol: float = 1e-6
    rtol: float = 1e-5
    dtype: bool = False
    judge: Callable[..., Any] | None = None
    seconds: int = 0


@dataclasses.dataclass(frozen=True)
class Models:
    """Files that an answer says are Keras models. Only the second sandbox opens them."""

    files: tuple[bytes, ...]


@dataclasses.dataclass(frozen=True)
class Failure:
    """An error in place of an answer: the names of its classes, the message, the line of the answer cell."""

    classes: tuple[str, ...]
    message: str = ""
    line: int | None = None


@dataclasses.dataclass(frozen=True)
class Verdict:
    """How a check ended: the share of its points from 0 to 1, and what the student is told."""

    check: Check
    share: float
    tells: str


Answer = np.ndarray | Failure | Models  # what came out of the first sandbox
Expected = np.ndarray | tuple[np.ndarray, ...] | Failure  # what the reference gave, or the check says itself


def call(function: str, *args: object, **kwargs: object) -> Call:
    """Ask for one call of a function of the student.

    Parameters
    ----------
    function : str
        Its name.
    *args, **kwargs
        Its arguments: arrays, or values that JSON has. An array that two calls of a check share is one and the same
        array in the sandbox, so that an answer that changes it in place is found out.

    Returns
    -------
    Call
    """
    return Call(function, args, kwargs)


def trial(
    called: Call,
    right: np.ndarray | tuple[np.ndarray, ...],
    on: np.ndarray | None = None,
    most: int = 0,
    width: int = 0,
) -> Call:
    """Ask for a Keras model, and judge what it makes of pictures.

    Parameters
    ----------
    called : Call
        The call that returns the model, or a tuple of models that are called one after the other.
    right : ndarray or tuple of ndarray
        What the last model should make of the pictures. In a tuple, further arrays for the check's `judge` follow.
    on : ndarray, optional
        The pictures (N, H, W, C). Without them three numbers are judged in their place: see `Trial`.
    most : int
        The most weights that all models together may have; 0 for any number.
    width : int
        The most numbers a picture that may pass between two models; 0 for any number.

    Returns
    -------
    Call
        To be returned by the check.
    """
    return dataclasses.replace(called, trial=Trial(right, on, most, width))


def known(called: Call, right: np.ndarray) -> Call:
    """Say what a call should return, so that the reference is not called: it may take minutes to train.

    Parameters
    ----------
    called : Call
        The call.
    right : ndarray
        The right answer. If the check has a `judge`, an array with the right shape is enough.

    Returns
    -------
    Call
        To be returned by the check.
    """
    return dataclasses.replace(called, right=np.asarray(right))


def read(source: str, question: str) -> list[Check]:
    """Read the checks of a question.

    Parameters
    ----------
    source : str
        The hidden code of its test cell.
    question : str
        Its name.

    Returns
    -------
    list of Check

    Raises
    ------
    CourseError
        If the code fails, or a check lacks a name, points or a hint.
    """
    found: list[Check] = []

    def check(id: str, points: float, says: str, **options: Any) -> Callable[[Callable], Callable]:
        def keep(make: Callable) -> Callable:
            if not id.startswith(f"{question}-") or id in [c.id for c in found] or not points > 0 or not says:
                raise CourseError(f"check {id!r}: it needs a name of its own ({question}-...), points and a hint")
            found.append(Check(id, question, float(points), says, make, **options))
            return make

        return keep

    try:
        exec(
            compile(source, f"{question}-test", "exec"),
            {"check": check, "call": call, "trial": trial, "known": known, "np": np},
        )
    except CourseError:
        raise
    except Exception as error:
        raise CourseError(f"the hidden tests of {question} fail to run: {type(error).__name__}: {error}") from error
    return found


def calls_of(check: Check, number: int, space: dict[str, Any] | None = None) -> list[Call]:
    """Make the calls of a check for one student.

    Parameters
    ----------
    check : Check
        The check.
    number : int
        The student's seed.
    space : dict, optional
        The names that the setup cells of the student's variant define.

    Returns
    -------
    list of Call

    Raises
    ------
    CourseError
        If the check asks for a name that no setup cell defines.
    """
    space = space or {}
    _, *names = inspect.signature(check.make).parameters
    missing = [name for name in names if name not in space]
    if missing:
        raise CourseError(f"check {check.id!r} asks for {', '.join(missing)}: no setup cell defines it")
    made = check.make(variants.rng(number, check.id), **{name: space[name] for name in names})
    return [made] if isinstance(made, Call) else list(made)


def job(pairs: list[tuple[Check, list[Call]]]) -> tuple[list[dict], dict[str, bytes]]:
    """Write calls as the runner reads them.

    Parameters
    ----------
    pairs : list of tuples
        Each check with its calls.

    Returns
    -------
    jobs : list of dict
        Plain JSON. A check is called by its number: the sandbox learns neither its name nor its hint.
    arrays : dict of bytes
        The input arrays that the calls name, as .npy files.
    """
    arrays: dict[str, bytes] = {}
    jobs = []
    for position, (check, calls) in enumerate(pairs):
        names: dict[int, str] = {}

        def encode(value: object, names: dict[int, str] = names) -> dict[str, Any]:
            if not isinstance(value, np.ndarray):
                json.dumps(value)
                return {"value": value}
            if id(value) not in names:
                names[id(value)] = f"a{len(arrays)}"
                arrays[names[id(value)]] = wire.save(value)
            return {"array": names[id(value)]}

        asked = [
            [c.function, [encode(v) for v in c.args], {key: encode(v) for key, v in c.kwargs.items()}] for c in calls
        ]
        one: dict[str, Any] = {"id": str(position), "cell": check.question, "calls": asked}
        jobs.append(one | {"arrays": list(names.values())} | ({"cpu": check.seconds} if check.seconds else {}))
    return jobs, arrays


def reference(space: dict[str, Any], calls: list[Call]) -> list[Expected]:
    """Find the expected answers.

    Parameters
    ----------
    space : dict
        The names that the reference solution defines.
    calls : list of Call
        The calls of a check. The reference gets copies of their inputs.

    Returns
    -------
    list of ndarray, tuple or Failure
        What the reference returned or raised, or what the check itself says is right.
    """
    answers: list[Expected] = []
    for c in calls:
        if c.trial:
            answers.append(c.trial.right)
            continue
        if c.right is not None:
            answers.append(c.right)
            continue
        try:
            answers.append(np.asarray(space[c.function](*copy.deepcopy(c.args), **copy.deepcopy(c.kwargs))))
        except Exception as error:
            answers.append(Failure((type(error).__name__,)))
    return answers


def answers_of(sent: dict[str, bytes], run: int, check: int, calls: int) -> list[Answer]:
    """Find the answers to one check in what came out of a sandbox.

    Parameters
    ----------
    sent : dict of bytes
        `Outcome.answers`.
    run, check : int
        The places of the submission and of the check in the job.
    calls : int
        How many calls the check makes.

    Returns
    -------
    list of ndarray, Failure or Models
        One for each call.
    """
    stopped = sent.get(wire.stop_name(run, check), b"").decode(errors="replace")
    return [decode(sent.get(wire.answer_name(run, check, call)), stopped) for call in range(calls)]


def decode(payload: bytes | None, stopped: str) -> Answer:
    """Read one answer from the sandbox; nothing in it is trusted.

    Parameters
    ----------
    payload : bytes or None
        What came out, None if nothing did.
    stopped : str
        Why the check was stopped, if it was.

    Returns
    -------
    ndarray, Failure or Models
        Whatever cannot be read is a Failure.
    """
    if payload is None:
        return Failure(("Stopped",), stopped)
    try:
        if payload[:1] == b"N":
            return wire.load(payload[1:])
        if payload[:1] == b"K":
            return Models(tuple(file for _, file in wire.unpack(payload[1:])))
        told = json.loads(payload[1:])
        line = told.get("line")
        classes = tuple(str(name)[:LONGEST] for name in list(told["error"])[:20])
        return Failure(classes, str(told["message"])[:300], line if isinstance(line, int) and line < 1e6 else None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Failure(("Broken",), "")


def judge(check: Check, answers: Sequence[np.ndarray | Failure], expected: Sequence[Expected]) -> Verdict:
    """Judge the answers to one check.

    If the check has a `judge` of its own, that is asked, provided that every answer is an array of the expected shape.
    Otherwise each answer is compared with the expected one, and the first that differs fails the check.

    Parameters
    ----------
    check : Check
        The check.
    answers : list of ndarray or Failure
        One for each of its calls.
    expected : list of ndarray, tuple or Failure
        What `reference` gave for them.

    Returns
    -------
    Verdict
        What it tells the student names neither an expected value nor an input.
    """
    rights = [right[0] if isinstance(right, tuple) else right for right in expected]
    if check.judge and all(map(_has_shape_of, answers, rights)):
        try:
            judged = check.judge(answers, expected)
            share, seen = judged if isinstance(judged, tuple) else (judged, "")
            share = float(np.clip(np.nan_to_num(share), 0, 1))
        except Exception:  # numbers of a kind that the judge did not expect are wrong numbers
            share, seen = 0.0, ""
        return Verdict(check, share, f"{seen} {'' if share == 1 else check.says}".strip())
    for answer, right in zip(answers, rights, strict=True):
        wrong = _differs(check, answer, right)
        if wrong:
            silent = isinstance(answer, Failure) and answer.classes[:1] in SILENT
            return Verdict(check, 0.0, wrong if silent else f"{wrong} {check.says}")
    return Verdict(check, 1.0, "")


def _has_shape_of(answer: np.ndarray | Failure, right: np.ndarray | Failure) -> bool:
    if isinstance(answer, Failure):
        return False
    return answer.shape == (() if isinstance(right, Failure) else np.shape(right))


def _differs(check: Check, answer: np.ndarray | Failure, right: np.ndarray | Failure) -> str:
    """What is wrong with an answer, in one sentence; "" if nothing is."""
    if isinstance(right, Failure):
        if isinstance(answer, Failure):
            return "" if set(right.classes) & set(answer.classes) - TOO_BROAD else _explain(answer)
        return "It returned something where it should have raised an error."
    if isinstance(answer, Failure):
        return _explain(answer)
    if answer.shape != right.shape:
        return f"It returned the shape {answer.shape}, which is not the one asked for."
    if check.dtype and answer.dtype != right.dtype:
        return f"It returned {answer.dtype} numbers, which is not the type asked for."
    with np.errstate(all="ignore"):
        close = np.allclose(answer.astype(float), right.astype(float), rtol=check.rtol, atol=check.atol)
    return "" if close else "The numbers are not right."


def _explain(failure: Failure) -> str:
    """An error in words that help. What the submission wrote itself is quoted, never believed."""
    kind = failure.classes[0] if failure.classes else ""
    where = f" (line {failure.line} of the cell)" if failure.line else ""
    if kind == "NotImplementedError":
        return "Not answered yet."
    if kind == "Stopped":
        return STOPS.get(failure.message, "The process ended before it could answer.")
    if kind == "Undefined":
        return f"The cell does not define `{failure.message}`: keep the name, and put helpers into the answer cell."
    if kind == "NotNumbers":
        if failure.message == "NoneType":
            return "It returned nothing: is there a `return`?"
        return f"It returned {failure.message}, not numbers."
    if kind == "NotModel":
        return f"It returned {failure.message}, and a Keras model is asked for."
    if kind == "ModelError":
        return f"The model was not accepted: {failure.message}."
    if kind == "Broken":
        return "What it returned could not be read."
    hint = " Cells of your own are not run: put helpers into the answer cell." if kind == "NameError" else ""
    return f"It raised {kind}: {failure.message}{where}.{hint}"
