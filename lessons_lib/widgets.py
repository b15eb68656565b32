"""A table with switches: the reader chooses, the numbers follow, on the page and in JupyterLab, with no server."""

from __future__ import annotations

import hashlib
import html
import itertools
import json
from collections.abc import Callable, Mapping, Sequence

import jinja2
from IPython.display import display
from markupsafe import Markup

PAGE = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string("""
{%- set style = "display:flex;gap:.5rem;flex-wrap:wrap;justify-content:space-between;max-width:30rem;margin:.3rem 0" -%}
<div id="{{ name }}" class="switches" data-values="{{ data }}">
{%- for switch, choices in switches.items() -%}
  <label style="{{ style }}">{{ switch }} <select>
  {%- for choice in choices %}<option>{{ choice }}</option>{% endfor -%}
  </select></label>
{%- endfor -%}
<table class="table"><thead><tr>
{%- for title in heads %}<th scope="col">{{ title }}</th>{% endfor -%}
</tr></thead><tbody aria-live="polite">
{%- for row, value in rows.items() -%}
  <tr><th scope="row">{{ row }}</th><td class="text-right">{{ value }}</td></tr>
{%- endfor -%}
</tbody></table></div><script>
(() => {
  const box = document.getElementById("{{ name }}");
  const values = JSON.parse(box.dataset.values);
  const show = () => {
    const chosen = [...box.querySelectorAll("select")].map(select => select.value).join("|");
    box.querySelectorAll("td").forEach((cell, row) => { cell.textContent = values[chosen][row]; });
  };
  box.addEventListener("change", show);
  show();
})();
</script>
""")


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
    first = dict(zip(names, next(iter(values.values())), strict=True))
    data = json.dumps(values)
    name = "switches-" + hashlib.sha256(data.encode()).hexdigest()[:8]
    escaped = Markup(
        html.escape(data)
    )  # &quot; is what an attribute of many numbers reads best with, not Jinja's &#34;
    page = PAGE.render(name=name, data=escaped, switches=switches, heads=heads, rows=first)
    text = "\n".join(f"{row}: {value}" for row, value in first.items())
    display({"text/html": page, "text/plain": text}, raw=True)
