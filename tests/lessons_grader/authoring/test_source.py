import json

import nbformat
import pytest

from lessons_grader import notebooks
from lessons_grader.authoring import source
from lessons_grader.notebooks import CourseError

ABOUT = {"name": "tiny", "title": "Tiny", "minutes": 5, "skills": ["adding"]}
ANSWER = "def f(x):\n    ### BEGIN SOLUTION\n    return x + SHIFT\n    ### END SOLUTION"
TEST = (
    "assert f(1) > 1, 'more, please'\n### BEGIN HIDDEN TESTS\n@check('q1-sum', points=2, says='Add.')\n"
    "def _(rng):\n    return call('f', rng.random(3))\n### END HIDDEN TESTS"
)


def cell(name, text, **mark):
    mark = {"grade_id": name, "grade": False, "solution": False, "locked": True, "schema_version": 3} | mark
    return notebooks.code_cell(name, text, {"nbgrader": mark, "collapsed": True})


def cells(answer=ANSWER, test=TEST, points=2):
    return [
        notebooks.markdown_cell("title", "# Tiny", {}),
        cell("setup", "SHIFT = 1  # variant: 1 | 2 | 3"),
        cell("q1", answer, solution=True, locked=False),
        cell("q1-test", test, grade=True, points=points),
        notebooks.code_cell("play", "print(f(2))", {}),
    ]


def read(tmp_path, found=None, about=ABOUT):
    path = tmp_path / "tiny.ipynb"
    path.write_bytes(notebooks.write(found or cells(), {"course": about}))
    return source.read(path)


def text(data):
    return {cell["id"]: "".join(cell["source"]) for cell in json.loads(data)["cells"]}


def test_the_student_gets_stubs_public_checks_and_a_variant(tmp_path):
    assignment = read(tmp_path)
    found = text(source.student(assignment))
    assert found["q1"] == 'def f(x):\n    # YOUR CODE HERE\n    raise NotImplementedError("q1 is not answered yet")'
    assert found["q1-test"] == "assert f(1) > 1, 'more, please'"
    assert found["setup"] == "SHIFT = 1"
    assert {text(source.student(assignment, seed))["setup"] for seed in range(20)} == {
        f"SHIFT = {n}" for n in (1, 2, 3)
    }
    metadata = {cell["id"]: cell["metadata"] for cell in json.loads(source.student(assignment))["cells"]}
    assert metadata["q1"] == {"deletable": False, "nbgrader": cells()[2]["metadata"]["nbgrader"]}
    assert metadata["setup"]["editable"] is False and metadata["play"] == {}


def test_an_assignment_may_name_its_sandbox(tmp_path):
    assignment = read(tmp_path, about=ABOUT | {"sandbox": "keras"})
    assert json.loads(source.bundle(assignment))["about"]["sandbox"] == "keras"
    with pytest.raises(CourseError, match="sandbox: numpy or keras"):
        read(tmp_path, about=ABOUT | {"sandbox": "torch"})


def test_the_solution_and_the_page_show_what_they_should(tmp_path):
    assignment = read(tmp_path)
    assert text(source.solution(assignment))["q1"] == "def f(x):\n    return x + SHIFT"
    assert "check(" not in text(source.solution(assignment))["q1-test"]
    page, student = json.loads(source.page(assignment)), json.loads(source.student(assignment))
    download = "**[Download this notebook](path:student/tiny.ipynb)**"
    assert "".join(page["cells"][0]["source"]).startswith(f"# Tiny\n\n{download}, open it")
    assert page["cells"][1:] == student["cells"][1:] and page["metadata"] == student["metadata"]


def test_a_source_without_a_title_is_refused(tmp_path):
    with pytest.raises(CourseError, match="must begin with its title"):
        read(tmp_path, cells()[1:])


def test_every_version_is_the_same_to_the_byte_each_time_and_valid(tmp_path):
    for make in (source.student, source.page, source.solution, source.bundle):
        first, second = make(read(tmp_path)), make(read(tmp_path))
        assert first == second
        if make is not source.bundle:
            nbformat.validate(nbformat.reads(first.decode(), 4))


def test_the_bundle_has_what_the_grader_needs(tmp_path):
    bundle = json.loads(source.bundle(read(tmp_path)))
    assert [(part["id"], part["kind"]) for part in bundle["cells"]] == [
        *[("setup", "setup"), ("q1", "answer"), ("q1-test", "test")]
    ]
    assert "return x + SHIFT" in bundle["cells"][1]["source"]
    assert bundle["cells"][2]["source"].startswith("@check(")
    other = json.loads(source.bundle(read(tmp_path, cells(answer=ANSWER.replace("x +", "x -")))))
    assert other["digest"] != bundle["digest"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (cells(points=3), "q1-test: its hidden checks give 2 points"),
        (cells(answer="def f(x):\n    return 1"), "cell q1: markers"),
        (cells(answer=ANSWER.replace("### END SOLUTION", "")), "cell q1: markers"),
        (cells(test=TEST.replace("### END HIDDEN TESTS", "")), "cell q1-test: markers"),
        (cells(test=TEST.replace("q1-sum", "q2-sum")), "check 'q2-sum'"),
        (cells(test=TEST.replace("@check(", "@chekc(")), "fail to run: NameError"),
        ([*cells(), cell("q1", ANSWER, solution=True)], "grade_id 'q1'"),
        (cells()[:3], r"\['q1'\] have no test"),
        ([*cells(), cell("q9-test", "", grade=True, points=1)], "named after its answer"),
        ([*cells(), notebooks.code_cell("leak", "### BEGIN SOLUTION\n1\n### END SOLUTION", {})], "cell leak: markers"),
        ([*cells(), notebooks.markdown_cell("leak", "### BEGIN HIDDEN TESTS\nx", {})], "cell leak: markers"),
        ([*cells(), cell("other", "X = y  # variant: y | z")], "variant of X"),
    ],
)
def test_a_source_that_would_go_wrong_is_refused(tmp_path, found, said):
    with pytest.raises(CourseError, match=said):
        read(tmp_path, found)


@pytest.mark.parametrize("about", [{}, ABOUT | {"name": "Tiny One"}, ABOUT | {"author": "me"}])
def test_what_an_assignment_is_must_be_said(tmp_path, about):
    with pytest.raises(CourseError, match=r"metadata\.course"):
        read(tmp_path, about=about)
