"""What stands in a file beside its pixels: camera data, captions, texts, colour marks; taken out and put in whole."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Iterator

import numpy as np

from lessons_lib.image_io import directories

ORIENTATION, WIDTH, HEIGHT, EXIF_DIRECTORY = 0x0112, 0xA002, 0xA003, 0x8769
SHORT, LONG = 3, 4  # types of TIFF's values
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
PNG = b"\x89PNG\r\n\x1a\n"
# PNG's chunks that say what the colours mean, and those of texts; Pillow and OpenCV drop most of them.
COLOUR_CHUNKS = (b"cICP", b"gAMA", b"cHRM", b"sRGB", b"mDCV", b"cLLI")
TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt", b"tIME")
OF_PIXELS = (b"sBIT", b"bKGD")  # which count as the pixels are stored
NO_CREDENTIALS = "its content credentials (C2PA) were left out: they vouch for the picture as it was"
IPTC_HEAD = b"Photoshop 3.0\0"
RAW_PROFILE = b"Raw profile type "  # keyword of a text of a PNG that is another file's part, in hexadecimal
XMP_KEYWORD = b"XML:com.adobe.xmp"  # of the text of a PNG that is XMP
LARGEST_SEGMENT = 65533  # bytes of a segment of a JPEG
LARGEST_TEXT = 2**24  # bytes of a text, unpacked
TURN_IN_XMP = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)([0-9])")


def turn(exif: bytes, xmp: bytes) -> int:
    """How a picture must be turned, EXIF's 1 to 8: as EXIF says, or XMP where EXIF says nothing."""
    body = exif.removeprefix(b"Exif\0\0")
    said = directories.number(directories.tree(body)[0], ORIENTATION) if body else 0
    if not said and (found := TURN_IN_XMP.search(xmp)):
        said = int(found[2])
    return said if said in range(1, 9) else 1


def upright_xmp(xmp: bytes) -> bytes:
    """XMP for a picture that was turned upright: programs that believe it would turn the picture once more."""
    return TURN_IN_XMP.sub(rb"\g<1>1", xmp)


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
    """A whole number in an entry's place, whatever stood there: some write sides as texts, or as fractions."""
    kind = kind if kind == SHORT and value <= 0xFFFF else LONG
    struct.pack_into(order + "HI" + {SHORT: "Hxx", LONG: "I"}[kind], body, at - 6, kind, 1, value)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk of a PNG, as far as the file goes."""
    at = len(PNG)
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return
        yield name, data[at + 8 : at + 8 + length]
        at += 12 + length


def png_texts(chunks: Iterable[tuple[bytes, bytes]]) -> tuple[list[tuple[bytes, bytes]], bytes, bytes]:
    """The chunks but for those that hold XMP or, as ImageMagick writes them, EXIF in a text; that XMP and that EXIF."""
    kept, xmp, exif = [], b"", b""
    for name, content in chunks:
        keyword, _, rest = content.partition(b"\0")
        if name not in TEXT_CHUNKS or not (keyword == XMP_KEYWORD or keyword.startswith(RAW_PROFILE)):
            kept.append((name, content))
            continue
        try:
            text = _text(name, rest)
            text = text if keyword == XMP_KEYWORD else bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
        except (ValueError, IndexError, zlib.error):  # nobody can read it
            continue
        if keyword == XMP_KEYWORD or keyword == RAW_PROFILE + b"xmp":
            xmp = text
        elif text.startswith(b"Exif\0\0"):
            exif = text
        else:
            kept.append((name, content))
    return kept, xmp, exif


def _text(name: bytes, content: bytes) -> bytes:
    """The text behind the keyword of a chunk, unpacked."""
    is_packed = name == b"zTXt" or (name == b"iTXt" and content[0] == 1)
    text = {b"tEXt": content, b"zTXt": content[1:]}.get(name) or content[2:].split(b"\0", 2)[2]
    return zlib.decompressobj().decompress(text, LARGEST_TEXT) if is_packed else text


def telling(chunks: tuple[tuple[bytes, bytes], ...]) -> list[bytes]:
    """The names of those chunks that another format should hold too: not the marks of plain sRGB, and no times."""
    names = {name for name, _ in chunks}
    plain = {b"sRGB", b"tIME", *OF_PIXELS} | ({b"gAMA", b"cHRM"} if b"sRGB" in names else set())
    usual = struct.pack(">I", 45455)  # the gamma of sRGB
    return [name for name, content in chunks if name not in plain and not (name == b"gAMA" and content == usual)]


def with_png_chunks(data: bytes, chunks: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """A PNG with these chunks after its head, in the place of chunks of the same name that it has; texts are added."""
    replaced = {name for name, _ in chunks} - set(TEXT_CHUNKS)
    found = [chunk for chunk in png_chunks(data) if chunk[0] not in replaced]
    return PNG + b"".join(_packed(*chunk) for chunk in [found[0], *chunks, *found[1:]])


def _packed(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def gray_with_alpha_png(stored: np.ndarray) -> bytes:
    """A PNG of 16 bits from (H, W, 2): no library here writes one."""
    height, width, _ = stored.shape
    rows = np.zeros((height, 1 + 4 * width), np.uint8)  # each begins with its filter, which is none
    rows[:, 1:] = np.ascontiguousarray(stored, ">u2").view(np.uint8).reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 16, 4, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 4)), (b"IEND", b""))
    return PNG + b"".join(_packed(*part) for part in parts)


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
    """What Photoshop keeps of press photographs (IPTC: captions, keywords), from all segments that hold it, or b""."""
    parts = [body for marker, body in jpeg_segments(data) if marker == 0xED and body.startswith(IPTC_HEAD)]
    return IPTC_HEAD + b"".join(part.removeprefix(IPTC_HEAD) for part in parts) if parts else b""


def photoshop_resource(iptc: bytes) -> bytes:
    """Captions in the block in which Photoshop keeps them."""
    return b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + bytes(len(iptc) % 2)


def with_iptc(data: bytes, iptc: bytes) -> bytes:
    """A JPEG with them after its first segments, in as many segments as they need."""
    at = 2
    for marker, body in jpeg_segments(data):
        if marker not in (0xE0, 0xE1):
            break
        at += 4 + len(body)
    body, room = iptc.removeprefix(IPTC_HEAD), LARGEST_SEGMENT - len(IPTC_HEAD)
    parts = [IPTC_HEAD + body[start : start + room] for start in range(0, len(body), room)]
    return data[:at] + b"".join(b"\xff\xed" + struct.pack(">H", len(part) + 2) + part for part in parts) + data[at:]


def kept_chunks(data: bytes, notes: list[str]) -> list[tuple[bytes, bytes]]:
    """The chunks of a PNG that say something of the picture; what is left out is said."""
    chunks = list(png_chunks(data))
    names = {name for name, _ in chunks}
    kept = [chunk for chunk in chunks if chunk[0] in COLOUR_CHUNKS + TEXT_CHUNKS]
    if data[24] >= 8 and data[25] != 3 and b"tRNS" not in names:  # pixels that are stored again as they were
        kept += [chunk for chunk in chunks if chunk[0] in OF_PIXELS]
    elif b"bKGD" in names:
        notes.append("its colour of the background was left out")
    kept += [chunk for chunk in chunks if chunk[0] == b"pHYs" and chunk[1][8:] == b"\0"]  # the shape of a pixel
    if b"caBX" in names:
        notes.append(NO_CREDENTIALS)
    return kept


def nclx(data: bytes) -> tuple[int, int]:
    """What the colours of an AVIF mean, as numbers of ITU-T H.273: primaries and transfer; 2 stands for unknown."""
    at = data.find(b"colrnclx")
    return struct.unpack_from(">HH", data, at + 8) if 0 <= at < len(data) - 12 else (2, 2)


def with_nclx(data: bytes, primaries: int, transfer: int) -> bytes:
    """An AVIF whose colours mean that."""
    at = data.find(b"colrnclx")
    return data if at < 0 else data[: at + 8] + struct.pack(">HH", primaries, transfer) + data[at + 12 :]


def avif_bits(data: bytes) -> int:
    """Bits a value of an AVIF file, 8 if it does not say."""
    at = data.find(b"pixi")
    return data[at + 9] if 0 <= at < len(data) - 10 and data[at + 8] else 8
