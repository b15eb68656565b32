import json

import numpy as np
import pytest

from lessons_grader.authoring import checks
from lessons_grader.authoring.checks import Check, Failure
from lessons_grader.notebooks import CourseError
from lessons_grader.sandbox import wire

CODE = "@check('q1-a', points=2, says='Think again.'{})\ndef _(rng):\n    return {}\n"


def check(options="", made="call('f', rng.random(3))"):
    (found,) = checks.read(CODE.format(options, made), "q1")
    return found


def test_a_check_makes_the_same_calls_for_one_seed_and_others_for_another():
    one, again, other = (checks.calls_of(check(), seed)[0].args[0] for seed in (1, 1, 2))
    assert (one == again).all() and not (one == other).any()
    assert len(checks.calls_of(check(made="[call('f', 1), call('g', x=2)]"), 1)) == 2


def test_a_check_may_ask_for_names_of_the_variant():
    code = "@check('q1-a', points=2, says='x')\ndef _(rng, SIGMA):\n    return call('f', SIGMA)\n"
    (found,) = checks.read(code, "q1")
    assert checks.calls_of(found, 1, {"SIGMA": 25, "other": 3})[0].args == (25,)
    with pytest.raises(CourseError, match="'q1-a' asks for SIGMA: no setup cell defines it"):
        checks.calls_of(found, 1)


def test_a_trial_says_what_is_right_itself_and_needs_no_reference():
    clean, noisy = np.ones((1, 2, 2, 1)), np.zeros((1, 2, 2, 1))
    asked = checks.trial(checks.call("f", 3), on=noisy, right=(clean, noisy), most=9)
    assert asked.args == (3,) and asked.trial.most == 9 and asked.trial.width == 0
    (right,) = checks.reference({}, [asked])
    declared = Check("q1-a", "q1", 2, "More.", None, judge=lambda got, right: np.array_equal(got[0], right[0][0]))
    assert checks.judge(declared, [clean], [right]).share == 1
    assert checks.judge(declared, [noisy], [right]).tells == "More."
    assert "the shape (2,)" in checks.judge(declared, [NUMBERS], [right]).tells  # compared with the first of the tuple


def test_models_are_decoded_but_never_opened():
    payload = b"K" + wire.pack("0", b"anything") + wire.pack("1", b"else")
    assert checks.decode(payload, "") == checks.Models((b"anything", b"else"))


def test_a_check_may_have_seconds_of_its_own():
    jobs, _ = checks.job([(check(", seconds=40"), [checks.call("f")]), (check(), [checks.call("f")])])
    assert jobs[0]["cpu"] == 40 and "cpu" not in jobs[1]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (CODE.format("", "1") * 2, "name of its own"),
        (CODE.format("", "1").replace("points=2", "points=0"), "points and a hint"),
        (CODE.format("", "1").replace("q1-a", "a"), "name of its own"),
        ("1 / 0", "ZeroDivisionError"),
        ("def f(:", "SyntaxError"),
    ],
)
def test_a_wrong_declaration_is_refused(code, said):
    with pytest.raises(CourseError, match=said):
        checks.read(code, "q1")


def test_a_job_names_arrays_once_and_tells_nothing_of_the_check():
    image = np.arange(4.0)
    calls = [checks.call("f", image, 2), checks.call("f", image, mode="x")]
    jobs, arrays = checks.job([(check(), calls), (check(), [checks.call("g", image.copy())])])
    assert jobs[0] == {
        **{"id": "0", "cell": "q1", "arrays": ["a0"]},
        "calls": [["f", [{"array": "a0"}, {"value": 2}], {}], ["f", [{"array": "a0"}], {"mode": {"value": "x"}}]],
    }
    assert list(arrays) == ["a0", "a1"]
    np.testing.assert_array_equal(wire.load(arrays["a1"]), image)
    assert "Think" not in json.dumps(jobs) and "q1-a" not in json.dumps(jobs)


def test_the_reference_gets_inputs_of_its_own_and_may_raise():
    def clear(x):
        x += 1
        return x

    image = np.zeros(2)
    answers = checks.reference({"f": clear}, [checks.call("f", image), checks.call("f", image), checks.call("f", "x")])
    assert [a.tolist() for a in answers[:2]] == [[1, 1], [1, 1]]
    assert answers[2] == Failure(("TypeError",))
    assert (image == 0).all()


NUMBERS = np.array([1.0, 2.0])


@pytest.mark.parametrize(
    ("options", "answer", "right", "told"),
    [
        ("", NUMBERS, NUMBERS, None),
        ("", NUMBERS + 1e-9, NUMBERS, None),
        ("", NUMBERS.astype(np.float32), NUMBERS, None),
        ("", np.array([1, 2]), NUMBERS, None),
        ("", np.array(np.inf), np.array(np.inf), None),
        ("", NUMBERS + 0.01, NUMBERS, "The numbers are not right."),
        ("", NUMBERS * np.nan, NUMBERS, "The numbers are not right."),
        ("", NUMBERS[:, None], NUMBERS, "the shape (2, 1)"),
        (", dtype=True", np.array([1, 2]), NUMBERS, "int64 numbers"),
        ("", Failure(("NotImplementedError", "RuntimeError")), NUMBERS, "Not answered yet."),
        ("", Failure(("Undefined",), "f"), NUMBERS, "does not define `f`"),
        ("", Failure(("NotNumbers",), "NoneType"), NUMBERS, "is there a `return`?"),
        ("", Failure(("NotNumbers",), "str"), NUMBERS, "It returned str, not numbers."),
        ("", Failure(("Stopped",), "busy"), NUMBERS, "a loop that never ends"),
        ("", Failure(("Stopped",), "exit 3"), NUMBERS, "ended before it could answer"),
        ("", Failure(("NameError",), "name 'g'", 3), NUMBERS, "name 'g' (line 3 of the cell). Cells of your own"),
        ("", Failure(("Broken",)), NUMBERS, "could not be read"),
        ("", Failure(("ValueError", "Exception")), Failure(("ValueError",)), None),
        ("", Failure(("Own", "ValueError")), Failure(("ValueError",)), None),
        ("", Failure(("KeyError", "Exception"), "'x'"), Failure(("ValueError",)), "It raised KeyError: 'x'."),
        ("", Failure(("OSError", "Exception")), Failure(("Exception",)), "OSError"),
        ("", NUMBERS, Failure(("ValueError",)), "should have raised"),
        (", judge=lambda got, right: True", NUMBERS * 9, NUMBERS, None),
        (", judge=lambda got, right: True", NUMBERS[:1], NUMBERS, "the shape (1,)"),
        (", judge=lambda got, right: False", NUMBERS, NUMBERS, "Think again."),
    ],
)
def test_verdicts(options, answer, right, told):
    verdict = checks.judge(check(options), [answer], [right])
    assert verdict.share == (told is None)
    assert verdict.tells == "" if told is None else told in verdict.tells
    silent = told is None or (isinstance(answer, Failure) and answer.classes[:1] in checks.SILENT)
    assert verdict.tells.endswith("Think again.") != silent


@pytest.mark.parametrize(("given", "share"), [(0.25, 0.25), (7, 1), (-1, 0), (float("nan"), 0)])
def test_a_judge_may_give_a_part(given, share):
    declared = Check("q1-a", "q1", 2, "More.", None, judge=lambda got, right: given)
    assert checks.judge(declared, [NUMBERS], [NUMBERS]).share == share


def test_a_judge_may_say_what_it_measured():
    declared = Check("q1-a", "q1", 2, "More.", None, judge=lambda got, right: (float(got[0][0]), "3.2 dB."))
    assert checks.judge(declared, [NUMBERS / 2], [NUMBERS]).tells == "3.2 dB. More."
    assert checks.judge(declared, [NUMBERS], [NUMBERS]).tells == "3.2 dB."


def test_a_judge_that_fails_on_strange_numbers_gives_nothing():
    declared = Check("q1-a", "q1", 2, "More.", None, judge=lambda got, right: np.ptp(got[0]) > 0)
    verdict = checks.judge(declared, [np.array([True, False])], [NUMBERS])
    assert (verdict.share, verdict.tells) == (0, "More.")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"N",
        b"Nnonsense",
        b"E",
        b"E{}",
        b"E[1]",
        b"E3",
        b'E{"error": 3, "message": ""}',
        b"E" + b"[" * 99_999,
        b"\xff",
    ],
)
def test_what_cannot_be_read_is_a_failure(payload):
    assert checks.decode(payload, "") == Failure(("Broken",), "")


def test_a_long_message_is_cut_and_a_missing_answer_says_why():
    told = checks.decode(b"E" + json.dumps({"error": ["A"], "message": "x" * 999, "line": "no"}).encode(), "")
    assert (len(told.message), told.line) == (300, None)
    assert checks.decode(None, "idle") == Failure(("Stopped",), "idle")


def test_a_feedback_stays_short_whatever_an_error_is_called():
    told = {"error": ["X" * 10_000] * 1000, "message": "y" * 10_000, "line": 10**400}
    failure = checks.decode(b"E" + json.dumps(told).encode(), "")
    assert len(checks.judge(check(), [failure], [np.ones(3)]).tells) < 600
    assert len(failure.classes) <= 20


def test_what_is_known_is_judged_without_asking_the_reference():
    source = (
        "@check('q1-table', points=1, says='A row a kind.', judge=lambda got, right: got[0][0] == right[0][0])\n"
        "def _(rng):\n    return known(call('f', 3), [7, 0])"
    )
    (check,) = checks.read(source, "q1")
    calls = checks.calls_of(check, 1)

    def never(count):
        raise AssertionError("it may train for a minute")

    expected = checks.reference({"f": never}, calls)
    assert checks.judge(check, [np.array([7, 1])], expected).share == 1
    assert checks.judge(check, [np.array([6, 0])], expected).share == 0
    assert "shape (3,)" in checks.judge(check, [np.zeros(3)], expected).tells
