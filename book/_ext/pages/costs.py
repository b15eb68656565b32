"""`{notebook-costs}`: what each chapter's notebook takes, from results/notebooks.json."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from sphinx.util.docutils import SphinxDirective

from .credits import markdown_table

BOOK = Path(__file__).resolve().parents[2]
TABLE = BOOK.parent / "results" / "notebooks.json"
LIMITS = {"cpu": "on the processor, in the budget of this book's pages"}


def chapters() -> list[str]:
    """The chapters' names in the order of the contents, assignments and pages of text left out."""
    contents = yaml.safe_load((BOOK.parent / "_toc.yml").read_text(encoding="utf-8"))
    files = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    return [name for name in files if (BOOK / f"{name}.ipynb").is_file() and "/" not in name]


def measurements(budget: str) -> list[dict]:
    """The rows of results/notebooks.json in one budget."""
    return [row for row in json.loads(TABLE.read_text(encoding="utf-8"))["rows"] if row["budget"] == budget]


def cost_rows(budget: str = "cpu") -> list[dict[str, str]]:
    """A row a chapter: minutes and memory of its last measured run, and how much there is to do by hand."""
    measured = {
        r["notebook"]: r for r in json.loads(TABLE.read_text(encoding="utf-8"))["rows"] if r["budget"] == budget
    }
    rows = []
    for name in chapters():
        row = measured[name]
        minutes, seconds = divmod(row["seconds"], 60)
        rows.append(
            {
                "Chapter": f"[](/{name}.ipynb)",
                "Runs, min:s": f"{minutes}:{seconds:02}",
                "Memory at most, MB": f"{row['peak_mb']:,}",
                "Exercises": str(exercises(name)),
            }
        )
    total = sum(measured[name]["seconds"] for name in chapters())
    largest = max(measured[name]["peak_mb"] for name in chapters())
    done = sum(int(row["Exercises"]) for row in rows)
    values = ("**all**", f"**{total // 60}:{total % 60:02}**", f"**{largest:,}**", f"**{done}**")
    return [*rows, dict(zip(rows[0], values, strict=True))]


def machine(budget: str = "cpu") -> str:
    """On what they were measured, in a sentence."""
    rows = measurements(budget)
    cores = sorted({row["cores"] for row in rows})
    pythons = sorted({row["python"] for row in rows})
    return (
        f"Measured by `make notebooks` {LIMITS[budget]}, on {' or '.join(map(str, cores))} cores with Python "
        f"{' and '.join(pythons)}; memory is that of the kernel and all that it starts."
    )


def exercises(name: str) -> int:
    """How many exercises a chapter has."""
    return len(yaml.safe_load((BOOK / "exercises" / f"{name}.yml").read_text(encoding="utf-8"))["exercises"])


class NotebookCosts(SphinxDirective):
    """The table, and under it on what it was measured."""

    def run(self):
        for path in (TABLE, Path(__file__), *sorted((BOOK / "exercises").glob("*.yml"))):
            self.env.note_dependency(str(path))
        return self.parse_text_to_nodes(f"{markdown_table(cost_rows())}\n\n{machine()}")
