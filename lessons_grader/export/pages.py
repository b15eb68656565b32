"""HTML pages out of templates, which escape everything that they are given."""

from __future__ import annotations

import functools

import jinja2


def render(template: str, **values: object) -> str:
    """Fill in a template.

    Parameters
    ----------
    template : str
        The name of a file in `lessons_grader/export/templates`, without `.html.j2`.
    **values
        What the template names. Texts are escaped, so a page holds no script whatever a student wrote.

    Returns
    -------
    str
        The page.
    """
    return _environment().get_template(f"{template}.html.j2").render(**values)


@functools.cache
def _environment() -> jinja2.Environment:
    loader = jinja2.PackageLoader("lessons_grader.export", "templates")
    made = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["points"] = "{:g}".format
    return made
