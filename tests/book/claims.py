"""What a chapter claims, and by what: book/claims/NAME.yml, read and checked against the notebook.

Each entry: `claim` (the sentence as it stands), `cell` (the id of the cell that says it, or "quiz 2", "exercise 3"),
`evidence` (one of `run`: ids of cells whose outputs show it; `results`: a file of results/ and a key or method in it;
`cite`: keys of references.bib; `guess: true` for a sentence that is worded as one; `definition: true` for what follows
from a definition or a calculation that the text does) and `changed` (what the sentence said before, or "no").
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.book.rules import source

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "book" / "claims"
KINDS = {"run", "results", "cite", "guess", "definition"}


def chapters() -> list[str]:
    """The chapters whose claims are on record."""
    return sorted(path.stem for path in FOLDER.glob("*.yml"))


def read(name: str) -> list[dict]:
    return yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))


def plain(text: str) -> str:
    """Words alone, so that emphasis and line ends do not matter."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return " ".join(re.sub(r"[*_`$\\]", "", text).split()).lower()


def wrong(entries: list[dict], notebook: dict, exercises: str, keys: set[str], results: Path) -> list[str]:
    """In words, each claim that stands nowhere, and each piece of evidence that is not there."""
    cells = {cell["id"]: cell for cell in notebook["cells"]}
    found = []
    for number, entry in enumerate(entries, 1):
        place = str(entry.get("cell", ""))
        said = exercises if place.startswith(("quiz", "exercise")) else source(cells[place]) if place in cells else None
        if set(entry) != {"claim", "cell", "evidence", "changed"}:
            found.append(f"claim {number} has the keys {', '.join(sorted(entry))}")
            continue
        if said is None:
            found.append(f"claim {number}: there is no cell {place}")
        elif plain(entry["claim"]) not in plain(said):
            found.append(f"claim {number} does not stand in {place}: {entry['claim']}")
        found += [f"claim {number}: {problem}" for problem in _missing(entry["evidence"], cells, keys, results)]
    return found


def _missing(evidence: dict, cells: dict, keys: set[str], results: Path) -> list[str]:
    if not evidence or set(evidence) - KINDS:
        return [f"evidence has the keys {sorted(evidence)}"]
    found = []
    for name in evidence.get("run", []):
        if name not in cells:
            found.append(f"there is no cell {name}")
        elif not cells[name].get("outputs"):
            found.append(f"{name} shows nothing")
    for key in evidence.get("cite", []):
        if key not in keys:
            found.append(f"references.bib has no {key}")
    for pointer in evidence.get("results", []):
        name, _, key = pointer.partition("#")
        path = results / name
        if not path.is_file():
            found.append(f"there is no results/{name}")
        elif key not in path.read_text(encoding="utf-8"):
            found.append(f"results/{name} holds no {key!r}")
    return found
