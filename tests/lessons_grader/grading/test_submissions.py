import os
import zipfile
from datetime import UTC, datetime

import pytest

from lessons_grader.grading import submissions
from lessons_grader.notebooks import CourseError, code_cell


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


def test_what_came_instead_of_a_notebook_is_said(tmp_path):
    hand_in(tmp_path, "ada/report.pdf", "ada/convolve.py")
    ada, bob = submissions.find(tmp_path, "convolve", ["bob"])
    assert ada.note == "There is only convolve.py, report.pdf: a notebook is needed." and bob.note == ""


def test_no_folder_is_said(tmp_path):
    with pytest.raises(CourseError, match="is no folder"):
        submissions.find(tmp_path / "none", "convolve")


def test_when_it_was_handed_in(tmp_path):
    hand_in(tmp_path, "ada/convolve.ipynb", "bob/convolve/convolve.ipynb", "cem/convolve/convolve.ipynb")
    os.utime(tmp_path / "ada" / "convolve.ipynb", (1_000_000, 1_000_000))
    (tmp_path / "bob" / "convolve" / "timestamp.txt").write_text("2026-02-02 15:58:23.948203 UTC")
    (tmp_path / "cem" / "convolve" / "timestamp.txt").write_text("yesterday")
    ada, bob, cem = submissions.find(tmp_path, "convolve")
    assert ada.handed_in == datetime.fromtimestamp(1_000_000, UTC)
    assert bob.handed_in == datetime(2026, 2, 2, 15, 58, 23, 948203, UTC)
    assert cem.problem == "corrupt"
    assert submissions.is_late(bob, datetime(2026, 2, 2, 15, 58, tzinfo=UTC))
    assert not submissions.is_late(bob, datetime(2026, 2, 2, 15, 59, tzinfo=UTC))
    assert not submissions.is_late(bob, None)


def test_a_stamp_that_the_student_may_have_written_counts_for_nothing(tmp_path):
    hand_in(tmp_path, "ada/convolve.ipynb", "bob/convolve/convolve.ipynb")
    (tmp_path / "ada" / "timestamp.txt").write_text("2000-01-01 00:00:00 UTC")
    (tmp_path / "bob" / "convolve" / "timestamp.txt").symlink_to(tmp_path / "ada" / "timestamp.txt")
    ada, bob = submissions.find(tmp_path, "convolve")
    assert ada.handed_in.year >= 2026 and bob.problem == "corrupt"


def test_a_folder_that_leads_to_another_student_is_not_followed(tmp_path):
    hand_in(tmp_path, "ada/convolve/convolve.ipynb", "eve/readme.txt")
    (tmp_path / "eve" / "convolve").symlink_to(tmp_path / "ada" / "convolve")
    (tmp_path / "mallory").symlink_to(tmp_path / "ada")
    assert found(tmp_path) == {"ada": ("convolve.ipynb", ""), "eve": (None, "missing")}
    assert submissions.aside(tmp_path) == ["mallory"]


def test_two_students_of_one_name_are_two_students(tmp_path):
    hand_in(
        tmp_path,
        *("Wei Zhang_11_assignsubmission_file_/a.ipynb", "Wei Zhang_22_assignsubmission_file_/a.ipynb"),
        *("Wei Zhang_22_assignsubmission_onlinetext_/onlinetext.html", "Bo_3_assignsubmission_file_convolve.ipynb"),
        *("lee_44_901_convolve.ipynb", "lee_LATE_55_902_convolve.ipynb", "lee_55_903_more.ipynb"),
    )
    assert {student: problem for student, (_, problem) in found(tmp_path).items()} == {
        **{"Wei Zhang 11": "", "Wei Zhang 22": "", "Bo": "", "lee 44": "", "lee 55": "two files"}
    }


def test_names_can_be_written_everywhere_and_are_the_same_however_typed(tmp_path):
    composed, apart = "Jos\u00e9", "Jose\u0301"
    hand_in(tmp_path, f"{apart}/convolve.ipynb")
    (tmp_path / os.fsdecode(b"M\x81ller")).mkdir()
    (tmp_path / os.fsdecode(b"M\x81ller") / "convolve.ipynb").write_text("{}")
    names = list(found(tmp_path, [composed]))
    assert names == [composed, "M\\udc81ller"] and "".join(names).encode()
    (tmp_path / "roster.csv").write_text(f"student\n{apart}\n", encoding="utf-8")
    assert submissions.roster(tmp_path / "roster.csv") == [{"student": composed}]


def test_no_name_leads_out_of_the_folder_of_results(tmp_path):
    hand_in(tmp_path, " .._7_assignsubmission_file_/a.ipynb", " _8_assignsubmission_file_/a.ipynb", " .. .ipynb")
    assert set(found(tmp_path)) == {"_.. 7", "_", "_.."}


def test_names_that_browsers_and_people_give_to_files(tmp_path):
    hand_in(
        tmp_path,
        *("ada/convolve.ipynb.txt", "bob/convolve.ipynb.json", "cem/Kopie von CONVOLVE.IPYNB", "dee.zip"),
        *("eva_1_2_convolve.ipynb.txt", "fay.pdf", "gil/convolve (1).ipynb.zip", "roster.csv"),
    )
    assert {student for student, (_, problem) in found(tmp_path).items() if not problem} == {
        *("ada", "bob", "cem", "dee", "eva", "gil")
    }
    assert submissions.aside(tmp_path) == ["fay.pdf", "roster.csv"]


def zipped(path, *files, kind=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return path


def test_a_zip_with_one_notebook_is_that_notebook(tmp_path):
    path = tmp_path / "a.zip"
    beside = [("__MACOSX/._a.ipynb", "x"), ("my/.ipynb_checkpoints/a-checkpoint.ipynb", "x"), ("readme.txt", "x")]
    assert submissions.load(zipped(path, ("my/a.ipynb", "{}"), *beside)) == b"{}"
    for files, said in (
        ([("a.ipynb", "{}"), ("b.ipynb", "{}")], "holds 2 notebooks"),
        ([("a.txt", "{}")], "holds 0 notebooks"),
        ([("a.ipynb", bytes(21 << 20))], "larger than 20 MB"),
    ):
        with pytest.raises(CourseError, match=said):
            submissions.load(zipped(path, *files))
    with pytest.raises(CourseError, match="that can be read"):
        submissions.load(zipped(path, ("a.ipynb", "{}"), kind=zipfile.ZIP_LZMA))  # its dictionary may be gigabytes
    whole = zipped(path, ("a.ipynb", "{}" * 999)).read_bytes()
    for broken in (whole[:-30], whole[:40] + b"\xff" * 9 + whole[49:]):
        path.write_bytes(broken)
        with pytest.raises(CourseError, match="a zip that cannot be read"):
            submissions.load(path)


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
    path.write_text("student;email\nada;a@x.org;more\n")
    assert submissions.roster(path) == [{"student": "ada", "email": "a@x.org"}]
    for text in ("name\nada\n", "student\nada\nada\n", "student\n../ada\n", "student\n..\n"):
        path.write_text(text)
        with pytest.raises(CourseError, match="folder name of its own"):
            submissions.roster(path)
    with pytest.raises(CourseError, match="cannot be read"):
        submissions.roster(tmp_path / "none.csv")
