"""How much work a notebook does: LESSONS_BUDGET=smoke|cpu|gpu changes sizes, never what the code does."""

from __future__ import annotations

import os
from typing import TypeVar

BUDGETS = ("smoke", "cpu", "gpu")
T = TypeVar("T")


def budget() -> str:
    """The budget in force, "cpu" unless LESSONS_BUDGET says otherwise. Raises ValueError for an unknown one."""
    chosen = os.environ.get("LESSONS_BUDGET") or "cpu"
    if chosen not in BUDGETS:
        raise ValueError(f"LESSONS_BUDGET is {chosen!r}: set it to one of {', '.join(BUDGETS)}, or unset it for cpu")
    return chosen


def pick(*, smoke: T, cpu: T, gpu: T) -> T:
    """The one of three values that the budget in force asks for."""
    return {"smoke": smoke, "cpu": cpu, "gpu": gpu}[budget()]
