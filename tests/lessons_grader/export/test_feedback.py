import html
import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from lessons_grader.export import feedback
from lessons_grader.record import CheckResult, Record

TESTS = (
    CheckResult("q1-a", "q1", 1.0, 1.0, ""),
    CheckResult("q1-b", "q1", 0.5, 2.0, "It raised <b>: 1 & 2"),
    CheckResult("q2-a", "q2", 0.0, 1.0, "Not answered yet."),
)
RECORD = Record("ada <x>", "tiny", "Tiny", "graded", 4.0, 1.5, TESTS, ("q1: odd <i>",), "k")
NOTHING = replace(RECORD, score=None, tests=(), notes=("why",))


def test_gradescope_reads_it():
    shape = feedback.gradescope(RECORD)
    assert shape["score"] == 1.5
    assert [(t["name"], t["score"], t["max_score"], t["status"]) for t in shape["tests"]] == [
        *[("q1-a", 1.0, 1.0, "passed"), ("q1-b", 0.5, 2.0, "failed"), ("q2-a", 0.0, 1.0, "failed")]
    ]
    assert {test["visibility"] for test in shape["tests"]} == {"visible"}
    assert {test["output_format"] for test in shape["tests"]} == {shape["output_format"]} == {"text"}
    assert "score" not in feedback.gradescope(replace(NOTHING, status="corrupt"))


def test_the_page_says_all_and_escapes_what_others_wrote():
    page = feedback.page(RECORD)
    assert "1.5 of 4 points" in page and "q1: 1.5 of 3" in page and "Right." in page
    assert "It raised &lt;b&gt;: 1 &amp; 2" in page and "odd &lt;i&gt;" in page and "ada &lt;x&gt;" in page
    opened = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            opened.append(tag)
            assert not {"src", "href", "onclick"} & {name for name, _ in attrs}

    Reader().feed(page)
    assert not {"script", "b", "i", "x", "link", "img"} & set(opened)
    assert opened.count("h2") == 2


@pytest.mark.parametrize("status", ["corrupt", "two files", "missing", "not graded"])
def test_no_score_is_shown_where_there_is_none(status):
    page = html.unescape(feedback.page(replace(NOTHING, status=status)))
    assert feedback.WORDS[status] in page and "points" not in page.split("</style>")[1]


def test_what_is_not_graded_leaves_no_results(tmp_path):
    record = replace(RECORD, student="ada")
    feedback.store(record, tmp_path)
    path = feedback.place("ada", tmp_path)
    assert json.loads(path.read_text(encoding="utf-8"))["extra_data"] == record.to_json()
    assert feedback.load("ada", tmp_path) == record
    assert sorted(p.name for p in path.parent.iterdir()) == ["feedback.html", "results.json"]
    feedback.store(replace(record, status="not graded"), tmp_path)
    assert list(path.parent.iterdir()) == [] and feedback.load("ada", tmp_path) is None


@pytest.mark.parametrize("stored", ["", "[]", '{"extra_data": []}', '{"extra_data": {"grade": 1}}'])
def test_what_another_version_stored_is_no_record(tmp_path, stored):
    path = feedback.place("ada", tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text(stored)
    assert feedback.load("ada", tmp_path) is None
