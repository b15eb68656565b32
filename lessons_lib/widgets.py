"""A table with switches: the reader chooses, the numbers follow, on the page and in JupyterLab, with no server."""

from __future__ import annotations

import hashlib
import html
import itertools
import json
from collections.abc import Callable, Mapping, Sequence

from IPython.display import display

SCRIPT = """
(() => {
  const box = document.getElementById("%s");
  const values = JSON.parse(box.dataset.values);
  const show = () => {
    const chosen = [...box.querySelectorAll("select")].map(select => select.value).join("|");
    box.querySelectorAll("td").forEach((cell, row) => { cell.textContent = values[chosen][row]; });
  };
  box.addEventListener("change", show);
  show();
})();
"""


def table(
    switches: Mapping[str, Sequence[str]],
    rows: Callable[..., Mapping[str, float]],
    *,
    heads: tuple[str, str],
    digits: int = 2,
) -> None:
    """Show {row name: value} for every combination of choices, the first of each switch at the start.

    `rows(*choices)` is asked once for each combination; it returns the same names each time. Without scripts the first
    choices stay. Raises ValueError for a switch without choices.
    """
    if not switches or not all(switches.values()):
        raise ValueError(f"switches are {dict(switches)}: give each at least one choice")
    values = {
        "|".join(chosen): [f"{value:z.{digits}f}" for value in rows(*chosen).values()]
        for chosen in itertools.product(*switches.values())
    }
    names = list(rows(*(choices[0] for choices in switches.values())))
    first = next(iter(values.values()))
    data = json.dumps(values)
    name = "switches-" + hashlib.sha256(data.encode()).hexdigest()[:8]
    body = "".join(
        f'<tr><th scope="row">{html.escape(row)}</th><td class="text-right">{value}</td></tr>'
        for row, value in zip(names, first, strict=True)
    )
    fields = "".join(_field(switch, choices) for switch, choices in switches.items())
    head = "".join(f'<th scope="col">{html.escape(title)}</th>' for title in heads)
    page = (
        f'<div id="{name}" class="switches" data-values="{html.escape(data)}">{fields}'
        f'<table class="table"><thead><tr>{head}</tr></thead><tbody aria-live="polite">{body}</tbody></table></div>'
        f"<script>{SCRIPT % name}</script>"
    )
    text = "\n".join(f"{row}: {value}" for row, value in zip(names, first, strict=True))
    display({"text/html": page, "text/plain": text}, raw=True)


def _field(switch: str, choices: Sequence[str]) -> str:
    options = "".join(f"<option>{html.escape(choice)}</option>" for choice in choices)
    style = "display:flex;gap:.5rem;flex-wrap:wrap;justify-content:space-between;max-width:30rem;margin:.3rem 0"
    return f'<label style="{style}">{html.escape(switch)} <select>{options}</select></label>'
