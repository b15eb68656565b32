"""The functions that a chapter writes from scratch, taken out of its notebook so that tests can try them."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

BOOK = Path(__file__).resolve().parents[2] / "book"


def defined(name: str, *cell_ids: str, book: Path = BOOK) -> dict:
    """Execute the named code cells of book/NAME.ipynb, in the given order and in one namespace, and return it.

    Of the notebook's imports only those run whose names these cells mention, so that a test of NumPy code does not load
    TensorFlow. Raises KeyError, naming the cells there are, for an id that the notebook does not have.
    """
    notebook = json.loads((book / f"{name}.ipynb").read_text(encoding="utf-8"))
    cells = {c["id"]: "".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"}
    absent = [cell_id for cell_id in cell_ids if cell_id not in cells]
    if absent:
        raise KeyError(f"{name} has no code cell {', '.join(absent)}: choose from {', '.join(cells)}")
    wanted = [ast.parse(cells[cell_id], filename=f"{name}.ipynb:{cell_id}") for cell_id in cell_ids]
    mentioned = {node.id for tree in wanted for node in ast.walk(tree) if isinstance(node, ast.Name)}
    namespace = {"__name__": f"{name}.ipynb"}
    for line in _imports(cells.values()):
        if mentioned & {alias.asname or alias.name.split(".")[0] for alias in line.names}:
            exec(ast.unparse(line), namespace)
    for cell_id, tree in zip(cell_ids, wanted, strict=True):
        exec(compile(tree, f"{name}.ipynb:{cell_id}", "exec"), namespace)
    return namespace


def _imports(sources: Iterable[str]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Each name that the notebook imports, as an import of its own."""
    for node in (node for source in sources for node in ast.parse(source).body):
        if isinstance(node, ast.Import):
            yield from (ast.Import(names=[alias]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (ast.ImportFrom(module=node.module, names=[alias], level=0) for alias in node.names)
