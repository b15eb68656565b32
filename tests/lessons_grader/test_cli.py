import json
import os
import zipfile

import pytest
from typer.testing import CliRunner

from lessons_grader import cli
from lessons_grader.authoring import variants
from lessons_grader.sandbox import launcher
from tools.measure.catalogue import make_submissions


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `lessons course` in an empty folder, with the tests' secret."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variants.VARIABLE, make_submissions.KEY)
    return lambda *words: CliRunner().invoke(cli.app, [str(word) for word in words])


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def unsafe():
    return ["--unsafe-trusted"] if make_submissions.no_sandbox() else []


def test_build_makes_every_version_the_same_each_time(run, tmp_path):
    (tmp_path / "roster.csv").write_text("student\nada\nbob\n")
    for folder in ("one", "two"):
        done = run("build", "convolve", "-o", folder, "--roster", "roster.csv")
        assert done.exit_code == 0 and "convolve: 8 questions, 6 files" in done.output
    made = files(tmp_path / "one")
    assert made == files(tmp_path / "two")
    assert set(made) == {
        *("student/convolve.ipynb", "solution/convolve.ipynb", "page/convolve.ipynb", "grader/convolve.json"),
        *("students/ada/convolve.ipynb", "students/bob/convolve.ipynb"),
    }
    assert not [name for name, data in made.items() if make_submissions.KEY.encode() in data]


def test_from_build_to_export(run, tmp_path):
    assert run("build", "-o", "made").exit_code == 0
    make_submissions.put(tmp_path / "in", "ada", make_submissions.handed_in())
    (tmp_path / "in" / "bob").mkdir()
    os.link(tmp_path / "made" / "student" / "convolve.ipynb", tmp_path / "in" / "bob" / "convolve.ipynb")
    (tmp_path / "roster.csv").write_text("student,email\nada,a@x.org\nzoe,z@x.org\n")
    grade = ["grade", "in", "--assignment", "made/grader/convolve.json", "-o", "out", "-j", 2, "--roster", "roster.csv"]
    done = run(*grade, *unsafe())
    assert done.exit_code == 0, done.output
    assert "2 graded, 1 missing; 0 of them from an earlier run" in done.output
    assert "2 graded, 1 missing; 2 of them from an earlier run" in run(*grade, *unsafe()).output
    table = (tmp_path / "out" / "gradebook.csv").read_text().splitlines()
    assert table[1].startswith("ada,convolve,graded,30,30,100,4,3,4,3,4,5,3,4,")
    assert table[2].startswith("bob,convolve,graded,0,30,0,") and table[3].startswith("zoe,convolve,missing,,30,,")
    assert json.loads((tmp_path / "out" / "students" / "ada" / "results.json").read_text())["score"] == 30
    for to in cli.FORMATS:
        assert run("export", "out", "--to", to, "-o", f"{to}.csv", "--roster", "roster.csv").exit_code == 0
    assert "ada,a@x.org,30,Graded." in (tmp_path / "moodle.csv").read_text()


def test_what_was_left_aside_and_who_is_not_in_the_roster_is_said(run, tmp_path):
    notebook = make_submissions.put(tmp_path / "in", "ada", make_submissions.handed_in(which="stub"))
    with zipfile.ZipFile(tmp_path / "in" / "bob.zip", "w") as archive:
        archive.write(notebook, "work/convolve.ipynb")
    (tmp_path / "in" / "cem.pdf").write_text("see my drawing")
    (tmp_path / "roster.csv").write_text("student\nada\n")
    grade = ["grade", "in", "--assignment", "convolve", "-o", "out", "--roster", "roster.csv"]
    done = run(*grade, *unsafe())
    assert done.exit_code == 0 and "2 graded" in done.output
    assert "warning: taken for no submission: cem.pdf" in done.output and "not in the roster: bob" in done.output


def test_without_a_sandbox_nothing_is_written(run, tmp_path, monkeypatch):
    make_submissions.put(tmp_path / "in", "ada", make_submissions.handed_in())
    monkeypatch.setattr(launcher, "refusal", lambda *_: "bubblewrap is not installed")
    done = run("grade", "in", "--assignment", "convolve", "-o", "out")
    assert done.exit_code == 2 and "no sandbox can be made here: bubblewrap is not installed" in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--sandbox", "--box"])
def test_the_old_name_of_the_sandbox_option_still_works(run, tmp_path, option):
    make_submissions.put(tmp_path / "in", "ada", make_submissions.handed_in())
    done = run("grade", "in", "--assignment", "convolve", "-o", "out", option, "vault")
    assert done.exit_code == 2 and "the sandbox is 'vault'" in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("grade", "none", "--assignment", "convolve", "-o", "out"), "none is no folder"),
        (("grade", ".", "--assignment", "sew", "-o", "out"), "choose one of "),
        (("grade", ".", "--assignment", "x.json", "-o", "out"), "no grader bundle"),
        (("grade", ".", "--assignment", "convolve", "-o", "out", "--secret", "no"), "cannot be read as a secret"),
        (("build", "sew", "-o", "out"), "choose one of "),
        (("build", "-o", "out", "--roster", "none.csv"), "none.csv cannot be read"),
        (("export", "out", "--to", "canvas", "-o", "x.csv"), "is not there"),
        (("export", "out", "--to", "excel", "-o", "x.csv"), "choose one of canvas, moodle"),
    ],
)
def test_what_an_instructor_can_mend_is_one_line(run, words, said):
    done = run(*words)
    assert done.exit_code == 1 and done.output.startswith("error: ") and said in done.output
    assert done.output.count("\n") == 1
