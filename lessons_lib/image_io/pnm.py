"""Bitmaps of the PNM family (PPM, PGM, PBM): colour of 16 bits, which Pillow cuts to 8, and several in a file."""

from __future__ import annotations

import re

import numpy as np

from lessons_lib.images import ImageError


def _head(data: bytes) -> tuple[int, int, int, int, int]:
    """Kind, width, height, the value that is white, and where the pixels begin; zeros for no such file."""
    kind = data[1:2]
    pattern = rb"P[1-6]" + rb"(?:\s|#[^\n]*\n)+(\d+)" * (2 if kind in b"14" else 3) + rb"\s"
    found = re.match(pattern, data[:4096])
    if not found:
        return 0, 0, 0, 0, 0
    width, height, *rest = (int(word) for word in found.groups())
    return int(kind), width, height, rest[0] if rest else 1, found.end()


def largest(data: bytes) -> int:
    """The value that a PPM calls white."""
    return _head(data)[3]


def has_more(data: bytes) -> bool:
    """Whether another picture follows the first one; of files written in digits nobody can tell."""
    kind, width, height, white, start = _head(data)
    row = {4: (width + 7) // 8, 5: width, 6: 3 * width}.get(kind)
    if row is None:
        return False
    rest = data[start + row * height * (2 if white > 255 else 1) :]
    return re.match(rb"\s*P[1-6]\s", rest) is not None


def read_deep(data: bytes) -> np.ndarray:
    """Pixels (H, W, 3), uint16, of a PPM of 16 bits, stretched so that its white is the largest value."""
    kind, width, height, white, start = _head(data)
    count = 3 * width * height
    if kind == 6:
        values = np.frombuffer(data[start : start + 2 * count], ">u2")
    else:
        values = np.array(re.sub(rb"#[^\n]*", b"", data[start:]).split()[:count], np.int64)
    if values.size < count:
        raise ImageError("is cut short: copy or download it again")
    stretched = np.minimum(values.reshape(height, width, 3), white) * (65535 / white)
    return np.rint(stretched).astype(np.uint16)
