"""Hidden checks: what is asked of an answer, and how what it returned is judged. Nothing here runs in the sandbox.

In a source notebook a hidden check reads

    @check("q3-flip", points=1, says="A convolution mirrors the kernel in both directions.")
    def _(rng):
        return call("convolve", rng.random((6, 7)), rng.random((3, 3)))

It makes the inputs of one or several calls; a further argument, such as SIGMA, is the value of that name in the
student's variant. The reference solution is called on the same inputs out here, and the check
is passed if every answer equals it: its shape, its values within `atol` and `rtol`, with dtype=True its type of number,
or the kind of error that it raises. `judge(answers, expected)` may give a part of the points instead, or that part and
a sentence with what was measured.

Where an answer is a Keras model, `trial(call("train", ...), on=noisy, right=clean)` is asked: the model is tried in a
second sandbox on pictures that the student's code never sees, and what it makes of them is the answer. The
answer to `known(call(...), right)` is judged without asking the reference.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
from collections.abc import Callable

import numpy as np

from lessons_grader.authoring import variants
from lessons_grader.notebooks import CourseError
from lessons_grader.sandbox import wire

LONGEST = 80  # letters of an error's name that are quoted
TOO_BROAD = {"Exception", "BaseException"}
SILENT = {
    (kind,) for kind in ("Stopped", "Undefined", "NotNumbers", "NotModel", "ModelError", "Broken")
}  # a hint at the numbers would lead astray
STOPS = {
    "busy": "It ran for too long: is there a loop that never ends?",
    "idle": "It waited for something and did nothing: answers may not sleep, ask or connect.",
    "budget": "It was not tried, because the checks before it used up this question's time.",
    "output": "It returned far too much.",
    "processes": "It was not tried, because earlier answers left processes running.",
}


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a returned model is tried on, and what is right; `most` weights, and `width` numbers a picture between two.

    `right` may be a tuple: what the model should make, and other marks that `judge` needs. Without pictures the answer
    is the model's card: its weights, those that learn, and the steps of its optimizer.
    """

    right: np.ndarray | tuple[np.ndarray, ...]
    on: np.ndarray | None = None
    most: int = 0
    width: int = 0


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a function that the student wrote."""

    function: str
    args: tuple
    kwargs: dict
    trial: Trial | None = None
    right: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Check:
    """One hidden check. `make(rng)` gives the calls; `says` is what the student reads if it fails."""

    id: str
    question: str
    points: float
    says: str
    make: Callable
    atol: float = 1e-6
    rtol: float = 1e-5
    dtype: bool = False  # the type of number must be equal too
    judge: Callable | None = None
    seconds: int = 0  # of a core, if not the usual ones


@dataclasses.dataclass(frozen=True)
class Models:
    """Files that an answer says are Keras models. Never opened out here."""

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


def call(function: str, *args: object, **kwargs: object) -> Call:
    """Ask for `function(*args, **kwargs)`. The same array in two calls is the same array in the sandbox."""
    return Call(function, args, kwargs)


def trial(called: Call, **asked: object) -> Call:
    """Ask what the model, or the chain of models, that `called` returns makes of pictures. The rest: see Trial."""
    return dataclasses.replace(called, trial=Trial(**asked))


def known(called: Call, right: np.ndarray) -> Call:
    """Say what is right, or what shape it has for a `judge`: then the reference is not called, which may train."""
    return dataclasses.replace(called, right=np.asarray(right))


def read(source: str, question: str) -> list[Check]:
    """The checks that hidden code declares for a question. Raises CourseError if it is wrong."""
    found: list[Check] = []

    def check(id: str, points: float, says: str, **options: object) -> Callable:
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


def calls_of(check: Check, number: int, space: dict | None = None) -> list[Call]:
    """The calls of a check for the student whose seed this is, and whose variant defines the names in `space`."""
    _, *names = inspect.signature(check.make).parameters
    missing = [name for name in names if name not in (space or {})]
    if missing:
        raise CourseError(f"check {check.id!r} asks for {', '.join(missing)}: no setup cell defines it")
    made = check.make(variants.rng(number, check.id), **{name: space[name] for name in names})
    return [made] if isinstance(made, Call) else list(made)


def job(pairs: list[tuple[Check, list[Call]]]) -> tuple[list[dict], dict[str, bytes]]:
    """The calls as plain JSON for `inside`, and the arrays they name. A check's own name stays out here."""
    arrays: dict[str, bytes] = {}
    jobs = []
    for position, (check, calls) in enumerate(pairs):
        names: dict[int, str] = {}

        def encode(value: object, names: dict[int, str] = names) -> dict:
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
        one = {"id": str(position), "cell": check.question, "calls": asked, "arrays": list(names.values())}
        jobs.append(one | ({"cpu": check.seconds} if check.seconds else {}))
    return jobs, arrays


def reference(space: dict, calls: list[Call]) -> list[np.ndarray | tuple | Failure]:
    """What the reference solution, whose names are in `space`, returns. Each call gets inputs of its own."""
    answers: list[np.ndarray | Failure] = []
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


def decode(payload: bytes | None, stopped: str) -> np.ndarray | Failure | Models:
    """One answer from the sandbox. Whatever is no array of numbers is a Failure; nothing in it is trusted."""
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
    except (wire.FrameError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Failure(("Broken",), "")


def judge(check: Check, answers: list[np.ndarray | Failure], expected: list[np.ndarray | tuple | Failure]) -> Verdict:
    """Compare answers with the reference's. Never tells an expected value or an input."""
    rights = [right[0] if isinstance(right, tuple) else right for right in expected]
    shaped = all(isinstance(a, np.ndarray) and a.shape == np.shape(e) for a, e in zip(answers, rights, strict=True))
    if check.judge and shaped:
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
