"""Assignment 1: the reference earns all, nothing earns nothing, and each wrong answer its declared loss."""

import json

import nbformat
import pytest

from lessons_grader.authoring import checks, source
from lessons_grader.grading import pipeline
from tests.assignments import helpers
from tools.measure.catalogue import make_submissions
from tools.measure.catalogue.mutants_convolve import MUTANTS

STUDENTS = ("ada", "grace")


@pytest.mark.parametrize("student", STUDENTS)
def test_the_reference_earns_all_and_the_untouched_version_nothing(student):
    _, (full, empty) = pipeline.judge(
        [make_submissions.answers(), make_submissions.answers("stub")], student, make_submissions.settings()
    )
    assert [v.check.id for v in full if v.share < 1] == []
    assert helpers.points_of(full) == sum(check.points for check in pipeline.checks_of(make_submissions.bundle())) == 30
    assert helpers.points_of(empty) == 0
    for verdict in empty:
        assert verdict.tells == f"Not answered yet. {verdict.check.says}"


@pytest.mark.parametrize("question", MUTANTS)
@pytest.mark.parametrize("student", STUDENTS)
def test_each_wrong_answer_loses_exactly_its_declared_checks(question, student):
    declared = {name: checks for name, (_, checks) in MUTANTS[question].items()}
    lost = helpers.lost_checks("convolve", question, MUTANTS[question], student, plain=False)
    if "no_seed" in lost:  # it draws other numbers each time, and some of them miss the measured strength too
        assert lost.pop("no_seed") >= declared.pop("no_seed")
    assert lost == declared


@pytest.mark.parametrize("question", MUTANTS)
def test_a_wrong_answer_costs_no_other_question(question):
    worst = max(MUTANTS[question].values(), key=lambda mutant: len(mutant[1]))[0]
    _, (verdicts,) = pipeline.judge(
        [make_submissions.answers() | {question: worst}], "ada", make_submissions.settings()
    )
    assert {v.check.question for v in verdicts if v.share < 1} == {question}


def test_no_check_is_idle_and_every_question_has_its_wrong_answers():
    """Without check X, the mutant that loses X alone would earn full points."""
    alone = {
        f"{q}-{next(iter(lost))}" for q, mutants in MUTANTS.items() for _, lost in mutants.values() if len(lost) == 1
    }
    assert {check.id for check in pipeline.checks_of(make_submissions.bundle())} == alone
    assert set(MUTANTS) == set(make_submissions.assignment().questions)
    assert min(len(mutants) for mutants in MUTANTS.values()) >= 8


def test_students_get_different_numbers():
    check = pipeline.checks_of(make_submissions.bundle())[0]
    one, other = (checks.calls_of(check, number)[0].args[0] for number in (1, 2))
    assert not (one == other).all()


def cells(data):
    return [cell for cell in nbformat.reads(data.decode(), 4).cells]


@pytest.mark.parametrize("version", [source.student, source.page])
def test_nothing_published_holds_a_solution_or_a_hidden_check(version):
    text = "\n".join(cell.source for cell in cells(version(make_submissions.assignment())))
    for part in make_submissions.bundle()["cells"]:
        secret = part["source"].splitlines()
        if part["kind"] == "answer":
            secret = [line for line in secret if line not in part["stub"].splitlines()]
        if part["kind"] != "setup":
            assert [line for line in secret if len(line.strip()) > 6 and line.strip() in text] == []
    assert "HIDDEN" not in text and "SOLUTION" not in text and "# variant" not in text


def test_the_book_publishes_no_source_notebook():
    """Jupyter Book copies what _toc.yml names into _sources; a source notebook there would give all away."""
    toc = (make_submissions.SOURCES.parents[1] / "_toc.yml").read_text(encoding="utf-8")
    assert "assignments/" not in toc
    config = (make_submissions.SOURCES.parents[1] / "_config.yml").read_text(encoding="utf-8")
    assert "only_build_toc_files: true" in config


def test_solutions_are_shown_without_the_hidden_checks():
    text = source.solution(make_submissions.assignment()).decode()
    assert "default_rng(seed).normal" in text
    assert "@check" not in text and "HIDDEN" not in text


def test_the_versions_are_valid_notebooks_that_carry_no_output():
    for version in (source.student, source.solution, source.page):
        notebook = nbformat.reads(version(make_submissions.assignment()).decode(), 4)
        nbformat.validate(notebook)
        assert all(not cell.get("outputs") for cell in notebook.cells)


def run(cells_of):
    """Run the answer, setup and test cells of a notebook as a student does; what each test cell raises."""
    space, raised = {}, {}
    for cell in cells_of:
        mark = cell["metadata"].get("nbgrader", {})
        if mark:
            try:
                exec("".join(cell["source"]), space)
            except (AssertionError, NotImplementedError) as error:
                raised[mark["grade_id"]] = error
    return raised


def test_public_checks_pass_for_the_reference_and_hint_at_the_rest(capsys):
    assert run(json.loads(source.solution(make_submissions.assignment()))["cells"]) == {}
    assert capsys.readouterr().out.count("are right") == len(make_submissions.assignment().questions)
    untouched = run(json.loads(source.student(make_submissions.assignment()))["cells"])
    assert set(untouched) == {f"{q}-test" for q in make_submissions.assignment().questions}
    assert all("is not answered yet" in str(error) for error in untouched.values())
    notebook = json.loads(source.solution(make_submissions.assignment()))
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "q1":
            cell["source"] = MUTANTS["q1"]["does_not_divide"][0]
    assert "divide by the largest byte" in str(run(notebook["cells"])["q1-test"])
