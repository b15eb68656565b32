"""The table that says what earns the points of a written part."""

import pytest

from lessons_grader.authoring import rubrics
from lessons_grader.notebooks import CourseError

TABLE = (
    "| line | points | what earns them |\n|:--|--:|:--|\n| w1-claim | 2 | A claim. |\n| w1-why | 1.5 | A reason. |\n"
)


def test_a_table_becomes_lines_in_order():
    assert rubrics.rubric(TABLE, "w1") == [
        {"id": "w1-claim", "points": 2.0, "says": "A claim."},
        {"id": "w1-why", "points": 1.5, "says": "A reason."},
    ]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("no table", "needs a table"),
        (TABLE + TABLE, "needs a table"),
        (TABLE.replace("1.5", "0"), "needs a table"),
        (TABLE.replace("w1-why", "w2-why"), "are called w1-..., not 'w2-why'"),
    ],
)
def test_what_is_no_rubric_is_refused(table, says):
    with pytest.raises(CourseError, match=says):
        rubrics.rubric(table, "w1")
