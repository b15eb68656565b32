import os
from datetime import UTC, datetime

import pytest

from lessons_lib.course import submissions
from lessons_lib.course.notebooks import CourseError, code_cell


def hand_in(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")


def found(folder, students=None):
    return {s.student: (s.path and s.path.name, s.problem) for s in submissions.find(folder, "convolve", students)}


def test_the_layouts_of_people_and_platforms(tmp_path):
    hand_in(
        tmp_path,
        *("ada/convolve.ipynb", "bob/convolve/convolve.ipynb", "cem/my work.ipynb", "dee.ipynb"),
        *(
            "eva_12_345_convolve.ipynb",
            "fay_LATE_12_345_convolve-1.ipynb",
            "Gus Ö_99_assignsubmission_file_/Convolve.ipynb",
        ),
        *(
            "hal/convolve.ipynb",
            "hal/notes.ipynb",
            "hal/.ipynb_checkpoints/convolve-checkpoint.ipynb",
            ".hidden/x.ipynb",
        ),
    )
    assert {student: name for student, (name, problem) in found(tmp_path).items() if not problem} == {
        **{"ada": "convolve.ipynb", "bob": "convolve.ipynb", "cem": "my work.ipynb", "dee": "dee.ipynb"},
        **{"eva": "eva_12_345_convolve.ipynb", "fay": "fay_LATE_12_345_convolve-1.ipynb", "Gus Ö": "Convolve.ipynb"},
        "hal": "convolve.ipynb",
    }


def test_two_files_missing_ones_and_empty_folders_have_a_status(tmp_path):
    hand_in(
        tmp_path, "ada/convolve.ipynb", "ada/convolve (1).ipynb", "bob/a.ipynb", "bob/b.ipynb", "cem/convolve.ipynb"
    )
    hand_in(tmp_path, "cem.ipynb", "dee/readme.txt")
    assert {student: problem for student, (_, problem) in found(tmp_path, ["zoe", "ada"]).items()} == {
        **{"ada": "two files", "bob": "two files", "cem": "two files", "dee": "missing", "zoe": "missing"}
    }


def test_no_folder_is_said(tmp_path):
    with pytest.raises(CourseError, match="is no folder"):
        submissions.find(tmp_path / "none", "convolve")


def test_when_it_was_handed_in(tmp_path):
    hand_in(tmp_path, "ada/convolve.ipynb", "bob/convolve.ipynb", "cem/convolve.ipynb")
    os.utime(tmp_path / "ada" / "convolve.ipynb", (1_000_000, 1_000_000))
    (tmp_path / "bob" / "timestamp.txt").write_text("2026-02-02 15:58:23.948203 UTC")
    (tmp_path / "cem" / "timestamp.txt").write_text("yesterday")
    ada, bob, cem = submissions.find(tmp_path, "convolve")
    assert ada.handed_in == datetime.fromtimestamp(1_000_000, UTC)
    assert bob.handed_in == datetime(2026, 2, 2, 15, 58, 23, 948203, UTC)
    assert cem.problem == "corrupt"
    assert submissions.is_late(bob, datetime(2026, 2, 2, 15, 58, tzinfo=UTC))
    assert not submissions.is_late(bob, datetime(2026, 2, 2, 15, 59, tzinfo=UTC))
    assert not submissions.is_late(bob, None)


def notebook(*named):
    return {"cells": [code_cell("x", text, {"nbgrader": {"grade_id": name}}) for name, text in named]}


def test_answers_are_taken_by_name():
    given = notebook(("q1", "a"), ("setup", "evil"), ("q1-test", "evil"), ("q1", "b"), ("q2", "c"))
    answers, notes = submissions.answers(given, ["q1", "q2", "q3"])
    assert answers == {"q1": "a\nb", "q2": "c"}
    assert notes[0].startswith("The answer cell of q3 is gone") and notes[1].startswith("q1: 2 cells")
    with pytest.raises(CourseError, match="right notebook"):
        submissions.answers(notebook(("p1", "a")), ["q1"])
    answers, notes = submissions.answers(notebook(("q1", "x" * 200_001), ("q2", "")), ["q1", "q2"])
    assert answers == {"q2": ""} and "longer than" in notes[0]


def test_the_roster(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text("\ufeffstudent,email\nada,a@x.org\nbob,\n", encoding="utf-8")
    assert submissions.roster(path) == [{"student": "ada", "email": "a@x.org"}, {"student": "bob", "email": ""}]
    for text in ("name\nada\n", "student\nada\nada\n", "student\n../ada\n", "student\n..\n"):
        path.write_text(text)
        with pytest.raises(CourseError, match="folder name of its own"):
            submissions.roster(path)
    with pytest.raises(CourseError, match="cannot be read"):
        submissions.roster(tmp_path / "none.csv")
