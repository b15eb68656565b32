import json

import numpy as np
import pytest

from lessons_grader.sandbox import runner, wire

LIMITS = {"cpu": 2, "idle": 5.0, "busy": 20.0, "dozing": 20.0, "answer": 1 << 20}


def run(cells, calls, arrays=(), cell="q1", **limits):
    """What comes out of one check over cells {name: source}."""
    data = {f"a{n}": wire.save(array) for n, array in enumerate(arrays)}
    check = {"id": "0", "cell": cell, "arrays": list(data), "calls": calls}
    said = {}
    runner.Run({"cells": list(cells.items()), "checks": [check]}, data, LIMITS | limits).go(said.__setitem__)
    return said


def error(payload):
    assert payload[:1] == b"E"
    return json.loads(payload[1:])


def test_answers_come_out_as_arrays():
    cells = {"setup": "import numpy as np\nK = 2", "q1": "def f(x, y=0):\n    return K * x + y"}
    said = run(cells, [["f", [{"array": "a0"}], {"y": {"value": 1}}], ["f", [{"value": 3}], {}]], [np.arange(3.0)])
    np.testing.assert_array_equal(wire.load(said["0/0/0"][1:]), [1, 3, 5])
    assert wire.load(said["0/0/1"][1:]) == 6


def test_one_array_in_two_calls_is_one_array():
    cells = {"q1": "def f(x):\n    x += 1\n    return x.sum()"}
    said = run(cells, [["f", [{"array": "a0"}], {}]] * 2, [np.zeros(3)])
    assert [wire.load(said[name][1:]) for name in ("0/0/0", "0/0/1")] == [3, 6]


def test_a_cell_that_fails_says_why_and_the_next_still_runs():
    cells = {"q1": "x = 1\ndef f(:", "q2": "def g():\n    return 2"}
    told = error(run(cells, [["f", [], {}]])["0/0/0"])
    assert told["error"][0] == "SyntaxError" and told["line"] == 2
    assert wire.load(run(cells, [["g", [], {}]])["0/0/0"][1:]) == 2
    assert error(run({"q1": ""}, [["f", [], {}]])["0/0/0"])["error"] == ["Undefined"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("raise KeyError('a')", "KeyError"),
        ("return None", "NotNumbers"),
        ("return 'text'", "NotNumbers"),
        ("return [[1], [2, 3]]", "ValueError"),
        ("raise SystemExit", "SystemExit"),
        ("return f()", "RecursionError"),
    ],
)
def test_errors_are_answers(body, kind):
    assert kind in error(run({"q1": f"def f():\n    {body}"}, [["f", [], {}]])["0/0/0"])["error"]


def test_the_line_of_an_error_is_the_cells():
    told = error(run({"q1": "def f():\n    x = 1\n    return x.nothing"}, [["f", [], {}]])["0/0/0"])
    assert told["line"] == 3 and "nothing" in told["message"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import os; os._exit(3)", "exit 3"),
        ("import os; os.kill(os.getpid(), 11)", "signal 11"),
        ("return 'x' * 0 or __import__('numpy').zeros(1 << 18)", "output"),
    ],
)
def test_a_check_that_ends_early_says_how(body, reason):
    assert run({"q1": f"def f():\n    {body}"}, [["f", [], {}]])["0/0/end"].decode() == reason


def test_a_cell_that_kills_its_process_is_left_out():
    cells = {"q1": "import os\nos._exit(0)", "q2": "def g():\n    return 2"}
    said = run(cells, [["g", [], {}]], cell="q2")
    assert wire.load(said["0/0/0"][1:]) == 2
    assert json.loads(said["0/skipped"]) == {"q1": "exit 0"}


def test_when_the_time_is_used_up_the_rest_is_not_tried():
    assert run({"q1": "def f():\n    return 1"}, [["f", [], {}]], busy=-1)["0/0/end"] == b"budget"


def test_magics_are_left_out_and_true_errors_stay():
    code = runner.compile_cell("%matplotlib inline\n!ls\nx = 5", "q1")
    space = {}
    exec(code, space)
    assert space["x"] == 5
    with pytest.raises(SyntaxError):
        runner.compile_cell("x = (", "q1")
