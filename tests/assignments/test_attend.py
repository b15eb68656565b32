"""Assignment 5: reference and untouched version, each wrong answer's declared loss, and the written part."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from lessons_grader import cli
from lessons_grader.authoring import source, variants
from lessons_grader.export import gradebook
from lessons_grader.grading import manual_grading, pipeline
from lessons_grader.record import CheckResult
from lessons_grader.sandbox import launcher
from tests.assignments import helpers
from tools.measure.catalogue import make_submissions, mutants_attend, networks_attend

NAME = "attend"
ALL = mutants_attend.MUTANTS | networks_attend.NETWORKS
TEXT = "The skips bring 4 dB, far more than the seeds, for pooling loses where an edge was."


@pytest.mark.parametrize("question", mutants_attend.MUTANTS)
@pytest.mark.parametrize("student", ["ada", "grace"])
def test_each_wrong_answer_loses_exactly_its_declared_checks(question, student):
    mutants = mutants_attend.MUTANTS[question]
    declared = {mutant: checks for mutant, (_, checks) in mutants.items()}
    assert helpers.lost_checks(NAME, question, mutants, student) == declared


@pytest.mark.prove
@pytest.mark.parametrize("question", networks_attend.NETWORKS)
def test_each_wrong_network_loses_exactly_its_declared_checks(question, monkeypatch):
    """Through the grader as it is, but without a process for each check: TensorFlow is started once."""
    monkeypatch.setattr(launcher, "run", helpers.run_here)
    mutants = networks_attend.NETWORKS[question]
    declared = {mutant: checks for mutant, (_, checks) in mutants.items()}
    assert helpers.lost_checks(NAME, question, mutants, "ada", plain=False) == declared


def test_no_check_is_idle_and_every_question_has_its_wrong_answers():
    assert helpers.checks_that_catch_nothing_alone(NAME, ALL) == set()
    assert sorted(ALL) == make_submissions.assignment(NAME).questions
    assert min(len(mutants) for mutants in ALL.values()) >= 8


def test_a_fifth_of_the_points_is_a_persons():
    automatic = sum(check.points for check in pipeline.checks_of(make_submissions.bundle(NAME)))
    assert (automatic, manual_grading.points(make_submissions.bundle(NAME))) == (24, 6)


def handed_in(which="source"):
    """The reference's notebook, or the untouched one; the first has text in the cell that a person reads."""
    notebook = make_submissions.handed_in(which=which, name=NAME)
    for cell in notebook["cells"]:
        if cell["id"] == "w1" and which == "source":
            cell["source"] = TEXT
    return notebook


@pytest.fixture(scope="module")
def graded():
    """The reference and the untouched version, through both sandboxes."""
    outcome, verdicts = pipeline.judge(
        [make_submissions.answers(which, NAME) for which in ("source", "stub")], "ada", make_submissions.settings(NAME)
    )
    assert outcome.started and outcome.ended, outcome.said
    return verdicts


@pytest.mark.prove
def test_the_reference_earns_all_and_the_untouched_version_nothing(graded):
    full, empty = graded
    assert [(v.check.id, v.tells) for v in full if v.share < 1] == []
    assert (helpers.points_of(full), helpers.points_of(empty)) == (24, 0)
    for verdict in empty:
        assert verdict.tells == f"Not answered yet. {verdict.check.says}"


@pytest.mark.prove
def test_graded_again_under_load_every_measured_value_is_the_same(graded):
    load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count())]
    try:
        _, (again,) = pipeline.judge([make_submissions.answers(name=NAME)], "ada", make_submissions.settings(NAME))
    finally:
        for process in load:
            process.kill()
            process.wait()
    assert again == graded[0]


def test_from_submissions_to_a_score_with_a_persons_marks(tmp_path, monkeypatch):
    """As an instructor does it: grade, read, fill in the sheet, grade again, export. What sandboxes say is put in."""
    monkeypatch.setenv(variants.VARIABLE, make_submissions.KEY)
    monkeypatch.setattr(launcher, "refusal", lambda *_: "")
    found = pipeline.checks_of(make_submissions.bundle(NAME))
    results = {
        student: pipeline.JobResult(tuple(CheckResult(c.id, c.question, share * c.points, c.points, "") for c in found))
        for student, share in (("ada", 1), ("bob", 0))
    }
    runs = []
    monkeypatch.setattr(pipeline, "work", lambda job: runs.append(job.student) or results[job.student])
    make_submissions.put(tmp_path / "in", "ada", handed_in())
    make_submissions.put(tmp_path / "in", "bob", handed_in("stub"))
    (tmp_path / "in" / "cem").mkdir()
    out = tmp_path / "out"

    def run(*words):
        done = CliRunner().invoke(cli.app, [str(word) for word in words])
        assert done.exit_code == 0, done.output
        return done.output

    grade = ["grade", tmp_path / "in", "--assignment", NAME, "-o", out, "-j", 1]
    assert "1 graded, 1 missing, 1 waiting" in run(*grade) and sorted(runs) == ["ada", "bob"]
    rows = {row["student"]: row for row in gradebook.read(out / "gradebook.csv")}
    found = {name: (row["status"], row["score"], row["so far"], row["waiting"]) for name, row in rows.items()}
    assert found == {
        "ada": ("waiting", "", "24", "6"),
        "bob": ("graded", "0", "0", "0"),
        "cem": ("missing", "", "", ""),
    }
    assert TEXT in (out / "answers.html").read_text(encoding="utf-8")
    said = run("export", out, "--to", "moodle", "-o", tmp_path / "grades.csv")
    assert "no score yet, they wait for marks: ada" in said

    sheet = (out / "marks.csv").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(sheet):
        if line.startswith("ada,"):
            sheet[number] = line.replace(",2,,", ",2,2,", 1)
    (out / "marks.csv").write_text("\n".join(sheet), encoding="utf-8")
    assert "2 graded, 1 missing; 2 of them from an earlier run" in run(*grade) and sorted(runs) == ["ada", "bob"]
    row = gradebook.read(out / "gradebook.csv")[0]
    assert (row["status"], row["score"], row["percent"], row["waiting"], row["w1"]) == ("graded", "30", "100", "0", "6")


@pytest.mark.parametrize("version", [source.student, source.page])
def test_nothing_published_holds_a_solution_or_a_hidden_check(version):
    assert helpers.published_secrets(NAME, version) == []
    text = version(make_submissions.assignment(NAME)).decode()
    (part,) = manual_grading.parts_of(make_submissions.bundle(NAME))
    assert all(line["says"] in text for line in part["rubric"]), "students see what earns points"


def test_solutions_are_shown_without_the_hidden_checks():
    text = source.solution(make_submissions.assignment(NAME)).decode()
    assert "fit(" in text and "@check" not in text and "HIDDEN" not in text


def test_students_get_their_own_numbers():
    versions = {source.student(make_submissions.assignment(NAME), number) for number in range(30)}
    assert len(versions) == 9  # three levels of noise, three widths


@pytest.mark.prove
def test_public_checks_pass_for_the_reference_and_hint_at_the_rest(capsys):
    questions = make_submissions.assignment(NAME).questions
    assert helpers.errors_of_tests(NAME, source.solution) == {}
    assert capsys.readouterr().out.count("Question ") == len(questions)
    untouched = helpers.errors_of_tests(NAME, source.student)
    assert set(untouched) == {f"{q}-test" for q in questions}
    assert all("is not answered yet" in str(error) for error in untouched.values())
