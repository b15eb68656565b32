import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from lessons_grader.export import feedback
from lessons_grader.grading import pipeline, submissions
from lessons_grader.sandbox import launcher, profiles
from tools.measure.catalogue import make_submissions


@pytest.fixture
def folder(tmp_path):
    """Three who hand in: all right, untouched, and one wrong answer."""
    make_submissions.put(tmp_path / "in", "ada", make_submissions.handed_in())
    make_submissions.put(tmp_path / "in", "bob", make_submissions.handed_in(which="stub"))
    make_submissions.put(
        tmp_path / "in", "cem", make_submissions.handed_in({"q1": "def to_float(image):\n    return image / 255"})
    )
    return tmp_path


def grade(folder, students=None, **options):
    found = submissions.find(folder / "in", "convolve", students)
    fresh = []
    settings = make_submissions.settings(**options)
    records = pipeline.grade_all(found, settings, folder / "out", 2, lambda r, new: new and fresh.append(r.student))
    return {record.student: record for record in records}, sorted(fresh)


def test_scores_and_results_are_the_same_each_time(folder):
    records, fresh = grade(folder)
    assert {name: record.score for name, record in records.items()} == {"ada": 30, "bob": 0, "cem": 28}
    assert fresh == ["ada", "bob", "cem"]
    first = {path.name: path.read_bytes() for path in (folder / "out" / "students" / "cem").iterdir()}
    (folder / "out" / "students" / "cem" / "results.json").unlink()
    again, fresh = grade(folder)
    assert again == records and fresh == ["cem"]
    assert {path.name: path.read_bytes() for path in (folder / "out" / "students" / "cem").iterdir()} == first


def test_what_a_score_depends_on_makes_it_stale(folder):
    grade(folder)
    assert grade(folder)[1] == []
    make_submissions.put(folder / "in", "bob", make_submissions.handed_in())
    records, fresh = grade(folder)
    assert fresh == ["bob"] and records["bob"].score == 30
    late = datetime(2000, 1, 1, tzinfo=UTC)
    records, fresh = grade(folder, due=late)
    assert fresh == ["ada", "bob", "cem"] and records["ada"].status == "late" and records["ada"].score == 30


def test_a_file_is_read_once_whether_it_is_graded_or_not(folder, monkeypatch):
    opened = []
    true = submissions.load

    def load(path):
        opened.append(path.parent.name)
        return true(path)

    monkeypatch.setattr(submissions, "load", load)
    grade(folder)
    assert opened == ["ada", "bob", "cem"]
    make_submissions.put(folder / "in", "bob", make_submissions.handed_in())
    assert grade(folder)[1] == ["bob"] and opened == ["ada", "bob", "cem"] * 2


def test_other_endings_have_no_score(folder):
    make_submissions.put(folder / "in", "dee", {"nbformat": 3})
    (folder / "in" / "cem" / "convolve-2.ipynb").write_text("{}")
    records, _ = grade(folder, ["zoe"])
    found = {name: (record.status, record.score) for name, record in records.items()}
    assert found == {
        **{"ada": ("graded", 30), "bob": ("graded", 0), "cem": ("two files", None)},
        **{"dee": ("corrupt", None), "zoe": ("missing", None)},
    }
    assert not feedback.place("zoe", folder / "out").exists()


def test_a_second_sandbox_that_does_not_start_is_no_zero_either(folder, monkeypatch):
    broken = launcher.Outcome({}, False, False, "no room for the second")
    monkeypatch.setattr(pipeline.model_answers, "settle", lambda found, **_: (broken, [np.ones(1)] * len(found)))
    records, _ = grade(folder)
    assert {(r.status, r.score) for r in records.values()} == {("not graded", None)}
    assert "no room for the second" in records["ada"].notes[0]


def test_an_assignment_says_which_sandbox_it_needs():
    assert pipeline.GradingOptions({"about": {}}, "").profile == profiles.PROFILES["numpy"]
    assert pipeline.GradingOptions({"about": {"sandbox": "keras"}}, "").profile == profiles.PROFILES["keras"]


def test_a_sandbox_that_does_not_start_is_no_zero_and_is_tried_again(folder, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(launcher, "command", lambda *_: [sys.executable, "-c", "raise SystemExit('full')"])
        records, _ = grade(folder, unsafe=False)
    assert {(r.status, r.score) for r in records.values()} == {("not graded", None)}
    assert "full" in records["ada"].notes[0]
    assert not list((folder / "out").rglob("results.json"))
    records, fresh = grade(folder)
    assert fresh == ["ada", "bob", "cem"] and records["ada"].score == 30


def test_too_busy_a_machine_is_no_zero(folder, monkeypatch):
    monkeypatch.setattr(
        launcher, "run", lambda *_, **__: launcher.Outcome({"hello": b""}, True, False, "", starved=True)
    )
    records, _ = grade(folder)
    assert {(r.status, r.score) for r in records.values()} == {("not graded", None)}
    assert "the machine was too busy" in records["ada"].notes[0]


def test_a_failing_grader_does_not_stop_the_batch(folder, monkeypatch):
    true = pipeline.judge

    def fails(batch, student, settings):
        if student == "bob":
            raise ZeroDivisionError("ours")
        return true(batch, student, settings)

    monkeypatch.setattr(pipeline, "judge", fails)
    records, _ = grade(folder)
    assert [records[name].status for name in ("ada", "bob", "cem")] == ["graded", "not graded", "graded"]
    assert records["bob"].notes == ("the grader failed: ZeroDivisionError: ours",) and records["bob"].score is None


def test_a_sandbox_that_died_gets_a_second_try(monkeypatch):
    tries = []
    true = launcher.run

    def flaky(*words, **options):
        tries.append(1)
        outcome = true(*words, **options)
        return outcome if len(tries) > 1 else launcher.Outcome({"hello": b""}, True, False, "")

    monkeypatch.setattr(launcher, "run", flaky)
    outcome, (verdicts,) = pipeline.judge([make_submissions.answers()], "ada", make_submissions.settings())
    assert outcome.ended and len(tries) == 2 and all(verdict.share == 1 for verdict in verdicts)


@pytest.mark.skipif(
    bool(make_submissions.no_sandbox()), reason=f"no sandbox can be made here: {make_submissions.no_sandbox()}"
)
def test_a_killed_run_goes_on(folder, tmp_path):
    for number in range(12):
        make_submissions.put(folder / "in", f"s{number:02}", make_submissions.handed_in(which="stub"))
    (tmp_path / "secret").write_text(make_submissions.KEY)
    words = [sys.executable, "-c", "from lessons_grader.cli import app; app()", "grade", str(folder / "in")]
    words += ["--assignment", "convolve", "-o", str(folder / "out"), "-j", "1", "--secret", str(tmp_path / "secret")]
    root = Path(pipeline.__file__).parents[2]
    run = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=root)
    for _ in range(600):
        if list((folder / "out").rglob("results.json")) or run.poll() is not None:
            break
        time.sleep(0.05)
    run.kill()
    run.wait()
    done = {path.parent.name: path.stat().st_mtime_ns for path in (folder / "out").rglob("results.json")}
    assert 0 < len(done) < 15, "killed too early or too late to prove anything"
    records, fresh = grade(folder)
    assert set(fresh) == set(records) - set(done) and len(records) == 15
    assert all(feedback.place(name, folder / "out").stat().st_mtime_ns == stamp for name, stamp in done.items())
    assert not [path for path in (folder / "out").rglob("*.part") if str(os.getpid()) in path.name]


def test_students_have_their_own_cameras():
    setups = {pipeline.student_cells(make_submissions.bundle(), number)[0][-2][1] for number in range(30)}
    assert len(setups) > 5 and all(text.startswith("GAIN = ") and "variant" not in text for text in setups)


def test_the_fingerprint_does_not_tell_the_secret():
    found = submissions.Submission("ada", None)
    mark = pipeline.fingerprint(b"x", found, make_submissions.settings())
    assert mark != pipeline.fingerprint(b"y", found, make_submissions.settings())
    other = pipeline.GradingOptions(make_submissions.bundle(), "another secret, as long")
    assert mark != pipeline.fingerprint(b"x", found, other) and len(json.dumps(mark)) == 66
