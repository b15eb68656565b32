"""Drawings of waves: the sum that a row of pixels is, what sampling does to a wave, and a spectrum's places."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from lessons_lib.plots.drawing import WIDTH, Point, Sheet

_FINE = 8  # points of a curve for each pixel


def row_as_sum(row: np.ndarray, many: int) -> Sheet:
    """A row of pixels (N,), values in [0, 1], as its mean and its `many` strongest waves, added one after the other.

    On the left each wave alone, on the right the sum so far over the row's own pixels. Raises ValueError if there are
    not that many waves.
    """
    size = len(row)
    numbers = np.fft.rfft(row)
    order = np.argsort(np.abs(numbers[1:]))[::-1] + 1
    if not 1 <= many <= len(order):
        raise ValueError(f"many is {many}: a row of {size} pixels has 1 to {len(order)} waves")
    half, tall, left = 168.0, 66, 216.0
    x = np.linspace(-0.5, size - 0.5, size * _FINE + 1)  # a pixel's value is that at its middle
    parts = [(np.full(len(x), numbers[0].real / size), f"mean {numbers[0].real / size:.2f}")]
    for k in order[:many]:
        share = (1 if 2 * k == size else 2) / size  # all but these two numbers have a twin at the negative frequency
        wave = share * (numbers[k] * np.exp(2j * np.pi * k * x / size)).real
        parts.append((wave, f"frequency {k}/{size}, amplitude {share * abs(numbers[k]):.2f}"))
    sheet = Sheet(
        64 + len(parts) * (tall + 34),
        "A row of pixels as a sum of waves",
        f"A row of {size} pixels; its mean and its {many} strongest waves, each alone, and their sum, which comes "
        "closer to the row with each wave.",
    )
    sheet.pixels(left, 4, row[None], half / size)
    sheet.text(left - 12, 4 + half / size / 2, "the row", "quiet", "end")
    total, top = np.zeros(len(x)), 4 + half / size + 40

    def line(place: float, values: np.ndarray, y: float, kind: str) -> None:
        sheet.wire(*zip(place + (x + 0.5) / size * half, y + tall * (1 - values), strict=True), kind=kind, tip=False)

    for number, (wave, words) in enumerate(parts):
        y = top + number * (tall + 34)
        total += wave
        sheet.text(0, y - 13, words, "quiet", "start")
        line(0, wave if number == 0 else 0.5 + wave, y, "wire")
        if number:
            sheet.wire((0, y + tall / 2), (half, y + tall / 2), kind="faint", tip=False)
            sheet.text(left - 24, y + tall / 2, "+")
        for place, value in enumerate(row):
            at = left + place * half / size
            sheet.rectangle(at, y + tall * (1 - value), half / size, tall * value, "plain")
        line(left, total, y, "bypass")
        sheet.text(WIDTH, y - 13, "the mean" if number == 0 else f"sum of {number + 1}", "quiet", "end")
    return sheet


def aliasing(frequency: float, every: int, pixels: int = 16) -> Sheet:
    """A wave of `frequency` cycles per pixel, of which one pixel in `every` is kept, and the slower wave that results.

    Raises ValueError if the frequency is not above 0 and at most 1/2, or `every` is below 2.
    """
    if not 0 < frequency <= 0.5 or every < 2:
        raise ValueError(f"frequency is {frequency} and every is {every}: give up to 1/2 cycle, and 2 or more")
    folded = alias(frequency * every)
    step, tall = WIDTH / pixels, 90.0
    sheet = Sheet(
        2 * (tall + 58),
        "Aliasing",
        f"A wave of {frequency:g} cycles per pixel. One pixel of {every} is kept: the kept values also lie on a wave "
        f"of {folded:g} cycles per kept pixel.",
    )
    x = np.linspace(0, pixels - 1, (pixels - 1) * 2 * _FINE + 1)
    middle = 40 + tall / 2

    def points(at: np.ndarray, cycles: float, y: float) -> list[Point]:
        return [(step * (0.5 + value), y - tall / 2 * np.cos(2 * np.pi * cycles * value)) for value in map(float, at)]

    def dots(at: np.ndarray, y: float, kind: str) -> None:
        for px, py in points(at, frequency, y):
            sheet.rectangle(px - 5, py - 5, 10, 10, kind, radius=5)

    every_pixel, kept = np.arange(pixels), np.arange(0, pixels, every)
    sheet.text(0, 14, f"{frequency:g} cycles per pixel, and its pixels", "quiet", "start")
    sheet.wire(*points(x, frequency, middle), kind="wire", tip=False)
    dots(every_pixel, middle, "a")
    low = middle + tall + 58
    sheet.text(0, low - tall / 2 - 24, f"one of {every} kept: {folded:g} cycles per kept pixel", "quiet", "start")
    sheet.wire(*points(x, frequency, low), kind="faint", tip=False)
    if folded:
        sheet.wire(*points(x[x <= kept[-1]], folded / every, low), kind="bypass", tip=False)
    dots(kept, low, "b")
    return sheet


def alias(frequency: float) -> float:
    """The frequency, at most 1/2 cycle per pixel, whose wave has the same pixels as a wave of `frequency`."""
    return round(abs(frequency - round(frequency)), 12)


def places(frequencies: Sequence[tuple[float, float]], size: int = 16) -> Sheet:
    """Where waves lie in a spectrum whose middle is frequency zero, and a tile of `size` pixels of each.

    frequencies: (across, down) in cycles per pixel, each from -1/2 to 1/2. Raises ValueError for others.
    """
    if not 1 <= len(frequencies) <= 6 or any(abs(part) > 0.5 for pair in frequencies for part in pair):
        raise ValueError(f"frequencies are {list(frequencies)}: give one to six pairs from -1/2 to 1/2")
    side, tile, gap = 168.0, 78.0, 24.0
    rows = -(-len(frequencies) // 2)
    tall = max(side + 62, rows * (tile + gap + 8) + 6)
    sheet = Sheet(
        tall,
        "Waves and their places in a spectrum",
        f"A square map of frequencies with {len(frequencies)} marked places, and for each place a tile with its "
        "stripes: the further from the middle, the finer.",
    )
    top = 28.0
    sheet.rectangle(0, top, side, side, "plain")
    sheet.wire((side / 2, top), (side / 2, top + side), kind="faint", tip=False)
    sheet.wire((0, top + side / 2), (side, top + side / 2), kind="faint", tip=False)
    sheet.text(side / 2, 12, "spectrum", "quiet")
    sheet.text(0, top + side + 14, "-1/2", "quiet", "start")
    sheet.text(side, top + side + 14, "1/2", "quiet", "end")
    sheet.text(side / 2, top + side + 14, "across", "quiet")
    down, along = np.mgrid[:size, :size]
    for number, (fx, fy) in enumerate(frequencies):
        name = "ABCDEF"[number]
        x, y = side / 2 + fx * side, top + side / 2 + fy * side
        sheet.rectangle(x - 4, y - 4, 8, 8, "a", radius=4)
        sheet.text(x + (12 if fx < 0.45 else -12), y + (13 if fy == 0 == fx else -11), name)
        if not {abs(fx), abs(fy)} <= {0, 0.5}:  # the number of such a wave is its own twin
            sheet.rectangle(side - x - 4, 2 * top + side - y - 4, 8, 8, "b", radius=4)
        row, column = divmod(number, 2)
        at = side + 38 + column * (tile + gap), row * (tile + gap + 8) + gap
        sheet.text(at[0] + tile / 2, at[1] - 11, f"{name} ({_short(fx)}, {_short(fy)})", "quiet")
        sheet.pixels(*at, 0.5 + 0.5 * np.cos(2 * np.pi * (fx * along + fy * down)), tile / size)
    return sheet


def _short(frequency: float) -> str:
    return str(Fraction(frequency).limit_denominator(64))
