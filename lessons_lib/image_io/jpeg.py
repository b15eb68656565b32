"""What a JPEG says beside its pixels: its quality, damage that decoders pass over, and what phones put into it."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from lessons_lib.image_io import beside
from lessons_lib.native import native_stderr_off, told_of_damage

END = b"\xff\xd9"
LONG_XMP = b"http://ns.adobe.com/xmp/extension/\0"
VIDEO, GAIN_MAP = "the short video", "the gain map for bright screens (HDR)"
BY_PRODUCTS = (  # what a phone's captions say of them, and their names
    (b"MotionPhoto", VIDEO),
    (b"MicroVideo", VIDEO),
    (b"hdrgm:", GAIN_MAP),
    (b"HDRGainMap", GAIN_MAP),
)
# Luminance quantisation, ITU-T T.81, table K.1, its values in order of size.
LUMINANCE = np.frombuffer(
    bytes.fromhex(
        "0a0b0c0c0d0e0e0e10101011121316161818181a1d2325282831333337373838"
        "393a3c3d3e40404445484d4e505157575c5c5f62636465676767686d70717879"
    ),
    np.uint8,
).astype(float)


def quality(tables: dict[int, list[int]]) -> int | None:
    """The quality whose standard tables (ITU T.81, scaled as libjpeg does) are closest to a JPEG's own."""
    if not tables:
        return None
    own = np.sort(np.asarray(tables[min(tables)], float))
    distances = []
    for tried in range(1, 101):
        scale = 5000 / tried if tried < 50 else 200 - 2 * tried
        distances.append(np.abs(np.clip(np.floor((LUMINANCE * scale + 50) / 100), 1, 255) - own).sum())
    return int(np.argmin(distances)) + 1


def lacks_only_its_end(data: bytes) -> bool:
    """Whether the last bytes of a JPEG without its end belong to its last rows: then hardly a pixel is missing."""
    try:
        whole, shorter = (np.asarray(Image.open(io.BytesIO(part + END)).convert("RGB")) for part in (data, data[:-64]))
    except OSError:
        return False
    rows = np.flatnonzero((whole != shorter).any((1, 2)))
    return rows.size > 0 and bool(rows[0] >= len(whole) - 32)  # two rows of blocks


def is_damaged(data: bytes) -> bool:
    """Whether libjpeg met data that make no sense; it goes on, and Pillow keeps its warning to itself.

    OpenCV lets it speak, on stderr. What still decodes by chance, into wrong pixels, nobody can tell.
    """
    with native_stderr_off() as said:
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
        return told_of_damage(said())


def by_products(data: bytes, xmp: bytes, *, many: bool) -> list[str]:
    """What a phone put into the file beside the photograph; `many` for a file that holds further pictures."""
    found = dict.fromkeys(what for mark, what in BY_PRODUCTS if mark in xmp)
    if b"MotionPhoto_Data" in data and data.endswith(b"SEFT"):  # Samsung's, behind the picture
        found[VIDEO] = None
    if any(
        marker == 0xE2 and body.startswith(b"urn:iso:std:iso:ts:21496:-1")
        for marker, body in beside.jpeg_segments(data)
    ):
        found[GAIN_MAP] = None
    return list(found) or ["the pictures beside the first"] * many


def comment(data: bytes) -> bytes:
    """All remarks of a JPEG, a line each."""
    return b"\n".join(body for marker, body in beside.jpeg_segments(data) if marker == 0xFE)


def left_out(data: bytes) -> list[str]:
    """What else is lost with the segments that nothing here keeps, one sentence each."""
    segments = list(beside.jpeg_segments(data))
    notes = []
    if any(marker == 0xE1 and body.startswith(LONG_XMP) for marker, body in segments):
        notes.append("the part of its XMP that is longer than 64 kB was left out")
    if any(marker == 0xEB and b"c2pa" in body for marker, body in segments):
        notes.append(beside.NO_CREDENTIALS)
    return notes
