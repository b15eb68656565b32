"""What was measured of grading, in results/course.json, is what the course promises."""

import json
from pathlib import Path

MEASURED = json.loads((Path(__file__).parents[2] / "results" / "course.json").read_text(encoding="utf-8"))


def test_attackers_in_a_class_of_200_cost_nobody_a_point():
    found = MEASURED["class"]
    assert found["submissions"] == 200 and sum(found["attacks"].values()) == 10 and found["jobs"] == 2
    assert found["right_with_all_points"] == found["right"] == 190
    assert all(points <= 26 for _, points in found["attacks_points"])


def test_load_changes_no_score_and_no_measured_value():
    found = MEASURED["twice"]
    assert found["records"] == sum(found["submissions"].values()) and found["submissions"]["convolve"] > 100
    assert found["records_that_differ"] == []
    assert found["load_averages"]["load"] > 2, "the machine was not under load"


def test_the_box_costs_no_more_than_graders_without_one():
    rows = {row["grader"]: row for row in MEASURED["peers"]["rows"]}
    assert set(rows) == {"ours", "nbgrader 0.9.6", "otter-grader 7.0.0"}
    assert [name for name, row in rows.items() if row["isolated"]] == ["ours"]
    assert all(row["cpu_times_ours"] >= 1 for row in rows.values())
