import csv
import dataclasses
import io
import json
from html.parser import HTMLParser

import pytest

from lessons_grader import notebooks
from lessons_grader.authoring import source
from lessons_grader.export import feedback, gradebook
from lessons_grader.grading import manual_grading, pipeline, submissions
from lessons_grader.notebooks import CourseError
from lessons_grader.record import CheckResult, Record
from tests.lessons_grader.authoring.test_source import ABOUT, cell, cells

TABLE = "| Line | Points | What |\n| --- | --- | --- |\n| w1-claim | 2 | A number. |\n| w1-why | 1.5 | A reason. |"
ANSWER = "*In English.*\n\n### BEGIN SOLUTION\nIt is 4 dB, for it adds.\n### END SOLUTION"


def prose(name, text, **mark):
    made = cell(name, text, **mark)
    return notebooks.markdown_cell(name, text, made["metadata"])


def paper(tmp_path, table=TABLE, answer=ANSWER, points=3.5):
    """A tiny assignment with a written part."""
    more = [prose("w1-rubric", table), prose("w1", answer, solution=True, grade=True, locked=False, points=points)]
    (tmp_path / "tiny.ipynb").write_bytes(notebooks.write(cells() + more, {"course": ABOUT}))
    return source.read(tmp_path / "tiny.ipynb")


@pytest.fixture
def bundle(tmp_path):
    return json.loads(source.bundle(paper(tmp_path)))


def notebook(text):
    return {"cells": [prose("w1", text, solution=True, grade=True)]}


def record(student="ada", text="So.", ended="graded", so_far=2.0):
    """A submission whose check was judged, before anybody looked at the written part."""
    test = CheckResult("q1-sum", "q1", so_far, 2.0, "")
    done = Record(student, "tiny", "Tiny", ended, 5.5, so_far, (test,), key="k")
    return dataclasses.replace(done, written={"w1": text}, ended=ended, has_written=True, so_far=so_far)


def ungraded(record, status):
    return dataclasses.replace(record, status=status, score=None, so_far=None, tests=())


def given(claim=2.0, why=1.0, text="So.", student="ada"):
    points = {"w1-claim": claim, "w1-why": why}
    return {(student, line): manual_grading.Mark(p, "", manual_grading.fingerprint(text)) for line, p in points.items()}


def test_the_rubric_is_read_from_the_table(bundle):
    (part,) = manual_grading.parts_of(bundle)
    assert part["rubric"] == [
        {"id": "w1-claim", "points": 2.0, "says": "A number."},
        {"id": "w1-why", "points": 1.5, "says": "A reason."},
    ]
    assert manual_grading.points(bundle) == 3.5
    assert part["stub"] == "*In English.*\n\nYOUR ANSWER HERE" and "adds" in part["source"]


def test_students_get_the_rubric_and_no_model_answer(tmp_path):
    assignment = paper(tmp_path)
    texts = {which: getattr(source, which)(assignment).decode() for which in ("student", "page", "solution")}
    assert all("A reason." in text and "SOLUTION" not in text for text in texts.values())
    assert "adds" in texts["solution"] and "adds" not in texts["student"] + texts["page"]
    marked = {c["id"]: c["metadata"] for c in json.loads(texts["student"])["cells"]}
    assert "editable" not in marked["w1"] and marked["w1-rubric"]["editable"] is False


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"points": 3}, "its rubric gives 3.5 points, its metadata says otherwise"),
        ({"table": "Be good."}, "w1-rubric needs a table"),
        ({"table": TABLE.replace("w1-why", "w1-claim")}, "w1-rubric needs a table"),
        ({"table": TABLE.replace("1.5", "0")}, "w1-rubric needs a table"),
        ({"table": TABLE.replace("w1-why", "w2-why")}, "called w1-..., not 'w2-why'"),
        ({"answer": "It is 4 dB."}, "markers come in pairs"),
    ],
)
def test_what_would_go_wrong_later_is_found_in_the_source(tmp_path, options, said):
    with pytest.raises(CourseError, match=said):
        paper(tmp_path, **options)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("*In English.*\n\nYOUR ANSWER HERE\n", ""),
        ("", ""),
        ("*In English.*\n\nIt adds.", "*In English.*\n\nIt adds."),
        ("YOUR ANSWER HERE\nIt adds.", "It adds."),
    ],
)
def test_what_was_written(bundle, said, text):
    assert submissions.texts(notebook(said), manual_grading.parts_of(bundle)) == {"w1": text}


def test_a_cell_that_is_gone_was_not_written_and_one_that_was_split_is_whole(bundle):
    parts = manual_grading.parts_of(bundle)
    assert submissions.texts({"cells": []}, parts) == {"w1": ""}
    split = {"cells": [*notebook("a")["cells"], *notebook("b")["cells"]]}
    assert submissions.texts(split, parts) == {"w1": "a\n\nb"}
    assert len(submissions.texts(notebook("a" * 10**6), parts)["w1"]) == submissions.LONGEST_TEXT


@pytest.mark.parametrize("ended", ["graded", "late"])
def test_points_wait_and_are_no_zero_until_a_person_gives_them(bundle, ended):
    waits = manual_grading.apply(record(ended=ended), bundle, {})
    assert (waits.status, waits.score, waits.so_far, waits.waiting) == ("waiting", None, 2, 3.5)
    assert [test.score for test in waits.tests] == [2.0, None, None]
    half = manual_grading.apply(waits, bundle, given(why=None))
    assert (half.status, half.score, half.so_far, half.waiting) == ("waiting", None, 4, 1.5)
    done = manual_grading.apply(half, bundle, given())
    assert (done.status, done.score, done.so_far, done.waiting) == (ended, 5, 5, 0)
    assert manual_grading.apply(done, bundle, given()) == done
    assert manual_grading.apply(done, bundle, {}) == waits, "a mark that is taken back waits again"


def test_a_mark_of_zero_is_a_mark(bundle):
    done = manual_grading.apply(record(), bundle, given(0, 0))
    assert (done.status, done.score, done.waiting) == ("graded", 2, 0)
    assert [test.tells for test in done.tests] == ["", "A number.", "A reason."]


def test_who_wrote_nothing_waits_for_nobody_but_may_get_points(bundle):
    done = manual_grading.apply(record(text=""), bundle, {})
    assert (done.status, done.score, done.waiting) == ("graded", 2, 0)
    assert done.tests[1].tells == "Not answered yet. A number."
    assert manual_grading.apply(record(text=""), bundle, given(1, 1, text="")).score == 4, "it was in another cell"


def test_a_mark_belongs_to_the_text_that_was_read(bundle):
    marks = given(text="An earlier text.")
    assert manual_grading.apply(record(), bundle, marks).waiting == 3.5
    rows = manual_grading.sheet([record()], bundle, marks)
    assert [row[3:5] for row in rows[1:]] == [["", "(for an earlier text: 2)"], ["", "(for an earlier text: 1)"]]
    by_hand = {who: manual_grading.Mark(mark.points) for who, mark in marks.items()}  # a sheet without that column
    assert manual_grading.apply(record(), bundle, by_hand).score == 5


@pytest.mark.parametrize("status", ["corrupt", "not graded", "missing"])
def test_what_was_not_graded_gets_no_score_by_marks(bundle, status):
    broken = ungraded(record(), status)
    assert manual_grading.apply(broken, bundle, given()) == broken
    assert manual_grading.sheet([broken], bundle, {}) == [manual_grading.COLUMNS]


def test_an_assignment_without_written_parts_stays_as_it_was(tmp_path):
    plain = dataclasses.replace(record(), written=None, ended=None, has_written=False, so_far=None)
    bundle = {"about": {"name": "tiny"}, "cells": []}
    assert manual_grading.apply(plain, bundle, {}) == plain
    assert manual_grading.store([plain], bundle, {}, tmp_path) == "" and not list(tmp_path.iterdir())
    assert "so far" not in gradebook.table([plain], ["q1"])
    with pytest.raises(CourseError, match="tiny has no written part"):
        manual_grading.read([tmp_path / "marks.csv"], bundle)


def test_the_sheet_comes_back_as_it_was_filled_in(bundle, tmp_path):
    records = [record("ada"), record("=bo", "<b>Because</b>")]
    said = manual_grading.store([manual_grading.apply(r, bundle, {}) for r in records], bundle, {}, tmp_path)
    assert said.startswith("2 wait for a person: read ")
    path = tmp_path / manual_grading.SHEET
    assert all(mark.points is None for mark in manual_grading.read([path], bundle).values())
    rows = list(csv.reader(io.StringIO(path.read_text())))
    assert rows[3][0] == "'=bo", "no cell is a formula"
    for row, mark in zip(rows[1:], ("2", "1,5", "0", ""), strict=True):
        row[3:5] = [mark, "fine"]
    path.write_text("\ufeff" + "\n".join(";".join(row) for row in rows), encoding="utf-8")  # as a spreadsheet saves it
    marks = manual_grading.read([path], bundle)
    done = [manual_grading.apply(r, bundle, marks) for r in records]
    assert [(r.status, r.so_far) for r in done] == [("graded", 5.5), ("waiting", 2)]
    assert done[0].tests[1].tells == "fine"
    assert manual_grading.store(done, bundle, marks, tmp_path).startswith("1 wait")
    again = {who: (mark.points, mark.comment) for who, mark in manual_grading.read([path], bundle).items()}
    assert again == {who: (mark.points, mark.comment) for who, mark in marks.items()}


def test_marks_of_somebody_who_is_gone_stay_in_the_sheet_and_are_said(bundle, tmp_path):
    marks = given(student="0012")
    said = manual_grading.store([record("ada")], bundle, marks, tmp_path)
    assert said == "marks for nobody who handed in: 0012."
    assert {
        who
        for who, mark in manual_grading.read([tmp_path / manual_grading.SHEET], bundle).items()
        if mark.points is not None
    } == {*marks}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("ada,w1-claim,3", "row 2: the mark is '3': give a number from 0 to 2"),
        ("ada,w1-claim,-1", "give a number from 0 to 2"),
        ("ada,w1-claim,good", "the mark is 'good'"),
        ("ada,w1-claim,nan", "the mark is 'nan'"),
        ("ada,w9,1", "'w9' is no line of the rubric: they are w1-claim, w1-why"),
        ("ada,w1-why,1\nada,w1-why,0", "row 3: another mark for ada, w1-why is in .*row 2: keep one"),
    ],
)
def test_what_is_no_mark_is_refused_with_its_place(bundle, tmp_path, row, said):
    (tmp_path / "marks.csv").write_text(f"student,line,mark\n{row}\n")
    with pytest.raises(CourseError, match=said):
        manual_grading.read([tmp_path / "marks.csv"], bundle)


def test_what_is_no_sheet_is_refused(bundle, tmp_path):
    with pytest.raises(CourseError, match="cannot be read as marks"):
        manual_grading.read([tmp_path / "none.csv"], bundle)
    (tmp_path / "marks.csv").write_text("student,points\nada,1\n")
    with pytest.raises(CourseError, match="no sheet of marks"):
        manual_grading.read([tmp_path / "marks.csv"], bundle)


def test_several_people_fill_in_sheets_of_their_own(bundle, tmp_path):
    (tmp_path / "a.csv").write_text("student,line,mark\nada,w1-claim,2\nada,w1-why,\n")
    (tmp_path / "b.csv").write_text("mark,line,student\n1,w1-why,ada\n2,w1-claim,ada\n")
    marks = manual_grading.read([tmp_path / "a.csv", tmp_path / "b.csv"], bundle)
    assert {who: mark.points for who, mark in marks.items()} == {("ada", "w1-claim"): 2, ("ada", "w1-why"): 1}


def test_gradebook_exports_and_feedback_keep_waiting_points_apart(bundle, tmp_path):
    waits, done = (
        manual_grading.apply(record("ada"), bundle, {}),
        manual_grading.apply(record("bo"), bundle, given(student="bo")),
    )
    corrupt = ungraded(record("cy"), "corrupt")
    rows = list(csv.reader(io.StringIO(gradebook.table([waits, done, corrupt], ["q1", "w1"]))))
    assert rows == [
        [*("student", "assignment", "status", "score", "points", "percent", "so far", "waiting", "q1", "w1", "note")],
        ["ada", "tiny", "waiting", "", "5.5", "", "2", "3.5", "2", "", ""],
        ["bo", "tiny", "graded", "5", "5.5", "90.91", "5", "0", "2", "3", ""],
        ["cy", "tiny", "corrupt", "", "5.5", "", "", "", "", "", ""],
    ]
    (tmp_path / "gradebook.csv").write_text(gradebook.table([waits, done], ["q1", "w1"]))
    book = gradebook.read(tmp_path / "gradebook.csv")
    assert [row[-1] for row in csv.reader(io.StringIO(gradebook.canvas(book, [])))][2:] == ["", "5"]
    assert list(csv.reader(io.StringIO(gradebook.moodle(book, []))))[1][2:] == ["", feedback.WORDS["waiting"]]
    shape = feedback.gradescope(waits)
    assert "score" not in shape and feedback.gradescope(done)["score"] == 5
    assert ["score" in test for test in shape["tests"]] == ["status" in test for test in shape["tests"]]
    assert [test.get("score") for test in shape["tests"]] == [2, None, None]
    page = feedback.page(waits)
    assert "2 points so far; 3.5 of 5.5 are to come" in page and "w1: 3.5 to be given" in page
    assert "to come / 2" in page and "5 of 5.5 points" in feedback.page(done)


def test_the_page_of_answers_escapes_what_students_wrote(bundle):
    page = manual_grading.page([record("<i>eve", "<script>alert(1)</script>"), record("bo", "")], bundle)
    opened = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            opened.append(tag)

    Reader().feed(page)
    assert not {"script", "i"} & set(opened)
    assert "&lt;script&gt;" in page and "(nothing)" in page and "w1-why (1.5): A reason." in page and "adds" in page


def test_submissions_carry_their_text_into_the_record(bundle, tmp_path):
    settings = pipeline.GradingOptions(bundle, "a secret for the tests alone")
    student = json.loads(source.student(paper(tmp_path)))
    student["cells"][-1]["source"] = "Because."
    path = tmp_path / "ada.ipynb"
    path.write_text(json.dumps(student))
    loaded = pipeline.load(submissions.Submission("ada", path), settings)
    found, job = pipeline.prepare(loaded, settings)
    assert found.written == {"w1": "Because."} and found.points == 5.5 and found.so_far is None
    assert "Because." not in repr(job), "no sandbox needs it"
    failed = pipeline.finish(found, ValueError("ours"))
    assert manual_grading.apply(failed, bundle, given(text="Because.")) == failed and failed.status == "not graded"
