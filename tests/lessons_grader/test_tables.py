import csv
import io

import pytest

from lessons_grader import tables
from lessons_grader.notebooks import CourseError


@pytest.mark.parametrize(
    "data",
    [
        b"student,name\nada,Ada L\nbo,\n",
        b"\xef\xbb\xbfstudent;name\r\nada;Ada L\r\nbo;\r\n",
        b'student,name\n"ada","Ada L"\nbo\n',
        b"student,name\nada,Ada L,too,many\nbo,\n",
    ],
    ids=["commas", "as a spreadsheet saves it", "quoted, and a short row", "a long row"],
)
def test_a_table_is_read_as_any_spreadsheet_saves_it(tmp_path, data):
    (tmp_path / "t.csv").write_bytes(data)
    found = tables.read(tmp_path / "t.csv", "a table")
    assert found.columns == ["student", "name"]
    assert found.rows == [{"student": "ada", "name": "Ada L"}, {"student": "bo", "name": ""}]


def test_an_empty_file_has_no_columns(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"")
    assert tables.read(tmp_path / "t.csv", "a table") == ([], [])


@pytest.mark.parametrize("data", [None, b"student\n\xff\xfe", b'student\n"' + b"x" * 200_000 + b'"\n'])
def test_what_cannot_be_read_is_named(tmp_path, data):
    if data is not None:
        (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(CourseError, match=r"t\.csv cannot be read as marks \(.*: save it as CSV in UTF-8"):
        tables.read(tmp_path / "t.csv", "marks")


@pytest.mark.parametrize("cell", ["=1+1", "+x", "-2", "@a", "\tx", "plain", "", "'quoted", "a,b", "a\nb"])
def test_no_cell_is_a_formula_and_each_comes_back(cell):
    ((first, second),) = csv.reader(io.StringIO(tables.text([[cell, "x"]])))
    assert not first.startswith(tables.RISKY) and second == "x"
    assert tables.unguarded(first) == cell
