"""A photograph's file read: pixels upright, and what stands beside them."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageCms

from lessons_lib import images
from lessons_lib.image_io import beside, tiff
from lessons_lib.images import ImageError

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "PPM")
LARGEST = 2**31  # bytes of a file
END_OF_JPEG = b"\xff\xd9"
RAW = (
    "a camera's raw file ({}): develop it first, with darktable, RawTherapee or the camera's own program, and save it "
    "as TIFF of 16 bits"
)
HEIC = "a HEIC picture, as phones save them: export it as JPEG, or set the camera to 'most compatible'"
VIDEO = "a video: give it a name that ends as videos do, such as .mp4"
OTHERS = (  # where in the file, the bytes there, and what it is
    *((4, b"ftyp" + brand, HEIC) for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")),
    *((4, b"ftyp" + brand, VIDEO) for brand in (b"isom", b"iso2", b"mp41", b"mp42", b"avc1", b"qt  ", b"M4V ", b"3gp")),
    (0, b"\x1aE\xdf\xa3", VIDEO),
    (4, b"ftypcrx ", RAW.format("CR3")),
    (0, b"FUJIFILMCCD-RAW", RAW.format("RAF")),
    (0, b"IIRO", RAW.format("ORF")),
    (0, b"IIU\0", RAW.format("RW2")),
    (0, b"FOVb", RAW.format("X3F")),
    (0, b"\xff\x0a", "a JPEG XL picture: export it as PNG or JPEG"),
    (4, b"JXL ", "a JPEG XL picture: export it as PNG or JPEG"),
    (0, b"8BPS", "a Photoshop file: export it as TIFF or PNG"),
    (0, b"v/1\x01", "an OpenEXR picture: export it as TIFF of floats"),
    (0, b"%PDF", "a PDF: export its pictures, one file each"),
)
# EXIF as far as it is about the photograph: the rest of its first directory describes how a file stores pixels.
KEPT_TAGS = {
    ExifTags.Base[name]
    for name in ("ImageDescription", "Make", "Model", "Software", "DateTime", "Artist", "Copyright", "HostComputer")
}


BY_PRODUCTS = (  # what a phone's captions say of them, and their names
    (b"MotionPhoto", "the short video"),
    (b"MicroVideo", "the short video"),
    (b"hdrgm:", "the gain map for bright screens (HDR)"),
    (b"HDRGainMap", "the gain map for bright screens (HDR)"),
)
# Luminance quantisation, ITU-T T.81, table K.1, its values in order of size.
LUMINANCE = np.frombuffer(
    bytes.fromhex(
        "0a0b0c0c0d0e0e0e10101011121316161818181a1d2325282831333337373838"
        "393a3c3d3e40404445484d4e505157575c5c5f62636465676767686d70717879"
    ),
    np.uint8,
).astype(float)


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


def read(source: str | os.PathLike | bytes) -> Photo:
    """Read a photograph from a path, or from the bytes of a file.

    Takes 1 to 16 bits, gray, RGB, palette, CMYK (turned into RGB), each with or without alpha, and gray TIFF of 32-bit
    floats. Raises FileNotFoundError, or ImageError if it is no picture, cut short, animated, or larger than Pillow's
    guard allows (179 megapixels).
    """
    name, data = ("the picture", source) if isinstance(source, bytes) else (str(source), _bytes_of(Path(source)))
    if not data:
        raise ImageError(f"{name} is empty (0 bytes): copy or download it again")
    if kind := no_picture(data):
        raise ImageError(f"{name} is {kind}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on metadata; what matters is a note of ours
        try:
            opened: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise ImageError(f"{name} is too large: {error}; cut it into parts first") from error
        except Exception as error:  # a decoder that meets wild bytes raises anything
            if data[:2] in (b"II", b"MM") and (photo := _by_tifffile(data)):
                return photo
            raise ImageError(f"{name} is not a picture that can be read ({', '.join(FORMATS)})") from error
        try:
            frames = tiff.pictures(data) if opened.format == "TIFF" else getattr(opened, "n_frames", 1)
            if frames > 1 and opened.format != "MPO":  # an MPO of a phone holds one photograph and by-products
                raise ImageError(f"holds {frames} pictures: restore single ones, or a video file")
            notes: list[str] = []
            if not (opened.format == "TIFF" and tiff.is_deep(data)):
                opened = _loaded(opened, data, notes)
            return _photo(opened, data, notes)
        except ImageError as error:
            raise ImageError(f"{name} {error}") from error
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise ImageError(f"{name} is damaged or cut short ({reason}): copy or download it again") from error


def _by_tifffile(data: bytes) -> Photo | None:
    """A TIFF that Pillow does not know, such as one of half floats, without what stands beside its pixels."""
    notes: list[str] = []
    try:
        stored, _ = tiff.read_deep(data, notes) if tiff.is_deep(data) else (None, False)
    except Exception:
        return None
    if stored is None or stored.shape[-1] not in (1, 3):
        return None
    return Photo(stored, notes=(*notes, "what stands beside its pixels was left out"))


def no_picture(data: bytes) -> str:
    """What a file is that this cannot read, and the way out; "" for what it may be able to."""
    for at, magic, what in OTHERS:
        if data[at : at + len(magic)] == magic:
            return what
    if data[:2] in (b"II", b"MM") and (kind := tiff.is_raw(data)):
        return RAW.format(kind)
    return ""


def _loaded(opened: Image.Image, data: bytes, notes: list[str]) -> Image.Image:
    """The picture with its pixels. It finds what is damaged; a JPEG that lacks only its end is read all the same."""
    try:
        opened.load()
    except OSError:
        if opened.format != "JPEG" or not _lacks_only_its_end(data):
            raise
        opened = Image.open(io.BytesIO(data + END_OF_JPEG), formats=FORMATS)
        opened.load()
        notes.append("its end is missing: the last pixels may be wrong")
    return opened


def _lacks_only_its_end(data: bytes) -> bool:
    """Whether the last bytes of a JPEG without its end belong to its last rows: then hardly a pixel is missing."""
    try:
        whole, shorter = (
            np.asarray(Image.open(io.BytesIO(part + END_OF_JPEG)).convert("RGB")) for part in (data, data[:-64])
        )
    except OSError:
        return False
    rows = np.flatnonzero((whole != shorter).any((1, 2)))
    return rows.size > 0 and bool(rows[0] >= len(whole) - 32)  # two rows of blocks


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


def _photo(opened: Image.Image, data: bytes, notes: list[str]) -> Photo:
    """The opened file as a Photo. Raises ImageError without the file's name."""
    profile = opened.info.get("icc_profile") or b""
    if profile:
        try:
            ImageCms.ImageCmsProfile(io.BytesIO(profile))
        except (OSError, ValueError, TypeError):
            notes.append("its colour profile is damaged and was left out")
            profile = b""
    turn, exif = _exif(opened, notes)
    dpi = opened.info.get("dpi")
    dpi = None if dpi == (72, 72) else dpi  # what Pillow and many cameras say who know of none
    also = _also(opened, data, notes)
    stored, upright = _deep(opened, data, notes)
    if stored is None:
        opened, profile = _plain(opened, profile, notes)
        stored = np.asarray(opened)
    if stored.dtype.kind == "f":
        _check_floats(stored)
    stored = stored.reshape(*stored.shape[:2], -1)
    if not upright:
        stored = _turned(stored, turn)
    colours = stored.shape[-1] - (stored.shape[-1] in (2, 4))
    alpha = np.ascontiguousarray(stored[..., colours:]) if colours < stored.shape[-1] else None
    pixels = np.ascontiguousarray(stored[..., :colours])
    return Photo(pixels, alpha, exif, profile, dpi, tuple(notes), **also)


def _also(opened: Image.Image, data: bytes, notes: list[str]) -> dict[str, Any]:
    """What else stands beside the pixels, as arguments of Photo."""
    info = opened.info
    found: dict[str, Any] = {"comment": info.get("comment") or b"", "xmp": info.get("xmp") or b""}
    found = {key: value.encode() if isinstance(value, str) else value for key, value in found.items()}
    if opened.format in ("JPEG", "MPO"):
        found["iptc"] = beside.iptc_of_jpeg(data)
        found["jpeg"] = _quality(getattr(opened, "quantization", {}))
        products = [what for mark, what in BY_PRODUCTS if mark in found["xmp"]]
        if opened.format == "MPO" and not products:
            products = ["the pictures beside the first"]
        if products:  # the captions speak of them, so they go too
            notes.append(f"{' and '.join(products)}, which a phone put into the file, left out")
            found["xmp"] = b""
    if opened.format == "PNG":
        wanted = beside.COLOUR_CHUNKS + beside.TEXT_CHUNKS
        chunks = [chunk for chunk in beside.png_chunks(data) if chunk[0] in wanted]
        found |= {"chunks": tuple(chunks), "comment": b"", "xmp": b""}
    if opened.format == "TIFF":
        tags = opened.tag_v2  # type: ignore[attr-defined]
        found["xmp"] = tags.get(700, b"")
        found["iptc"] = beside.IPTC_HEAD * bool(tags.get(34377)) + tags.get(34377, b"")
    if opened.format == "AVIF" and (bits := beside.avif_bits(data)) > 8:
        notes.append(f"its {bits} bits were read as 8")
    return found


def _quality(tables: dict[int, list[int]]) -> int | None:
    """The quality whose standard tables (ITU T.81, scaled as libjpeg does) are closest to a JPEG's own."""
    if not tables:
        return None
    own = np.sort(np.asarray(tables[min(tables)], float))
    distances = []
    for quality in range(1, 101):
        scale = 5000 / quality if quality < 50 else 200 - 2 * quality
        distances.append(np.abs(np.clip(np.floor((LUMINANCE * scale + 50) / 100), 1, 255) - own).sum())
    return int(np.argmin(distances)) + 1


def _deep(opened: Image.Image, data: bytes, notes: list[str]) -> tuple[np.ndarray | None, bool]:
    """Pixels (H, W) or (H, W, C), uint16 or float32, of a file of 16 bits, None of any other; and whether upright."""
    if opened.format == "TIFF":
        if opened.mode == "I":
            raise ImageError("holds 32-bit integers: save it with 16 bits")
        return tiff.read_deep(data, notes) if tiff.is_deep(data) else (None, False)
    if opened.format == "PPM" and opened.mode == "RGB" and (largest := _ppm_largest(data)) > 255:
        return _by_opencv(data, scale=65535 / largest), False
    if opened.format != "PNG" or data[24] != 16:
        return None, False
    stored = _by_opencv(data)
    if data[25] == 4:  # gray with alpha, which OpenCV gives as colour
        stored = stored[..., [0, 3]]
    return _with_clear_value(stored, data), False


def _by_opencv(data: bytes, scale: float = 1.0) -> np.ndarray:
    stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16:
        raise ImageError("holds 16 bits in a way that OpenCV cannot read: save it as PNG")
    if stored.ndim == 3:
        stored = stored[..., [2, 1, 0, 3][: stored.shape[2]]]  # BGR
    return stored if scale == 1 else np.rint(stored * scale).astype(np.uint16)


def _with_clear_value(stored: np.ndarray, data: bytes) -> np.ndarray:
    """With alpha where a PNG of 16 bits calls one colour clear (tRNS), which OpenCV forgets."""
    key = dict(beside.png_chunks(data)).get(b"tRNS", b"")
    stored = stored.reshape(*stored.shape[:2], -1)
    if len(key) != 2 * stored.shape[2]:
        return stored
    clear = (stored == np.frombuffer(key, ">u2")).all(-1, keepdims=True)
    return np.concatenate([stored, np.where(clear, 0, 65535).astype(np.uint16)], axis=-1)


def _ppm_largest(data: bytes) -> int:
    """The value that a PPM calls white."""
    words = re.sub(rb"#[^\n]*", b"", data[:1000]).split(maxsplit=4)
    return int(words[3]) if len(words) > 3 and words[3].isdigit() else 255


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
    """How the picture must be turned (EXIF's 1 to 8), and its camera data for the picture turned upright."""
    try:
        turn = opened.getexif().get(ExifTags.Base.Orientation, 1)
        whole = opened.info.get("exif")
        data = beside.mended_exif(whole) if whole else _rebuilt(opened)
    except Exception:  # written by many hands, and badly by some
        notes.append("its camera data (EXIF) are damaged and were left out")
        return 1, b""
    return turn if turn in range(1, 9) else 1, data


def _rebuilt(opened: Image.Image) -> bytes:
    """Camera data of a TIFF, where they stand between what describes how the file stores pixels."""
    return photograph_alone(opened.getexif())


def photograph_alone(old: Image.Exif) -> bytes:
    """EXIF as far as it is about the photograph, without what describes how a file stores pixels."""
    new = Image.Exif()
    new.update({tag: as_bytes(old[tag]) for tag in KEPT_TAGS & set(old)})
    for part in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        if old.get_ifd(part):
            new.get_ifd(part).update({tag: as_bytes(value) for tag, value in old.get_ifd(part).items()})
    data = new.tobytes()
    return b"" if len(data) == len(Image.Exif().tobytes()) else data


def as_bytes(value: Any) -> Any:
    """A text of EXIF as its bytes: Pillow reads them as Latin-1, whatever they are, but writes only ASCII."""
    return value.encode("latin-1", "ignore") if isinstance(value, str) else value


def _turned(stored: np.ndarray, turn: int) -> np.ndarray:
    """(H, W, C) turned upright as EXIF's orientation says; 5 to 8 exchange height and width."""
    if turn == 2:
        stored = stored[:, ::-1]
    if turn in (4, 5, 7):
        stored = stored[::-1]
    return np.rot90(stored, {3: 2, 5: -1, 6: -1, 7: 1, 8: 1}.get(turn, 0))
