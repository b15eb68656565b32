"""Directories of TIFF and EXIF files: their values moved between files as they stand, with their types and letters.

A library that turns values into numbers and texts and back loses what it does not expect: a date becomes a row of
numbers, a letter a question mark. Here a value stays the bytes that it is.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

SHORT, LONG, LONG8 = 3, 4, 16  # types of values
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
WORDS = SIZES | {5: 4, 10: 4}  # a fraction is two numbers
UNSIGNED = {1: "u1", 3: "<u2", 4: "<u4", 13: "<u4", 16: "<u8", 18: "<u8"}
EXIF, GPS, INTEROP = 0x8769, 0x8825, 0xA005
BELOW: dict[int, dict] = {EXIF: {INTEROP: {}}, GPS: {}}  # entries that point to directories, and those in these
MOST = 1000  # directories of a file


class Entry(NamedTuple):
    """Type, number and bytes of a value; the bytes in little-endian order, whatever the file's is."""

    kind: int
    amount: int
    value: bytes


Tree = dict[int, "Entry | Tree"]


class Layout(NamedTuple):
    """Byte order of a file, whether it is a BigTIFF, and where its first directory stands."""

    order: str
    big: bool
    first: int


def layout(data: bytes) -> Layout:
    """How a TIFF, or EXIF without its head, is laid out. Raises ValueError for bytes that are neither."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        raise ValueError("no byte order at the start")
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    if big and len(data) < 16:
        raise ValueError("the head is cut short")
    return Layout(order, big, struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0])


def directory(data: bytes, shape: Layout, at: int) -> tuple[Tree, int]:
    """The entries of the directory at `at`, and where the next one stands, 0 for none.

    Entries of unknown type, or whose values lie outside, are passed over. Raises ValueError for a cut directory.
    """
    word, size, head, room = ("Q", 20, 8, 8) if shape.big else ("I", 12, 2, 4)
    if at + head > len(data):
        raise ValueError("a directory lies outside")
    count = struct.unpack_from(shape.order + ("Q" if shape.big else "H"), data, at)[0]
    end = at + head + size * count
    if end > len(data):
        raise ValueError("a directory is cut short")
    found: Tree = {}
    for place in range(at + head, end, size):
        tag, kind, number = struct.unpack_from(shape.order + "HH" + word, data, place)
        length, start = SIZES.get(kind, 0) * number, place + size - room
        if length > room:
            start = struct.unpack_from(shape.order + word, data, start)[0]
        if length and start + length <= len(data):
            found.setdefault(tag, Entry(kind, number, _turned(data[start : start + length], kind, shape.order)))
    following = struct.unpack_from(shape.order + word, data, end)[0] if end + room <= len(data) else 0
    return found, following


def _turned(value: bytes, kind: int, order: str) -> bytes:
    size = WORDS[kind]
    return (
        value if order == "<" or size == 1 else np.frombuffer(value, f"V{size}").view(f">u{size}").byteswap().tobytes()
    )


def chain(data: bytes) -> list[tuple[int, Tree]]:
    """Where each directory of a file stands, and its entries. Raises ValueError if one leads back, or is cut."""
    shape = layout(data)
    found: dict[int, Tree] = {}
    at = shape.first
    while at:
        if at in found or len(found) == MOST:
            raise ValueError("its directories run in a circle" if at in found else f"it has more than {MOST} pages")
        found[at], at = directory(data, shape, at)
    return list(found.items())


def tree(data: bytes, at: int | None = None, below: dict[int, dict] = BELOW) -> tuple[Tree, bool]:
    """A directory with those that it points to in their entries' place, and whether all of them could be read."""
    shape = layout(data)
    found, _ = directory(data, shape, shape.first if at is None else at)
    whole = True
    for tag in below.keys() & found.keys():
        try:
            found[tag], sound = tree(data, number(found, tag), below[tag])
        except ValueError:
            found.pop(tag)
            sound = False
        whole &= sound
    return found, whole


def numbers(entries: Tree, tag: int) -> tuple[int, ...]:
    """The whole numbers of an entry; none if it is missing or holds something else."""
    entry = entries.get(tag)
    if not isinstance(entry, Entry) or entry.kind not in UNSIGNED:
        return ()
    return tuple(int(value) for value in np.frombuffer(entry.value, UNSIGNED[entry.kind]))


def number(entries: Tree, tag: int, default: int = 0) -> int:
    """The first whole number of an entry, or `default`."""
    return next(iter(numbers(entries, tag)), default)


def fraction(entries: Tree, tag: int) -> float | None:
    """The value of an entry that is a fraction, or None."""
    entry = entries.get(tag)
    if not isinstance(entry, Entry) or entry.kind != 5:
        return None
    above, under = struct.unpack_from("<II", entry.value)
    return above / under if under else None


def content(entries: Tree, tag: int) -> bytes:
    """The bytes of an entry, b"" if it is missing."""
    entry = entries.get(tag)
    return entry.value if isinstance(entry, Entry) else b""


def packed(entries: Tree, at: int, *, big: bool = False) -> bytes:
    """The directory, little-endian, as it must stand at `at`, with its values and the directories below behind it."""
    word, room, head = ("Q", 8, 8) if big else ("I", 4, 2)
    rows, behind = b"", b""
    start = at + head + len(entries) * (4 + 2 * room) + room
    for tag, entry in sorted(entries.items()):
        here = start + len(behind)
        if isinstance(entry, Entry):
            kind, count, value = entry
            more = value if len(value) > room else b""
            value = struct.pack("<" + word, here) if more else value.ljust(room, b"\0")
        else:
            kind, count, value, more = (
                LONG8 if big else LONG,
                1,
                struct.pack("<" + word, here),
                packed(entry, here, big=big),
            )
        rows += struct.pack("<HH" + word, tag, kind, count) + value
        behind += more + bytes(len(more) % 2)
    return struct.pack("<" + ("Q" if big else "H"), len(entries)) + rows + bytes(room) + behind


def as_exif(entries: Tree) -> bytes:
    """EXIF of these entries, b"" if there are none."""
    return b"Exif\0\0II*\0\x08\0\0\0" + packed(entries, 8) if entries else b""


def with_entries(data: bytes, more: Tree) -> bytes:
    """A little-endian TIFF whose first directory also has these entries; what it has already stays as it is."""
    shape = layout(data)
    own, _ = directory(data, shape, shape.first)
    at = len(data) + len(data) % 2
    place = slice(8, 16) if shape.big else slice(4, 8)
    head = data[: place.start] + struct.pack("<Q" if shape.big else "<I", at) + data[place.stop :]
    return head + bytes(len(data) % 2) + packed({**more, **own}, at, big=shape.big)


def first_at(data: bytes, at: int, hidden: tuple[int, ...] = ()) -> bytes:
    """A TIFF whose first directory is the one at `at`, so that every reader takes that page, without some entries.

    A hidden entry stays in its place under a number that means nothing.
    """
    shape = layout(data)
    body = bytearray(data)
    struct.pack_into(shape.order + ("Q" if shape.big else "I"), body, 8 if shape.big else 4, at)
    size, head = (20, 8) if shape.big else (12, 2)
    count = struct.unpack_from(shape.order + ("Q" if shape.big else "H"), body, at)[0]
    for place in range(at + head, at + head + size * count, size):
        if (tag := struct.unpack_from(shape.order + "H", body, place)[0]) in hidden:
            struct.pack_into(shape.order + "H", body, place, 65000 + hidden.index(tag))
    return bytes(body)
