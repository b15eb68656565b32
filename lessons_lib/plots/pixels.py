"""Drawings of what an operation does to pixels, from the numbers that it is given."""

from __future__ import annotations

import numpy as np

from lessons_lib.plots.drawing import WIDTH, Sheet

_COLOURS = ("red", "green", "blue")


def pixel_grid(part: np.ndarray) -> Sheet:
    """A small part of an image (H, W, 3) as pixels, and its three channels with their values, 0 to 255.

    Raises ValueError if it is no colour image of at most 8 x 8 pixels.
    """
    if part.ndim != 3 or part.shape[2] != 3 or max(part.shape[:2]) > 8:
        raise ValueError(f"part has shape {part.shape}: give a colour image of at most 8 x 8 pixels")
    rows, columns = part.shape[:2]
    side, gap = min(30.0, 180 / columns), 34
    height = rows * side
    sheet = Sheet(
        2 * (height + gap) + 6,
        "Pixels and channels",
        f"{rows} by {columns} pixels of a photograph, and their red, green and blue values as three grids of numbers.",
    )
    left, right = (WIDTH / 2 - columns * side) / 2, (WIDTH * 1.5 - columns * side) / 2
    places = [(left, gap), (right, gap), (left, 2 * gap + height), (right, 2 * gap + height)]
    for (x, y), name in zip(places, ("all three channels", *_COLOURS), strict=True):
        sheet.text(x + columns * side / 2, y - 14, name, "quiet")
        if name in _COLOURS:
            sheet.pixels(x, y, part[..., _COLOURS.index(name)], side, "d", name)
        else:
            sheet.pixels(x, y, part, side)
    return sheet


def kernel_step(part: np.ndarray, kernel: np.ndarray, at: tuple[int, int]) -> Sheet:
    """One step of a cross-correlation: a window of `part` (H, W), its products with the kernel, and their sum.

    at: row and column of the output pixel; the output has no border, (H - h + 1, W - w + 1).
    """
    (height, width), (rows, columns) = part.shape, kernel.shape
    top, left = at
    output = np.array(
        [
            [np.sum(part[r : r + rows, c : c + columns] * kernel) for c in range(width - columns + 1)]
            for r in range(height - rows + 1)
        ]
    )
    window = part[top : top + rows, left : left + columns]
    side, small = 205 / width, 38.0
    sheet = Sheet(
        60 + height * side + 52 + rows * 26 + 46,
        "A kernel at one place of an image",
        f"A window of {rows} by {columns} pixels, multiplied by the kernel value by value; the sum, "
        f"{output[top, left]:.2f}, is one pixel of the output.",
    )
    sheet.text(width * side / 2, 16, "input", "quiet")
    sheet.pixels(0, 30, part, side)
    sheet.rectangle(left * side, 30 + top * side, columns * side, rows * side, "frame")
    step = 150 / output.shape[1]
    x, y = WIDTH - 150.0, 30 + (height * side - output.shape[0] * step) / 2
    sheet.text(x + 75, y - 14, "output", "quiet")
    low, high = min(0.0, float(output.min())), max(1.0, float(output.max()))
    sheet.pixels(x, y, (output - low) / (high - low), step)
    sheet.rectangle(x + left * step, y + top * step, step, step, "frame")
    y = 30 + height * side + 44
    for number, (name, values, form) in enumerate(
        (("window", window, ".2f"), ("kernel", kernel, ".3g"), ("products", window * kernel, ".2f"))
    ):
        x = number * (WIDTH - 3 * small) / 2
        sheet.text(x + 1.5 * small, y - 14, name, "quiet")
        sheet.cells(x, y, [[_short(value, form) for value in row] for row in values], 26, "abc"[number], small)
        if number:
            sheet.text(x - (WIDTH - 9 * small) / 4, y + rows * 13, "×="[number - 1])
    sheet.text(WIDTH / 2, y + rows * 26 + 26, f"sum of the products: {output[top, left]:.2f}")
    return sheet


def channel_sum(window: np.ndarray, weights: np.ndarray, bias: float) -> Sheet:
    """How one filter (h, w, C) reads all channels of a window (h, w, C): a sum each, one total, one output pixel."""
    if window.shape != weights.shape or window.ndim != 3:
        raise ValueError(f"window has shape {window.shape} and weights {weights.shape}: give (h, w, C) twice")
    rows, columns, channels = window.shape
    names = _COLOURS if channels == 3 else tuple(f"channel {number}" for number in range(1, channels + 1))
    sums = (window * weights).sum((0, 1))
    step = rows * 34 + 38
    sheet = Sheet(
        channels * step + 64,
        "One filter over several channels",
        f"Each of {channels} channels has its own {rows} by {columns} weights; the sums of their products are added, "
        f"with the bias, to one output value of {sums.sum() + bias:.2f}.",
    )
    middle = channels * step / 2
    for number, name in enumerate(names):
        y = number * step + 30
        light = name if name in _COLOURS else None
        sheet.text(51, y - 13, name, "quiet")
        sheet.pixels(0, y, window[..., number], 34, ".2f", light)
        sheet.text(116, y + rows * 17, "×")
        sheet.cells(130, y, [[_short(value, ".2f") for value in row] for row in weights[..., number]], 34, "a")
        if not number:
            sheet.text(181, y - 13, "its weights", "quiet")
        sheet.text(268, y + rows * 17, f"{sums[number]:.2f}", "code")
        sheet.wire((236, y + rows * 17), (246, y + rows * 17), tip=False)
        sheet.wire((290, y + rows * 17), (333, middle))
    sheet.sign(347, middle, "+")
    sheet.wire((347, middle + 14), (347, channels * step + 20))
    total = " ".join(f"{value:+.2f}" for value in (*sums, bias)).removeprefix("+")
    sheet.text(WIDTH, channels * step + 38, f"{total} (bias) = {sums.sum() + bias:.2f}", "code", "end")
    return sheet


def geometry(size: int, settings: list[dict]) -> Sheet:
    """Which inputs each output of a convolution reads, seen along one axis, for several settings.

    settings: dicts with any of `kernel` (3), `padding`, `stride` and `dilation`, as `outputs` takes them.
    """
    step, tall = 22.0, 108
    sheet = Sheet(
        len(settings) * tall,
        "Padding, stride and dilation",
        "Rows of input pixels above rows of output pixels; lines lead from each output to the inputs that it reads.",
    )
    for number, setting in enumerate(settings):
        kernel, padding, stride, dilation = (
            setting.get(name, usual) for name, usual in (("kernel", 3), ("padding", 0), ("stride", 1), ("dilation", 1))
        )
        many, y = outputs(size, **setting), number * tall
        named = ", ".join(f"{name} {value}" for name, value in setting.items()) or f"kernel {kernel}"
        sheet.text(0, y + 12, f"{named}: {size} pixels in, {many} out", "quiet", "start")
        start = (WIDTH - (size + 2 * padding) * step) / 2
        first = padding + dilation * (kernel - 1) / 2 - padding  # the middle of the first window, from the first input
        for place in range(-padding, size + padding):
            x = start + (place + padding) * step
            sheet.rectangle(x + 1, y + 24, step - 2, step - 2, "plain" if 0 <= place < size else "outside", 3)
        for index in range(many):
            x = start + (index * stride + first + 0.5) * step
            for tap in range(kernel):
                reads = start + (index * stride + tap * dilation + 0.5) * step
                sheet.wire((x, y + 76), (reads, y + 24 + step - 1), kind="wire" if index == 1 else "faint", tip=False)
            sheet.rectangle(x - step / 2 + 1, y + 76, step - 2, step - 2, "b" if index == 1 else "a", 3)
    return sheet


def outputs(size: int, kernel: int = 3, padding: int = 0, stride: int = 1, dilation: int = 1) -> int:
    """How many outputs a convolution has along an axis of `size` inputs."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def pooling(values: np.ndarray, window: int = 2) -> Sheet:
    """Windows of an array (H, W) in [0, 1], and what the largest and the mean of each make of it."""
    rows, columns = (side // window for side in values.shape)
    parts = values[: rows * window, : columns * window].reshape(rows, window, columns, window)
    side = 190 / values.shape[1]
    small = 2 * side
    height = values.shape[0] * side
    sheet = Sheet(
        30 + height + 40 + rows * small + 8,
        "Pooling",
        f"{values.shape[0]} by {values.shape[1]} pixels in windows of {window} by {window}; of each window the largest "
        "value, or the mean, is one pixel of a smaller image.",
    )
    left = (WIDTH - values.shape[1] * side) / 2
    sheet.text(WIDTH / 2, 14, "input, its windows framed", "quiet")
    sheet.pixels(left, 30, values, side, ".1f")
    for row, column in np.ndindex(rows, columns):
        at = left + column * window * side, 30 + row * window * side
        sheet.rectangle(*at, window * side, window * side, "frame")
    y = 30 + height + 38
    for middle, name, result in (
        (WIDTH * 0.25, "largest of each window", parts.max((1, 3))),
        (WIDTH * 0.75, "mean of each window", parts.mean((1, 3))),
    ):
        sheet.text(middle, y - 14, name, "quiet")
        sheet.pixels(middle - columns * small / 2, y, result, small, ".2f")
    return sheet


def transposed(kernel: int, stride: int, size: int = 4) -> Sheet:
    """Gather against scatter along one axis, and under each output of the transposed convolution its contributions."""
    step, many = 24.0, (size - 1) * stride + kernel
    counts = overlaps(kernel, stride, size)
    sheet = Sheet(
        300,
        "Convolution gathers, transposed convolution scatters",
        f"Stride {stride}. Above, each output of a convolution reads {kernel} inputs; below, each input "
        f"of a transposed convolution writes into {kernel} outputs, which get {', '.join(map(str, counts))} "
        "contributions.",
    )
    wide = (WIDTH - many * step) / 2

    def row(y: float, number: int, kind: str, apart: float, first: float) -> list[float]:
        places = [wide + (first + index * apart + 0.5) * step for index in range(number)]
        for x in places:
            sheet.rectangle(x - step / 2 + 1, y, step - 2, step - 2, kind, 3)
        return places

    middle = (kernel - 1) / 2
    sheet.text(0, 12, f"convolution, stride {stride}: each output gathers", "quiet", "start")
    long, short = row(24, many, "plain", 1, 0), row(88, size, "a", stride, middle)
    for index, x in enumerate(short):
        for tap in range(kernel):
            sheet.wire(
                (long[index * stride + tap], 46), (x, 87), kind="wire" if index == 1 else "faint", tip=index == 1
            )
    sheet.text(0, 142, f"transposed convolution, stride {stride}: each input scatters", "quiet", "start")
    short, long = row(154, size, "a", stride, middle), row(218, many, "plain", 1, 0)
    for index, x in enumerate(short):
        for tap in range(kernel):
            sheet.wire(
                (x, 176), (long[index * stride + tap], 217), kind="wire" if index == 1 else "faint", tip=index == 1
            )
    for x, count in zip(long, counts, strict=True):
        sheet.text(x, 254, str(count), "code")
    sheet.text(WIDTH / 2, 280, "contributions that each output adds up", "quiet")
    return sheet


def overlaps(kernel: int, stride: int, size: int) -> list[int]:
    """How many inputs of a transposed convolution write into each of its outputs along one axis, uncropped."""
    counts = np.zeros((size - 1) * stride + kernel, int)
    for index in range(size):
        counts[index * stride : index * stride + kernel] += 1
    return counts.tolist()


def shuffle(scale: int, size: int = 3) -> Sheet:
    """A sub-pixel shuffle: `scale` squared channels of `size` x `size` values become one image, larger by `scale`."""
    if scale not in (2, 3):
        raise ValueError(f"scale is {scale}: draw 2 or 3")
    many, side = scale**2, 20.0 if scale == 2 else 14.0
    kinds = "abcd" if scale == 2 else "abcdabcda"
    gap = (WIDTH - many * size * side) / (many - 1) if scale == 2 else 12.0
    lines = 1 if scale == 2 else 3
    per = many // lines
    gap = (WIDTH - per * size * side) / max(per - 1, 1) if lines == 1 else 40.0
    left = (WIDTH - per * size * side - (per - 1) * gap) / 2
    top = lines * (size * side + 26) + 8
    large = 26.0 if scale == 2 else 18.0
    sheet = Sheet(
        top + 62 + size * scale * large,
        "Sub-pixel shuffle",
        f"{many} channels of {size} by {size} values become one image of {size * scale} by {size * scale}: "
        f"each square of {scale} by {scale} pixels takes one value from every channel.",
    )
    for channel in range(many):
        x = left + channel % per * (size * side + gap)
        y = 22 + channel // per * (size * side + 26)
        sheet.text(x + size * side / 2, y - 11, f"{channel + 1}", "quiet")
        names = [[str(row * size + column + 1) for column in range(size)] for row in range(size)]
        sheet.cells(x, y, names, side, kinds[channel])
    sheet.wire((WIDTH / 2, top + 4), (WIDTH / 2, top + 36))
    x0 = (WIDTH - size * scale * large) / 2
    for row, column in np.ndindex(size * scale, size * scale):
        channel = row % scale * scale + column % scale
        number = row // scale * size + column // scale + 1
        sheet.rectangle(x0 + column * large, top + 46 + row * large, large, large, kinds[channel])
        sheet.text(x0 + (column + 0.5) * large, top + 46 + (row + 0.5) * large, str(number), "code")
    return sheet


def tiles(height: int, width: int, tile: int, halo: int) -> Sheet:
    """An image cut into tiles: what a network is given for one of them, and what of its answer is kept."""
    core = tile - 2 * halo
    rows, columns = -(-height // core), -(-width // core)
    scale = min(300 / (width + 2 * halo), 300 / (height + 2 * halo))
    left, top = (WIDTH - width * scale) / 2, 16 + halo * scale
    sheet = Sheet(
        top + (height + halo) * scale + 84,
        "Tiles with a halo",
        f"An image of {height} by {width} pixels in {rows} by {columns} tiles. For each the network is given {tile} by "
        f"{tile} pixels, and of its answer the middle {core} by {core} are kept; the halo of {halo} is dropped.",
    )
    sheet.rectangle(left, top, width * scale, height * scale, "plain")
    for row, column in np.ndindex(rows, columns):
        tall, wide = min(core, height - row * core), min(core, width - column * core)
        sheet.rectangle(left + column * core * scale, top + row * core * scale, wide * scale, tall * scale, "faint")
    row, column = min(1, rows - 1), min(1, columns - 1)
    x, y = left + (column * core - halo) * scale, top + (row * core - halo) * scale
    sheet.rectangle(x, y, tile * scale, tile * scale, "b")
    sheet.rectangle(x + halo * scale, y + halo * scale, core * scale, core * scale, "a")
    y = top + (height + halo) * scale + 30
    sheet.rectangle(20, y - 8, 16, 16, "b")
    sheet.text(44, y, f"given to the network: {tile} × {tile} pixels", "quiet", "start")
    sheet.rectangle(20, y + 18, 16, 16, "a")
    sheet.text(44, y + 26, f"kept of its answer: {core} × {core}; halo {halo} on each side", "quiet", "start")
    return sheet


def shrinkage(block: np.ndarray, threshold: float) -> Sheet:
    """The cosines of a block of coefficients (8, 8), and which of them a threshold keeps."""
    kept = np.abs(block) >= threshold
    side = 21.0
    sheet = Sheet(
        8 * side + 84,
        "A block as cosines, and its threshold",
        f"{block.size} coefficients of a block, low frequencies in the upper left corner. The {kept.sum()} that reach "
        f"the threshold of {threshold:.2f} stay, the others become zero.",
    )
    strength = np.log1p(np.abs(block) / threshold)
    strength /= strength.max()
    right = WIDTH - 8 * side
    for x, name, values in (
        (0, "size of each", strength),
        (right, f"kept: {kept.sum()} of {block.size}", strength * kept),
    ):
        sheet.text(x + 4 * side, 14, name, "quiet")
        sheet.pixels(x, 28, values, side)
    sheet.wire((8 * side + 6, 28 + 4 * side), (right - 6, 28 + 4 * side))
    sheet.text(WIDTH / 2, 28 + 8 * side + 22, "white: large; black: near zero", "quiet")
    sheet.text(WIDTH / 2, 28 + 8 * side + 44, "to the right and down: higher frequencies", "quiet")
    return sheet


def _short(value: float, form: str) -> str:
    """A number in few letters, with a true minus."""
    return f"{float(value):{form}}".replace("-", "\N{MINUS SIGN}").replace("0.", ".") if value else "0"
