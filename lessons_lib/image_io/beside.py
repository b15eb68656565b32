"""What stands in a file beside its pixels: camera data, captions, texts, colour marks; taken out and put in whole."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

ORIENTATION, WIDTH, HEIGHT, EXIF_DIRECTORY = 0x0112, 0xA002, 0xA003, 0x8769
SHORT, LONG = 3, 4  # types of TIFF's values
PNG = b"\x89PNG\r\n\x1a\n"
# PNG's chunks that say what the colours mean, and those of texts; Pillow and OpenCV drop most of them.
COLOUR_CHUNKS = (b"cICP", b"gAMA", b"cHRM", b"sRGB", b"mDCV", b"cLLI")
TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt", b"tIME")
IPTC_HEAD = b"Photoshop 3.0\0"


def mended_exif(exif: bytes, size: tuple[int, int] | None = None, *, upright: bool = True) -> bytes:
    """EXIF for a picture that was turned upright, or has another size (width, height): the same bytes but for that.

    No value moves, so that makers' notes, which point into the file, stay readable, and texts keep their letters. The
    orientation is taken out, and the thumbnail unlinked: it would go on showing the picture as it was. Raises
    ValueError for bytes that are not EXIF.
    """
    head = b"Exif\0\0" if exif.startswith(b"Exif\0\0") else b""
    body = bytearray(exif[len(head) :])
    order = {b"II": "<", b"MM": ">"}.get(bytes(body[:2]))
    if order is None or len(body) < 8:
        raise ValueError("no byte order at the start")
    first = struct.unpack_from(order + "I", body, 4)[0]
    inner = 0
    for tag, _, at in _entries(body, order, first):
        if tag == EXIF_DIRECTORY:
            inner = struct.unpack_from(order + "I", body, at)[0]
    sides = dict(zip((WIDTH, HEIGHT), size or (), strict=False))
    for tag, kind, at in _entries(body, order, inner) if inner else ():
        if tag in sides:
            _put(body, order, kind, at, sides[tag])
    if upright:
        _take_out(body, order, first, ORIENTATION)
        struct.pack_into(order + "I", body, first + 2 + 12 * _count(body, order, first), 0)
    return head + bytes(body)


def _count(body: bytearray, order: str, start: int) -> int:
    if start + 2 > len(body):
        raise ValueError("a directory lies outside")
    count = struct.unpack_from(order + "H", body, start)[0]
    if start + 2 + 12 * count + 4 > len(body):
        raise ValueError("a directory is cut short")
    return count


def _entries(body: bytearray, order: str, start: int) -> Iterator[tuple[int, int, int]]:
    """Tag, type, and where the value stands, of each entry of a directory."""
    for number in range(_count(body, order, start)):
        at = start + 2 + 12 * number
        tag, kind = struct.unpack_from(order + "HH", body, at)
        yield tag, kind, at + 8


def _take_out(body: bytearray, order: str, start: int, tag: int) -> None:
    """Close the gap of an entry in its directory; what the entries point to stays where it is."""
    end = start + 2 + 12 * _count(body, order, start)
    for at in [at - 8 for found, _, at in _entries(body, order, start) if found == tag]:
        body[at : end + 4] = body[at + 12 : end + 4] + bytes(12)
        struct.pack_into(order + "H", body, start, _count(body, order, start) - 1)


def _put(body: bytearray, order: str, kind: int, at: int, value: int) -> None:
    if kind == SHORT and value > 0xFFFF:
        struct.pack_into(order + "H", body, at - 6, LONG)
        kind = LONG
    struct.pack_into(order + {SHORT: "H", LONG: "I"}[kind], body, at, value)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk of a PNG, as far as the file goes."""
    at = len(PNG)
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return
        yield name, data[at + 8 : at + 8 + length]
        at += 12 + length


def telling(chunks: tuple[tuple[bytes, bytes], ...]) -> list[bytes]:
    """The names of those chunks that another format should hold too: not the marks of plain sRGB, and no times."""
    names = {name for name, _ in chunks}
    plain = {b"sRGB", b"tIME"} | ({b"gAMA", b"cHRM"} if b"sRGB" in names else set())
    usual = struct.pack(">I", 45455)  # the gamma of sRGB
    return [name for name, content in chunks if name not in plain and not (name == b"gAMA" and content == usual)]


def with_png_chunks(data: bytes, chunks: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """A PNG with these chunks after its head, in the place of chunks of the same name that it has; texts are added."""
    replaced = {name for name, _ in chunks} - set(TEXT_CHUNKS)
    found = [chunk for chunk in png_chunks(data) if chunk[0] not in replaced]
    return PNG + b"".join(_packed(*chunk) for chunk in [found[0], *chunks, *found[1:]])


def _packed(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each segment of a JPEG before its pixels."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        if data[at + 1] == 0xFF:  # padding
            at += 1
            continue
        length = struct.unpack_from(">H", data, at + 2)[0]
        yield data[at + 1], data[at + 4 : at + 2 + length]
        at += 2 + length


def iptc_of_jpeg(data: bytes) -> bytes:
    """The segment in which captions and keywords of press photographs stand (IPTC, by Photoshop), or none."""
    return next((body for marker, body in jpeg_segments(data) if marker == 0xED and body.startswith(IPTC_HEAD)), b"")


def with_iptc(data: bytes, iptc: bytes) -> bytes:
    """A JPEG with that segment after its first ones."""
    at = 2
    for marker, body in jpeg_segments(data):
        if marker not in (0xE0, 0xE1):
            break
        at += 4 + len(body)
    return data[:at] + b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc + data[at:]


def avif_bits(data: bytes) -> int:
    """Bits a value of an AVIF file, 8 if it does not say."""
    at = data.find(b"pixi")
    return data[at + 9] if 0 <= at < len(data) - 10 and data[at + 8] else 8
