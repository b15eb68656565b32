"""Drawings of methods: how images are degraded, what networks are trained on, and what a metric compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lessons_lib.plots.drawing import WIDTH, Sheet


def chain(steps: Sequence[tuple[str, str]], title: str, description: str) -> Sheet:
    """Steps one after the other, each with what it does beside it: (step, what it does)."""
    sheet = Sheet(len(steps) * 58 - 10, title, description)
    for number, (step, what) in enumerate(steps):
        y = number * 58 + 4
        if number:
            sheet.wire((76, y - 22), (76, y))
        sheet.box(2, y, 148, 36, step, kind="c" if number in (0, len(steps) - 1) else "a")
        for line, words in enumerate(what.splitlines()):
            sheet.text(164, y + 18 + (line - (what.count("\n")) / 2) * 16, words, "quiet", "start")
    return sheet


def pairs(arrangements: Sequence[tuple[str, str, str]], title: str, description: str) -> Sheet:
    """Ways to train: (name, what the network is given, what its output is compared with)."""
    sheet = Sheet(len(arrangements) * 108 - 8, title, description)
    for number, (name, given, target) in enumerate(arrangements):
        y = number * 108
        sheet.text(0, y + 14, name, "strong", "start")
        sheet.box(0, y + 30, 108, 42, *given.split("\n"), kind="c")
        sheet.wire((108, y + 51), (128, y + 51))
        sheet.box(128, y + 30, 72, 42, "network", kind="a")
        sheet.wire((200, y + 51), (222, y + 51))
        sheet.sign(236, y + 51, "\N{MINUS SIGN}")
        sheet.text(236, y + 80, "loss", "quiet")
        sheet.box(274, y + 30, WIDTH - 274, 42, *target.split("\n"), kind="b")
        sheet.wire((274, y + 51), (250, y + 51))
    return sheet


def conditioned(channels: int) -> Sheet:
    """The input of a noise-conditioned network: the image, and one channel more that holds the noise level."""
    planes = [*(["red", "green", "blue"] if channels == 3 else ["gray"]), "noise level"]
    sheet = Sheet(
        22 + 26 * (len(planes) - 1) + 62 + 36,
        "A noise-conditioned network's input",
        f"{channels} channels of the noisy image and one more, which holds the noise level of every pixel, go into the "
        "network together; the denoised image comes out.",
    )
    for number, name in enumerate(planes):
        x, y = 6 + number * 18, 22 + number * 26
        sheet.rectangle(x, y, 92, 62, "b" if name == "noise level" else "a", 3)
        sheet.text(x + 88, y + 12, name, "quiet", "end")
    middle = 22 + 13 * (len(planes) - 1) + 31
    right = 6 + 18 * len(planes) + 78
    sheet.wire((right, middle), (right + 24, middle))
    sheet.box(right + 24, middle - 22, 84, 44, "network", kind="plain")
    sheet.wire((right + 108, middle), (right + 130, middle))
    sheet.box(right + 130, middle - 22, min(88, WIDTH - right - 131), 44, "denoised", kind="c")
    sheet.text(WIDTH / 2, sheet.height - 12, f"{channels} + 1 channels in, {channels} out", "quiet")
    return sheet


def split(photographs: Mapping[str, Sequence[str]]) -> Sheet:
    """Photographs, each of them in one part of the data: {"train": names, "validation": names, "test": names}."""
    seen = [name for names in photographs.values() for name in names]
    if len(seen) != len(set(seen)):
        twice = sorted({name for name in seen if seen.count(name) > 1})
        raise ValueError(f"in two parts: {', '.join(twice)}")
    side, per = 24.0, 13
    tall = [30 + -(-len(names) // per) * (side + 4) + 14 for names in photographs.values()]
    counted = ", ".join(f"{len(names)} for {part}" for part, names in photographs.items())
    sheet = Sheet(
        sum(tall) + 26,
        "Split by photograph",
        f"Each square is one photograph: {counted}. Patches are cut after photographs were given to parts.",
    )
    y = 0.0
    for (part, names), height, kind in zip(photographs.items(), tall, "abc", strict=False):
        sheet.text(0, y + 14, f"{part}: {len(names)}", "", "start")
        for number in range(len(names)):
            x, down = number % per * (side + 5), y + 28 + number // per * (side + 4)
            sheet.rectangle(x, down, side, side, kind, 3)
            if not number:
                for row, column in ((4, 4), (13, 8), (6, 13)):
                    sheet.rectangle(x + column, down + row, 7, 7, "patch")
        y += height
    sheet.text(0, y + 10, "small squares: patches of the first photograph", "quiet", "start")
    return sheet


def metric(names: Sequence[str], compared: Sequence[tuple[str, str, str]]) -> Sheet:
    """What metrics compare: (metric, what of the one image, what of the other); `names` are those of the images."""
    sheet = Sheet(
        30 + len(compared) * 62,
        "What a metric compares",
        " ".join(f"{name} compares {one} with {other}." for name, one, other in compared),
    )
    sheet.text(136, 14, names[0], "quiet")
    sheet.text((236 + WIDTH) / 2, 14, names[1], "quiet")
    for number, (name, one, other) in enumerate(compared):
        y = 28 + number * 62
        sheet.text(0, y + 21, name, "strong", "start")
        sheet.box(58, y, 156, 42, *one.split("\n"), kind="a")
        sheet.box(236, y, WIDTH - 236, 42, *other.split("\n"), kind="c")
        sheet.wire((214, y + 21), (236, y + 21), tip=False)
    return sheet
