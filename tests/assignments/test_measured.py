"""What was measured of grading, in results/course.json, is what the course promises."""

import json
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from lessons_grader.grading import pipeline
from tools.measure.catalogue import make_submissions

MEASURED = json.loads((Path(__file__).parents[2] / "results" / "course.json").read_text(encoding="utf-8"))


def test_attackers_in_a_class_of_200_cost_nobody_a_point():
    found = MEASURED["class"]
    assert found["submissions"] == 200 and sum(found["attacks"].values()) == 10 and found["jobs"] == 2
    assert found["right_with_all_points"] == found["right"] == 190
    assert all(points <= 26 for _, points in found["attacks_points"])


def test_load_changes_no_score_and_no_measured_value():
    """But for trainings that draw without a seed, where only they make the difference."""
    measured, there = set(MEASURED["twice"]), {path.stem for path in make_submissions.SOURCES.glob("*.ipynb")}
    assert measured == there, "run `python -m tools.measure.grading twice` and commit results/course.json"
    for name, found in MEASURED["twice"].items():
        checks = len(pipeline.checks_of(make_submissions.bundle(name)))
        assert checks and found["checks"] > checks * found["records"] / 2
        assert found["wrong_answers"] >= 8 * len(make_submissions.answers(name=name)), "eight a question"
        unseeded = set()
        if find_spec(f"tools.measure.catalogue.networks_{name}"):
            for answers in import_module(f"tools.measure.catalogue.networks_{name}").NETWORKS.values():
                unseeded |= {row for row, wrong in enumerate(answers) if "nobody" in wrong}
        for record in found["records_that_differ"]:
            assert int(re.search(r"wrong \d+ (\d+)", record)[1]) in unseeded, (name, record)
        assert found["load_averages"]["load"] > 2 or name == "convolve", "the machine was not under load"


def test_nothing_hostile_earned_more_than_its_honest_part():
    found = MEASURED["attacks"]
    assert len(found["rows"]) > 50 and found["more_than_earned"] == [] and found["canary_sings"]
    for name, row in found["rows"].items():
        assert (row["score"] is None) == (row["at_most"] is None), name
        assert row["score"] is None or row["score"] <= row["at_most"], name


def test_the_sandbox_costs_no_more_than_graders_without_one():
    rows = {row["grader"]: row for row in MEASURED["peers"]["rows"]}
    assert set(rows) == {"ours", "nbgrader 0.9.6", "otter-grader 7.0.0"}
    assert [name for name, row in rows.items() if row["isolated"]] == ["ours"]
    assert all(row["cpu_times_ours"] >= 1 for row in rows.values())
