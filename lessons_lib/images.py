"""What an image is in this book: float32 in [0, 1], shape (height, width, channels), channels 1 (gray) or 3 (RGB).

uint8 and BGR exist only at the file and at the screen: `read` and `write` are the border.
"""

from __future__ import annotations

import io
import os
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from lessons_lib.native import native_stderr_off, told_of_damage

METHODS = {
    "nearest": cv2.INTER_NEAREST_EXACT,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
    "area": cv2.INTER_AREA,
}
# BT.601: how much each of red, green and blue adds to the brightness that we see.
LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
ORIENTATION = 0x0112  # EXIF's tag
LONGEST_NAME = 255  # bytes of a file's name
ELSEWHERE = "read it with lessons_lib.image_io.read, or save it as PNG"


class ImageError(ValueError):
    """An array or a file that is not an image in the sense of this book.

    The message says what is wrong and what to do about it.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import images
    >>> images.check(np.zeros((4, 4, 3), np.uint8))
    Traceback (most recent call last):
        ...
    lessons_lib.images.ImageError: image has dtype uint8, not a float in [0, 1]: convert it with images.to_float
    """


def check(image: np.ndarray, name: str = "image") -> np.ndarray:
    """Return `image` unchanged if it is a valid image or batch of images.

    Valid means: a floating-point array, finite, not empty, with 1 or 3 channels on the last axis. Values outside [0, 1]
    pass, because a noisy image has them.

    Parameters
    ----------
    image : ndarray of float
        The array to check, of shape (..., H, W, C) with C = 1 (gray) or 3 (RGB).
    name : str, default "image"
        What to call the array in the error message.

    Returns
    -------
    ndarray
        The same array, not a copy.

    Raises
    ------
    ImageError
        If `image` is not an array, has no floating-point dtype or another shape, is empty, or holds NaN or infinite
        values. The message names what is wrong and how to mend it.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import images
    >>> images.check(np.zeros((4, 6, 3), np.float32)).shape
    (4, 6, 3)
    >>> images.check(np.full((4, 6, 1), np.nan))
    Traceback (most recent call last):
        ...
    lessons_lib.images.ImageError: image holds 24 values that are NaN or infinite: find where they arise before going on
    """
    if not isinstance(image, np.ndarray):
        raise ImageError(f"{name} is a {type(image).__name__}, not a NumPy array: convert it with np.asarray")
    if image.dtype.kind != "f":
        raise ImageError(f"{name} has dtype {image.dtype}, not a float in [0, 1]: convert it with images.to_float")
    if image.ndim < 3 or image.shape[-1] not in (1, 3):
        raise ImageError(
            f"{name} has shape {image.shape}, not (height, width, channels) with 1 or 3 channels: "
            "give a gray image a last axis with image[..., None]; drop alpha with image[..., :3]"
        )
    if image.size == 0:
        raise ImageError(f"{name} is empty: its shape is {image.shape}")
    if not np.isfinite(image).all():
        bad = int((~np.isfinite(image)).sum())
        raise ImageError(f"{name} holds {bad} values that are NaN or infinite: find where they arise before going on")
    return image


def to_float(stored: np.ndarray) -> np.ndarray:
    """Convert stored integer values to float32 in [0, 1].

    Parameters
    ----------
    stored : ndarray of uint8 or uint16
        Values as files hold them, 0 to 255 or 0 to 65,535; any shape.

    Returns
    -------
    ndarray
        The values divided by 255 or 65,535: float32 in [0, 1], the shape of `stored`.

    Raises
    ------
    ImageError
        If the dtype is neither uint8 nor uint16.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import images
    >>> images.to_float(np.array([0, 51, 255], np.uint8)).round(2).tolist() == np.float32([0, 0.2, 1]).tolist()
    True
    """
    if stored.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"to_float takes uint8 or uint16, got {stored.dtype}")
    return stored.astype(np.float32) / np.iinfo(stored.dtype).max


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Convert a float image to 8 bits: clip it to [0, 1], scale it to 255 and round to nearest.

    Parameters
    ----------
    image : ndarray of float
        Image or batch (..., H, W, C), C = 1 or 3; nominally in [0, 1].

    Returns
    -------
    ndarray
        The same shape as uint8, 0 to 255.

    Raises
    ------
    ImageError
        If `image` does not pass `check`, for instance because it holds NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import images
    >>> image = np.array([-0.1, 0.2, 1.3]).reshape(1, 3, 1)
    >>> images.to_uint8(image).ravel().tolist()
    [0, 51, 255]
    """
    return np.rint(np.clip(check(image), 0, 1) * 255).astype(np.uint8)


def read(path: str | os.PathLike | bytes, mode: str = "rgb") -> np.ndarray:
    """Read an image file as float32 in [0, 1].

    The file may hold 8 or 16 bits per channel, gray or RGB, with or without alpha; a transparent image is laid over
    white. A picture is turned upright as its EXIF data say, unless it has an alpha channel. What OpenCV would read
    wrongly without a word is refused; `image_io.read` knows such files.

    Parameters
    ----------
    path : str, os.PathLike or bytes
        The file, or its content, in any format that OpenCV decodes: PNG, JPEG, TIFF, WebP, BMP and others.
    mode : {"rgb", "gray", "stored"}, default "rgb"
        Which channels to return: always RGB, always gray (see `to_gray`), or as many as the file has, with any alpha
        removed as described above.

    Returns
    -------
    ndarray
        Image of shape (H, W, 3) for "rgb", (H, W, 1) for "gray", and either of them for "stored"; float32 in [0, 1].

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImageError
        If the file is empty, damaged, too large (179 megapixels) or not an image, if it does not hold 8 or 16 bits per
        channel or is of a kind that OpenCV misreads, or if `mode` is unknown.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lessons_lib import images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "white.png"
    ...     images.write(path, np.ones((2, 3, 1), np.float32))
    ...     white = images.read(path)
    ...     stored = images.read(path, mode="stored")
    >>> white.shape, stored.shape, float(white.min())
    ((2, 3, 3), (2, 3, 1), 1.0)
    """
    if mode not in ("rgb", "gray", "stored"):
        raise ImageError(f"mode is {mode!r}: choose 'rgb', 'gray' or 'stored'")
    name, data = ("the picture", path) if isinstance(path, bytes) else (str(path), _bytes_of(Path(path)))
    if not data:
        raise ImageError(f"{name} is empty (0 bytes): copy or download it again")
    if _is_cut_short(data):
        raise ImageError(f"{name} is cut short ({len(data)} bytes, no end mark): copy or download it again")
    with native_stderr_off() as said:
        if reason := _unfit(data):
            raise ImageError(f"{name} {reason}")
        stored, one_channel = _decoded(data)
        if told_of_damage(said()):
            raise ImageError(f"{name} is damaged inside: copy or download it again")
    if stored is None:
        raise ImageError(
            f"{name} is damaged, or not an image that OpenCV can decode (PNG, JPEG, TIFF, WebP, BMP ...): "
            "lessons_lib.image_io.read reads more, and says what a file is"
        )
    if stored.dtype not in (np.uint8, np.uint16) or (stored.dtype == np.uint16 and data[4:8] == b"ftyp"):
        raise ImageError(f"{name} holds values of another depth than 8 or 16 bits: {ELSEWHERE}")
    image = to_float(stored)
    if image.shape[2] == 4:
        alpha = image[..., 3:]
        image = image[..., :3] * alpha + (1 - alpha)
    image = np.ascontiguousarray(image[..., ::-1])  # files come as BGR
    if mode == "stored" and one_channel:
        return image[..., :1]
    return to_gray(image) if mode == "gray" else image


def _bytes_of(path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"no file at {path.absolute()}: check the spelling and the folder you run in")
    return path.read_bytes()  # not cv2.imread: it cannot open every path on Windows


def _decoded(data: bytes) -> tuple[np.ndarray | None, bool]:
    """What OpenCV reads, or None, and whether the file has one channel."""
    try:
        stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        one_channel = stored is not None and stored.ndim == 2
        if stored is not None and (stored.ndim == 2 or stored.shape[2] != 4):  # upright by EXIF, unless it has alpha
            stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error:
        return None, False
    return stored, one_channel


def _unfit(data: bytes) -> str:
    """Why OpenCV would read a file wrongly without a word, and the way out; "" if it would not.

    Pillow reads no more of it than its head.
    """
    is_tiff = data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
    try:
        picture = Image.open(io.BytesIO(data))
        several = getattr(picture, "n_frames", 1) > 1 and picture.format != "MPO"  # a phone's by-products
        lying = picture.getexif().get(ORIENTATION, 1) in range(2, 9)
    except Image.DecompressionBombError:
        return f"has more than {2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6} megapixels: cut it into parts first"
    except Exception:  # OpenCV knows kinds that Pillow does not, but not of this format
        return f"is a TIFF of a kind that OpenCV reads wrongly: {ELSEWHERE}" if is_tiff else ""
    if several:
        return f"holds {picture.n_frames} images: save the one you want as PNG"  # type: ignore[attr-defined]
    clear_value = picture.mode in ("1", "L", "I;16", "I") and "transparency" in picture.info
    if clear_value or (picture.format in ("GIF", "BMP") and picture.has_transparency_data):
        return f"is transparent in a way that OpenCV forgets: {ELSEWHERE}"
    if picture.format == "PPM" and not re.match(rb"P([14]|[2356]\s+\d+\s+\d+\s+(255|65535))\s", data[:100]):
        return f"has a white that OpenCV does not know, or remarks in its head: {ELSEWHERE}"
    if is_tiff and _tiff_misread(picture.tag_v2):  # type: ignore[attr-defined]
        return f"is a TIFF whose order, sense or transparency OpenCV misreads: {ELSEWHERE}"
    if lying and picture.format == "AVIF":
        return f"lies on its side, which OpenCV does not see in an AVIF: {ELSEWHERE}"
    said = picture.tag_v2 if is_tiff else Image.Exif()  # type: ignore[attr-defined]
    if lying and not is_tiff:
        said.load(picture.info.get("exif", b""))
    if lying and ORIENTATION not in said:
        return f"lies on its side by a mark that OpenCV does not know (XMP): {ELSEWHERE}"
    return ""


def _tiff_misread(tags: Mapping[int, Any]) -> bool:
    """Whether OpenCV gives wrong pixels for a TIFF with these tags: found by trying it on every kind."""
    deep = max(tags.get(258, (1,))) > 8
    colours = 1 if tags.get(262) in (0, 1, 3) else 4 if tags.get(262) == 5 else 3
    clear = tags.get(277, 1) > colours and not (deep and tags.get(338) == (2,) and colours == 3)
    return clear or (deep and (tags.get(284) == 2 or tags.get(262) == 0)) or bool(tags.get(254, 0) & 1)


def _is_cut_short(data: bytes) -> bool:
    """Whether a PNG or JPEG lacks its end mark; OpenCV would fill the missing part with gray and say nothing."""
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data[-4096:]
    if not data.startswith(b"\xff\xd8\xff"):
        return False
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] != b"\xda":  # past the thumbnail, which has a mark too
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return b"\xff\xd9" not in data[at:]  # phones append films after it


def write(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write a float image to a file with 8 bits per channel.

    The file appears whole or not at all.

    Parameters
    ----------
    path : str or os.PathLike
        Where to write; the suffix names the format: .png, .jpg, .tiff, .webp or another one that OpenCV encodes.
    image : ndarray of float
        One image (H, W, C), C = 1 or 3, in [0, 1]; values outside are clipped.

    Raises
    ------
    ImageError
        If `image` is not one valid image or the suffix is unknown.
    OSError
        If the disk refuses.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lessons_lib import images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "gray.png"
    ...     images.write(path, np.full((2, 3, 3), 0.2, np.float32))
    ...     again = images.read(path)
    >>> again.shape, round(float(again.mean()), 2)
    ((2, 3, 3), 0.2)
    """
    path = Path(path)
    stored = to_uint8(image)
    if stored.ndim != 3:
        raise ImageError(f"write takes one image (H, W, C), got shape {stored.shape}")
    try:
        done, data = cv2.imencode(path.suffix, stored[..., ::-1])
    except cv2.error as error:
        raise ImageError(f"{path} ends in {path.suffix!r}: use .png, .jpg, .tiff or .webp") from error
    if not done:
        raise ImageError(f"{path} could not be encoded from shape {stored.shape}")
    write_atomic(path, data.tobytes())


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all.

    The bytes go to a temporary file in the same folder, which then replaces `path`.

    Parameters
    ----------
    path : pathlib.Path
        Where to write; an existing file is replaced.
    data : bytes
        The content.

    Raises
    ------
    OSError
        If the disk refuses; nothing is left behind.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lessons_lib import images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     images.write_atomic(Path(folder) / "note.txt", b"pixels")
    ...     [(file.name, file.read_bytes()) for file in Path(folder).iterdir()]
    [('note.txt', b'pixels')]
    """
    part = part_of(path)
    try:
        part.write_bytes(data)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def part_of(path: Path) -> Path:
    """Name the temporary file that stands beside `path` until it is whole.

    Parameters
    ----------
    path : pathlib.Path
        Where the whole file will stand.

    Returns
    -------
    pathlib.Path
        A hidden file in the same folder: a point, the name, the number of this process and "part". A name that leaves
        no room for them, as file systems allow 255 bytes, is shortened to its beginning and a checksum.

    Examples
    --------
    >>> from pathlib import Path
    >>> from lessons_lib import images
    >>> images.part_of(Path("note.txt")).name.startswith(".note.txt.")
    True
    >>> len(images.part_of(Path(250 * "n")).name) < 255
    True
    """
    name, end = path.name, f".{os.getpid()}.part"  # not tempfile: its files are for the owner's eyes only
    if len(os.fsencode(name)) + len(end) + 1 > LONGEST_NAME:
        short = os.fsencode(name)[: LONGEST_NAME - len(end) - 12].decode("utf-8", "ignore")
        name = f"{short}~{zlib.crc32(os.fsencode(name)):08x}"
    return path.with_name(f".{name}{end}")


def to_gray(image: np.ndarray) -> np.ndarray:
    """Convert an RGB image to gray, with the luma weights of BT.601.

    The gray value is 0.299 R + 0.587 G + 0.114 B [1]_. A gray image stays as it is.

    Parameters
    ----------
    image : ndarray of float
        Image or batch (..., H, W, C), C = 1 or 3.

    Returns
    -------
    ndarray
        Brightness of shape (..., H, W, 1), in the dtype and range of `image`.

    Raises
    ------
    ImageError
        If `image` does not pass `check`.

    References
    ----------
    .. [1] ITU-R, Recommendation BT.601-7: Studio encoding parameters of digital television for standard 4:3 and wide
       screen 16:9 aspect ratios, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import images
    >>> red_green_blue = np.eye(3).reshape(1, 3, 3)
    >>> images.to_gray(red_green_blue).ravel().round(3).tolist()
    [0.299, 0.587, 0.114]
    """
    if check(image).shape[-1] == 1:
        return image
    return (image @ LUMA_WEIGHTS.astype(image.dtype))[..., None]


def luma(image: np.ndarray) -> np.ndarray:
    """Return the Y channel on which super-resolution papers compute their scores.

    It is the Y of MATLAB's ``rgb2ycbcr``: black becomes 16/255 and white 235/255.

    Parameters
    ----------
    image : ndarray of float
        Image or batch (..., H, W, C), C = 1 or 3, in [0, 1].

    Returns
    -------
    ndarray
        Luma of shape (..., H, W, 1) in [16/255, 235/255], in the dtype of `image`.

    Raises
    ------
    ImageError
        If `image` does not pass `check`.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import images
    >>> black_and_white = np.array([0.0, 1.0]).reshape(1, 2, 1)
    >>> (255 * images.luma(black_and_white)).ravel().round(3).tolist()
    [16.0, 235.0]
    """
    return 16 / 255 + to_gray(image) * np.float32(219 / 255)


def resize(image: np.ndarray, size: tuple[int, int], method: str = "area") -> np.ndarray:
    """Resize one image with OpenCV.

    Use "area" to shrink, because it averages and so does not alias, and the other methods to enlarge.

    Parameters
    ----------
    image : ndarray of float
        One image (H, W, C), C = 1 or 3.
    size : tuple of int
        The new height and width in pixels, each 1 or more.
    method : {"nearest", "bilinear", "bicubic", "lanczos", "area"}, default "area"
        How new values are computed; the keys of `METHODS`.

    Returns
    -------
    ndarray
        Image of shape (height, width, C) in the dtype of `image`; not clipped: "bicubic" and "lanczos" may overshoot.

    Raises
    ------
    ImageError
        If `image` is not one valid image, a side of `size` is below 1 or `method` is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import images
    >>> checkerboard = np.array([[0, 1], [1, 0]], np.float32)[..., None]
    >>> images.resize(checkerboard, (1, 1)).tolist()
    [[[0.5]]]
    >>> images.resize(checkerboard, (4, 6), "nearest").shape
    (4, 6, 1)
    """
    if method not in METHODS:
        raise ImageError(f"method is {method!r}: choose one of {', '.join(METHODS)}")
    height, width = size
    if check(image).ndim != 3 or height < 1 or width < 1:
        raise ImageError(
            f"cannot resize shape {image.shape} to {height} x {width}: give one image and a size of 1 or more"
        )
    resized = cv2.resize(image, (width, height), interpolation=METHODS[method])
    return resized.reshape(height, width, image.shape[2])  # OpenCV drops a single channel


def mirror(indices: np.ndarray, length: int) -> np.ndarray:
    """Map the indices of a line continued by mirroring back into the line.

    Both ends are mirrored so that the border pixel occurs twice: index -1 becomes 0, and -2 becomes 1.

    Parameters
    ----------
    indices : ndarray of int
        Indices of any size, negative or beyond the end; any shape.
    length : int
        Number of pixels of the line.

    Returns
    -------
    ndarray
        Indices from 0 to `length` - 1, of the shape of `indices`.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import images
    >>> images.mirror(np.arange(-3, 7), 4).tolist()
    [2, 1, 0, 0, 1, 2, 3, 3, 2, 1]
    """
    folded = indices % (2 * length)
    return np.where(folded < length, folded, 2 * length - 1 - folded)


def center_crop(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cut the middle out of an image.

    Parameters
    ----------
    image : ndarray
        Image or batch (..., H, W, C).
    size : tuple of int
        Height and width of the cut in pixels.

    Returns
    -------
    ndarray
        View of shape (..., height, width, C).

    Raises
    ------
    ImageError
        If the image is smaller than `size`.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import images
    >>> image = np.arange(16).reshape(4, 4, 1)
    >>> images.center_crop(image, (2, 2))[..., 0].tolist()
    [[5, 6], [9, 10]]
    """
    height, width = image.shape[-3:-1]
    if size[0] > height or size[1] > width:
        raise ImageError(f"cannot crop {size[0]} x {size[1]} out of {height} x {width}")
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    return image[..., top : top + size[0], left : left + size[1], :]


def crop_to_multiple(image: np.ndarray, multiple: int) -> np.ndarray:
    """Cut the bottom and the right so that both sides are multiples of a number.

    Papers on super-resolution call this "modcrop".

    Parameters
    ----------
    image : ndarray
        Image or batch (..., H, W, C).
    multiple : int
        The number of pixels that must divide the height and the width.

    Returns
    -------
    ndarray
        View of shape (..., H - H % multiple, W - W % multiple, C).

    Raises
    ------
    ImageError
        If a side of the image is shorter than `multiple`.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import images
    >>> images.crop_to_multiple(np.zeros((9, 14, 3)), 4).shape
    (8, 12, 3)
    """
    height, width = (side - side % multiple for side in image.shape[-3:-1])
    if not height or not width:
        raise ImageError(f"an image of shape {image.shape} has no {multiple} x {multiple} block to keep")
    return image[..., :height, :width, :]
