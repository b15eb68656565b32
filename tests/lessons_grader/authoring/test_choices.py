import json

import pytest

from lessons_grader import notebooks
from lessons_grader.authoring import choices, source
from lessons_grader.grading import pipeline, submissions
from lessons_grader.notebooks import CourseError
from tests.lessons_grader.authoring.test_source import ABOUT, cell

OFFERED = ["deblur", "enlarge"]
CHOOSE = "### BEGIN SOLUTION\nCHOICE = 'deblur'\n### END SOLUTION"
ANSWER = "def f(x):\n    ### BEGIN SOLUTION\n    return x + 1 if CHOICE == 'deblur' else x * 2\n    ### END SOLUTION"
TEST = (
    "assert f(1)\n### BEGIN HIDDEN TESTS\n@check('q1-right', points=2, says='Mind your choice.')\n"
    "def _(rng, CHOICE):\n    return call('f', rng.random(3) + (CHOICE == 'enlarge'))\n### END HIDDEN TESTS"
)


def assignment(tmp_path, offered=tuple(OFFERED), choosing=True):
    cells = [notebooks.markdown_cell("title", "# Tiny", {}), cell("setup", "CHOICE = None")]
    if choosing:
        cells += [cell("choice", CHOOSE, solution=True, locked=False), cell("choice-test", "", grade=True, points=0)]
    cells += [cell("q1", ANSWER, solution=True, locked=False), cell("q1-test", TEST, grade=True, points=2)]
    path = tmp_path / "tiny.ipynb"
    about = ABOUT | ({"choice": list(offered)} if offered else {})
    path.write_bytes(notebooks.write(cells, {"course": about}))
    return source.read(path)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('CHOICE = "deblur"', "deblur"),
        ("x = 1\nCHOICE = 'enlarge'  # mine", "enlarge"),
        ("CHOICE = 'deblur'\nCHOICE = 'enlarge'", "enlarge"),
        ("CHOICE = 'deblur'\nCHOICE = f()", None),
        ("CHOICE = 'both'", None),
        ("CHOICE = deblur", None),
        ("CHOICE = ['deblur', 'enlarge']", None),
        ("CHOICE = 1", None),
        ("CHOICE = ", None),
        ("raise NotImplementedError", None),
        ("", None),
        ("(" * 500, None),
        ("CHOICE = '\0'", None),
    ],
)
def test_a_choice_is_read_and_never_run(text, found):
    assert choices.read({"choice": text}, OFFERED) == found


def test_a_batch_has_one_choice():
    one, other, none = ({"choice": f"CHOICE = {c!r}"} for c in (*OFFERED, None))
    assert choices.settle([none, other, {}], OFFERED) == "enlarge"
    assert choices.settle([none], OFFERED) == "deblur"
    assert choices.settle([one], []) is None
    with pytest.raises(CourseError, match="a batch chooses deblur, enlarge"):
        choices.settle([one, other], OFFERED)


def test_students_are_told_what_was_asked():
    assert choices.notes({"choice": "CHOICE = 'enlarge'"}, OFFERED) == [
        "You chose to enlarge, and only that was asked for."
    ]
    (none,) = choices.notes({}, OFFERED)
    assert "makes no choice: write `CHOICE = 'deblur'` or `CHOICE = 'enlarge'`" in none and "asked for `deblur`" in none
    assert choices.notes({}, []) == []


@pytest.mark.parametrize(("choice", "body"), [("deblur", "return x + 1"), ("enlarge", "return x * 2")])
def test_the_reference_and_the_questions_follow_the_choice(tmp_path, choice, body):
    bundle = json.loads(source.bundle(assignment(tmp_path)))
    right = {"choice": choices.line(choice), "q1": f"def f(x):\n    {body}"}
    wrong = right | {"choice": choices.line({"deblur": "enlarge", "enlarge": "deblur"}[choice])}
    shares = []
    for answers in (right, wrong):
        cells, space = pipeline.student_cells(bundle, 1, choices.settle([answers], OFFERED))
        (check,) = pipeline.checks_of(bundle)
        calls = pipeline.checks.calls_of(check, 1, space)
        exec(answers["q1"], mine := {})
        found = [mine["f"](*c.args) for c in calls]
        shares.append(pipeline.checks.judge(check, found, pipeline.checks.reference(space, calls)).share)
        assert [name for name, text in cells if text is None] == ["choice", "q1"]
    assert shares == [1, 0]


def test_a_record_notes_the_choice(tmp_path):
    made = assignment(tmp_path)
    bundle, path = json.loads(source.bundle(made)), tmp_path / "ada.ipynb"
    path.write_bytes(source.student(made))
    options = pipeline.GradingOptions(bundle, "a secret of the tests")
    record, _ = pipeline.prepare(pipeline.load(submissions.Submission("ada", path), options), options)
    assert ["makes no choice" in note for note in record.notes] == [True]


@pytest.mark.parametrize(("offered", "choosing"), [((), True), (tuple(OFFERED), False), (("deblur",), True)])
def test_a_choice_needs_its_cell_and_two_ways(tmp_path, offered, choosing):
    with pytest.raises(CourseError, match="two or more"):
        assignment(tmp_path, offered, choosing)
