"""Boxes of the ISO base media format, of which an AVIF is built: its camera data, whole as they stand in the file.

Pillow writes them anew if they call the picture turned in another way than the file does, and has question marks for
letters that are not ASCII.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each box, one after the other, as far as they go."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= len(data):  # a large one
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        size = size or len(data) - at  # the last one need not say it
        if size < head:
            return
        yield kind, data[at + head : at + size]
        at += size


def exif(data: bytes) -> bytes:
    """The camera data of an AVIF, b"" if there are none or their place is not sound."""
    meta = dict(boxes(dict(boxes(data)).get(b"meta", b"")[4:]))
    listed, places = meta.get(b"iinf", b""), meta.get(b"iloc", b"")
    if len(listed) < 6 or len(places) < 8:
        return b""
    items = {_number(entry) for kind, entry in boxes(listed[8 if listed[0] else 6 :]) if kind == b"infe"}
    stored = b""
    for item, is_inside, part in _parts(places):
        if item in items:
            stored += (meta.get(b"idat", b"") if is_inside else data)[part]
    body = stored[4 + int.from_bytes(stored[:4], "big") :]  # the number says where the head ends
    return b"Exif\0\0" + body if body else b""


def _number(entry: bytes) -> int:
    """The number of an item that is camera data, -1 of any other; the entry's version says how long numbers are."""
    length = 4 if entry[:1] == b"\3" else 2
    return int.from_bytes(entry[4 : 4 + length], "big") if entry[6 + length : 10 + length] == b"Exif" else -1


def _parts(places: bytes) -> Iterator[tuple[int, bool, slice]]:
    """Of each part of each item: the item's number, whether it lies inside these boxes, not in the file, and where."""
    version, start, length, base = places[0], places[4] >> 4, places[4] & 15, places[5] >> 4
    index, wide = places[5] & 15 if version else 0, 4 if version == 2 else 2
    rest = io.BytesIO(places[6:])

    def number(size: int) -> int:
        return int.from_bytes(rest.read(size), "big")

    for _ in range(min(number(wide), len(places))):
        item = number(wide)
        is_inside = bool(version) and number(2) & 15 == 1
        number(2)  # of another file, which none uses
        origin = number(base)
        for _ in range(number(2)):
            number(index)
            at = origin + number(start)
            yield item, is_inside, slice(at, at + number(length))
