"""Assignments 2 and 3: the reference earns all, nothing earns nothing, each wrong answer its declared loss."""

import dataclasses
import os
import subprocess
import sys
import time

import psutil
import pytest

from lessons_grader.authoring import source
from lessons_grader.grading import pipeline
from lessons_grader.sandbox import launcher, profiles
from tests.assignments import helpers
from tests.assignments.test_hostile import SAID, strays
from tools.measure.catalogue import (
    hostile_models,
    make_submissions,
    mutants_compress,
    mutants_denoise,
    networks_compress,
    networks_denoise,
)

NAMES = ("compress", "denoise")
MUTANTS = {"compress": mutants_compress.MUTANTS, "denoise": mutants_denoise.MUTANTS}
NETWORKS = {"compress": networks_compress.NETWORKS, "denoise": networks_denoise.NETWORKS}
ALL = {name: MUTANTS[name] | NETWORKS[name] for name in NAMES}
WEAK = {  # honest, and not good: changes to the reference's last answer
    "compress": ('"mse")', '"mse")\n    pictures = pictures[:30]'),
    "denoise": ("layers.Subtract()([noisy, noise])", "noise"),
}


def cases(found):
    return [(name, question) for name in NAMES for question in found[name]]


@pytest.mark.parametrize(("name", "question"), cases(MUTANTS))
@pytest.mark.parametrize("student", ["ada", "grace"])
def test_each_wrong_answer_loses_exactly_its_declared_checks(name, question, student):
    mutants = MUTANTS[name][question]
    declared = {mutant: checks for mutant, (_, checks) in mutants.items()}
    assert helpers.lost_checks(name, question, mutants, student) == declared


@pytest.mark.prove
@pytest.mark.parametrize(("name", "question"), cases(NETWORKS))
def test_each_wrong_network_loses_exactly_its_declared_checks(name, question, monkeypatch):
    """Through the grader as it is, but without a process for each check: TensorFlow is started once."""
    monkeypatch.setattr(launcher, "run", helpers.run_here)
    mutants = NETWORKS[name][question]
    declared = {mutant: checks for mutant, (_, checks) in mutants.items()}
    assert helpers.lost_checks(name, question, mutants, "ada", plain=False) == declared


@pytest.mark.parametrize("name", NAMES)
def test_no_check_is_idle_and_every_question_has_its_wrong_answers(name):
    assert helpers.checks_that_catch_nothing_alone(name, ALL[name]) == set()
    assert list(ALL[name]) == make_submissions.assignment(name).questions
    assert min(len(mutants) for mutants in ALL[name].values()) >= 8
    assert sum(check.points for check in pipeline.checks_of(make_submissions.bundle(name))) == 30


@pytest.fixture(scope="module", params=NAMES)
def graded(request):
    """The reference, the untouched version and a weak network, through both sandboxes."""
    name = request.param
    last, (old, new) = make_submissions.assignment(name).questions[-1], WEAK[name]
    answers = make_submissions.answers(name=name)
    weak = {question: text.replace(old, new) for question, text in answers.items()}
    outcome, verdicts = pipeline.judge(
        [answers, make_submissions.answers("stub", name), weak], "ada", make_submissions.settings(name)
    )
    assert outcome.started and outcome.ended, outcome.said
    return name, last, verdicts


@pytest.mark.prove
def test_the_reference_earns_all_and_the_untouched_version_nothing(graded):
    _, _, (full, empty, _) = graded
    assert [(v.check.id, v.tells) for v in full if v.share < 1] == []
    assert helpers.points_of(full) == 30
    assert helpers.points_of(empty) == 0
    for verdict in empty:
        assert verdict.tells == f"Not answered yet. {verdict.check.says}"


@pytest.mark.prove
def test_a_weak_network_earns_a_part(graded):
    _, last, (full, _, weak) = graded
    quality = [(v.share, v.tells) for v in weak if v.check.question == last and v.check.seconds]
    ((share, tells),) = quality
    assert 0 < share < 1 and "dB" in tells
    ((_, told),) = [(v.share, v.tells) for v in full if v.check.question == last and v.check.seconds]
    assert told != tells


@pytest.mark.prove
def test_graded_again_under_load_every_measured_value_is_the_same(graded):
    name, _, (full, *_) = graded
    load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count())]
    try:
        _, (again,) = pipeline.judge([make_submissions.answers(name=name)], "ada", make_submissions.settings(name))
    finally:
        for process in load:
            process.kill()
            process.wait()
    assert again == full


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("version", [source.student, source.page])
def test_nothing_published_holds_a_solution_or_a_hidden_check(name, version):
    assert helpers.published_secrets(name, version) == []


@pytest.mark.parametrize("name", NAMES)
def test_solutions_are_shown_without_the_hidden_checks(name):
    text = source.solution(make_submissions.assignment(name)).decode()
    assert "fit(" in text and "@check" not in text and "HIDDEN" not in text


@pytest.mark.parametrize("name", NAMES)
def test_students_get_their_own_numbers(name):
    versions = {source.student(make_submissions.assignment(name), number) for number in range(8)}
    assert len(versions) == 3  # the three values of the variant


@pytest.mark.prove
@pytest.mark.parametrize("name", NAMES)
def test_public_checks_pass_for_the_reference_and_hint_at_the_rest(name, capsys):
    questions = make_submissions.assignment(name).questions
    assert helpers.errors_of_tests(name, source.solution) == {}
    assert capsys.readouterr().out.count("Question ") == len(questions)
    untouched = helpers.errors_of_tests(name, source.student)
    assert set(untouched) == {f"{q}-test" for q in questions}
    assert all("is not answered yet" in str(error) for error in untouched.values())


@pytest.mark.prove
def test_hostile_models_earn_nothing_and_change_nothing(tmp_path):
    if make_submissions.no_sandbox():
        pytest.skip(f"no sandbox can be made here: {make_submissions.no_sandbox()}")
    canary = tmp_path / "canary.txt"
    canary.write_text(SAID)
    for place in (canary, *canary.parents[:3]):
        place.chmod(0o777)
    attacks = {"fair": hostile_models.FAIR} | hostile_models.ATTACKS
    batch = [
        make_submissions.answers(name="denoise") | {"q6": hostile_models.answer(a, str(canary))}
        for a in attacks.values()
    ]
    limits = dataclasses.replace(profiles.HEAVY, idle=2.0, dozing=3.0)
    settings = pipeline.GradingOptions(helpers.bundle_with("denoise", "q6"), make_submissions.KEY, limits=limits)
    before = {process.pid for process in psutil.process_iter()}
    outcome, verdicts = pipeline.judge(batch, "ada", settings)
    assert outcome.started and outcome.ended, outcome.said
    earned = {name: helpers.points_of(row) for name, row in zip(attacks, verdicts, strict=True)}
    assert earned.pop("fair") == 3.5  # all but the weights it does not have
    assert earned == dict.fromkeys(hostile_models.ATTACKS, 0) | {"huge answers": 1}  # it has few weights, honestly
    assert canary.read_text() == SAID
    assert SAID not in " ".join(verdict.tells for row in verdicts for verdict in row)
    left = ["?"]
    for _ in range(50):
        left = left and list(strays(before))
        time.sleep(0.1)
    assert left == []
