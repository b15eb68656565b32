"""Assignment 4, for both choices: the reference earns all, nothing nothing, each wrong answer its loss."""

import os
import subprocess
import sys

import numpy as np
import pytest

from lessons_grader.authoring import checks, choices, source, variants
from lessons_grader.grading import pipeline
from lessons_grader.sandbox import launcher
from lessons_lib import metrics
from tests.assignments import helpers
from tools.measure.catalogue import make_submissions, mutants_restore, networks_restore

NAME = "restore"
CHOICES = ("deblur", "enlarge")
NUMPY = {
    "deblur": mutants_restore.MUTANTS,
    "enlarge": mutants_restore.MUTANTS | mutants_restore.ENLARGE,
}
UNTRAINED = "def train(*asked):\n    return refiner()"  # where only the report is judged, training would be waiting
METHODS = ("strength", "nothing", "classical", "network")


def chosen(choice):
    return {"choice": choices.line(choice)}


def names(student, choice):
    """What the reference defines for a student who chose so."""
    return pipeline.student_cells(
        make_submissions.bundle(NAME), variants.seed(make_submissions.KEY, NAME, student), choice
    )[1]


def of_test(space):
    """What is asked for, and the test pictures of the report, clean and spoiled."""
    how = space["KERNEL"] if space["CHOICE"] == "deblur" else space["SCALE"]
    _, clean, spoiled, owners, held = space["album"](how)
    test = np.isin(owners, held)
    return how, clean[test], spoiled[test]


def decibels(clean, restored):
    shown = np.clip(restored, 0, 1).astype(np.float32)
    return metrics.psnr(clean.astype(np.float32), shown, data_range=1.0, border=6, channel="y")


def reports(choice, student="ada"):
    """Wrong reports of a student whose network is the untrained one, and the right one."""
    space = names(student, choice)
    how, clean, spoiled = of_test(space)
    strengths, start = space["STRENGTHS"][choice], space["START"][choice]
    best = space["REPORT"]["strength"]
    place = strengths.index(best)
    other = strengths[place - 1 if place else 1]

    def classical(strength):
        return decibels(clean, space["classical"](spoiled, how, strength))

    right = [best, decibels(clean, space["untouched"](spoiled, how)), classical(best), classical(start)]
    return networks_restore.reports(*right, other, classical(other))


@pytest.fixture
def here(monkeypatch):
    """Through the grader as it is, but without a process for each check: TensorFlow is started once."""
    monkeypatch.setattr(launcher, "run", helpers.run_here)


@pytest.mark.parametrize("question", mutants_restore.MUTANTS)
@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("student", ["ada", "grace"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # some wrong answers divide by nothing
def test_each_wrong_answer_loses_exactly_its_declared_checks(question, choice, student, here):
    mutants = NUMPY[choice][question]
    declared = {mutant: checks for mutant, (_, checks) in mutants.items()}
    assert helpers.lost_checks(NAME, question, mutants, student, always=chosen(choice)) == declared


@pytest.mark.prove
@pytest.mark.parametrize("choice", CHOICES)
def test_each_wrong_report_loses_exactly_its_declared_checks(choice, here):
    mutants = reports(choice)
    declared = {mutant: checks for mutant, (_, checks) in mutants.items()}
    always = chosen(choice) | {"q6": UNTRAINED}
    assert helpers.lost_checks(NAME, "q7", mutants, "ada", plain=False, always=always) == declared


@pytest.mark.prove
def test_each_wrong_network_loses_exactly_its_declared_checks(here):
    mutants = networks_restore.Q5
    declared = {mutant: checks for mutant, (_, checks) in mutants.items()}
    assert helpers.lost_checks(NAME, "q5", mutants, "ada", plain=False) == declared


@pytest.mark.prove
@pytest.mark.parametrize("choice", CHOICES)
def test_each_wrong_training_loses_exactly_its_declared_checks(choice, here):
    mutants = networks_restore.Q6
    declared = {mutant: checks for mutant, (_, checks) in mutants.items()}
    always = chosen(choice) | {"q5": networks_restore.LIGHT}
    assert helpers.lost_checks(NAME, "q6", mutants, "ada", plain=False, always=always) == declared


@pytest.mark.parametrize("choice", CHOICES)
def test_no_check_is_idle_and_every_question_has_its_wrong_answers(choice):
    found = NUMPY[choice] | networks_restore.NETWORKS | {"q7": reports(choice)}
    assert helpers.checks_that_catch_nothing_alone(NAME, found) == set()
    questions = [question for question in make_submissions.assignment(NAME).questions if question != choices.CELL]
    assert sorted(found) == questions
    assert min(len([1 for _, lost in mutants.values() if lost]) for mutants in found.values()) >= 8
    assert sum(check.points for check in pipeline.checks_of(make_submissions.bundle(NAME))) == 30


@pytest.mark.parametrize("choice", CHOICES)
def test_the_table_of_the_reference_is_measured(choice):
    """All variants: the strength and what needs no network; networks are trained again by the slow tests."""
    space = names("ada", choice)
    options = ((1.2, 1.3, 1.4), (2,))[CHOICES.index(choice)]
    for what in options:
        how = space["gaussian"](what) if choice == "deblur" else what
        _, clean, spoiled, owners, held = space["album"](how)
        strengths, test = space["STRENGTHS"][choice], np.isin(owners, held)
        made = [space["classical"](spoiled, how, strength) for strength in strengths]
        scores = [[decibels(c, m) for c, m in zip(clean, pictures, strict=True)] for pictures in made]
        best = space["tune"](strengths, np.array(scores), owners, held)
        nothing = decibels(clean[test], space["untouched"](spoiled[test], how))
        classical = np.array(scores)[strengths.index(best), test].mean()
        told = space["MEASURED"][choice, what]
        assert told[0] == best and told[1:3] == pytest.approx([nothing, classical], abs=0.006)


@pytest.fixture(scope="module", params=CHOICES)
def graded(request):
    """The reference and the untouched version, through both sandboxes."""
    answers = make_submissions.answers(name=NAME) | chosen(request.param)
    outcome, verdicts = pipeline.judge(
        [answers, make_submissions.answers("stub", NAME)], "ada", make_submissions.settings(NAME)
    )
    assert outcome.started and outcome.ended, outcome.said
    return request.param, verdicts


@pytest.mark.prove
def test_the_reference_earns_all_and_the_untouched_version_nothing(graded):
    _, (full, empty) = graded
    assert [(v.check.id, v.tells) for v in full if v.share < 1] == []
    assert helpers.points_of(full) == 30
    assert helpers.points_of(empty) == 0
    for verdict in empty:
        assert verdict.tells == f"Not answered yet. {verdict.check.says}"
    measured = {v.check.id: v.tells for v in full if v.tells}
    assert set(measured) == {"q6-gain", "q7-nothing", "q7-classical", "q7-network"}


@pytest.mark.prove
@pytest.mark.parametrize("graded", ["deblur"], indirect=True)
def test_graded_again_under_load_every_measured_value_is_the_same(graded):
    """Of question 6, whose training is the one that question 7 repeats."""
    choice, (full, _) = graded
    settings = pipeline.GradingOptions(
        helpers.bundle_with(NAME, "q6"), make_submissions.KEY, unsafe=bool(make_submissions.no_sandbox())
    )
    load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count())]
    try:
        _, (again,) = pipeline.judge([make_submissions.answers(name=NAME) | chosen(choice)], "ada", settings)
    finally:
        for process in load:
            process.kill()
            process.wait()
    assert again == [verdict for verdict in full if verdict.check.question == "q6"]


def test_between_the_mark_and_full_points_every_hundredth_of_a_decibel_counts():
    (check,) = [check for check in pipeline.checks_of(make_submissions.bundle(NAME)) if check.id == "q6-gain"]
    clean = np.full((2, 24, 24, 3), 0.5)
    restored = clean + 0.05
    mark = decibels(clean, restored) - np.array([-0.1, 0, 0.05, 0.1, 0.2, 0.5])
    verdicts = [checks.judge(check, [restored], [(clean, np.array([m, 0.2]))]) for m in mark]
    assert [round(verdict.share, 3) for verdict in verdicts] == [0, 0, 0.25, 0.5, 1, 1]
    assert verdicts[2].tells.startswith(f"The network reaches {decibels(clean, restored):.2f} dB")


@pytest.mark.parametrize("choice", CHOICES)
def test_the_answers_of_one_choice_are_worth_little_under_the_other(choice, here):
    """Questions 1 and 3 have two faces; 2 and 4 are the same for all."""
    other = CHOICES[CHOICES.index(choice) - 1]
    for question in ("q1", "q3"):
        right = make_submissions.answers(name=NAME)[question].replace("CHOICE ==", f"{other!r} ==")
        lost = helpers.lost_checks(NAME, question, {"other": (right, set())}, "ada", always=chosen(choice))["other"]
        worth = {
            check.id.removeprefix(f"{question}-"): check.points
            for check in pipeline.checks_of(make_submissions.bundle(NAME))
        }
        assert sum(worth[check] for check in lost) >= 3


@pytest.mark.parametrize("version", [source.student, source.page])
def test_nothing_published_holds_a_solution_or_a_hidden_check(version):
    assert helpers.published_secrets(NAME, version) == []


def test_solutions_are_shown_without_the_hidden_checks():
    text = source.solution(make_submissions.assignment(NAME)).decode()
    assert "fit(" in text and "@check" not in text and "HIDDEN" not in text


def test_students_get_their_own_numbers():
    versions = {source.student(make_submissions.assignment(NAME), number) for number in range(40)}
    assert len(versions) == 3  # the values of SIGMA; all hidden pictures are a student's own


@pytest.mark.prove
@pytest.mark.parametrize("choice", CHOICES)
def test_public_checks_pass_for_the_reference_and_hint_at_the_rest(choice, capsys):
    questions = make_submissions.assignment(NAME).questions
    assert helpers.errors_of_tests(NAME, source.solution, chosen(choice)) == {}
    said = capsys.readouterr().out
    assert said.count("Question ") == len(questions) - 1 and f"Your choice is to {choice}" in said
    untouched = helpers.errors_of_tests(NAME, source.student)
    assert set(untouched) == {f"{q}-test" for q in questions} | {"choice", "q7"}
    assert all("is not answered yet" in str(error) for error in untouched.values())
