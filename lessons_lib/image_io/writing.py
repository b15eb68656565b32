"""A photograph restored and written: clipped here and nowhere before, and kept as far as the format can."""

from __future__ import annotations

import dataclasses
import io
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import ExifTags, Image

from lessons_lib import images
from lessons_lib.image_io import beside
from lessons_lib.image_io.reading import Photo, as_bytes, as_float, photograph_alone
from lessons_lib.images import ImageError

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
    "AVIF": {"exif", "profile", "xmp"},
    "BMP": {"dpi"},
}
XMP, PHOTOSHOP = 700, 34377  # tags of a TIFF
QUALITY: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95},
    "AVIF": {"quality": 90, "subsampling": "4:4:4"},
    "PNG": {"compress_level": 4},
}  # a TIFF stays unpacked: Pillow writes no camera data into a packed one


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
    notes += _not_held(photo, kind, deep=pixels.dtype != np.uint8)
    stored = pixels if alpha is None else np.concatenate([pixels, alpha], axis=-1)
    try:
        data = _encode(kind, stored, photo, quality)
    except (OSError, ValueError, cv2.error) as error:
        raise ImageError(
            f"{kind} cannot hold {stored.shape[1]} x {stored.shape[0]} pixels of this kind: {error}"
        ) from error
    return data, tuple(notes)


def _sized(exif: bytes, width: int, height: int) -> bytes:
    """The camera data with the picture's size where they speak of it."""
    return beside.mended_exif(exif, (width, height), upright=False) if exif else exif


def _not_held(photo: Photo, kind: str, deep: bool) -> list[str]:
    """What a format cannot hold of what stands beside the pixels, in one sentence."""
    there = {key: getattr(photo, key) for key in BESIDE}
    there["chunks"] = beside.telling(photo.chunks)
    lost = [BESIDE[key] for key, value in there.items() if value and key not in HOLDS[kind]]
    notes = [f"{kind} holds no {_listed(lost)}: left out"] if lost else []
    if kind == "TIFF" and deep and photo.exif and _has_inner_exif(photo.exif):
        notes.append("a TIFF of more than 8 bits keeps only the texts of its camera data: exposure and place left out")
    return notes


def _listed(words: list[str]) -> str:
    return " and no ".join(words) if len(words) < 3 else f"{', no '.join(words[:-1])} and no {words[-1]}"


def _loaded(exif: bytes) -> Image.Exif:
    data = Image.Exif()
    data.load(exif)
    return data


def _has_inner_exif(exif: bytes) -> bool:
    data = _loaded(exif)
    return bool(data.get_ifd(ExifTags.IFD.Exif) or data.get_ifd(ExifTags.IFD.GPSInfo))


def _encode(kind: str, stored: np.ndarray, photo: Photo, quality: int | None) -> bytes:
    """The file: Pillow writes 8 bits, OpenCV a PNG of 16, tifffile a TIFF of 16 bits or floats."""
    buffer = io.BytesIO()
    if stored.dtype == np.uint8:
        beside_it: dict[str, Any] = {"exif": photo.exif, "icc_profile": photo.profile, "dpi": photo.dpi}
        beside_it |= {"xmp": photo.xmp, "comment": photo.comment} if kind in ("JPEG", "WEBP", "AVIF") else {}
        if kind == "TIFF":
            beside_it["exif"] = _tiff_exif(photo)
        usual = QUALITY.get(kind, {})
        chosen = {"quality": quality} if quality and "quality" in usual else {}
        options = usual | chosen | {key: value for key, value in beside_it.items() if value}
        Image.fromarray(stored[..., 0] if stored.shape[-1] == 1 else stored).save(buffer, kind, **options)
        written = buffer.getvalue()
        if kind == "JPEG" and photo.iptc:
            written = beside.with_iptc(written, photo.iptc)
        return _with_chunks(written, photo) if kind == "PNG" else written
    if stored.shape[-1] == 2:  # gray with alpha in 16 bits: no library here writes and reads that
        stored = stored[..., [0, 0, 0, 1]]
    if kind == "TIFF":
        tags: dict[str, Any] = {
            "photometric": "rgb" if stored.shape[-1] > 1 else "minisblack",
            "compression": "zlib",
            "metadata": None,
        }
        tags |= {"iccprofile": photo.profile or None, "extratags": _text_tags(photo)}
        if photo.dpi:
            tags |= {"resolution": photo.dpi, "resolutionunit": "inch"}
        if stored.shape[-1] == 4:
            tags["extrasamples"] = ["unassalpha"]
        tifffile.imwrite(buffer, stored[..., 0] if stored.shape[-1] == 1 else stored, software=False, **tags)
        return buffer.getvalue()
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[stored.shape[-1]]  # OpenCV's BGR
    known = {cv2.IMAGE_METADATA_EXIF: photo.exif.removeprefix(b"Exif\0\0"), cv2.IMAGE_METADATA_ICCP: photo.profile}
    packed = {key: np.frombuffer(value, np.uint8) for key, value in known.items() if value}
    _, data = cv2.imencodeWithMetadata(
        ".png", np.ascontiguousarray(stored[..., order]), list(packed), list(packed.values())
    )
    return _with_chunks(data.tobytes(), photo, density=True)


def _with_chunks(data: bytes, photo: Photo, *, density: bool = False) -> bytes:
    """A PNG with its colour marks and texts, with XMP and comments of other formats, and with dots an inch."""
    chunks = list(photo.chunks)
    if photo.xmp:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + photo.xmp))
    if photo.comment:
        chunks.append((b"iTXt", b"Comment\0\0\0\0\0" + photo.comment))
    if density and photo.dpi:
        chunks.append((b"pHYs", struct.pack(">IIB", *(round(dots / 0.0254) for dots in photo.dpi), 1)))
    return beside.with_png_chunks(data, tuple(chunks)) if chunks else data


def _tiff_exif(photo: Photo) -> Image.Exif:
    """The camera data with XMP and captions, as Pillow puts them among a TIFF's own tags."""
    data = Image.Exif()
    if photo.exif:
        data.load(photograph_alone(_loaded(photo.exif)))
        for part in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            data.get_ifd(part).update({tag: as_bytes(value) for tag, value in data.get_ifd(part).items()})
        data.update({tag: as_bytes(value) for tag, value in data.items()})
    if photo.xmp:
        data[XMP] = photo.xmp
    if photo.iptc:
        data[PHOTOSHOP] = photo.iptc.removeprefix(beside.IPTC_HEAD)
    return data


def _text_tags(photo: Photo) -> list[tuple]:
    """The texts of the camera data, XMP and captions as tifffile takes them."""
    texts = _loaded(photo.exif).items() if photo.exif else ()
    tags = [(tag, "s", 0, value.encode("latin-1", "ignore"), True) for tag, value in texts if isinstance(value, str)]
    for code, value in ((XMP, photo.xmp), (PHOTOSHOP, photo.iptc.removeprefix(beside.IPTC_HEAD))):
        if value:
            tags.append((code, "B", len(value), value, True))
    return tags
