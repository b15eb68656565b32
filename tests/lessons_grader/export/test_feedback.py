import json
from html.parser import HTMLParser

import pytest

from lessons_grader.export import feedback

TESTS = [
    {"id": "q1-a", "question": "q1", "score": 1.0, "points": 1.0, "tells": ""},
    {"id": "q1-b", "question": "q1", "score": 0.5, "points": 2.0, "tells": "It raised <b>: 1 & 2"},
    {"id": "q2-a", "question": "q2", "score": 0.0, "points": 1.0, "tells": "Not answered yet."},
]
RECORD = {"student": "ada <x>", "assignment": "tiny", "title": "Tiny", "status": "graded", "score": 1.5, "points": 4.0}
RECORD |= {"tests": TESTS, "notes": ["q1: odd <i>"], "key": "k"}
NOTHING = RECORD | {"score": None, "tests": [], "notes": ["why"]}


def test_gradescope_reads_it():
    shape = feedback.gradescope(RECORD)
    assert shape["score"] == 1.5
    assert [(t["name"], t["score"], t["max_score"], t["status"]) for t in shape["tests"]] == [
        *[("q1-a", 1.0, 1.0, "passed"), ("q1-b", 0.5, 2.0, "failed"), ("q2-a", 0.0, 1.0, "failed")]
    ]
    assert {test["visibility"] for test in shape["tests"]} == {"visible"}
    assert {test["output_format"] for test in shape["tests"]} == {shape["output_format"]} == {"text"}
    assert "score" not in feedback.gradescope(NOTHING | {"status": "corrupt"})


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
    page = feedback.page(NOTHING | {"status": status})
    assert feedback.WORDS[status] in page and "points" not in page.split("</style>")[1]


def test_what_is_not_graded_leaves_no_results(tmp_path):
    record = RECORD | {"student": "ada"}
    feedback.store(record, tmp_path)
    path = feedback.place("ada", tmp_path)
    assert json.loads(path.read_text(encoding="utf-8"))["extra_data"] == record
    assert sorted(p.name for p in path.parent.iterdir()) == ["feedback.html", "results.json"]
    feedback.store(record | {"status": "not graded"}, tmp_path)
    assert list(path.parent.iterdir()) == []
