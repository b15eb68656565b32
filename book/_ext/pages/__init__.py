"""What the rendered book needs beyond Jupyter Book: only local scripts, alt text, credits from the data itself.

Loaded by `sphinx.local_extensions` in _config.yml.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from docutils import nodes
from myst_nb.core.render import NbElementRenderer
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.images import get_image_size

from . import ask, costs, credits, opening

BOOK = Path(__file__).resolve().parents[2]
PARTS = ("_static", "_vendor", "_templates", "_ext")
PICTURE = re.compile(r'<img [^>]*?src="(?:\.\./)*_images/(?P<name>[^"]+)"')
DISPLAY_MATH = '<div class="math notranslate nohighlight"'
MADE = "course/"  # pages that are made, not kept: no other site can open them from the repository
WIDE_TABLE = '<div class="pst-scrollable-table-container">'
FOLDED_CELL = '<summary aria-label="Toggle hidden content">'
FOLDS = {"content": "The cell for your answer", "source": "The code of this cell"}  # MyST-NB's words, and ours
logger = logging.getLogger(__name__)


def serve_vendored_scripts(app: Sphinx) -> None:
    """Copy book/_vendor to _static, and link medium-zoom alone from every page.

    Jupyter Book must not see the folder: it links each script it finds from every page.
    """
    app.config.html_static_path.append(str(BOOK / "_vendor"))
    app.add_js_file("medium-zoom/medium-zoom.min.js")


def outdated_pages(app: Sphinx, env, added: set[str], changed: set[str], removed: set[str]) -> set[str]:
    """All pages, where a script, style, template or this extension is newer than they: Sphinx looks at texts alone."""
    built = Path(app.outdir) / "search.html"
    sources = (path for folder in PARTS for path in (BOOK / folder).rglob("*") if path.suffix != ".pyc")
    newest = max(path.stat().st_mtime for path in sources if path.is_file())
    return set(env.found_docs) if built.exists() and built.stat().st_mtime < newest else set()


def list_models(app: Sphinx, page: str, text: list[str]) -> None:
    """Put every module of lessons_lib.models on the API page, in the order of their names."""
    if page == "api":
        names = sorted(path.stem for path in (BOOK.parent / "lessons_lib" / "models").glob("[a-z]*.py"))
        text[0] = text[0].replace(
            "MODELS\n", "".join(f".. automodule:: lessons_lib.models.{name}\n   :members:\n" for name in names)
        )


def with_alt_text(render_image):
    """Give a notebook's picture the alt text that `lessons_lib.plots` stored in the output's metadata.

    A drawing becomes a part of the page, and takes its colours from it; it has its text within.

    MyST-NB keeps only width and height of that metadata, and its plugins must be installed packages, so we wrap the
    one method. A picture without alt text is a warning, and so stops the build.
    """

    def render(self, data):
        if data.mime_type == "image/svg+xml":
            return [nodes.raw("", data.string, format="html", classes=["drawn"])]
        pictures = render_image(self, data)
        alt = data.output_metadata.get(data.mime_type, {}).get("alt", "").strip()
        if not alt:
            logger.warning("%s: a picture of the cell at line %s has no alt text", self.source, data.line)
        for picture in pictures:
            picture["alt"] = alt
        return pictures

    return render


def finish_body(body: str, sources: dict[str, Path]) -> str:
    """Reserve each picture's place before it loads, and let the keyboard reach boxes that scroll sideways.

    `sources` gives the file behind each name in _images, which Sphinx fills only after the pages are written.
    """

    def sized(match: re.Match) -> str:
        size = get_image_size(str(sources[unquote(match["name"])]))
        place = 'width="{}" height="{}" '.format(*size) if size else ""  # an SVG has none
        return f'<img loading="lazy" decoding="async" {place}{match[0].removeprefix("<img ")}'

    body = PICTURE.sub(sized, body)
    body = body.replace(DISPLAY_MATH, f'{DISPLAY_MATH} tabindex="0"')
    body = body.replace('role="doc-biblioentry"', 'role="listitem"')  # a list may hold nothing else
    body = body.replace(FOLDED_CELL, "<summary>")  # what it says is its name, for those who speak to it too
    for theirs, ours in FOLDS.items():
        body = body.replace(f">folded {theirs}<", f">{ours}<")
    return body.replace(WIDE_TABLE, WIDE_TABLE.replace(">", ' tabindex="0">'))


def finish_page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    if doctree is not None:
        sources = {name: Path(app.srcdir) / source for source, name in app.builder.images.items()}
        context["body"] = finish_body(context["body"], sources)
    if pagename.startswith(MADE):
        buttons = context.get("header_buttons", [])
        context["header_buttons"] = [button for button in buttons if button.get("label") != "launch-buttons"]
    if pagename == "search":  # browsers refuse to fetch() files, so there are no summaries to show on file://
        app.add_js_file(None, body='DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = location.protocol !== "file:";')


def setup(app: Sphinx) -> dict:
    NbElementRenderer.render_image = with_alt_text(NbElementRenderer.render_image)
    app.add_config_value("comments_config", {}, "env")  # Jupyter Book sets it for an extension that we leave out
    app.connect("builder-inited", serve_vendored_scripts)
    app.connect("env-get-outdated", outdated_pages)
    app.connect("source-read", list_models)
    app.connect("html-page-context", finish_page, priority=900)
    app.add_directive("ask", ask.Ask)
    app.add_directive("sample", credits.Sample)
    app.add_directive("registry", credits.Registry)
    app.add_directive("notebook-costs", costs.NotebookCosts)
    app.add_directive("degraded-photo", opening.DegradedPhoto)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
