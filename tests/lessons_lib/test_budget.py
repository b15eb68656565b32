"""LESSONS_BUDGET is read in one place and an unknown value is refused."""

import pytest

from lessons_lib.budget import BUDGETS, budget, pick


def test_cpu_unless_something_else_is_asked(monkeypatch):
    monkeypatch.delenv("LESSONS_BUDGET", raising=False)
    assert budget() == "cpu"
    monkeypatch.setenv("LESSONS_BUDGET", "")
    assert budget() == "cpu"


@pytest.mark.parametrize("chosen", BUDGETS)
def test_pick_follows_the_budget(monkeypatch, chosen):
    monkeypatch.setenv("LESSONS_BUDGET", chosen)
    assert pick(smoke="smoke", cpu="cpu", gpu="gpu") == budget() == chosen


def test_an_unknown_budget_names_the_known_ones(monkeypatch):
    monkeypatch.setenv("LESSONS_BUDGET", "GPU")
    with pytest.raises(ValueError, match="'GPU': set it to one of smoke, cpu, gpu"):
        budget()
