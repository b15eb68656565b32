"""A photograph restored and written: clipped here and nowhere before, and kept as far as the format can."""

from __future__ import annotations

import dataclasses
import io
import os
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image

from lessons_lib import images
from lessons_lib.image_io import beside, directories, tiff
from lessons_lib.image_io.reading import Photo, as_float
from lessons_lib.images import ImageError
from lessons_lib.native import native_stderr_off

SUFFIXES = {  # what can be written, and in which depths, the deepest first
    ".jpg": ("JPEG", ("uint8",)),
    ".jpeg": ("JPEG", ("uint8",)),
    ".png": ("PNG", ("uint16", "uint8")),
    ".tif": ("TIFF", ("float32", "uint16", "uint8")),
    ".tiff": ("TIFF", ("float32", "uint16", "uint8")),
    ".webp": ("WEBP", ("uint8",)),
    ".avif": ("AVIF", ("uint8",)),
    ".bmp": ("BMP", ("uint8",)),
}
# What stands beside the pixels, by the field of a Photo, and which format holds what.
BESIDE = {
    "exif": "camera data (EXIF)",
    "profile": "colour profile",
    "dpi": "resolution",
    "xmp": "XMP",
    "iptc": "captions (IPTC)",
    "comment": "comment",
    "chunks": "marks of colour and texts of a PNG",
}
HOLDS = {
    "JPEG": {"exif", "profile", "dpi", "xmp", "iptc", "comment"},
    "PNG": {"exif", "profile", "dpi", "xmp", "comment", "chunks"},
    "TIFF": {"exif", "profile", "dpi", "xmp", "iptc"},
    "WEBP": {"exif", "profile", "xmp"},
    "AVIF": {"exif", "profile", "xmp"},  # and, of chunks, the meaning of its colours
    "BMP": {"dpi"},
}
UNPACKED = 1  # TIFF's number for pixels as they are
QUALITY: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95},
    "AVIF": {"quality": 90, "subsampling": "4:4:4"},
    "PNG": {"compress_level": 4},
}


def restored(photo: Photo, pieces: Iterable[tuple[tuple[slice, slice], np.ndarray]], scale: int = 1) -> Photo:
    """The photo with its pixels replaced by `pieces` (see restore.blocks), which may come `scale` times as large.

    Alpha is kept, and enlarged smoothly with the picture. Values are clipped to what the file can hold, here and
    nowhere before. Raises ImageError for a result too large to be read again.
    """
    height, width, channels = photo.pixels.shape
    guard = Image.MAX_IMAGE_PIXELS  # None if someone has taken it away
    if guard is not None and height * width * scale**2 > 2 * guard:  # what `read` would refuse
        megapixels = height * width * scale**2 / 1e6
        raise ImageError(
            f"the result would have {megapixels:.0f} megapixels, more than can be read again: cut it first"
        )
    pixels = np.empty((height * scale, width * scale, channels), photo.pixels.dtype)
    for place, block in pieces:
        pixels[place] = as_stored(block, pixels.dtype)
    alpha = photo.alpha
    if alpha is not None and scale > 1:
        size = (width * scale, height * scale)
        alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_CUBIC).reshape(*pixels.shape[:2], 1)
    return dataclasses.replace(
        photo, pixels=pixels, alpha=alpha, exif=_sized(photo.exif, width * scale, height * scale)
    )


def as_stored(block: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Float values in [0, 1] as a file stores them: integers clipped and rounded, floats as they are."""
    if np.dtype(dtype).kind == "f":
        return block.astype(dtype)
    top = np.iinfo(dtype).max
    return np.rint(np.clip(block, 0, 1) * top).astype(dtype)


def write(path: str | os.PathLike, photo: Photo) -> tuple[str, ...]:
    """Write a photo, whole or not at all; the suffix names the format. Returns what the format could not hold.

    Raises ImageError for an unknown suffix, OSError if the disk refuses.
    """
    path = Path(path)
    data, notes = encode(photo, path.suffix)
    images.write_atomic(path, data)
    return notes


def copy(source: Path, target: Path) -> None:
    """Copy the file of a picture that nothing was done to, whole or not at all. Raises OSError if the disk refuses."""
    images.write_atomic(target, source.read_bytes())


def encode(photo: Photo, suffix: str, quality: int | None = None) -> tuple[bytes, tuple[str, ...]]:
    """The bytes of a file in the format of `suffix`, and what it could not hold, one sentence each.

    quality: of a JPEG, WebP or AVIF, 1 to 100; None is the usual one, QUALITY.
    """
    suffix = suffix.lower()
    if suffix not in SUFFIXES:
        raise ImageError(f"pictures ending in {suffix!r} cannot be written: use one of {', '.join(SUFFIXES)}")
    kind, depths = SUFFIXES[suffix]
    notes, pixels, alpha = [], photo.pixels, photo.alpha
    if pixels.dtype.name not in depths:
        depth = np.dtype(depths[0])
        notes.append(f"{kind} holds {depth.itemsize * 8} bits: {pixels.dtype} was rounded to that")
        pixels = as_stored(as_float(pixels), depth)
        alpha = None if alpha is None else as_stored(as_float(alpha), depth)
    if alpha is not None and kind in ("JPEG", "BMP"):
        notes.append(f"{kind} holds no transparency: the picture was laid over white")
        share = as_float(alpha)
        pixels, alpha = as_stored(as_float(pixels) * share + (1 - share), pixels.dtype), None
    notes += _not_held(photo, kind)
    photo = _fitting(photo, kind, pixels.shape[-1], notes)
    stored = pixels if alpha is None else np.concatenate([pixels, alpha], axis=-1)
    try:
        with native_stderr_off():
            return _encode(kind, stored, photo, quality), tuple(notes)
    except MemoryError:
        raise
    except Exception as error:  # whatever a library says of it
        size = f"{stored.shape[1]} x {stored.shape[0]}"
        raise ImageError(
            f"{kind} cannot hold {size} pixels of this kind: choose another format, such as .tif"
        ) from error


def _sized(exif: bytes, width: int, height: int) -> bytes:
    """The camera data with the picture's size where they speak of it."""
    try:
        return beside.mended_exif(exif, (width, height), upright=False) if exif else exif
    except (ValueError, struct.error):  # not EXIF, whoever put it there
        return b""


def _not_held(photo: Photo, kind: str) -> list[str]:
    """What a format cannot hold of what stands beside the pixels, in one sentence."""
    there = {key: getattr(photo, key) for key in BESIDE}
    there["chunks"] = [name for name in beside.telling(photo.chunks) if (kind, name) != ("AVIF", b"cICP")]
    words = BESIDE | ({"chunks": "marks of colour (CICP)"} if there["chunks"] == [b"cICP"] else {})
    lost = [words[key] for key, value in there.items() if value and key not in HOLDS[kind]]
    return [f"{kind} holds no {_listed(lost)}: left out"] if lost else []


def _fitting(photo: Photo, kind: str, channels: int, notes: list[str]) -> Photo:
    """The photo without what this format cannot hold for its size or its kind, which is said."""
    lost: list[str] = []
    if kind == "JPEG":
        rooms = {"exif": beside.LARGEST_SEGMENT, "xmp": beside.LARGEST_SEGMENT - 29, "comment": beside.LARGEST_SEGMENT}
        lost = [key for key, room in rooms.items() if len(getattr(photo, key)) > room]
        if lost:
            notes.append(f"{kind} holds at most 64 kB of {' and of '.join(BESIDE[key] for key in lost)}: left out")
    if kind in ("WEBP", "AVIF") and channels == 1 and photo.profile[16:20] == b"GRAY":
        notes.append(f"{kind} holds no gray: its colour profile, which is for gray, was left out")
        lost.append("profile")
    without: dict[str, Any] = dict.fromkeys(lost, b"")
    return dataclasses.replace(photo, **without)


def _listed(words: list[str]) -> str:
    return " and no ".join(words) if len(words) < 3 else f"{', no '.join(words[:-1])} and no {words[-1]}"


def _encode(kind: str, stored: np.ndarray, photo: Photo, quality: int | None) -> bytes:
    """The file: tifffile writes a TIFF, OpenCV a PNG of 16 bits, Pillow all others."""
    if kind == "TIFF":
        return _tiff(stored, photo)
    if stored.dtype != np.uint8:
        return _deep_png(stored, photo)
    besides: dict[str, Any] = {"icc_profile": photo.profile, "dpi": photo.dpi, "exif": photo.exif}
    besides |= {"xmp": photo.xmp, "comment": photo.comment} if kind in ("JPEG", "WEBP", "AVIF") else {}
    usual = QUALITY.get(kind, {})
    usual = usual | {"quality": quality} if quality is not None and "quality" in usual else usual
    options = usual | {key: value for key, value in besides.items() if value}
    buffer = io.BytesIO()
    Image.fromarray(stored[..., 0] if stored.shape[-1] == 1 else stored).save(buffer, kind, **options)
    written = buffer.getvalue()
    if kind == "JPEG" and photo.iptc:
        return beside.with_iptc(written, photo.iptc)
    if kind == "AVIF" and (colours := dict(photo.chunks).get(b"cICP")):
        return beside.with_nclx(written, colours[0], colours[1])
    return _with_chunks(written, photo, photo.chunks) if kind == "PNG" else written


def _tiff(stored: np.ndarray, photo: Photo) -> bytes:
    """A TIFF, unpacked if it came from one that was, else packed without loss in the way that most readers know."""
    tags: dict[str, Any] = {"photometric": "rgb" if stored.shape[-1] > 2 else "minisblack", "planarconfig": "contig"}
    if photo.dpi:
        tags |= {"resolution": photo.dpi, "resolutionunit": "inch"}
    if stored.shape[-1] in (2, 4):
        tags["extrasamples"] = ["unassalpha"]
    if stored.shape[-1] == 1:
        stored = stored[..., 0]
        del tags["planarconfig"]
    buffer = io.BytesIO()
    packing = None if photo.packing == UNPACKED else "zlib"
    tags |= {"compression": packing, "metadata": None, "software": False, "byteorder": "<"}
    tifffile.imwrite(buffer, stored, iccprofile=photo.profile or None, **tags)
    return directories.with_entries(buffer.getvalue(), tiff.entries_of(photo.exif, photo.xmp, photo.iptc))


def _deep_png(stored: np.ndarray, photo: Photo) -> bytes:
    chunks = []
    if photo.profile:
        chunks.append((b"iCCP", b"profile\0\0" + zlib.compress(photo.profile)))
    if photo.exif:
        chunks.append((b"eXIf", photo.exif.removeprefix(b"Exif\0\0")))
    if photo.dpi:
        chunks.append((b"pHYs", struct.pack(">IIB", *(round(dots / 0.0254) for dots in photo.dpi), 1)))
    if stored.shape[-1] == 2:
        data = beside.gray_with_alpha_png(stored)
    else:
        order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[stored.shape[-1]]  # OpenCV's BGR
        data = cv2.imencode(".png", np.ascontiguousarray(stored[..., order]))[1].tobytes()
    return _with_chunks(data, photo, (*chunks, *photo.chunks))


def _with_chunks(data: bytes, photo: Photo, chunks: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """A PNG with these chunks, and with XMP and comments of other formats."""
    texts = ((b"XML:com.adobe.xmp", photo.xmp), (b"Comment", photo.comment))
    chunks = (*chunks, *((b"iTXt", keyword + bytes(5) + text) for keyword, text in texts if text))
    return beside.with_png_chunks(data, chunks) if chunks else data
