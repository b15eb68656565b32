"""The picture of the house: `python -m tools.publish.house` writes the floors of pyproject.toml into CONTRIBUTING.md.

The floors are the layers that import-linter enforces ([tool.importlinter]), and each room says itself what it is for:
the first line of its docstring. So the picture cannot say anything but what holds.
"""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- written by python -m tools.publish.house -->\n", "<!-- end of the picture -->"
PACKAGES = ("lessons_lib", "lessons_grader")


def floors(package: str) -> list[list[str]]:
    """The rooms of a package, floor by floor from the roof down.

    Raises
    ------
    StopIteration
        If pyproject.toml has no layers contract of this name.
    """
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == package)
    return [re.split(r"\s*[|:]\s*", layer) for layer in layers]


def purpose(package: str, room: str) -> str:
    """The first line of a room's docstring."""
    place = ROOT / package / room
    source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))).splitlines()[0]


def drawn() -> str:
    """The picture as a block of Markdown: a floor between two lines, a room a row."""
    width = max(len(room) for package in PACKAGES for floor in floors(package) for room in floor)
    lines = []
    for package in PACKAGES:
        lines.append(package)
        for floor in floors(package):
            lines.append("-" * (width + 2))
            lines += [f"  {room:<{width}}  {purpose(package, room)}" for room in floor]
        lines.append("")
    return "```text\n" + "\n".join(lines).rstrip() + "\n```\n"


def page() -> str:
    """CONTRIBUTING.md with the picture of now."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return before + BEGIN + drawn() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
