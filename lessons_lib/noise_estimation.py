"""Estimation of the noise level of an image from the image alone."""

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
    """Estimate the standard deviation of the white noise in an image.

    The method works on patches of 7 x 7 pixels [1]_. The content of smooth patches varies in few directions, noise
    varies in all directions alike, so the smallest eigenvalue of the covariance of the smooth patches is the variance
    of the noise. A patch counts as smooth if its neighbouring pixels differ no more than noise of the current estimate
    explains; three rounds suffice. Patches with many black or white pixels are left out, because their noise was
    clipped.

    In a colour image the difference of red and blue over sqrt(2) is analysed: its noise has the same standard
    deviation, and it has hardly any texture. JPEG compression removes most noise from it, however, and gray stored as
    colour has none there. So where the brightness, the sum of the channels over sqrt(3), shows clearly more noise, its
    level is returned.

    Memory does not grow with the image: about 60,000 patches are analysed at most, more only in strips a few pixels
    high. Noise whose neighbouring values are correlated, such as that of an upscaled image, is underestimated by far.
    An image below about 16 x 16 pixels has too few patches, and the estimate is 0.

    Parameters
    ----------
    image : ndarray
        Image (H, W, 1 or 3): float, nominally in [0, 1], or stored values of dtype uint8 or uint16.

    Returns
    -------
    float
        Standard deviation of the noise, one number for all channels, 0 or more, in units of float images: what papers
        call sigma 25 is 25/255.

    Raises
    ------
    ImageError
        If the shape is not that of an image, or `image` is empty.

    References
    ----------
    .. [1] X. Liu, M. Tanaka and M. Okutomi, "Single-Image Noise Level Estimation for Blind Denoising", 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.noise_estimation import estimate_sigma
    >>> noisy = np.random.default_rng(0).normal(0.5, 25 / 255, (192, 192, 3))
    >>> round(255 * estimate_sigma(noisy))
    25
    >>> estimate_sigma(np.zeros((8, 8, 1)))
    0.0
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
    """Square root of the smallest eigenvalue of the covariance of the rows.

    For n rows of d numbers of pure noise it would be too low by the factor 1 - sqrt(d / n) (Marchenko, Pastur, 1967).
    """
    centred = rows - rows.mean(0)
    values = np.linalg.eigvalsh((centred.T @ centred).astype(np.float64) / len(rows))
    return float(np.sqrt(max(values[0], 0.0)) / (1 - math.sqrt(rows.shape[1] / len(rows))))


@functools.cache
def _roughness() -> float:
    """Upper bound of the sum of squared differences in a patch of noise of sigma 1: a gamma law of equal moments."""
    differences = np.diff(np.eye(SIDE), axis=0)
    line, one = differences.T @ differences, np.eye(SIDE)
    both = np.kron(line, one) + np.kron(one, line)
    mean, variance = np.trace(both), 2 * np.square(both).sum()
    return float(stats.gamma.ppf(SURE, mean**2 / variance, scale=variance / mean))
