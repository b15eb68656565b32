from importlib import resources

import jinja2
import pytest

from lessons_grader.export import pages
from lessons_grader.record import Record


def test_everything_is_escaped_and_numbers_are_short():
    record = Record("<x>", "tiny", "A & B", "graded", 2.0, 1.50, notes=("<script>",))
    page = pages.render("feedback", record=record, words="'so'", questions={})
    assert "A &amp; B: &lt;x&gt;" in page and "<li>&lt;script&gt;</li>" in page
    assert "1.5 of 2 points" in page and page.endswith("</html>\n")


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        pages.render("answers", answers=[])


def test_templates_are_part_of_the_package():
    names = {entry.name for entry in resources.files("lessons_grader.export").joinpath("templates").iterdir()}
    assert names == {"answers.html.j2", "feedback.html.j2"}
