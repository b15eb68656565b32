"""A pytest plugin beside nbval: pictures are compared too, and TensorFlow's greetings are not.

nbval compares text only. Here a picture that a cell draws must look like the committed one. What another system may do
is forgiven: lay text out a pixel or two aside, smooth its edges otherwise. A curve that lies elsewhere is not, nor is
another brightness: a mean difference alone would miss the first, for a thin line covers one pixel in a hundred.
"""

from __future__ import annotations

import base64
import re

import cv2
import numpy as np
from nbval.plugin import IPyNbCell

PIXELS = 2  # that a side, or a detail's place, may differ
LEVELS = 0.1  # of gray in [0, 1] that a pixel may leave the range of its neighbourhood in the other picture
STRAYS = 100  # pixels that may do so; other text hinting made up to 41, a curve drawn 2 % higher 109
BRIGHTNESS = 0.02  # mean absolute difference of the blurred pictures
# Written by native code before any setting can silence it; Python's own warnings are not touched.
GREETING = re.compile(
    r"(WARNING: All log messages before absl|[IWE]\d{4} [\d:.]+|To enable the following instructions).*"
)

_compare_text = IPyNbCell.compare_outputs


def compare_outputs(self, test, ref, skip_compare=None):
    test = [output for output in test if not _greets(output)]
    if not _compare_text(self, test, ref, skip_compare):
        return False
    problem = difference(pictures(test), pictures(ref))
    if problem:
        self.comparison_traceback.append(problem)
    return not problem


IPyNbCell.compare_outputs = compare_outputs


def _greets(output: dict) -> bool:
    lines = "".join(output.get("text", "")).splitlines()
    return output.get("name") == "stderr" and all(GREETING.match(line) or not line.strip() for line in lines)


def pictures(outputs: list[dict]) -> list[np.ndarray]:
    """The PNG pictures among a cell's outputs, decoded to gray in [0, 1]."""
    packed = ["".join(output.get("data", {}).get("image/png", "")) for output in outputs]
    raw = [np.frombuffer(base64.b64decode(text), np.uint8) for text in packed if text]
    return [cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255 for data in raw]


def difference(drawn: list[np.ndarray], committed: list[np.ndarray]) -> str:
    """In words, how the pictures differ; empty if they look alike."""
    if len(drawn) != len(committed):
        return f"{len(drawn)} pictures were drawn, {len(committed)} are committed"
    for number, (a, b) in enumerate(zip(drawn, committed, strict=True), 1):
        if any(abs(m - n) > PIXELS for m, n in zip(a.shape, b.shape, strict=True)):
            return f"picture {number} has shape {a.shape}, the committed one {b.shape}"
        height, width = np.minimum(a.shape, b.shape)
        a, b = a[:height, :width], b[:height, :width]
        moved = max(strays(a, b), strays(b, a))
        apart = float(np.abs(cv2.blur(a, (9, 9)) - cv2.blur(b, (9, 9))).mean())
        if moved > STRAYS or apart > BRIGHTNESS:
            return f"picture {number} differs: {moved} pixels lie elsewhere, gray levels are {apart:.3f} apart"
    return ""


def strays(a: np.ndarray, b: np.ndarray) -> int:
    """How many pixels of `a` are darker or brighter than all of `b` nearby."""
    near = np.ones((2 * PIXELS + 1, 2 * PIXELS + 1), np.uint8)
    return int(np.count_nonzero((a < cv2.erode(b, near) - LEVELS) | (a > cv2.dilate(b, near) + LEVELS)))
