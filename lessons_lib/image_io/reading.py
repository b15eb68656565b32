"""A photograph's file read: pixels upright, and what stands beside them."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageCms

from lessons_lib import images
from lessons_lib.image_io import beside, boxes, jpeg, kinds, pnm, tiff
from lessons_lib.images import ImageError
from lessons_lib.native import native_stderr_off

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "PPM")
READ = "JPEG, PNG, TIFF, WebP, AVIF, BMP, GIF or PPM"
LARGEST = 2**31  # bytes of a file
FOR_HDR = {16: "PQ", 18: "HLG"}  # transfers of ITU-T H.273
PLAIN_COLOURS = {(1, 13), (2, 2), (1, 2), (2, 13), (1, 1), (6, 6), (1, 6)}  # primaries and transfer of usual screens


@dataclasses.dataclass(frozen=True)
class Photo:
    """A photograph as its file has it, turned upright.

    pixels:  (H, W, 1 or 3), uint8 or uint16, or float32 from a TIFF of floats.
    alpha:   (H, W, 1) of the same type, or None.
    exif:    camera data as bytes; `profile`: ICC colour profile; `dpi`: dots an inch. Empty or None if there are none.
    notes:   what was lost or changed on the way, one sentence each.
    xmp, iptc, comment: captions, keywords and remarks as the file has them, as bytes.
    chunks:  chunks of a PNG that say what its colours mean, and its texts, as (name, content).
    jpeg:    the quality of a JPEG, 1 to 100, as its tables say, or None.
    packing: how a TIFF packs its pixels, by its own number, or None.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    exif: bytes = b""
    profile: bytes = b""
    dpi: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    xmp: bytes = b""
    iptc: bytes = b""
    comment: bytes = b""
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    jpeg: int | None = None
    packing: int | None = None


def read(source: str | os.PathLike | bytes) -> Photo:
    """Read a photograph from a path, or from the bytes of a file.

    Takes 1 to 16 bits, gray, RGB, palette, CMYK (turned into RGB), each with or without alpha, and TIFF of floats.
    Raises FileNotFoundError, or ImageError if it is no picture, cut short, animated, or larger than Pillow's guard
    allows (179 megapixels).
    """
    name, data = ("the picture", source) if isinstance(source, bytes) else (str(source), _bytes_of(Path(source)))
    try:
        if kind := kinds.no_picture(data):
            raise ImageError(f"is {kind}")
        with native_stderr_off():  # what matters of it is a note of ours
            return _of_tiff(data) if tiff.is_tiff(data) else _of_others(data)
    except ImageError as error:
        raise ImageError(f"{name} {error}") from error
    except MemoryError as error:
        raise ImageError(
            f"{name} needs more memory than there is: close other programs, or cut it into parts"
        ) from error
    except Exception as error:  # a decoder that meets wild bytes raises anything
        raise ImageError(f"{name} is damaged or cut short: copy or download it again") from error


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        found = re.search(r"\((\d+) pixels", str(error))
        raise too_large(int(found[1]) if found else 0) from error
    except Exception as error:
        raise ImageError(f"is not a picture that can be read, or is damaged: use {READ}") from error


def too_large(pixels: int) -> ImageError:
    """What to raise for a picture of so many pixels."""
    limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
    return ImageError(
        f"is too large ({pixels / 1e6:.0f} megapixels, and {limit:.0f} can be read): cut it into parts first"
    )


def _of_tiff(data: bytes) -> Photo:
    notes: list[str] = []
    page = tiff.page(data, notes)
    tiff.check(page.own, len(data))
    if Image.MAX_IMAGE_PIXELS and tiff.area(page.own) > 2 * Image.MAX_IMAGE_PIXELS:
        raise too_large(tiff.area(page.own))
    besides = tiff.besides(page, data, notes)
    if tiff.is_deep(page):
        stored = tiff.read_deep(page, notes)
        if stored.dtype.kind == "f":
            _check_floats(stored)
    else:
        tiff.extra_channels(page.own, notes)
        try:
            opened = _opened(page.data)
        except ImageError as error:
            raise ImageError(tiff.unreadable(page.own)) from error
        opened.load()
        opened, besides["profile"] = _plain(opened, besides["profile"], notes)
        stored = np.asarray(opened)
    return _photo(stored, tiff.turn(page), besides, notes)


def _of_others(data: bytes) -> Photo:
    notes: list[str] = []
    opened = _opened(data)
    frames = getattr(opened, "n_frames", 1)
    if opened.format == "PPM" and pnm.has_more(data):
        raise ImageError("holds more than one picture: save them as a file each")
    if frames > 1 and opened.format != "MPO":  # an MPO of a phone holds one photograph and by-products
        raise ImageError(f"holds {frames} pictures: restore single ones, or a video file")
    opened = _loaded(opened, data, notes)
    besides = _besides(opened, data, notes)
    turn = _mend_exif(besides, notes)
    if opened.format == "AVIF":  # its boxes alone say so, which Pillow tells in EXIF of its own
        turn = beside.turn(opened.info.get("exif", b""), b"")
    stored = _deep(opened, data)
    if stored is None:
        opened, besides["profile"] = _plain(opened, besides["profile"], notes)
        stored = np.asarray(opened)
    return _photo(stored, turn, besides, notes)


def _loaded(opened: Image.Image, data: bytes, notes: list[str]) -> Image.Image:
    """The picture with its pixels. It finds what is damaged; a JPEG that lacks only its end is read all the same."""
    try:
        opened.load()
    except OSError:
        if opened.format != "JPEG" or not jpeg.lacks_only_its_end(data):
            raise
        opened = Image.open(io.BytesIO(data + jpeg.END), formats=FORMATS)
        opened.load()
        notes.append("its end is missing: the last pixels may be wrong")
        return opened
    if opened.format in ("JPEG", "MPO") and jpeg.is_damaged(data):
        notes.append("its data are damaged, and part of the picture may be wrong: copy or download it again")
    if opened.format == "PNG" and b"IEND" not in data[-4096:]:
        notes.append("its end is missing: what stood behind the pixels is lost")
    return opened


def as_float(stored: np.ndarray) -> np.ndarray:
    """Stored values as float32 in [0, 1]; floats as they are."""
    return stored if stored.dtype.kind == "f" else images.to_float(stored)


def _bytes_of(path: Path) -> bytes:
    if path.is_dir():
        raise ImageError(f"{path} is a folder, not a picture")
    if not path.is_file():
        raise FileNotFoundError(f"no file at {path}: check the spelling and the folder you run in")
    if path.stat().st_size > LARGEST:
        raise ImageError(f"{path} has {path.stat().st_size / 1e9:.1f} GB, too much for a picture")
    return path.read_bytes()


def _photo(stored: np.ndarray, turn: int, besides: dict[str, Any], notes: list[str]) -> Photo:
    """Pixels as they lie in the file, and what stands beside them, as a Photo."""
    stored = _turned(stored.reshape(*stored.shape[:2], -1), turn)
    colours = stored.shape[-1] - (stored.shape[-1] in (2, 4))
    alpha = np.ascontiguousarray(stored[..., colours:]) if colours < stored.shape[-1] else None
    besides["xmp"] = beside.upright_xmp(besides["xmp"])
    besides["profile"] = _profile(besides["profile"], colours, notes)
    if besides["dpi"] == (72, 72):  # what Pillow and many cameras say who know of none
        besides["dpi"] = None
    return Photo(np.ascontiguousarray(stored[..., :colours]), alpha, notes=tuple(notes), **besides)


def _profile(profile: bytes, colours: int, notes: list[str]) -> bytes:
    """The colour profile if it is sound and speaks of this kind of picture."""
    if not profile:
        return b""
    try:
        ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (OSError, ValueError, TypeError):
        notes.append("its colour profile is damaged and was left out")
        return b""
    space = profile[16:20]
    if space == b"RGB " or (space == b"GRAY" and colours == 1):
        return profile
    if space != b"CMYK" or not any("inks" in note for note in notes):
        notes.append(f"its colour profile is for {space.decode('latin-1').strip()}, which the picture is not: left out")
    return b""


def _besides(opened: Image.Image, data: bytes, notes: list[str]) -> dict[str, Any]:
    """What stands beside the pixels, as arguments of Photo."""
    info = opened.info
    found: dict[str, Any] = {"comment": info.get("comment") or b"", "xmp": info.get("xmp") or b""}
    found = {key: value.encode() if isinstance(value, str) else value for key, value in found.items()}
    found |= {key: info.get(name) or b"" for key, name in (("exif", "exif"), ("profile", "icc_profile"))}
    found["dpi"] = info.get("dpi")
    if opened.format in ("JPEG", "MPO"):
        found |= {"iptc": beside.iptc_of_jpeg(data), "comment": jpeg.comment(data)}
        found["jpeg"] = jpeg.quality(getattr(opened, "quantization", {}))
        products = jpeg.by_products(data, found["xmp"], many=opened.format == "MPO")
        if products:  # the captions speak of them, so they go too
            captions = ", and the XMP that speaks of it" if found["xmp"] else ""
            notes.append(f"{' and '.join(products)}, which a phone put into the file{captions}, left out")
            found["xmp"] = b""
        notes += jpeg.left_out(data)
    if opened.format == "PNG":
        chunks, xmp, exif = beside.png_texts(beside.kept_chunks(data, notes))
        found |= {"chunks": tuple(chunks), "comment": b"", "xmp": xmp, "exif": found["exif"] or exif}
        if not found["profile"] and any(name == b"iCCP" for name, _ in beside.png_chunks(data)):
            notes.append("its colour profile is damaged and was left out")
    if opened.format == "AVIF":
        found["exif"] = boxes.exif(data) if found["exif"] else b""
        if (bits := beside.avif_bits(data)) > 8:
            notes.append(f"its {bits} bits were read as 8")
        if not found["profile"] and (colours := beside.nclx(data)) not in PLAIN_COLOURS:
            found["chunks"] = ((b"cICP", bytes([*colours, 0, 1])),)
    if curve := FOR_HDR.get(dict(found.get("chunks", ())).get(b"cICP", b"\0\0")[1]):
        notes.append(f"its values are for HDR screens ({curve}) and are taken as they stand: judge the result on one")
    return found


def _mend_exif(besides: dict[str, Any], notes: list[str]) -> int:
    """Put the camera data right for a picture turned upright; returns how it must be turned, EXIF's 1 to 8."""
    whole = besides["exif"]
    try:
        turn = beside.turn(whole, besides["xmp"])
        besides["exif"] = beside.mended_exif(whole) if whole else b""
    except (ValueError, struct.error):  # written by many hands, and badly by some
        notes.append("its camera data (EXIF) are damaged and were left out")
        besides["exif"] = b""
        return beside.turn(b"", besides["xmp"])
    return turn


def _deep(opened: Image.Image, data: bytes) -> np.ndarray | None:
    """Pixels (H, W) or (H, W, C), uint16, of a PNG or PPM of 16 bits, None of any other."""
    if opened.format == "PPM" and opened.mode == "RGB" and pnm.largest(data) > 255:
        return pnm.read_deep(data)
    if opened.format == "PNG" and opened.mode == "L" and "transparency" in opened.info and data[24] in (2, 4):
        opened.info["transparency"] *= 255 // (2 ** data[24] - 1)  # Pillow stretches the pixels, and not this one
    if opened.format != "PNG" or data[24] != 16:
        return None
    if b"IEND" not in data[-4096:]:  # which was said
        data += beside.PNG_END
    stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16:
        raise ImageError("is damaged or cut short: copy or download it again")
    if stored.ndim == 3:
        stored = stored[..., [2, 1, 0, 3][: stored.shape[2]]]  # BGR
    if data[25] == 4:  # gray with alpha, which OpenCV gives as colour
        stored = stored[..., [0, 3]]
    return _with_clear_value(stored, data)


def _with_clear_value(stored: np.ndarray, data: bytes) -> np.ndarray:
    """With alpha where a PNG of 16 bits calls one colour clear (tRNS), which OpenCV forgets."""
    key = dict(beside.png_chunks(data)).get(b"tRNS", b"")
    stored = stored.reshape(*stored.shape[:2], -1)
    if len(key) != 2 * stored.shape[2]:
        return stored
    clear = (stored == np.frombuffer(key, ">u2")).all(-1, keepdims=True)
    return np.concatenate([stored, np.where(clear, 0, 65535).astype(np.uint16)], axis=-1)


def _plain(opened: Image.Image, profile: bytes, notes: list[str]) -> tuple[Image.Image, bytes]:
    """A Pillow picture in mode L, LA, RGB, RGBA or F, and the profile that now fits."""
    mode = opened.mode
    if mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in opened.info:
        return opened, profile
    if mode == "F" and opened.format == "PPM":
        _check_floats(np.asarray(opened))
        return opened, profile
    if mode == "I" and opened.format == "PPM":  # Pillow scales to 16 bits
        return Image.fromarray(np.asarray(opened).astype(np.uint16)), profile
    if mode == "CMYK":
        notes.append("its inks (CMYK) were turned into RGB")
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        if not profile:
            return opened.convert("RGB"), b""
        inks = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        colours = ImageCms.profileToProfile(opened, inks, srgb, outputMode="RGB")
        assert colours is not None  # only where it changes a picture in place it returns none
        return colours, srgb.tobytes()
    clear = opened.has_transparency_data
    if mode in ("1", "L", "La", "LA"):
        return opened.convert("LA" if clear else "L"), profile
    if mode in ("P", "PA", "RGB", "RGBa", "RGBA", "RGBX", "YCbCr", "HSV"):
        return opened.convert("RGBA" if clear else "RGB"), profile
    raise ImageError(f"holds pixels of another kind ({mode}): save it as RGB or gray, with 8 or 16 bits")


def _check_floats(stored: np.ndarray) -> None:
    bad = int((~np.isfinite(stored)).sum())
    if bad:
        raise ImageError(f"holds {bad} values that are NaN or infinite: mend them first")
    if stored.min() < -1 or stored.max() > 2:
        raise ImageError(f"holds floats from {stored.min():g} to {stored.max():g}: scale them to [0, 1]")


def _turned(stored: np.ndarray, turn: int) -> np.ndarray:
    """(H, W, C) turned upright as EXIF's orientation says; 5 to 8 exchange height and width."""
    if turn == 2:
        stored = stored[:, ::-1]
    if turn in (4, 5, 7):
        stored = stored[::-1]
    return np.rot90(stored, {3: 2, 5: -1, 6: -1, 7: 1, 8: 1}.get(turn, 0))
