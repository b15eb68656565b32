"""A sheet to draw ideas on, as SVG: one drawing serves light and dark, phone and print, and screen readers.

A rendered page has its drawings inline, and their colours are the page's own; JupyterLab shows the same file as a
picture on white. A sheet is 390 units wide, its margin included, and a phone shows it at about that size.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import drawsvg
import numpy as np
from IPython.display import Markdown, display

WIDTH, MARGIN = 384, 3  # the margin is for what is drawn on the edge
SIZE, SMALL = 15, 13  # of text, in units; a phone shows a unit as 0.92 pixels
HUES = {"a": "#0072B2", "b": "#D55E00", "c": "#009E73", "d": "#CC79A7"}  # Okabe and Ito, as in charts
STYLE = """
.drawing{font:15px/1.2 var(--pst-font-family-base,system-ui,sans-serif);max-width:100%;height:auto;
background:var(--pst-color-background,#fff)}
.drawing text{fill:var(--pst-color-text-base,#222)}
.drawing .quiet{fill:var(--pst-color-text-muted,#555);font-size:13px}
.drawing .code{font-family:var(--pst-font-family-monospace,ui-monospace,monospace);font-size:13px}
.drawing .strong{font-weight:600}
.drawing .light{fill:#fff;font-size:13px} .drawing .dark{fill:#222;font-size:13px}
.drawing .plain{fill:var(--pst-color-surface,#f3f4f6);stroke:var(--pst-color-border,#9aa3af);stroke-width:1.5}
.drawing .wire{fill:none;stroke:var(--pst-color-text-base,#222);stroke-width:1.8}
.drawing .bypass{fill:none;stroke:#D55E00;stroke-width:2.2;stroke-dasharray:6 4}
.drawing .faint{fill:none;stroke:var(--pst-color-text-muted,#777);stroke-width:1}
.drawing .tip{fill:var(--pst-color-text-base,#222)} .drawing .tip-bypass{fill:#D55E00}
.drawing .frame{fill:none;stroke:#D55E00;stroke-width:3}
.drawing .patch{fill:none;stroke:var(--pst-color-text-base,#222);stroke-width:1}
.drawing .pixel{stroke:var(--pst-color-border,#9aa3af);stroke-width:.75}
.drawing .outside{fill:none;stroke:var(--pst-color-text-muted,#777);stroke-dasharray:3 3}
""" + "\n".join(
    f".drawing .{name}{{fill:{hue};fill-opacity:.16;stroke:{hue};stroke-width:2}}" for name, hue in HUES.items()
)
Point = tuple[float, float]


class Sheet:
    """A drawing in the making.

    Parameters
    ----------
    height : float
        Height in units.
    title : str
        What it shows, in a few words.
    description : str
        The same in a sentence or two, for readers who cannot see it.
    width : float, default 384
        Width in units, without the margin.

    Raises
    ------
    ValueError
        If title or description is empty.

    Examples
    --------
    >>> from lessons_lib.plots import drawing
    >>> sheet = drawing.Sheet(100, "A box", "A box with a word in it.")
    >>> sheet.box(20, 20, 120, 40, "convolution")
    >>> "convolution" in sheet.svg()
    True
    """

    def __init__(self, height: float, title: str, description: str, width: float = WIDTH):
        if not (title.strip() and description.strip()):
            raise ValueError("title or description is empty: say what the drawing shows")
        self.title, self.description, self.width, self.height = title, description, width, height
        around = 2 * MARGIN
        self._drawing = drawsvg.Drawing(
            width + around,
            height + around,
            (-MARGIN, -MARGIN),
            class_="drawing",
            role="img",
            aria_label=_escaped(description),
        )
        self._drawing.append(drawsvg.Raw(f"<title>{_escaped(title)}</title><desc>{_escaped(description)}</desc>"))
        self._drawing.append(drawsvg.Raw(f"<style>{STYLE}</style>"))

    def svg(self) -> str:
        """Return the drawing as SVG.

        Returns
        -------
        str
            One `svg` element, the same for the same drawing.
        """
        text = self._drawing.as_svg(header="")
        return text.replace("aria_label=", "aria-label=").strip()

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> None:
        """Write words with the middle of their height at y.

        Parameters
        ----------
        x, y : float
            Place in units.
        words : str
            One line.
        kind : str, default ""
            "quiet", "code", "strong", "light" or "dark".
        anchor : str, default "middle"
            What of the words stands at x: "start", "middle" or "end".
        """
        size = SIZE if kind in ("", "strong") else SMALL
        self._drawing.append(
            drawsvg.Text(words, size, x=_round(x), y=_round(y + 0.35 * size), text_anchor=anchor, class_=kind or None)
        )

    def box(self, x: float, y: float, width: float, height: float, *lines: str, kind: str = "plain") -> None:
        """Draw a box around lines of text; a line that begins with ` is set as code.

        Parameters
        ----------
        x, y : float
            Its upper left corner.
        width, height : float
            Its size.
        *lines : str
            The text, centred.
        kind : str, default "plain"
            "plain", or "a" to "d" for a colour.
        """
        self.rectangle(x, y, width, height, kind, radius=7)
        for number, line in enumerate(lines):
            middle = y + height / 2 + (number - (len(lines) - 1) / 2) * 18
            self.text(x + width / 2, middle, line.removeprefix("`"), "code" if line.startswith("`") else "")

    def rectangle(self, x: float, y: float, width: float, height: float, kind: str, radius: float = 0) -> None:
        """Draw a rectangle of a kind: those of boxes, "frame", "pixel" or "outside".

        Parameters
        ----------
        x, y : float
            Its upper left corner.
        width, height : float
            Its size.
        kind : str
            How it looks.
        radius : float, default 0
            Of its corners.
        """
        sides = map(_round, (x, y, width, height))
        self._drawing.append(drawsvg.Rectangle(*sides, rx=radius or None, class_=kind))

    def wire(self, *points: Point, kind: str = "wire", tip: bool = True) -> None:
        """Draw a line through points, with the tip of an arrow at its end.

        Parameters
        ----------
        *points : tuple of float
            At least two places.
        kind : str, default "wire"
            "wire", "bypass" or "faint".
        tip : bool, default True
            Whether it is an arrow.
        """
        self._drawing.append(drawsvg.Lines(*(_round(value) for point in points for value in point), class_=kind))
        if tip:
            (x0, y0), (x, y) = points[-2:]
            length = math.hypot(x - x0, y - y0)
            dx, dy = (x - x0) / length, (y - y0) / length
            corners = (x, y, x - 8 * dx - 4 * dy, y - 8 * dy + 4 * dx, x - 8 * dx + 4 * dy, y - 8 * dy - 4 * dx)
            kind = "tip-bypass" if kind == "bypass" else "tip"
            self._drawing.append(drawsvg.Lines(*map(_round, corners), close=True, class_=kind))

    def sign(self, x: float, y: float, sign: str) -> None:
        """Draw a circle with a sign of arithmetic, such as + or ×.

        Parameters
        ----------
        x, y : float
            Its middle.
        sign : str
            One character.
        """
        self._drawing.append(drawsvg.Circle(_round(x), _round(y), 13, class_="plain"))
        self.text(x, y, sign)

    def pixels(
        self, x: float, y: float, values: np.ndarray, side: float, numbers: str = "", colour: str | None = None
    ) -> None:
        """Draw values as a grid of pixels, black at 0 and white at 1.

        Parameters
        ----------
        x, y : float
            The upper left corner.
        values : ndarray
            Array (H, W) or (H, W, 3) in [0, 1]; what is outside is drawn as the nearest.
        side : float
            Side of a pixel.
        numbers : str, default ""
            Format of the numbers that are written into the pixels, such as ".2f"; "d" writes 0 to 255. "" writes none.
        colour : str, optional
            "red", "green" or "blue": light of that colour only.
        """
        for (row, column), value in zip(
            np.ndindex(values.shape[:2]), values.reshape(-1, *values.shape[2:]), strict=True
        ):
            rgb = np.broadcast_to(np.clip(value, 0, 1), 3) * _LIGHT[colour]
            shade = "#" + "".join(f"{round(255 * float(part)):02x}" for part in rgb)
            at = x + column * side, y + row * side
            self._drawing.append(
                drawsvg.Rectangle(*map(_round, at), _round(side), _round(side), fill=shade, class_="pixel")
            )
            if numbers:
                number = f"{round(255 * float(value))}" if numbers == "d" else f"{float(value):{numbers}}"
                bright = float(rgb @ (0.299, 0.587, 0.114)) > 0.49
                self.text(at[0] + side / 2, at[1] + side / 2, number, "dark" if bright else "light")

    def cells(
        self, x: float, y: float, rows: Sequence[Sequence[str]], side: float, kind: str = "plain", wide: float = 0
    ) -> None:
        """Draw a grid of cells with text in them.

        Parameters
        ----------
        x, y : float
            The upper left corner.
        rows : sequence of sequence of str
            What stands in the cells.
        side : float
            Height of a cell.
        kind : str, default "plain"
            How the cells look.
        wide : float, default 0
            Width of a cell; 0 makes it square.
        """
        wide = wide or side
        for row, line in enumerate(rows):
            for column, words in enumerate(line):
                at = x + column * wide, y + row * side
                self.rectangle(*at, wide, side, kind)
                self.text(at[0] + wide / 2, at[1] + side / 2, words, "code")


_LIGHT = {None: (1, 1, 1), "red": (1, 0.15, 0.15), "green": (0.15, 0.85, 0.15), "blue": (0.25, 0.45, 1)}


def publish(sheet: Sheet, *, caption: str | None = None) -> None:
    """Show a drawing in the notebook, with a caption under it.

    Parameters
    ----------
    sheet : Sheet
        The drawing.
    caption : str, optional
        What to look at, in Markdown.
    """
    display({"image/svg+xml": sheet.svg(), "text/plain": sheet.description}, raw=True)
    if caption:
        display(Markdown(f"*{caption}*"))


def _round(value: float) -> float:
    return round(float(value), 2)


def _escaped(words: str) -> str:
    return html.escape(words)
