"""TIFF files of 16 bits and of floats: pixels as their tags say, or a refusal that names what they are."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import tifffile

from lessons_lib.image_io.native import native_stderr_off
from lessons_lib.images import ImageError

DNG_VERSION = 50706
COLOUR_FILTER = 32803  # photometric value of a sensor's mosaic
REDUCED = 1  # flag of NewSubfileType: a smaller version of another picture


def is_raw(data: bytes) -> str:
    """The kind of a camera's raw file that is built as a TIFF (DNG, NEF, ARW, CR2 and others), or "" for a picture."""
    if data[8:10] == b"CR":
        return "CR2"
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            first = file.pages.first
            if DNG_VERSION in first.tags:
                return "DNG"
            pages = [*file.pages, *(first.pages or [])]
            if any(_tag(page, 262) == COLOUR_FILTER for page in pages):
                return {"NIKON CORPORATION": "NEF", "SONY": "ARW", "PENTAX": "PEF"}.get(_tag(first, 271, ""), "raw")
    except Exception:  # not a TIFF, or one that only other readers understand
        return ""
    return ""


def pictures(data: bytes) -> int:
    """How many pictures a TIFF holds, its thumbnails and smaller versions not counted."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        return sum(not int(_tag(page, 254, 0)) & REDUCED for page in file.pages)


def is_deep(data: bytes) -> bool:
    """Whether the first picture has more than 8 bits a value, or half floats."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        return page.bitspersample == 16


def read_deep(data: bytes, notes: list[str]) -> tuple[np.ndarray, bool]:
    """Pixels (H, W, 1 to 4), uint16 or float32, of a TIFF of 16 bits; and whether they were turned upright already.

    Whatever order, sense and transparency the file uses comes out as rows of pixels, white as the largest value, and
    colour that is not multiplied by alpha. Raises ImageError for what cannot be read.
    """
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        stored, upright = _decoded(page, data)
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
            stored = np.iinfo(np.uint16).max - stored if stored.dtype == np.uint16 else 1 - stored
        if page.photometric not in (0, 1, 2, 5):
            kind = getattr(page.photometric, "name", page.photometric)
            raise ImageError(f"holds 16 bits as {kind}: save it as RGB or gray")
        inks = page.photometric == tifffile.PHOTOMETRIC.SEPARATED
        extra = tuple(page.extrasamples or ())
    colours = 4 if inks else stored.shape[-1] - len(extra)
    colours = colours if colours in (1, 3, 4) else (3 if stored.shape[-1] >= 3 else 1)
    colour, alpha = stored[..., :colours], stored[..., colours : colours + 1]
    if extra and extra[0] == 1:  # associated alpha: colour was multiplied by it
        colour = _divided(colour, alpha)
        notes.append("its colour was multiplied by its transparency, and was divided again")
    if len(extra) > 1 or (extra and extra[0] == 0):
        notes.append("its channels beside colour were left out")
        alpha = alpha[..., :0] if extra[0] == 0 else alpha
    if inks:
        notes.append("its inks (CMYK, 16 bits) were turned into RGB without their profile")
        colour, alpha = _from_inks(colour), stored[..., :0]
    return np.concatenate([colour, alpha], axis=-1), upright


def _decoded(page: tifffile.TiffPage, data: bytes) -> tuple[np.ndarray, bool]:
    """Stored values (H, W, C), uint16 or float32, and whether they are upright."""
    if page.dtype is None or page.dtype.kind not in "uf":
        raise ImageError(f"holds values of type {page.dtype}: save it with 16 bits, unsigned")
    try:
        stored = page.asarray()
    except Exception as error:  # a compression that tifffile knows by another library alone
        if page.planarconfig != tifffile.PLANARCONFIG.CONTIG or page.dtype.kind == "f":
            raise ImageError(f"is packed in a way that cannot be read here ({error}): save it unpacked") from error
        with native_stderr_off():
            found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if found is None or found.dtype != np.uint16:
            raise ImageError("holds 16 bits in a way that cannot be read here: save it unpacked, or as PNG") from error
        found = found.reshape(*found.shape[:2], -1)
        return found[..., [2, 1, 0, 3][: found.shape[2]] if found.shape[2] > 2 else slice(None)], True
    if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and stored.ndim == 3:
        stored = np.moveaxis(stored, 0, -1)
    stored = stored.reshape(*stored.shape[:2], -1)
    return stored.astype(np.float32 if stored.dtype.kind == "f" else np.uint16), False


def _divided(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    if colour.dtype.kind == "f":
        return np.divide(colour, alpha, out=np.zeros_like(colour), where=alpha > 0)
    share = colour.astype(np.float64) / np.maximum(alpha, 1)
    return np.rint(np.clip(share, 0, 1) * np.iinfo(colour.dtype).max).astype(colour.dtype)


def _from_inks(inks: np.ndarray) -> np.ndarray:
    """RGB from cyan, magenta, yellow and black, as inks that each only darken."""
    top = np.float64(np.iinfo(inks.dtype).max) if inks.dtype.kind == "u" else 1.0
    light = 1 - inks / top
    return np.rint(light[..., :3] * light[..., 3:4] * top).astype(inks.dtype)


def _tag(page: Any, code: int, default: object = None):
    tag = page.tags.get(code)
    return default if tag is None else tag.value
