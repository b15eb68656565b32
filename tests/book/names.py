"""What a notebook's exercises do to each other, and to the chapter, by the names that they bind.

Exercises can be done in any order and leave the chapter as it is, if none of them binds a name that another one uses.
"""

from __future__ import annotations

import builtins
import re
import symtable

from tools.publish import exercises


def bound(code):
    """Names that a piece of Python binds at its top level."""
    return {
        s.get_name()
        for s in symtable.symtable(code, "cell", "exec").get_symbols()
        if s.is_assigned() or s.is_imported()
    }


def asked(code):
    """Names that it takes from elsewhere, its functions included."""
    tables, found = [symtable.symtable(code, "cell", "exec")], set()
    while tables:
        table = tables.pop()
        found |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and s.is_global()}
        found |= {s.get_name() for s in table.get_symbols() if table.get_type() == "module" and s.is_referenced()}
        tables += table.get_children()
    return found - bound(code) - set(dir(builtins))


def quarrels(notebook):
    """What the exercises of a notebook do to each other, or to the chapter, by the names they bind."""
    texts = {cell.id: cell.source for cell in notebook.cells}
    chapter = set().union(
        *(bound(c.source) for c in notebook.cells if c.cell_type == "code" and not exercises.OURS.fullmatch(c.id))
    )
    numbers = [int(name.split("-")[1]) for name in texts if re.fullmatch(r"exercise-\d+", name)]
    solutions = {n: "\n".join(exercises.FENCE.findall(texts[f"exercise-{n}-solution"])) for n in numbers}
    checks = {n: exercises.without_dots(texts[f"exercise-{n}-check"]) for n in numbers}
    found = []
    for n in numbers:
        answers = bound(texts[f"exercise-{n}-check"]) - bound(checks[n])
        found += [f"exercise {n} waits for {name}, which the chapter has" for name in answers & chapter]
        found += [f"solution {n} does not give {name}" for name in answers - bound(solutions[n])]
        found += [f"exercise {n} asks for {name}, which nobody has" for name in
                  (asked(solutions[n]) | asked(checks[n])) - chapter - bound(solutions[n]) - {"exercises"}]  # fmt: skip
        for m in numbers:
            if m != n:
                others = asked(solutions[m]) | asked(checks[m])
                found += [
                    f"solution {n} binds {name}, which exercise {m} uses" for name in bound(solutions[n]) & others
                ]
    return found
