"""What an image is in this book: float32 in [0, 1], shape (height, width, channels), channels 1 (gray) or 3 (RGB).

uint8 and BGR exist only at the file and at the screen: `read` and `write` are the border.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

METHODS = {
    "nearest": cv2.INTER_NEAREST_EXACT,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
    "area": cv2.INTER_AREA,
}
# BT.601: how much each of red, green and blue adds to the brightness that we see.
LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
# Both formats say where they end; a file cut short lacks the mark, and OpenCV would fill the rest with gray.


class ImageError(ValueError):
    """An array or a file that is not an image as this book means it. The message says what to do."""


def check(image: np.ndarray, name: str = "image") -> np.ndarray:
    """Return `image` unchanged if it is float, finite, not empty and shaped (..., H, W, 1 or 3).

    Values outside [0, 1] pass: a noisy image has them. Raises ImageError that names what is wrong and the way out.
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
    """Stored uint8 (0..255) or uint16 (0..65535) values as float32 in [0, 1]. Raises ImageError for other dtypes."""
    if stored.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"to_float takes uint8 or uint16, got {stored.dtype}")
    return stored.astype(np.float32) / np.iinfo(stored.dtype).max


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Float image as uint8: clipped to [0, 1], scaled to 255 and rounded to nearest. Raises ImageError for NaN."""
    return np.rint(np.clip(check(image), 0, 1) * 255).astype(np.uint8)


def read(path: str | os.PathLike, mode: str = "rgb") -> np.ndarray:
    """Read an image file as float32 (H, W, 3) for mode "rgb", (H, W, 1) for "gray"; "stored": as the file has it.

    Takes 8 and 16 bits, gray, RGB and alpha (laid over white), and turns the picture upright as its EXIF says.
    Raises FileNotFoundError, or ImageError if the file is empty, cut short or no image.
    """
    if mode not in ("rgb", "gray", "stored"):
        raise ImageError(f"mode is {mode!r}: choose 'rgb', 'gray' or 'stored'")
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file at {path.absolute()}: check the spelling and the folder you run in")
    data = path.read_bytes()  # not cv2.imread: it cannot open every path on Windows
    if not data:
        raise ImageError(f"{path} is empty (0 bytes): copy or download it again")
    if _is_cut_short(data):
        raise ImageError(f"{path} is cut short ({len(data)} bytes, no end mark): copy or download it again")
    try:
        stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        one_channel = stored is not None and stored.ndim == 2
        if stored is not None and (stored.ndim == 2 or stored.shape[2] != 4):  # upright by EXIF, unless it has alpha
            stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:
        raise ImageError(f"{path} cannot be decoded: {error}") from error
    if stored is None:
        raise ImageError(f"{path} is not an image that OpenCV can decode (PNG, JPEG, TIFF, WebP, BMP ...)")
    image = to_float(stored)
    if image.shape[2] == 4:
        alpha = image[..., 3:]
        image = image[..., :3] * alpha + (1 - alpha)
    image = np.ascontiguousarray(image[..., ::-1])  # files come as BGR
    if mode == "stored" and one_channel:
        return image[..., :1]
    return to_gray(image) if mode == "gray" else image


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
    """Write a float image (H, W, 1 or 3) as 8 bits; the suffix names the format.

    The file appears whole or not at all. Raises ImageError for a bad array or an unknown suffix, OSError if the disk
    refuses.
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
    write_whole(path, data.tobytes())


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all. Raises OSError if the disk refuses."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")  # not tempfile: its files are for the owner's eyes only
    try:
        part.write_bytes(data)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def to_gray(image: np.ndarray) -> np.ndarray:
    """Brightness (..., 1) of an RGB image (..., 3): 0.299 R + 0.587 G + 0.114 B (BT.601). Gray stays as it is."""
    if check(image).shape[-1] == 1:
        return image
    return (image @ LUMA_WEIGHTS.astype(image.dtype))[..., None]


def luma(image: np.ndarray) -> np.ndarray:
    """The Y channel (..., 1) that super-resolution papers score: MATLAB's rgb2ycbcr, 16 to 235 of 255 for [0, 1]."""
    return 16 / 255 + to_gray(image) * np.float32(219 / 255)


def resize(image: np.ndarray, size: tuple[int, int], method: str = "area") -> np.ndarray:
    """Resize one image (H, W, C) to size (height, width) with OpenCV; `method` is a key of METHODS.

    Use "area" to shrink (it averages, so it does not alias), the others to enlarge. Raises ImageError.
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


def center_crop(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The middle (height, width) of an image (..., H, W, C). Raises ImageError if the image is smaller."""
    height, width = image.shape[-3:-1]
    if size[0] > height or size[1] > width:
        raise ImageError(f"cannot crop {size[0]} x {size[1]} out of {height} x {width}")
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    return image[..., top : top + size[0], left : left + size[1], :]


def crop_to_multiple(image: np.ndarray, multiple: int) -> np.ndarray:
    """Cut the bottom and the right so that height and width are multiples of `multiple` ("modcrop" in papers)."""
    height, width = (side - side % multiple for side in image.shape[-3:-1])
    if not height or not width:
        raise ImageError(f"an image of shape {image.shape} has no {multiple} x {multiple} block to keep")
    return image[..., :height, :width, :]
