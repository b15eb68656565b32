"""A photograph's file read: pixels upright, and what stands beside them."""

from __future__ import annotations

import dataclasses
import io
import os
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageCms
from PIL.TiffImagePlugin import TiffImageFile

from lessons_lib import images
from lessons_lib.images import ImageError

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "PPM")
LARGEST = 2**31  # bytes of a file
# EXIF as far as it is about the photograph: the rest of its first directory describes how a file stores pixels.
KEPT_TAGS = {
    ExifTags.Base[name]
    for name in ("ImageDescription", "Make", "Model", "Software", "DateTime", "Artist", "Copyright", "HostComputer")
}


@dataclasses.dataclass(frozen=True)
class Photo:
    """A photograph as its file has it, turned upright.

    pixels:  (H, W, 1 or 3), uint8 or uint16, or float32 from a TIFF of floats.
    alpha:   (H, W, 1) of the same type, or None.
    exif:    camera data as bytes; `profile`: ICC colour profile; `dpi`: dots an inch. Empty or None if there are none.
    notes:   what was lost or changed on the way, one sentence each.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    exif: bytes = b""
    profile: bytes = b""
    dpi: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


def read(source: str | os.PathLike | bytes) -> Photo:
    """Read a photograph from a path, or from the bytes of a file.

    Takes 1 to 16 bits, gray, RGB, palette, CMYK (turned into RGB), each with or without alpha, and gray TIFF of 32-bit
    floats. Raises FileNotFoundError, or ImageError if it is no picture, cut short, animated, or larger than Pillow's
    guard allows (179 megapixels).
    """
    name, data = ("the picture", source) if isinstance(source, bytes) else (str(source), _bytes_of(Path(source)))
    if not data:
        raise ImageError(f"{name} is empty (0 bytes): copy or download it again")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on metadata; what matters is a note of ours
        try:
            opened = Image.open(io.BytesIO(data), formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise ImageError(f"{name} is too large: {error}; cut it into parts first") from error
        except Exception as error:  # a decoder that meets wild bytes raises anything
            raise ImageError(f"{name} is not a picture that can be read ({', '.join(FORMATS)})") from error
        frames = getattr(opened, "n_frames", 1)
        if frames > 1 and opened.format != "MPO":  # an MPO of a phone holds one photograph and by-products
            raise ImageError(f"{name} holds {frames} pictures: restore single ones, or a video file")
        try:
            opened.load()  # finds what is cut short or damaged, also for pixels that OpenCV then decodes
            return _photo(opened, data)
        except ImageError as error:
            raise ImageError(f"{name} {error}") from error
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise ImageError(f"{name} is damaged or cut short ({reason}): copy or download it again") from error


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


def _photo(opened: Image.Image, data: bytes) -> Photo:
    """The opened file as a Photo. Raises ImageError without the file's name."""
    notes: list[str] = []
    profile = opened.info.get("icc_profile") or b""
    if profile:
        try:
            ImageCms.ImageCmsProfile(io.BytesIO(profile))
        except (OSError, ValueError, TypeError):
            notes.append("its colour profile is damaged and was left out")
            profile = b""
    turn, exif = _exif(opened, notes)
    dpi = opened.info.get("dpi")
    stored, upright = _deep(opened, data), False
    if stored is None:
        opened, profile = _plain(opened, profile, notes)
        stored = np.asarray(opened)
    else:
        upright = opened.format == "TIFF"  # OpenCV turns a TIFF upright, whatever it is asked, and no PNG
    if stored.dtype.kind == "f":
        _check_floats(stored)
    stored = stored.reshape(*stored.shape[:2], -1)
    if not upright:
        stored = _turned(stored, turn)
    colours = stored.shape[-1] - (stored.shape[-1] in (2, 4))
    alpha = np.ascontiguousarray(stored[..., colours:]) if colours < stored.shape[-1] else None
    pixels = np.ascontiguousarray(stored[..., :colours])
    return Photo(pixels, alpha, exif, profile, dpi, tuple(notes))


def _deep(opened: Image.Image, data: bytes) -> np.ndarray | None:
    """Pixels (H, W) or (H, W, C), uint16, of a PNG or TIFF of 16 bits; None of any other."""
    if isinstance(opened, TiffImageFile):
        bits = set(opened.tag_v2.get(258, (1,)))
        if opened.mode == "I":
            raise ImageError("holds 32-bit integers: save it with 16 bits")
        deep = bits == {16}
    else:
        deep = opened.format == "PNG" and data[24] == 16
    if not deep:
        return None
    stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16:
        raise ImageError("holds 16 bits in a way that OpenCV cannot read: save it as PNG")
    if stored.ndim == 2:
        return stored
    if opened.format == "PNG" and data[25] == 4:  # gray with alpha, which OpenCV gives as colour
        return stored[..., [0, 3]]
    return stored[..., [2, 1, 0, 3][: stored.shape[2]]]  # BGR


def _plain(opened: Image.Image, profile: bytes, notes: list[str]) -> tuple[Image.Image, bytes]:
    """A Pillow picture in mode L, LA, RGB, RGBA or F, and the profile that now fits."""
    mode = opened.mode
    if mode in ("L", "LA", "RGB", "RGBA", "F") and "transparency" not in opened.info:
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
    raise ImageError(f"holds pixels of the kind {mode}: save it as RGB or gray")


def _check_floats(stored: np.ndarray) -> None:
    bad = int((~np.isfinite(stored)).sum())
    if bad:
        raise ImageError(f"holds {bad} values that are NaN or infinite: mend them first")
    if stored.min() < -1 or stored.max() > 2:
        raise ImageError(f"holds floats from {stored.min():g} to {stored.max():g}: scale them to [0, 1]")


def _exif(opened: Image.Image, notes: list[str]) -> tuple[int, bytes]:
    """How the picture must be turned (EXIF's 1 to 8), and its camera data for the picture turned upright.

    The thumbnail is left out: it would go on showing the picture as it was.
    """
    try:
        old, new = opened.getexif(), Image.Exif()
        turn = old.get(ExifTags.Base.Orientation, 1)
        new.update({tag: old[tag] for tag in KEPT_TAGS if tag in old})
        for part in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            if old.get_ifd(part):
                new.get_ifd(part).update(old.get_ifd(part))
        data = new.tobytes()
        if len(data) > 65_000:  # more than a JPEG takes: the maker's own notes
            new.get_ifd(ExifTags.IFD.Exif).pop(ExifTags.Base.MakerNote, None)
            data = new.tobytes()
        empty = len(data) == len(Image.Exif().tobytes())
    except Exception:  # written by many hands, and badly by some
        notes.append("its camera data (EXIF) are damaged and were left out")
        return 1, b""
    return turn if turn in range(1, 9) else 1, b"" if empty else data


def _turned(stored: np.ndarray, turn: int) -> np.ndarray:
    """(H, W, C) turned upright as EXIF's orientation says; 5 to 8 exchange height and width."""
    if turn == 2:
        stored = stored[:, ::-1]
    if turn in (4, 5, 7):
        stored = stored[::-1]
    return np.rot90(stored, {3: 2, 5: -1, 6: -1, 7: 1, 8: 1}.get(turn, 0))
