import csv
import io
from dataclasses import replace

import pytest

from lessons_grader.export import gradebook
from lessons_grader.notebooks import CourseError
from lessons_grader.record import CheckResult, Record

TESTS = (CheckResult("q1-a", "q1", 1.5, 2.0, ""),)
ADA = Record("ada", "tiny", "Tiny", "late", 2.0, 1.5, TESTS)
EVE = replace(ADA, student="=cmd()", status="corrupt", score=None, tests=(), notes=("a, b", "c"))
ZERO = replace(ADA, student="zoe", status="graded", score=0.0, tests=(replace(TESTS[0], score=0.0),))
ROSTER = [{"student": "ada", "name": "Ada L", "id": "7", "sis_id": "s7", "login": "al", "section": "A", "email": "a@x"}]


def rows(text):
    return list(csv.reader(io.StringIO(text)))


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "gradebook.csv"
    path.write_text(gradebook.table([ADA, EVE, ZERO], ["q1"]), encoding="utf-8")
    return gradebook.read(path)


def test_the_table_keeps_no_score_and_zero_apart_and_starts_no_formula(book):
    assert rows(gradebook.table([ADA, EVE, ZERO], ["q1"])) == [
        ["student", "assignment", "status", "score", "points", "percent", "q1", "note"],
        ["ada", "tiny", "late", "1.5", "2", "75", "1.5", ""],
        ["'=cmd()", "tiny", "corrupt", "", "2", "", "", "a, b c"],
        ["zoe", "tiny", "graded", "0", "2", "0", "0", ""],
    ]
    assert [row["student"] for row in book] == ["ada", "=cmd()", "zoe"]


def test_canvas(book):
    assert rows(gradebook.canvas(book, ROSTER)) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "tiny"],
        ["Points Possible", "", "", "", "", "2"],
        ["Ada L", "7", "s7", "al", "A", "1.5"],
        ["'=cmd()", "", "", "'=cmd()", "", ""],
        ["zoe", "", "", "zoe", "", "0"],
    ]


def test_moodle(book):
    assert rows(gradebook.moodle(book, ROSTER)) == [
        ["Username", "Email address", "tiny", "tiny (feedback)"],
        ["al", "a@x", "1.5", "Graded; it was handed in late."],
        ["'=cmd()", "", "", "Your file could not be read, so nothing was graded. Hand it in again. a, b c"],
        ["zoe", "", "0", "Graded."],
    ]


def test_a_gradebook_that_a_spreadsheet_saved_again_is_read(book, tmp_path):
    text = gradebook.table([ADA, EVE, ZERO], ["q1"]).replace("a, b c", "c").replace(",", ";").replace('"', "")
    (tmp_path / "gradebook.csv").write_text("\ufeff" + text, encoding="utf-8")
    again = gradebook.read(tmp_path / "gradebook.csv")
    assert [row["student"] for row in again] == [row["student"] for row in book]


def test_what_is_no_gradebook_is_refused(tmp_path):
    with pytest.raises(CourseError, match="is not there"):
        gradebook.read(tmp_path / "gradebook.csv")
    (tmp_path / "gradebook.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CourseError, match="is no gradebook"):
        gradebook.read(tmp_path / "gradebook.csv")
