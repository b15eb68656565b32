"""How strong the noise of a picture is, told from the picture alone."""

from __future__ import annotations

import functools
import math

import numpy as np
from scipy import stats

from lessons_lib import images
from lessons_lib.images import ImageError

SIDE = 7  # of a patch
PATCHES = 60_000  # at most, on a grid over the whole picture
FEWEST = 2 * SIDE**2  # fewer do not make a covariance
CLIPPED = 0.05  # patches with a larger share of black or white pixels are left out: their noise was cut off
SURE = 1 - 1e-6  # share of the patches of pure noise that pass for smooth
ROUNDS = 3
MORE, LITTLE = 1.25, 2 / 255  # brightness always shows a little more: its texture


def estimate_sigma(image: np.ndarray) -> float:
    """Standard deviation of the white noise of a picture (H, W, 1 or 3), in [0, 1]; one number for all channels.

    Smooth patches of 7 x 7 pixels vary in few directions, noise in all alike: the least eigenvalue of the covariance of
    smooth patches is the variance of the noise. A patch is smooth if its neighbouring pixels differ no more than noise
    of the level found so far makes them; three rounds suffice (Liu, Tanaka and Okutomi, 2013).

    Of a colour picture red minus blue is looked at, over the square root of 2: it has the same noise and hardly a
    texture. But a JPEG keeps little of it, and gray stored as colour nothing. So where brightness, the sum of the
    channels over the square root of 3, shows clearly more noise, its level counts.

    `image` may hold stored values, uint8 or uint16. Memory does not grow with the picture: at most 60,000 patches are
    looked at. Noise whose neighbours are alike, such as an enlarged picture's, is taken for much less than it is; a
    picture below some 16 x 16 pixels tells nothing, and gets 0. Raises ImageError for a shape that is no picture's.
    """
    if image.ndim != 3 or image.shape[-1] not in (1, 3) or image.size == 0:
        raise ImageError(f"image has shape {image.shape}: give one image (H, W, 1) or (H, W, 3)")
    if min(image.shape[:2]) < SIDE:
        return 0.0
    patches = _patches(image)
    if image.shape[-1] == 1:
        return _of_plane(patches[:, 0])
    colour = _of_plane((patches[:, 0] - patches[:, 2]) / np.float32(math.sqrt(2)))
    brightness = _of_plane(patches.sum(1) / np.float32(math.sqrt(3)))
    return brightness if brightness > MORE * colour + LITTLE else colour


def _patches(image: np.ndarray) -> np.ndarray:
    """Patches (N, C, SIDE, SIDE) float32, the clipped ones left out."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (SIDE, SIDE), axis=(0, 1))
    step = math.ceil(math.sqrt(windows.shape[0] * windows.shape[1] / PATCHES))
    found = np.ascontiguousarray(windows[::step, ::step]).reshape(-1, image.shape[2], SIDE, SIDE)
    found = found.astype(np.float32, copy=False) if found.dtype.kind == "f" else images.to_float(found)
    clipped = ((found == 0) | (found == 1)).any(1).mean((1, 2)) > CLIPPED
    return found[~clipped] if (~clipped).sum() >= 2 * FEWEST else found


def _of_plane(patches: np.ndarray) -> float:
    """The noise of patches (N, SIDE, SIDE) of one plane."""
    rough = sum(np.square(np.diff(patches, axis=axis)).sum((1, 2)) for axis in (1, 2))
    rows = patches.reshape(len(patches), -1)
    sigma = _least(rows) if len(rows) >= FEWEST else 0.0
    for _ in range(ROUNDS):
        smooth = rows[rough < _roughness() * sigma**2]
        if len(smooth) < FEWEST:
            break
        sigma = _least(smooth)
    return sigma


def _least(rows: np.ndarray) -> float:
    """Square root of the least eigenvalue of the covariance of the rows.

    Of n rows of d numbers of pure noise it would be too low by the factor 1 - sqrt(d / n) (Marchenko, Pastur, 1967).
    """
    centred = rows - rows.mean(0)
    values = np.linalg.eigvalsh((centred.T @ centred).astype(np.float64) / len(rows))
    return float(np.sqrt(max(values[0], 0.0)) / (1 - math.sqrt(rows.shape[1] / len(rows))))


@functools.cache
def _roughness() -> float:
    """How large the sum of squared differences in a patch of noise of sigma 1 gets: a gamma law of equal moments."""
    differences = np.diff(np.eye(SIDE), axis=0)
    line, one = differences.T @ differences, np.eye(SIDE)
    both = np.kron(line, one) + np.kron(one, line)
    mean, variance = np.trace(both), 2 * np.square(both).sum()
    return float(stats.gamma.ppf(SURE, mean**2 / variance, scale=variance / mean))
