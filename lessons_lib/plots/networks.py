"""Drawings of networks that take their shapes and wiring from the Keras models themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lessons_lib.plots.drawing import WIDTH, Sheet

_SIGNS = "+×\N{MINUS SIGN}"
_NARROW, _TALL = 16.0, 46.0  # a bar of a network's drawing, and the step from one size to the next


def shapes(model: Any, name: str) -> Sheet:
    """Every change of shape in a model, from left to right, smaller images lower; skip connections dashed.

    model: a functional or sequential model whose input has a known height and width, such as (64, 64, 3).
    name:  what it is called, for the title.

    Raises ValueError if the height or width is unknown.
    """
    stages = _stages(model)
    sizes = sorted({height for _, height, _, _ in stages}, reverse=True)
    left, top = 34.0, 54.0
    step = min(26.0, (WIDTH - left - 4) / len(stages))
    skips = _skips(model, stages)
    described = ", ".join(f"{height} by {width} by {channels}" for _, height, width, channels in stages)
    crossing = f" {len(skips)} skip connections lead past the middle." if skips else ""
    sheet = Sheet(
        top + len(sizes) * _TALL + 10,
        f"Shapes in {name}",
        f"Height, width and channels from the input to the output: {described}.{crossing}",
    )
    for level, size in enumerate(sizes):
        y = top + level * _TALL
        sheet.text(left - 8, y + 14, f"{size}", "quiet", "end")
    previous: tuple[float, float] | None = None
    places = []
    for number, (_, height, _, channels) in enumerate(stages):
        x, y = left + number * step, top + sizes.index(height) * _TALL
        wide = min(_NARROW, step - 6)
        if previous is not None:
            sheet.wire(previous, (x, previous[1] if previous[1] == y + 14 else y + 14), kind="faint", tip=False)
        sheet.rectangle(x, y, wide, 28, "c" if number in (0, len(stages) - 1) else "a", 3)
        raised = 12 if channels > 99 and number % 2 else 0  # numbers of three digits would touch
        sheet.text(x + wide / 2, y - 8 - raised, str(channels), "quiet")
        previous = x + wide, y + 14
        places.append((x, y, wide))
    for number, (source, target) in enumerate(skips):
        (x0, y0, wide), (x1, y1, _) = places[source], places[target]
        y = max(y0, y1) + 8 + 10 * (number % 2)
        sheet.wire((x0 + wide, y), (x1 - 1, y), kind="bypass")
    sheet.text(0, 14, "height = width", "quiet", "start")
    sheet.text(WIDTH, 14, "above each bar: its channels", "quiet", "end")
    return sheet


def _stages(model: Any) -> list[tuple[set[str], int, int, int]]:
    """Runs of layers with the same shape: their names, height, width and channels."""
    stages: list[tuple[set[str], int, int, int]] = []
    for layer in _layers(model):
        shape = layer.output.shape
        if len(shape) != 4:
            raise ValueError(f"{layer.name} has shape {shape}: give a model of images, (N, H, W, C)")
        height, width, channels = shape[1:]
        if height is None or width is None:
            raise ValueError("the model takes images of any size: give it one first, with keras.models.clone_model")
        if stages and stages[-1][1:] == (height, width, channels):
            stages[-1][0].add(layer.name)
        else:
            stages.append(({layer.name}, height, width, channels))
    return stages


def _layers(model: Any) -> list[Any]:
    return [layer for layer in model.layers if hasattr(layer, "output")]


def _sources(layer: Any) -> list[str]:
    """The names of the layers that a layer reads."""
    tensors = layer.input if isinstance(layer.input, list | tuple) else [layer.input]
    return [tensor._keras_history.operation.name for tensor in tensors if hasattr(tensor, "_keras_history")]


def _skips(model: Any, stages: list[tuple[set[str], int, int, int]]) -> list[tuple[int, int]]:
    """Pairs of stages: a layer of the later one reads one of the earlier, and there are others between them."""
    at = {name: number for number, (names, *_) in enumerate(stages) for name in names}
    found = set()
    for layer in _layers(model):
        sources = _sources(layer)
        if len(sources) > 1:
            found |= {(at[name], at[layer.name]) for name in sources if at[layer.name] - at[name] > 1}
    return sorted(found)


def receptive_field(layers: Sequence[Any], name: str) -> Sheet:
    """The inputs that one output pixel depends on, layer by layer, seen along one axis.

    layers: of convolution or pooling, from input to output, with `kernel_size` or `pool_size`, and `strides` and
            `dilation_rate` where they have any.
    """
    steps = [_steps(layer) for layer in layers]
    reached: list[set[int]] = [{0}]
    for kernel, stride, dilation in reversed(steps):
        reached.append({place * stride + tap * dilation for place in reached[-1] for tap in range(kernel)})
    reached.reverse()
    field = max(reached[0]) - min(reached[0]) + 1
    side = min(22.0, (WIDTH - 84) / field)
    tall = 54
    sheet = Sheet(
        len(reached) * tall + 8,
        f"Receptive field of {name}",
        f"One output pixel at the bottom; above it, layer by layer, what it depends on: {field} pixels of the input.",
    )
    middle = (WIDTH + 84) / 2
    rows = []
    scale = 1
    for number, places in enumerate(reached):
        first, last = min(places), max(places)
        rows.append({place: middle + (place - (first + last) / 2) * scale * side for place in places})
        if number < len(steps):
            scale *= steps[number][1]
    for number, row in enumerate(rows):
        y = number * tall + 6
        if number < len(steps):
            kernel, stride, dilation = steps[number]
            for place, x in rows[number + 1].items():
                for tap in range(kernel):
                    sheet.wire((row[place * stride + tap * dilation], y + side), (x, y + tall), kind="faint", tip=False)
        for x in row.values():
            sheet.rectangle(x - side / 2 + 1, y, side - 2, side - 2, "b" if number == len(steps) else "a", 2)
        label = "input" if not number else "output" if number == len(steps) else f"layer {number}"
        sheet.text(0, y + 5, f"{label}: {len(row)}", "quiet", "start")
    return sheet


def _steps(layer: Any) -> tuple[int, int, int]:
    size = getattr(layer, "kernel_size", None) or layer.pool_size
    sides = size, getattr(layer, "strides", 1) or 1, getattr(layer, "dilation_rate", 1) or 1
    kernel, stride, dilation = (side[0] if isinstance(side, tuple | list) else side for side in sides)
    return kernel, stride, dilation


def flow(columns: Sequence[tuple[str, Sequence[str], str]], title: str, description: str) -> Sheet:
    """Networks side by side as columns of boxes, each read downwards.

    columns: (heading, boxes, bypass). A box that begins with ` is set as code; "+", "×" and minus are signs. The bypass
             is "" for none, or the box that its dashed line leads to from the first one.
    """
    deep = max(len(boxes) for _, boxes, _ in columns)
    wide = WIDTH / len(columns)
    sheet = Sheet(44 + deep * 52, title, description)
    for column, (heading, boxes, bypass) in enumerate(columns):
        middle = (column + 0.5) * wide
        sheet.text(middle, 14, heading, "strong")
        half = min(wide / 2 - 22, 90)
        for number, words in enumerate(boxes):
            y = 32 + number * 52
            if number:
                sheet.wire(
                    (middle, y - (18 if boxes[number - 1] not in _SIGNS else 22)),
                    (middle, y + (4 if words in _SIGNS else 0)),
                )
            if words in _SIGNS:
                sheet.sign(middle, y + 17, words)
            else:
                kind = "c" if number in (0, len(boxes) - 1) else "a"
                sheet.box(middle - half, y, 2 * half, 34, words, kind=kind)
        if bypass:
            target = 32 + boxes.index(bypass) * 52 + 17
            side = middle + half + 14
            sheet.wire((middle + half, 49), (side, 49), (side, target), (middle + 14, target), kind="bypass")
    return sheet


def attention_block(channels: int, reduced: int) -> Sheet:
    """Channel attention: means of all maps, a bottleneck, one weight a map."""
    sheet = Sheet(
        330,
        "Channel attention",
        f"The means of {channels} maps pass one layer to {reduced} values and one to {channels} weights "
        "from 0 to 1; each map is multiplied by its weight.",
    )
    sheet.box(115, 4, 160, 38, f"{channels} maps", kind="c")
    sheet.wire((155, 42), (155, 66))
    sheet.box(60, 66, 190, 38, "mean of each map", kind="a")
    sheet.wire((155, 104), (155, 126))
    sheet.box(60, 126, 190, 38, f"`1×1, {channels} → {reduced}, ReLU", kind="b")
    sheet.wire((155, 164), (155, 186))
    sheet.box(60, 186, 190, 38, f"`1×1, {reduced} → {channels}, sigmoid", kind="b")
    sheet.wire((155, 224), (155, 256), (307, 256))
    sheet.text(160, 240, f"{channels} weights, 0 to 1", "quiet", "start")
    sheet.wire((275, 23), (320, 23), (320, 242), kind="bypass")
    sheet.sign(320, 256, "×")
    sheet.wire((320, 270), (320, 290))
    sheet.box(220, 290, WIDTH - 220, 36, f"{channels} maps, weighted", kind="c")
    return sheet


def eam(channels: int, reduced: int, dilations: Sequence[int]) -> Sheet:
    """RIDNet's enhancement attention module (Anwar and Barnes, 2019), with its channels and dilations.

    dilations: of the two convolutions of the near branch, then of the far one, such as (1, 2, 3, 4).
    """
    near, far = dilations[:2], dilations[2:]
    sheet = Sheet(
        596,
        "RIDNet's enhancement attention module",
        f"{channels} maps go into branches of 3 by 3 convolutions, dilation {near[0]} and {near[1]} and dilation "
        f"{far[0]} and {far[1]}; they are merged, the input is added, a residual block and an enhanced residual block "
        f"follow, and channel attention of {channels} to {reduced} to {channels} weights.",
    )
    x = WIDTH / 2
    sheet.text(x, 12, f"{channels} maps", "quiet")
    sheet.wire((x, 22), (x, 40), (100, 40), (100, 58))
    sheet.wire((x, 40), (290, 40), (290, 58))
    for left, name, rates in ((30, "near", near), (220, "far", far)):
        sheet.box(left, 58, 140, 66, name, *(f"`3×3, dilation {rate}" for rate in rates), kind="a")
    sheet.wire((100, 124), (100, 144), (165, 144), (165, 162))
    sheet.wire((290, 124), (290, 144), (225, 144), (225, 162))
    sheet.box(105, 162, 180, 44, "merge", f"`3×3, {2 * channels} → {channels}", kind="a")
    sheet.wire((x, 206), (x, 226))
    sheet.wire((x, 40), (14, 40), (14, 240), (x - 14, 240), kind="bypass")
    sheet.sign(x, 240, "+")
    sheet.wire((x, 254), (x, 272))
    sheet.box(95, 272, 200, 44, "residual block", "`3×3, 3×3, +", kind="b")
    sheet.wire((x, 316), (x, 334))
    sheet.box(85, 334, 220, 44, "enhanced residual block", "`3×3, 3×3, 1×1, +", kind="b")
    sheet.wire((x, 378), (x, 396), (50, 396), (50, 418))
    _weighting(sheet, x, channels, reduced)
    return sheet


def _weighting(sheet: Sheet, x: float, channels: int, reduced: int) -> None:
    """The channel attention at the end of a module whose middle is at x."""
    sheet.wire((x, 396), (345, 396), (345, 488))
    for left, wide, words in (
        (15, 70, "mean"),
        (110, 84, f"`{channels} → {reduced}"),
        (218, 84, f"`{reduced} → {channels}"),
    ):
        sheet.box(left, 418, wide, 40, words, kind="c")
    sheet.wire((85, 438), (109, 438))
    sheet.wire((194, 438), (217, 438))
    sheet.wire((260, 458), (260, 502), (331, 502))
    sheet.text(250, 524, "one weight a map", "quiet", "end")
    sheet.sign(345, 502, "×")
    sheet.wire((345, 516), (345, 548), (x, 548), (x, 572))
    sheet.text(x, 584, f"{channels} maps", "quiet")


def ridnet(modules: int, channels: int, input_channels: int = 3) -> Sheet:
    """The whole of RIDNet: a convolution, the modules, a convolution, and the input added."""
    boxes = ["noisy image", f"`3×3, {input_channels} → {channels}", *[f"EAM {n}" for n in range(1, modules + 1)]]
    boxes += [f"`3×3, {channels} → {input_channels}", "+", "denoised image"]
    return flow(
        [("RIDNet", boxes, "+")],
        "RIDNet",
        f"A noisy image, a convolution to {channels} maps, {modules} enhancement attention modules, a convolution to "
        f"{input_channels} channels, and the noisy image added to its output.",
    )
