"""A pytest plugin beside nbval: pictures are compared too, and TensorFlow's greetings are not.

nbval compares text only. Here a picture that a cell draws must look like the committed one: the same size but for two
pixels (text is laid out by the system's own arithmetic), and the same gray levels but for a small mean difference.
"""

from __future__ import annotations

import base64
import re

import cv2
import numpy as np
from nbval.plugin import IPyNbCell

PIXELS = 2  # that a side may differ
TOLERANCE = 0.01  # mean absolute difference of gray levels in [0, 1]
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
        apart = float(np.abs(a[:height, :width] - b[:height, :width]).mean())
        if apart > TOLERANCE:
            return f"picture {number} differs by {apart:.3f} on average, more than {TOLERANCE}"
    return ""
