import json
import re

import pytest
from typer.testing import CliRunner

from lessons_lib.cli import app, doctor


@pytest.fixture
def lessons(monkeypatch, tmp_path):
    """Run the command with an empty cache and no mirror; returns the result."""
    monkeypatch.delenv("LESSONS_DATA", raising=False)
    monkeypatch.setenv("LESSONS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("rich.console.Console.width", 120)
    return lambda *words: CliRunner().invoke(app, list(words))


def test_help_names_the_commands(lessons):
    assert "doctor" in lessons("--help").output
    for command in ("list", "fetch", "verify"):
        assert command in lessons("data", "--help").output


def test_version(lessons):
    from importlib.metadata import version

    assert lessons("--version").output.strip() == version("lessons-lib")


def test_doctor_prints_a_line_a_topic(lessons):
    result = lessons("doctor", "--quick")
    assert result.exit_code == 0
    assert "[ok]      Python" in result.output
    assert "Ready" in result.output


def test_doctor_ends_in_1_when_something_stops_the_book(lessons, monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda measure: [doctor.Finding("Images", "problem", "no libGL")])
    result = lessons("doctor")
    assert result.exit_code == 1
    assert "To mend: Images" in result.output


def test_list_shows_every_set(lessons):
    output = lessons("data", "list").output
    for name in ("mnist", "bsds500", "set5", "polyu", "div2k", "kodak"):
        assert name in output


def test_verify_the_sample(lessons):
    result = lessons("data", "verify")
    assert result.exit_code == 0
    assert re.search(r"sample: \d+ photographs", result.output)


def test_verify_says_when_a_named_set_is_not_here(lessons):
    result = lessons("data", "verify", "set5")
    assert result.exit_code == 1
    assert "set5: 0 files verified, 5 not here" in result.output


@pytest.mark.parametrize("command", ["fetch", "verify"])
def test_an_unknown_set_is_one_line_and_no_traceback(lessons, command):
    result = lessons("data", command, "set6")
    assert result.exit_code == 1
    assert "set6" in result.stderr
    assert "Traceback" not in result.output


def test_evaluate_prints_a_line_a_method_and_stores_the_rows(lessons, tmp_path):
    table = tmp_path / "table.json"
    words = ["identity", "gaussian", "--set", "sample-validation", "--sigma", "25", "-o", str(table)]
    result = lessons("evaluate", *words)
    assert result.exit_code == 0, result.output
    assert [line.split()[0] for line in result.output.splitlines()[:2]] == ["identity", "gaussian"]
    rows = json.loads(table.read_text(encoding="utf-8"))["rows"]
    assert [row["method"] for row in rows] == ["identity", "gaussian"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["bm3d", "--sigma", "25"], "denoise has no method 'bm3d'"),
        (["--task", "deblur"], "deblur needs a kernel"),
        (["--set", "set55", "--sigma", "25"], "set is 'set55'"),
        (["identity", "-o", "."], ". cannot be written: name a results file"),
        (["identity", "-o", "pyproject.toml/table.json"], "cannot be written"),
    ],
)
def test_evaluate_says_in_a_line_what_is_wrong(lessons, words, says):
    result = lessons("evaluate", *words)
    assert result.exit_code == 1
    assert says in result.stderr
    assert "Traceback" not in result.output
