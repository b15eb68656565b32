"""TIFF files: which page is the picture, what stands beside it, and pixels of 16 bits and floats as their tags say."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import cv2
import numpy as np
import tifffile
from PIL import ExifTags, Image

from lessons_lib.image_io import beside, directories
from lessons_lib.image_io.directories import Entry, Tree, content, fraction, number, numbers
from lessons_lib.images import ImageError

SUBFILE, WIDTH, HEIGHT, BITS, PACKING, PHOTOMETRIC, MAKE, BELOW = 254, 256, 257, 258, 259, 262, 271, 330
ORIENTATION, SAMPLES, UNIT, EXTRA, FORMAT, XMP, IPTC, PHOTOSHOP, PROFILE = (
    274,
    277,
    296,
    338,
    339,
    700,
    33723,
    34377,
    34675,
)
DNG_VERSION = 50706
SENSOR = {32803, 34892}  # photometric values: a sensor's mosaic, and what was computed from it before its colours
REDUCED = 1  # flag of SUBFILE: a smaller version of another picture
ON_A_MAP = {33550, 33922, 34264, 34735}
# What a first directory says about the photograph: the rest of it describes how a file stores pixels.
KEPT = {
    ExifTags.Base[name].value
    for name in ("ImageDescription", "Make", "Model", "Software", "DateTime", "Artist", "Copyright", "HostComputer")
} | {269, 285, 18246, 18249, *range(40091, 40096)}  # names of document and page, ratings, Windows' title and the like
KEPT |= {directories.EXIF, directories.GPS}
COLOURS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3}  # channels by PHOTOMETRIC
SENSES = {3: "a palette", 6: "YCbCr", 8: "CIELAB"}
UNPACKED_HERE = {1, 8, 32773, 32946}  # packings that tifffile reads by itself
PACKINGS = {
    5: "LZW",
    8: "ZIP of floats",
    32946: "ZIP of floats",
    7: "JPEG",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50000: "Zstandard",
    50002: "JPEG XL",
}


class Page(NamedTuple):
    """The page of a TIFF that is the picture: a file of which it is the first, that page's entries, and the first's."""

    data: bytes
    own: Tree
    first: Tree


def is_tiff(data: bytes) -> bool:
    """Whether a file starts as a TIFF or BigTIFF."""
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def is_raw(data: bytes) -> str:
    """The kind of a camera's raw file that is built as a TIFF (DNG, NEF, ARW, CR2 and others), or "" for a picture."""
    if data[8:10] == b"CR":
        return "CR2"
    try:
        pages = [entries for _, entries in directories.chain(data)]
        below = [entries for page in pages for _, entries in _below(data, page)]
    except ValueError:  # not a TIFF, or a damaged one
        return ""
    if pages and DNG_VERSION in pages[0]:
        return "DNG"
    if any(number(entries, PHOTOMETRIC) in SENSOR for entries in (*pages, *below)):
        maker = content(pages[0], MAKE).rstrip(b"\0").decode("latin-1")
        return {"NIKON CORPORATION": "NEF", "SONY": "ARW", "PENTAX": "PEF"}.get(maker, "raw")
    return ""


def _below(data: bytes, page: Tree) -> list[tuple[int, Tree]]:
    shape = directories.layout(data)
    places = numbers(page, BELOW)[: directories.MOST]
    return [(at, directories.directory(data, shape, at)[0]) for at in places]


def page(data: bytes, notes: list[str]) -> Page:
    """The picture of a TIFF, wherever it stands among thumbnails. Raises ImageError for several, and for damage."""
    try:
        pages = directories.chain(data)
        below = [entry for _, entries in pages for entry in _below(data, entries)]
    except ValueError as error:
        raise ImageError(f"is damaged ({error}): copy or download it again") from error
    whole, apart = ([one for one in some if not number(one[1], SUBFILE) & REDUCED] for some in (pages, below))
    largest = max((area(entries) for _, entries in whole), default=0)
    whole = whole if len(whole) > 1 else [one for one in apart if area(one[1]) > largest] or whole
    if len(whole) > 1:
        raise ImageError(f"holds {len(whole)} pictures: restore single ones, or a video file")
    if not pages:
        raise ImageError("is damaged (it has no pages): copy or download it again")
    if not whole:
        notes.append("it calls itself a smaller version of another picture")
    at, own = (whole or pages)[0]
    return Page(directories.first_at(data, at, (ORIENTATION, XMP)), own, pages[0][1])


def area(entries: Tree) -> int:
    """Pixels of a page."""
    return number(entries, WIDTH) * number(entries, HEIGHT)


def check(own: Tree, size: int) -> None:
    """Raise ImageError for values that cannot be read, and for a file, of `size` bytes, that lacks some of them."""
    bits, kinds = numbers(own, BITS) or (1,), numbers(own, FORMAT) or (1,)
    if len({*bits}) > 1 or len({*kinds}) > 1:
        raise ImageError(
            f"holds channels of different kinds ({', '.join(map(str, bits))} bits): save it with 8 or 16 bits"
        )
    depth, kind = bits[0], kinds[0]
    if kind == 2:
        raise ImageError(f"holds signed {depth}-bit integers: save it with 8 or 16 bits, unsigned")
    if kind == 3 and depth not in (16, 32):
        raise ImageError(f"holds floats of {depth} bits: save it with floats of 32 bits, or with 16 bits")
    if kind not in (1, 3, 4):
        raise ImageError("holds complex numbers: save it with 16 bits")
    if kind != 3 and depth not in (1, 2, 4, 8, 16):
        what = f"{depth}-bit integers" if depth > 16 else f"{depth} bits a value"
        raise ImageError(f"holds {what}: save it with 16 bits")
    places, lengths = (324, 325) if 322 in own else (273, 279)
    parts = list(zip(numbers(own, places), numbers(own, lengths), strict=False))
    needed = max(_parts(own), len(parts))
    there = sum(length > 0 and at + length <= size for at, length in parts)
    if parts and there < needed:
        raise ImageError(f"is cut short (it lacks {needed - there} of its {needed} parts): copy or download it again")


def _parts(own: Tree) -> int:
    """How many strips or tiles the pixels of a page need."""
    width, height = number(own, WIDTH), number(own, HEIGHT)
    across, down = number(own, 322, width) or 1, number(own, 323 if 322 in own else 278, height) or 1
    planes = number(own, SAMPLES, 1) if number(own, 284, 1) == 2 else 1
    return -(-width // across) * -(-height // down) * planes


def is_deep(found: Page) -> bool:
    """Whether the values have 16 bits or are floats, or Pillow does not know the file: inks and more, a layout."""
    own, bits = found.own, (numbers(found.own, BITS) or (1,))[0]
    inks_and_more = number(own, PHOTOMETRIC) == 5 and number(own, SAMPLES, 1) > 4
    return bits >= 16 or inks_and_more or (bits == 8 and found.data[:4] == b"MM\0+")


def turn(found: Page) -> int:
    """How the picture must be turned, EXIF's 1 to 8."""
    said = number(found.own, ORIENTATION)
    return said if said in range(1, 9) else beside.turn(b"", content(found.own, XMP))


def besides(found: Page, data: bytes, notes: list[str]) -> dict[str, Any]:
    """What stands beside the pixels, as arguments of Photo: `data` is the file as it was."""
    shape = directories.layout(data)
    entries, whole = directories.tree(data, shape.first)
    entries = {tag: entry for tag, entry in {**entries, **_tree_of(found)}.items() if tag in KEPT}
    if not whole:
        notes.append("its camera data (EXIF) are damaged in part, which was left out")
    if ON_A_MAP & found.own.keys():
        notes.append("its place on a map (GeoTIFF) was left out")
    more = found.first | found.own
    captions = content(more, PHOTOSHOP)
    if (press := content(more, IPTC)) and b"8BIM\x04\x04" not in captions:
        captions += beside.photoshop_resource(press)
    return {
        "exif": directories.as_exif(entries),
        "profile": content(found.own, PROFILE),
        "dpi": _dots(found.own),
        "xmp": content(more, XMP),
        "iptc": beside.IPTC_HEAD + captions if captions else b"",
        "packing": number(found.own, PACKING, 1),
    }


def _tree_of(found: Page) -> Tree:
    return directories.tree(found.data)[0]


def _dots(own: Tree) -> tuple[float, float] | None:
    across, down, unit = fraction(own, 282), fraction(own, 283), number(own, UNIT, 2)
    if not across or not down or unit not in (2, 3):
        return None
    inch = 1.0 if unit == 2 else 2.54
    return (across * inch, down * inch)


def entries_of(exif: bytes, xmp: bytes, iptc: bytes) -> Tree:
    """Camera data, XMP and captions as entries of a TIFF's first directory."""
    entries = directories.tree(exif.removeprefix(b"Exif\0\0"))[0] if exif else {}
    entries = {tag: entry for tag, entry in entries.items() if tag in KEPT}
    for tag, value in ((XMP, xmp), (PHOTOSHOP, iptc.removeprefix(beside.IPTC_HEAD))):
        if value:
            entries[tag] = Entry(1, len(value), value)
    return entries


def extra_channels(own: Tree, notes: list[str]) -> int:
    """How many channels stand behind colour and alpha, which is said."""
    extra = numbers(own, EXTRA)
    beyond = number(own, SAMPLES, 1) - COLOURS.get(number(own, PHOTOMETRIC), 3)
    beyond -= bool(extra and extra[0] in (1, 2))
    if beyond > 0:
        notes.append("its channels beside colour were left out")
    return max(beyond, 0)


def read_deep(found: Page, notes: list[str]) -> np.ndarray:
    """Pixels (H, W, 1 to 4), uint16, float32 or uint8, as they lie in the file.

    Whatever order, sense and transparency the file uses comes out as rows of pixels, white as the largest value, and
    colour that is not multiplied by alpha. Raises ImageError for what cannot be read.
    """
    own = found.own
    sense = number(own, PHOTOMETRIC)
    if sense not in (0, 1, 2, 5):
        raise ImageError(f"holds {numbers(own, BITS)[0]} bits as {SENSES.get(sense, sense)}: save it as RGB or gray")
    stored = _decoded(found)
    if sense == 0:
        stored = np.iinfo(stored.dtype).max - stored if stored.dtype.kind == "u" else 1 - stored
    colours = COLOURS[sense]
    extra = numbers(own, EXTRA)
    clear = colours < stored.shape[-1] and bool(extra) and extra[0] in (1, 2)
    colour, alpha = stored[..., :colours], stored[..., colours : colours + clear]
    if clear and extra[0] == 1:  # associated alpha: colour was multiplied by it
        colour = _divided(colour, alpha)
        notes.append("its colour was multiplied by its transparency, and was divided again")
    extra_channels(own, notes)
    if sense == 5:
        notes.append(f"its inks (CMYK, {numbers(own, BITS)[0]} bits) were turned into RGB without their profile")
        colour = _from_inks(colour)
    return np.concatenate([colour, alpha], axis=-1)


def _decoded(found: Page) -> np.ndarray:
    """Stored values (H, W, C), uint8, uint16 or float32."""
    packing = number(found.own, PACKING, 1)
    with tifffile.TiffFile(io.BytesIO(found.data)) as file:
        first: Any = file.pages.first
        try:
            stored = first.asarray()
        except Exception as error:
            if packing in UNPACKED_HERE and number(found.own, 317, 1) != 3:
                raise  # damaged
            stored = _decoded_elsewhere(found)
            if stored is None:
                raise ImageError(unreadable(found.own)) from error
            return stored
        if first.planarconfig == tifffile.PLANARCONFIG.SEPARATE and stored.ndim == 3:
            stored = np.moveaxis(stored, 0, -1)
    stored = stored.reshape(*stored.shape[:2], -1)
    return stored.astype(np.float32) if stored.dtype.kind == "f" else stored


def unreadable(own: Tree) -> str:
    """What to say of pixels in a packing that no library here knows."""
    packing = number(own, PACKING, 1)
    if packing == 1:
        return "is a TIFF of a kind that cannot be read here: save it as RGB or gray, or as PNG"
    how = f"{PACKINGS.get(packing, f'method {packing}')}, {(numbers(own, BITS) or (1,))[0]} bits"
    return f"is packed ({how}) in a way that cannot be read here: save it unpacked, or as PNG"


def _decoded_elsewhere(found: Page) -> np.ndarray | None:
    """Values in a packing that tifffile knows by another library alone: OpenCV knows some, and Pillow gray floats."""
    bits, kind = numbers(found.own, BITS)[0], number(found.own, FORMAT, 1)
    if kind == 3:
        if bits != 32 or number(found.own, SAMPLES, 1) > 1:
            return None
        return np.asarray(Image.open(io.BytesIO(found.data), formats=("TIFF",)), np.float32)[..., None]
    if number(found.own, 284, 1) != 1 or number(found.own, PHOTOMETRIC) == 5 or number(found.own, SAMPLES, 1) == 2:
        return None
    stored = cv2.imdecode(np.frombuffer(found.data, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16:
        return None
    stored = stored.reshape(*stored.shape[:2], -1)
    return stored[..., [2, 1, 0, 3][: stored.shape[2]] if stored.shape[2] > 2 else slice(None)]


def _divided(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    if colour.dtype.kind == "f":
        return np.divide(colour, alpha, out=np.zeros_like(colour), where=alpha > 0)
    share = colour.astype(np.float64) / np.maximum(alpha, 1)
    return np.rint(np.clip(share, 0, 1) * np.iinfo(colour.dtype).max).astype(colour.dtype)


def _from_inks(inks: np.ndarray) -> np.ndarray:
    """RGB from cyan, magenta, yellow and black, as inks that each only darken."""
    top = np.float64(np.iinfo(inks.dtype).max) if inks.dtype.kind == "u" else 1.0
    light = 1 - inks / top
    colours = light[..., :3] * light[..., 3:4] * top
    return np.rint(colours).astype(inks.dtype) if inks.dtype.kind == "u" else colours.astype(inks.dtype)
