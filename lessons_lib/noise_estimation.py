"""Estimation of the noise of an image: white noise from the image alone, other noise from what a network finds."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable

import cv2
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
MIDDLE = 1024  # pixels of the side of what is searched for blocks
WINDOW = 15  # pixels of the side over which local noise is measured
BINS = 6  # of brightness
SMOOTH, SMOOTHEST = 20, 5  # percentiles of local noise: what smooth places show, and the smoothest
QUIET, PLAIN = 0.65 / 255, 1.12 / 255  # in the smoothest places: less is no noise, more is nothing but noise
STRONG = 3 / 255  # so much noise over all is no texture, however little there is in the smoothest places
ALLOWANCE = 1.15  # by how much noise may exceed that of smooth places
BESIDE_CLIPPED = 1.5  # times the strongest noise found is allowed where values are clipped and show it in part
FEW = 0.01  # share of places below which those that are not clipped say nothing of the others
BLOCK, STEP = 8, 1.3  # pixels of the side of JPEG's blocks; how much rougher their borders are, where they show
COARSE = 7 / 255  # amplitude below which a JPEG of quality 50 cannot be relied on
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


def jpeg_amplitude(quality: int) -> float:
    """Return the amplitude below which a JPEG may have wiped out, or added, what there was.

    It follows the factor by which libjpeg scales its standard tables; for quality 50 it is 7 gray levels.

    Parameters
    ----------
    quality : int
        Quality, 1 to 100.

    Returns
    -------
    float
        Amplitude in units of float images; 0 for quality 100.

    Examples
    --------
    >>> from lessons_lib.noise_estimation import jpeg_amplitude
    >>> [round(255 * jpeg_amplitude(quality), 1) for quality in (25, 50, 90)]
    [14.0, 7.0, 1.4]
    """
    return COARSE * (50 / quality if quality < 50 else 2 - quality / 50)


def shows_blocks(image: np.ndarray) -> bool:
    """Tell whether the borders of JPEG's blocks show in an image, whatever file it was stored in since.

    At a border between blocks of 8 x 8 pixels the values jump a little, in smooth places above all. So the mean of the
    third differences is largest in every eighth row and column. A picture that was cut keeps its blocks; one that was
    resized has none left.

    Parameters
    ----------
    image : ndarray
        Image (H, W, 1 or 3): float, nominally in [0, 1], or stored values of dtype uint8 or uint16. Of a large image,
        its middle is looked at.

    Returns
    -------
    bool
        True if one row in eight, and one column in eight, is clearly rougher than the others.

    Examples
    --------
    >>> from lessons_lib import datasets, degrade
    >>> from lessons_lib.noise_estimation import shows_blocks
    >>> photo = datasets.photo("coffee")
    >>> shows_blocks(photo), shows_blocks(degrade.jpeg(photo, 50))
    (False, True)
    """
    if min(image.shape[:2]) < 8 * BLOCK:
        return False
    height, width = (min(side, MIDDLE) for side in image.shape[:2])
    part = images.center_crop(image, (height, width))
    part = part if part.dtype.kind == "f" else images.to_float(part)
    plane = part.mean(axis=2, dtype=np.float64)
    stands_out = 1.0
    for along in (plane, plane.T):
        rough = np.abs(np.diff(along, 3, axis=0)).mean(axis=1)
        rough = rough[: len(rough) // BLOCK * BLOCK].reshape(-1, BLOCK).mean(axis=0)  # by the place in a block
        stands_out *= rough.max() / max(float(np.median(rough)), 1e-6)
    return bool(math.sqrt(stands_out) > STEP)


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


@dataclasses.dataclass(frozen=True)
class NoiseFound:
    """How strong the noise of an image is, at each brightness, as `found_noise` measures it.

    Parameters
    ----------
    brightness : tuple of float
        Brightnesses in [0, 1], in ascending order.
    levels : tuple of float
        Standard deviation of the noise in smooth places of each brightness, in [0, 1].
    least : float
        Standard deviation of the noise in the smoothest places.
    correlation : float
        Correlation of the noise of neighbouring pixels, from -1 to 1; that of white noise is about 0.
    clipped : float, default 0.0
        Share of the values, 0 to 1, that are black or white and so show their noise in part.

    Examples
    --------
    >>> from lessons_lib.noise_estimation import NoiseFound
    >>> found = NoiseFound((0.2, 0.8), (8 / 255, 4 / 255), least=3 / 255, correlation=0.4)
    >>> found.share, round(255 * found.sigma)
    (1.0, 6)
    """

    brightness: tuple[float, ...]
    levels: tuple[float, ...]
    least: float
    correlation: float
    clipped: float = 0.0

    @property
    def sigma(self) -> float:
        """Standard deviation of the noise in smooth places, over all brightnesses."""
        return float(np.sqrt(np.mean(np.square(self.levels))))

    @property
    def share(self) -> float:
        """How much of the noise found should be taken out, 0 to 1: of very little noise, some may be fine texture."""
        share = min(1.0, max(0.0, (self.least - QUIET) / (PLAIN - QUIET)))
        return 1.0 if share > 0 and self.sigma > STRONG else share

    def limited(self, image: np.ndarray, noise: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Return an estimate of the noise that nowhere exceeds that of smooth places by much.

        A network takes some fine texture for noise. But noise of one brightness is as strong everywhere, so what is
        stronger than in smooth places is texture.

        Parameters
        ----------
        image : ndarray
            Noisy image (H, W, C), float.
        noise : ndarray
            Estimate of its noise, the same shape.
        strength : float, default 1.0
            Factor of the largest noise that is allowed.

        Returns
        -------
        ndarray
            The estimate, float32, made smaller where it is too large.

        Examples
        --------
        >>> import numpy as np
        >>> from lessons_lib.noise_estimation import NoiseFound
        >>> found = NoiseFound((0.5,), (0.01,), least=0.01, correlation=0.0)
        >>> noise = np.full((20, 20, 1), 0.1, np.float32)
        >>> round(float(found.limited(np.full_like(noise, 0.5), noise).max()), 3)
        0.012
        """
        allowed = ALLOWANCE * np.interp(_local_mean(image.mean(-1)), self.brightness, self.levels)
        allowed = strength * np.where(_clipped(image), BESIDE_CLIPPED * max(self.levels), allowed)
        share = np.minimum(1, allowed / np.maximum(_local_noise(noise), 1e-6))
        return (noise * share[..., None]).astype(np.float32)


def found_noise(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> NoiseFound:
    """Measure noise from parts of an image and from what a denoiser would remove of them.

    In smooth places a blind denoiser removes noise alone, elsewhere some texture too. So the local noise, measured over
    15 x 15 pixels, is taken at its 20th percentile for each of six ranges of brightness. Places where values are
    clipped or constant do not count: they show no noise, however much there is. Where hardly any others are left, as
    in a picture of the night, what shows in clipped ones has to do.

    Parameters
    ----------
    pairs : iterable of tuple of ndarray
        Parts (H, W, C) of the image, float in [0, 1], and the noise that a denoiser finds in each, the same shape.

    Returns
    -------
    NoiseFound
        What was found.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.noise_estimation import found_noise
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(0, 5 / 255, (96, 96, 3)).astype(np.float32)
    >>> found = found_noise([(0.5 + noise, noise)])
    >>> round(255 * found.sigma, 1), found.share
    (4.9, 1.0)
    """
    tones, locals_, beside, ends, products, powers = [], [], [], [], 0.0, 1e-12
    for image, noise in pairs:
        kept = _varied(image)
        tones.append(_local_mean(image.mean(-1))[kept])
        locals_.append(_local_noise(noise)[kept])
        beside.append(_clipped(image)[kept])
        ends.append(np.mean((image <= 0) | (image >= 1)))
        products += float((noise[:, 1:] * noise[:, :-1]).sum() + (noise[1:] * noise[:-1]).sum()) / 2
        powers += float(np.square(noise).sum())
    tone, local, cut = (np.concatenate(parts) for parts in (tones, locals_, beside))
    if tone.size == 0:
        return NoiseFound((0.5,), (0.0,), 0.0, 0.0)
    if np.mean(~cut) > FEW:
        tone, local = tone[~cut], local[~cut]
    ranges = np.array_split(np.argsort(tone), min(BINS, tone.size))  # each of as many pixels
    brightness = [float(tone[inside].mean()) for inside in ranges]
    levels = [float(np.percentile(local[inside], SMOOTH)) for inside in ranges]
    least = float(np.percentile(local, SMOOTHEST))
    return NoiseFound(tuple(brightness), tuple(levels), least, products / powers, float(np.mean(ends)))


def _local_mean(plane: np.ndarray) -> np.ndarray:
    return cv2.blur(plane.astype(np.float32), (WINDOW, WINDOW))


def _local_noise(noise: np.ndarray) -> np.ndarray:
    """Root mean square (H, W) of noise (H, W, C) around each pixel."""
    return np.sqrt(np.maximum(_local_mean(np.square(noise).mean(-1)), 0))


def _varied(image: np.ndarray) -> np.ndarray:
    """Where (H, W) not nearly all pixels around are equal."""
    gray = image.mean(-1)
    steps = np.zeros(gray.shape, np.float32)
    steps[:, 1:] = gray[:, 1:] != gray[:, :-1]
    return _local_mean(steps) > 0.05


def _clipped(image: np.ndarray) -> np.ndarray:
    """Where (H, W) more than a few pixels around are black or white in some channel."""
    return _local_mean(np.any((image <= 0) | (image >= 1), axis=-1)) > CLIPPED
