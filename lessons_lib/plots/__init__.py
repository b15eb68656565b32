"""The few figures and tables that every chapter has. Each figure needs alt text, for readers who cannot see it.

A figure goes to the notebook as a PNG whose output metadata carry the alt text, followed by its caption in Markdown.
"""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from IPython.display import Markdown, display
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from matplotlib.ticker import MaxNLocator

from lessons_lib import images

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

# Okabe and Ito's colours: told apart by colour-blind readers too. Line styles repeat the message for gray print.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
STYLE: dict[RcKeyType, Any] = {
    "axes.prop_cycle": cycler(color=COLOURS) + cycler(linestyle=["-", "--", "-.", ":", "-", "--", "-."]),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "font.size": 10,
    "legend.frameon": False,
}
DPI = 100


def figure(fig: Figure, *, alt: str, caption: str | None = None) -> None:
    """Publish a Matplotlib figure with its alt text and caption. Raises ValueError without alt text."""
    if not alt.strip():
        raise ValueError("alt is empty: say in one sentence what this figure shows")
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight", metadata={"Software": None})
    display(
        {"image/png": buffer.getvalue(), "text/plain": alt},
        raw=True,
        metadata={"image/png": {"alt": alt}},
    )
    if caption:
        display(Markdown(f"*{caption}*"))


def show(
    pictures: np.ndarray | Sequence[np.ndarray],
    titles: Sequence[str] | None = None,
    *,
    alt: str,
    caption: str | None = None,
    columns: int | None = None,
    height: float = 2.2,
    cmap: str = "gray",
    vmin: float | None = 0,
    vmax: float | None = 1,
) -> None:
    """Show one picture, a batch, or a list of pictures side by side, `height` inches each, `columns` to a row.

    RGB pictures are clipped to [0, 1]; single-channel ones are mapped from [vmin, vmax] (None: their own range) to
    `cmap`. Small pictures are enlarged without smoothing, so that pixels stay visible.
    """
    if isinstance(pictures, np.ndarray) and pictures.ndim <= 3:
        pictures = [pictures]
    pictures = [_displayable(p) for p in pictures]
    if not pictures:
        raise ValueError("there is no picture to show")
    titles = [""] * len(pictures) if titles is None else list(titles)
    if len(titles) != len(pictures):
        raise ValueError(f"{len(titles)} titles for {len(pictures)} pictures: give one for each")
    columns = min(len(pictures), columns or 6)
    rows = math.ceil(len(pictures) / columns)
    ratio = max(p.shape[1] / p.shape[0] for p in pictures)
    lines = max(title.count("\n") + 1 if title else 0 for title in titles)
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(columns * height * ratio, rows * (height + 0.2 * lines)), layout="constrained")
        axes = fig.subplots(rows, columns, squeeze=False).ravel()
        for ax in axes:
            ax.axis("off")
        for ax, picture, title in zip(axes, pictures, titles, strict=False):
            ax.imshow(picture, cmap=cmap, vmin=vmin, vmax=vmax, interpolation="nearest")
            ax.set_title(title, fontsize=9)
    figure(fig, alt=alt, caption=caption)


def curves(
    series: Mapping[str, np.ndarray | tuple],
    *,
    xlabel: str,
    ylabel: str,
    alt: str,
    caption: str | None = None,
    logx: bool = False,
    logy: bool = False,
) -> None:
    """Draw each named series as a line: y values over their index, or a tuple (x, y)."""
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(6, 3.2), layout="constrained")
        ax = fig.subplots()
        for name, values in series.items():
            ax.plot(*(values if isinstance(values, tuple) else (values,)), label=name)
        ax.set(xlabel=xlabel, ylabel=ylabel)
        ax.set_xscale("log" if logx else "linear")
        ax.set_yscale("log" if logy else "linear")
        places = [np.asarray(line.get_xdata()) for line in ax.lines]
        if not logx and all(np.array_equal(x, np.round(x)) for x in places):
            locator = ax.xaxis.get_major_locator()
            assert isinstance(locator, MaxNLocator)  # as on every linear axis of numbers
            locator.set_params(integer=True)  # there is no half epoch
        if len(series) > 1:
            ax.legend()
    figure(fig, alt=alt, caption=caption)


def history(history, *, alt: str, caption: str | None = None) -> None:
    """Draw the losses of a `training.History`, or of several given as {name: History}, over the epochs."""
    named = history if isinstance(history, Mapping) else {"": history}
    series = {}
    for name, one in named.items():
        epochs = np.arange(1, one.epochs + 1)
        series[f"{name} training".strip()] = (epochs, one.loss)
        if one.val_loss:
            series[f"{name} validation".strip()] = (epochs, one.val_loss)
    curves(series, xlabel="epoch", ylabel="loss", alt=alt, caption=caption, logy=True)


def table(rows: Sequence[Mapping], *, caption: str | None = None) -> None:
    """Show rows, dicts with the same keys, as a Markdown table; floats with two decimals, numbers to the right."""
    if not rows:
        raise ValueError("there is no row to show")
    keys = list(rows[0])
    numeric = [isinstance(rows[0][key], int | float | np.number) for key in keys]
    cells = [
        [f"{row[key]:z.2f}" if isinstance(row[key], float | np.floating) else str(row[key]) for key in keys]
        for row in rows
    ]
    lines = [keys, ["--:" if n else ":--" for n in numeric], *cells]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    display(Markdown(text + (f"\n\n*{caption}*" if caption else "")))


def bars(
    values: Mapping[str, float | tuple[float, float]],
    *,
    xlabel: str,
    alt: str,
    caption: str | None = None,
    start: float = 0,
) -> None:
    """Draw a horizontal bar for each name, its value beside it; (mean, spread) also draws the spread on both sides.

    `start` is where the bars begin: scores in decibels have no zero that means anything.
    """
    if not values:
        raise ValueError("there is no value to draw")
    pairs = [value if isinstance(value, tuple) else (value, 0.0) for value in values.values()]
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(6, 0.5 + 0.34 * len(values)), layout="constrained")
        ax = fig.subplots()
        for place, (mean, spread) in enumerate(pairs):
            ax.barh(place, mean - start, left=start, color=COLOURS[0], alpha=0.8, height=0.62)
            if spread:
                ax.errorbar(mean, place, xerr=spread, color="black", capsize=3)
            ax.annotate(f"{mean:.2f}", (mean + spread, place), (4, 0), textcoords="offset points", va="center")
        ax.set_yticks(range(len(values)), list(values))
        ax.invert_yaxis()
        ax.margins(x=0.12)
        ax.set_xlabel(xlabel)
        ax.grid(axis="y", visible=False)
    figure(fig, alt=alt, caption=caption)


@dataclasses.dataclass(frozen=True)
class Method:
    """A row of a comparison: what was done to the images, and how it scored.

    network, trained, loss, told: of a trained network, its model or its number of parameters, steps or seconds of
    training, the loss, and what it is told of the degradation; a network lacks none of them.
    """

    name: str
    scores: Mapping[str, float]
    network: Any = None
    trained: str = ""
    loss: str = ""
    told: str = ""
    kind: str = ""  # "nothing", "classical" or, for a network, ""

    def __post_init__(self) -> None:
        if self.kind not in ("nothing", "classical", ""):
            raise ValueError(f"{self.name}: kind is {self.kind!r}: give 'nothing', 'classical' or, for a network, ''")
        missing = [name for name in ("network", "trained", "loss", "told") if not getattr(self, name)]
        if not self.kind and missing:
            raise ValueError(
                f"{self.name} lacks {', '.join(missing)}: without them a comparison of networks is not fair"
            )


def comparison(methods: Sequence[Method], *, caption: str | None = None) -> None:
    """Show methods on the same images in a table that says how fair it is.

    Raises ValueError unless it has a row for doing nothing and one for a classical method, and all have the same
    scores.
    """
    for kind, what in (("nothing", "for doing nothing"), ("classical", "of a classical method")):
        if not any(method.kind == kind for method in methods):
            raise ValueError(f"there is no row {what}: without it nobody can tell what a network adds")
    names = list(methods[0].scores)
    if any(list(method.scores) != names for method in methods):
        raise ValueError(f"not all rows have the scores {', '.join(names)}")
    rows = []
    for method in methods:
        count = method.network.count_params() if hasattr(method.network, "count_params") else method.network
        row: dict[str, Any] = {"method": method.name, "parameters": f"{count:,}" if count else ""}
        row |= {"trained": method.trained, "loss": method.loss, "told": method.told}
        rows.append(row | {name: float(score) for name, score in method.scores.items()})
    table(rows, caption=caption)


def _displayable(picture: np.ndarray) -> np.ndarray:
    picture = np.asarray(picture)
    if picture.dtype == bool or picture.dtype.kind in "iu":
        picture = picture.astype(np.float32)
    if picture.ndim == 2:  # a kernel or a feature map
        picture = picture[..., None]
    images.check(picture, "picture")
    if picture.ndim != 3:
        raise images.ImageError(f"a picture has shape {picture.shape}: give (H, W), (H, W, 1) or (H, W, 3)")
    return picture[..., 0] if picture.shape[-1] == 1 else np.clip(picture, 0, 1)
