"""Degradations of a photograph: blur, too few pixels, noise, JPEG; pure functions, and one `Degradation` of them all.

Images are float (..., H, W, C) in [0, 1]. `sigma` is in the same unit: what papers call sigma 25 is 25/255 here.
`rng` is a numpy.random.Generator. Results are float32 (`with_level` and `downscale_area` keep the image's dtype), and
clipped only on request: a sensor clips, theory does not.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np

from lessons_lib import images
from lessons_lib.images import ImageError

TASKS = ("denoise", "dejpeg", "deblur", "upscale")  # that undo a degradation: noise, JPEG, blur, too few pixels
BLURS = "write gaussian:1.6, defocus:3, motion:15@30 (pixels@degrees), or the path of a picture of the kernel"
LARGEST_KERNEL = 301  # pixels of a side: a blur beyond that leaves nothing to restore, and its kernel fills the memory
BORDERS = {
    "reflect": cv2.BORDER_REFLECT_101,
    "edge": cv2.BORDER_REPLICATE,
    "zero": cv2.BORDER_CONSTANT,
    "wrap": cv2.BORDER_WRAP,
}


def gaussian_noise(image: np.ndarray, sigma: float, rng: np.random.Generator, clip: bool = False) -> np.ndarray:
    """Add white Gaussian noise to an image.

    This is the "full noise" of the articles that the book grew from.

    Parameters
    ----------
    image : ndarray of float
        Image or batch (..., H, W, C), C = 1 or 3, in [0, 1].
    sigma : float
        Standard deviation of the noise, from 0 to 1; what papers call sigma 25 is 25/255 here.
    rng : numpy.random.Generator
        Source of the random numbers.
    clip : bool, default False
        Whether to clip the result to [0, 1].

    Returns
    -------
    ndarray
        Noisy image, float32, the shape of `image`.

    Raises
    ------
    ImageError
        If `image` is not valid, or `sigma` is negative, above 1 or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import degrade
    >>> clean = np.full((64, 64, 1), 0.5, np.float32)
    >>> noisy = degrade.gaussian_noise(clean, 25 / 255, np.random.default_rng(0))
    >>> noisy.shape, round(float(noisy.std()), 1)
    ((64, 64, 1), 0.1)
    """
    images.check(image)
    _check_sigma(sigma)
    noisy = image + sigma * rng.standard_normal(image.shape, dtype=np.float32)
    return (np.clip(noisy, 0, 1) if clip else noisy).astype(np.float32)


def region_noise(
    image: np.ndarray,
    sigma: float,
    rng: np.random.Generator,
    box: tuple[int, int, int, int],
    clip: bool = False,
) -> np.ndarray:
    """Add white Gaussian noise inside a box and leave the rest of the image as it is.

    Parameters
    ----------
    image : ndarray of float
        Image or batch (..., H, W, C), C = 1 or 3, in [0, 1].
    sigma : float
        Standard deviation of the noise, from 0 to 1.
    rng : numpy.random.Generator
        Source of the random numbers.
    box : tuple of int
        Top, left, height and width of the box in pixels; in a batch the same for every image.
    clip : bool, default False
        Whether to clip the values inside the box to [0, 1].

    Returns
    -------
    ndarray
        Partly noisy image, float32, the shape of `image`.

    Raises
    ------
    ImageError
        If `image` is not valid, the box is empty or leaves the image, or `sigma` is not in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import degrade
    >>> clean = np.full((4, 4, 1), 0.5, np.float32)
    >>> noisy = degrade.region_noise(clean, 0.1, np.random.default_rng(0), box=(1, 1, 2, 3))
    >>> (noisy != clean)[..., 0].astype(int).tolist()
    [[0, 0, 0, 0], [0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0]]
    """
    images.check(image)
    top, left, height, width = box
    if min(top, left) < 0 or min(height, width) < 1 or top + height > image.shape[-3] or left + width > image.shape[-2]:
        raise ImageError(f"box {box} (top, left, height, width) does not fit an image of shape {image.shape}")
    noisy = image.astype(np.float32)
    inside = (..., slice(top, top + height), slice(left, left + width), slice(None))
    noisy[inside] = gaussian_noise(image[inside], sigma, rng, clip)
    return noisy


def partial_noise(
    image: np.ndarray, sigma: float, rng: np.random.Generator, fraction: float = 0.25, clip: bool = False
) -> np.ndarray:
    """Add white Gaussian noise inside one box at a random place.

    This is the "part noise" of the articles that the book grew from.

    Parameters
    ----------
    image : ndarray of float
        Image or batch (..., H, W, C), C = 1 or 3, in [0, 1].
    sigma : float
        Standard deviation of the noise inside the box, from 0 to 1.
    rng : numpy.random.Generator
        Source of the place and of the noise.
    fraction : float, default 0.25
        Share of the area that the box covers, above 0 and up to 1; met up to the rounding of its sides, which are those
        of the image times the square root of `fraction`.
    clip : bool, default False
        Whether to clip the values inside the box to [0, 1].

    Returns
    -------
    ndarray
        Partly noisy image, float32, the shape of `image`; the images of a batch share the box.

    Raises
    ------
    ImageError
        If `image` is not valid, `fraction` is not above 0 and at most 1, or `sigma` is not in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import degrade
    >>> clean = np.full((8, 8, 1), 0.5, np.float32)
    >>> noisy = degrade.partial_noise(clean, 0.1, np.random.default_rng(0))
    >>> int((noisy != clean).sum())
    16
    """
    _check_fraction("fraction", fraction, lowest=1e-9)
    height, width = (max(1, round(side * math.sqrt(fraction))) for side in images.check(image).shape[-3:-1])
    top = int(rng.integers(image.shape[-3] - height + 1))
    left = int(rng.integers(image.shape[-2] - width + 1))
    return region_noise(image, sigma, rng, (top, left, height, width), clip)


def salt_and_pepper(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Replace a random share of the pixels by black or white.

    Both are equally likely, and all channels of a pixel change together.

    Parameters
    ----------
    image : ndarray of float
        Image or batch (..., H, W, C), C = 1 or 3, in [0, 1].
    amount : float
        The chance of each pixel to be replaced, from 0 to 1.
    rng : numpy.random.Generator
        Source of the random numbers.

    Returns
    -------
    ndarray
        Noisy image, float32, the shape of `image`.

    Raises
    ------
    ImageError
        If `image` is not valid or `amount` is not in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import degrade
    >>> clean = np.full((100, 100, 1), 0.5, np.float32)
    >>> noisy = degrade.salt_and_pepper(clean, 0.1, np.random.default_rng(0))
    >>> np.unique(noisy).tolist(), round(float((noisy != clean).mean()), 1)
    ([0.0, 0.5, 1.0], 0.1)
    """
    images.check(image)
    _check_fraction("amount", amount)
    draw = rng.random((*image.shape[:-1], 1), dtype=np.float32)
    return np.where(draw < amount / 2, 0, np.where(draw < amount, 1, image)).astype(np.float32)


def poisson_gaussian(
    image: np.ndarray, rng: np.random.Generator, photons: float, read_sigma: float = 0.0, clip: bool = False
) -> np.ndarray:
    """Add the noise of a camera: photon noise, which is Poisson, and Gaussian read-out noise.

    At brightness v the variance is v / photons + read_sigma^2 [1]_. Negative brightness counts as none.

    Parameters
    ----------
    image : ndarray of float
        Image or batch (..., H, W, C), C = 1 or 3, in [0, 1].
    rng : numpy.random.Generator
        Source of the random numbers.
    photons : float
        Mean number of photons that a white pixel counts, above 0; the fewer, the more noise.
    read_sigma : float, default 0.0
        Standard deviation of the read-out noise, from 0 to 1.
    clip : bool, default False
        Whether to clip the result to [0, 1].

    Returns
    -------
    ndarray
        Noisy image, float32, the shape of `image`.

    Raises
    ------
    ImageError
        If `image` is not valid, `photons` is not above 0, or `read_sigma` is not in [0, 1].

    References
    ----------
    .. [1] A. Foi, M. Trimeche, V. Katkovnik and K. Egiazarian, Practical Poissonian-Gaussian noise modeling and fitting
       for single-image raw-data, IEEE Transactions on Image Processing 17(10), 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import degrade
    >>> clean = np.full((64, 64, 1), 0.5, np.float32)
    >>> noisy = degrade.poisson_gaussian(clean, np.random.default_rng(0), photons=100)
    >>> round(float(noisy.std()), 2), round((0.5 / 100) ** 0.5, 2)
    (0.07, 0.07)
    """
    if not photons > 0:
        raise ImageError(f"photons is {photons}: give the mean count at white, a number above 0")
    counted = rng.poisson(np.maximum(images.check(image), 0) * photons) / photons
    return gaussian_noise(counted.astype(np.float32), read_sigma, rng, clip)


def correlated_noise(
    image: np.ndarray, sigma: float, rng: np.random.Generator, width: float | None = None, clip: bool = False
) -> np.ndarray:
    """Add Gaussian noise whose neighbouring values are correlated, as processing and resizing leave it.

    White noise is blurred with a Gaussian kernel, the same in each channel, and scaled back to `sigma`.

    Parameters
    ----------
    image : ndarray of float
        Image or batch (..., H, W, C), C = 1 or 3, in [0, 1].
    sigma : float
        Standard deviation of the noise, from 0 to 1.
    rng : numpy.random.Generator
        Source of the random numbers.
    width : float, optional
        Standard deviation of the blur in pixels, above 0. None draws it from 0.4 to 1.6, small ones as likely as large
        ones in proportion.
    clip : bool, default False
        Whether to clip the result to [0, 1].

    Returns
    -------
    ndarray
        Noisy image, float32, the shape of `image`.

    Raises
    ------
    ImageError
        If `image` is not valid, `sigma` is not in [0, 1], or `width` is not above 0 and finite.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import degrade
    >>> gray = np.full((64, 64, 1), 0.5, np.float32)
    >>> noise = degrade.correlated_noise(gray, 0.1, np.random.default_rng(0), width=1.0) - gray
    >>> left, right = noise[:, :-1].ravel(), noise[:, 1:].ravel()
    >>> round(float(noise.std()), 1), bool(np.corrcoef(left, right)[0, 1] > 0.7)
    (0.1, True)
    """
    images.check(image)
    _check_sigma(sigma)
    width = float(np.exp(rng.uniform(math.log(0.4), math.log(1.6)))) if width is None else width
    kernel = gaussian_kernel(2 * math.ceil(3 * width) + 1, width)
    white = rng.standard_normal(image.shape, dtype=np.float32)
    noisy = image + sigma / np.sqrt(np.square(kernel).sum()) * blur(white, kernel, "wrap")
    return (np.clip(noisy, 0, 1) if clip else noisy).astype(np.float32)


BAYER = (cv2.COLOR_BayerRGGB2RGB, cv2.COLOR_BayerRGGB2RGB_EA)  # demosaicing: bilinear, and edge-aware
MIDDLE, SLOPE = 0.214, 1.08  # light of middle gray in sRGB, and how much steeper than light its values rise there
BLACK, SPAN = 0.25, 1.5  # so that noise below black and above white survives 16 bits


def camera_noise(image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Add noise as a camera's developed file has it: stronger in some tones, and correlated in space and colour.

    The image is taken back to what a sensor sees, as in [1]_: the tone curve (sRGB) and a random white balance are
    undone, and one colour a pixel is kept (Bayer mosaic). Photon and read-out noise is added there. The mosaic is
    developed with and without it: demosaiced, white-balanced, encoded. Their difference is the noise, which is then
    smoothed or sharpened at random, its colour more than its brightness, as cameras do. The image itself is not
    developed, so it loses no resolution.

    Parameters
    ----------
    image : ndarray of float
        One image (H, W, C), C = 1 or 3, in [0, 1], with sides of 4 or more.
    sigma : float
        Standard deviation, from 0 to 1, that a green pixel of the mosaic at middle gray (0.5) would have in the
        developed file, if it were not mixed with its neighbours.
    rng : numpy.random.Generator
        Source of the noise, and of the camera: its white balance, demosaicing, share of read-out noise and processing.

    Returns
    -------
    ndarray
        Noisy image, float32, the shape of `image`; not clipped.

    Raises
    ------
    ImageError
        If `image` is not one valid image with sides of 4 or more, or `sigma` is not in [0, 1].

    References
    ----------
    .. [1] T. Brooks, B. Mildenhall, T. Xue, J. Chen, D. Sharlet and J. T. Barron, Unprocessing images for learned raw
       denoising, CVPR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import degrade
    >>> halves = np.full((64, 64, 3), 0.9, np.float32)
    >>> halves[:, :32] = 0.2
    >>> noise = degrade.camera_noise(halves, 0.1, np.random.default_rng(0)) - halves
    >>> bool(noise[:, :30].std() > noise[:, 34:].std())
    True
    """
    _check_sigma(sigma)
    if images.check(image).ndim != 3 or min(image.shape[:2]) < 4:
        raise ImageError(f"image has shape {image.shape}: camera_noise takes one image with sides of 4 or more")
    gains = np.array([rng.uniform(1.2, 2.4), 1, rng.uniform(1.2, 2.4)], np.float32)
    mosaic = _mosaic(_linear(np.clip(image, 0, 1)) / gains)
    spread = sigma / SLOPE
    read = rng.uniform(0, 0.9)  # share of the variance that is read-out noise
    photons = MIDDLE / max((1 - read) * spread**2, 1e-12)
    noisy = poisson_gaussian(mosaic[..., None], rng, photons, min(1.0, math.sqrt(read) * spread))[..., 0]
    demosaic = BAYER[rng.integers(len(BAYER))]
    noise = _developed(noisy, gains, demosaic) - _developed(mosaic, gains, demosaic)
    noise = _processed(noise, rng)
    return (image + (noise if image.shape[-1] == 3 else noise.mean(-1, keepdims=True))).astype(np.float32)


def _mosaic(colour: np.ndarray) -> np.ndarray:
    """One colour a pixel, (H, W): red, green / green, blue."""
    mosaic = colour[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = colour[::2, ::2, 0], colour[1::2, 1::2, 2]
    return mosaic


def _developed(mosaic: np.ndarray, gains: np.ndarray, demosaic: int) -> np.ndarray:
    """A mosaic as the camera writes it: (H, W, 3) in [0, 1]."""
    stored = np.clip((mosaic + BLACK) / SPAN * 65535 + 0.5, 0, 65535).astype(np.uint16)
    linear = cv2.demosaicing(stored, demosaic).astype(np.float32) / 65535 * SPAN - BLACK
    return _encoded(np.clip(linear * gains, 0, 1))


def _linear(encoded: np.ndarray) -> np.ndarray:
    """Light from the values of a file, by sRGB's curve (IEC 61966-2-1)."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _encoded(linear: np.ndarray) -> np.ndarray:
    """Values of a file from light: the inverse of `_linear`."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055).astype(np.float32)


def _processed(noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a camera's smoothing and sharpening make of its noise, (H, W, 3)."""
    light = noise.mean(-1, keepdims=True)
    colour = noise - light
    if rng.random() < 0.5:
        colour = cv2.GaussianBlur(colour, (0, 0), rng.uniform(0.5, 1.5))
    if (way := rng.random()) < 0.35:
        light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.3, 0.9))[..., None]
    elif way < 0.6:
        light = light + rng.uniform(0.2, 1.0) * (light - cv2.GaussianBlur(light, (0, 0), 1.0)[..., None])
    return light + colour


def with_level(image: np.ndarray, sigma: float) -> np.ndarray:
    """Append a channel that holds the noise level, for networks that take the level as an input.

    Parameters
    ----------
    image : ndarray of float
        Image or batch (..., H, W, C), C = 1 or 3.
    sigma : float
        The noise level, from 0 to 1; every value of the new channel.

    Returns
    -------
    ndarray
        Array of shape (..., H, W, C + 1) in the dtype of `image`.

    Raises
    ------
    ImageError
        If `image` is not valid or `sigma` is not in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import degrade
    >>> conditioned = degrade.with_level(np.zeros((4, 4, 3), np.float32), 0.25)
    >>> conditioned.shape, conditioned[0, 0].tolist()
    ((4, 4, 4), [0.0, 0.0, 0.0, 0.25])
    """
    images.check(image)
    _check_sigma(sigma)
    return np.concatenate([image, np.full_like(image[..., :1], sigma)], axis=-1)


def gaussian_kernel(size: int, sigma: float) -> np.ndarray:
    """Build a Gaussian blur kernel.

    Parameters
    ----------
    size : int
        Side of the kernel in pixels; odd, so that one pixel is the middle.
    sigma : float
        Standard deviation in pixels, above 0.

    Returns
    -------
    ndarray
        Kernel of shape (size, size), float32, sum 1.

    Raises
    ------
    ImageError
        If `size` is not odd, or `sigma` is not above 0 and finite.

    Examples
    --------
    >>> from lessons_lib import degrade
    >>> print(degrade.gaussian_kernel(3, 0.8).round(3))
    [[0.057 0.125 0.057]
     [0.125 0.272 0.125]
     [0.057 0.125 0.057]]
    """
    _check_odd(size)
    _check_sigma(sigma, largest=math.inf)
    if sigma == 0:
        raise ImageError("sigma is 0: a Gaussian kernel needs a sigma above 0")
    line = cv2.getGaussianKernel(size, sigma, cv2.CV_64F)
    return (line @ line.T).astype(np.float32)


def motion_kernel(length: int, angle: float) -> np.ndarray:
    """Build the blur kernel of a camera that moves along a straight line at constant speed.

    The kernel is a line one pixel wide through the middle, rotated with bilinear interpolation.

    Parameters
    ----------
    length : int
        Length of the line, and side of the kernel, in pixels; odd, so that one pixel is the middle.
    angle : float
        Direction of the motion in degrees, counter-clockwise from the right: 0 is horizontal, 90 vertical.

    Returns
    -------
    ndarray
        Kernel of shape (length, length), float32, sum 1.

    Raises
    ------
    ImageError
        If `length` is not an odd number of 1 or more.

    Examples
    --------
    >>> from lessons_lib import degrade
    >>> print(degrade.motion_kernel(5, 0).round(2))
    [[0.  0.  0.  0.  0. ]
     [0.  0.  0.  0.  0. ]
     [0.2 0.2 0.2 0.2 0.2]
     [0.  0.  0.  0.  0. ]
     [0.  0.  0.  0.  0. ]]
    >>> print(degrade.motion_kernel(3, 90).round(2))
    [[0.   0.33 0.  ]
     [0.   0.33 0.  ]
     [0.   0.33 0.  ]]
    """
    _check_odd(length)
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1
    turn = cv2.getRotationMatrix2D((length // 2, length // 2), angle, 1)
    kernel = cv2.warpAffine(line, turn, (length, length))
    return kernel / kernel.sum()


def shake_kernel(size: int, rng: np.random.Generator, moments: int = 400) -> np.ndarray:
    """Build a random blur kernel of a hand that shakes during the exposure.

    The velocity of the camera is white Gaussian noise, smoothed with a Hann window of a third of the `moments`; its
    running sum is the path. The path is shifted so that its mean is in the middle of the kernel, and scaled so that its
    largest vertical or horizontal distance from there is size // 2 - 1 pixels. Each moment then adds the same amount of
    light, shared bilinearly between the four pixels around the point where the camera is.

    Parameters
    ----------
    size : int
        Side of the kernel in pixels; odd, 5 or more.
    rng : numpy.random.Generator
        Source of the path.
    moments : int, default 400
        Number of points that sample the path, 9 or more.

    Returns
    -------
    ndarray
        Kernel of shape (size, size), float32, sum 1.

    Raises
    ------
    ImageError
        If `size` is even or below 5, or `moments` is below 9.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import degrade
    >>> kernel = degrade.shake_kernel(7, np.random.default_rng(0))
    >>> kernel.shape, round(float(kernel.sum()), 3)
    ((7, 7), 1.0)

    The centre of mass is the middle pixel, so the blurred image does not move.

    >>> rows, columns = np.indices(kernel.shape)
    >>> round(float((rows * kernel).sum()), 3), round(float((columns * kernel).sum()), 3)
    (3.0, 3.0)
    """
    _check_odd(size)
    if size < 5 or moments < 9:
        raise ImageError(f"size {size} and moments {moments}: a path needs a size of 5 and 9 moments, or more")
    window = np.hanning(moments // 3)
    pushes = rng.standard_normal((2, moments + len(window) - 1))
    speed = np.stack([np.convolve(line, window, "valid") for line in pushes])
    path = np.cumsum(speed, 1)
    path -= path.mean(1, keepdims=True)
    path *= (size // 2 - 1) / np.abs(path).max()
    corner = np.floor(path).astype(int)
    down, right = path - corner
    kernel = np.zeros((size, size))
    for i, tall in enumerate((1 - down, down)):
        for j, wide in enumerate((1 - right, right)):
            np.add.at(kernel, tuple(corner + size // 2 + [[i], [j]]), tall * wide)
    return (kernel / moments).astype(np.float32)


def defocus_kernel(radius: float) -> np.ndarray:
    """Build the blur kernel of a lens that is out of focus: a disc.

    A pixel on the edge of the disc is weighted by the part of it that the disc covers.

    Parameters
    ----------
    radius : float
        Radius of the disc in pixels, above 0.

    Returns
    -------
    ndarray
        Square kernel with sides of 2 ceil(radius) + 1 pixels, float32, sum 1.

    Raises
    ------
    ImageError
        If `radius` is not above 0 and finite.

    Examples
    --------
    >>> from lessons_lib import degrade
    >>> print(degrade.defocus_kernel(1).round(3))
    [[0.026 0.145 0.026]
     [0.145 0.315 0.145]
     [0.026 0.145 0.026]]
    >>> degrade.defocus_kernel(2.5).shape
    (7, 7)
    """
    if not 0 < radius < math.inf:
        raise ImageError(f"radius is {radius}: give a number of pixels above 0")
    half, fine = math.ceil(radius), 16
    at = (np.arange((2 * half + 1) * fine) + 0.5) / fine - half - 0.5
    disc = (at[:, None] ** 2 + at**2 <= radius**2).astype(np.float32)
    kernel = disc.reshape(2 * half + 1, fine, 2 * half + 1, fine).mean((1, 3))
    return kernel / kernel.sum()


def kernel_from(text: str | bytes) -> np.ndarray:
    """Build a blur kernel from its description, as people type it.

    Parameters
    ----------
    text : str or bytes
        "gaussian:S" with the standard deviation S in pixels, up to 50; "defocus:R" with the radius R, up to 150;
        "motion:L@A" with the length L, an odd number of pixels up to 301, and the direction A in degrees
        (`motion_kernel`); or the path of a picture of the kernel, or the bytes of that file, whose gray values are its
        weights.

    Returns
    -------
    ndarray
        Kernel with odd sides, float32, sum 1.

    Raises
    ------
    ImageError
        If the text is none of these, a number is out of range, or the picture cannot be read or is black.
    FileNotFoundError
        If there is no file at that path.

    Examples
    --------
    >>> from lessons_lib import degrade
    >>> degrade.kernel_from("gaussian:1.6").shape, degrade.kernel_from("motion:15@30").shape
    ((11, 11), (15, 15))
    """
    if isinstance(text, bytes):
        return _drawn_kernel(text, "the picture")
    kind, _, numbers = text.partition(":")
    half = LARGEST_KERNEL // 2
    try:
        if kind == "gaussian" and numbers:
            deviation = _typed("its standard deviation", numbers, half // 3)
            return gaussian_kernel(2 * math.ceil(3 * deviation) + 1, deviation)
        if kind == "defocus" and numbers:
            return defocus_kernel(_typed("its radius", numbers, half))
        if kind == "motion" and numbers:
            length, at, angle = numbers.partition("@")
            return motion_kernel(_typed_length(length), _typed_angle(angle) if at else 0.0)
    except ImageError as error:
        raise ImageError(f"blur is {text!r}: {error}") from error
    except ValueError as error:
        raise ImageError(f"blur is {text!r}: {BLURS}") from error
    if "." not in text:
        raise ImageError(f"blur is {text!r}: {BLURS}")
    return _drawn_kernel(text, text)


def _typed(name: str, text: str, largest: int) -> float:
    """A number of pixels as people type it."""
    value = float(text)
    if not 0 < value <= largest:
        raise ImageError(f"{name} is {value:g}: give a number of pixels above 0, at most {largest}")
    return value


def _typed_length(text: str) -> int:
    length = int(text)
    if not 0 < length <= LARGEST_KERNEL or length % 2 == 0:  # odd, so that one pixel is the middle
        raise ImageError(f"its length is {length}: give an odd number of pixels, 1 to {LARGEST_KERNEL}")
    return length


def _typed_angle(text: str) -> float:
    angle = float(text)
    if not math.isfinite(angle):
        raise ImageError(f"its direction is {text}: give degrees, such as 30")
    return angle


def _drawn_kernel(source: str | bytes, name: str) -> np.ndarray:
    """The kernel that a picture shows."""
    kernel = images.read(source, "gray")[..., 0]
    if max(kernel.shape) > LARGEST_KERNEL:
        height, width = kernel.shape
        raise ImageError(f"{name} has {width} x {height} pixels: a kernel has sides of at most {LARGEST_KERNEL}")
    if not kernel.max() > 0:
        raise ImageError(f"{name} is black: a picture of a kernel is bright where light went")
    kernel = np.pad(kernel, [(0, 1 - side % 2) for side in kernel.shape])
    return (kernel / kernel.sum()).astype(np.float32)


def blur(image: np.ndarray, kernel: np.ndarray, border: str = "reflect") -> np.ndarray:
    """Blur an image by convolving each of its channels with a kernel.

    This is a true convolution: the kernel is flipped, so that a single white pixel becomes a copy of it. Convolutional
    layers of networks and ``cv2.filter2D`` do not flip it.

    Parameters
    ----------
    image : ndarray of float
        Image or batch (..., H, W, C), C = 1 or 3.
    kernel : ndarray of float
        Two-dimensional kernel with odd sides; with sum 1 it leaves flat areas as they are.
    border : {"reflect", "edge", "zero", "wrap"}, default "reflect"
        What lies outside the image: its mirror image about the border pixels (which are not repeated), the border
        pixels repeated, black, or the opposite side of the image.

    Returns
    -------
    ndarray
        Blurred image, float32, the shape of `image`.

    Raises
    ------
    ImageError
        If `image` is not valid, `kernel` is not two-dimensional or has an even side, or `border` is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import degrade
    >>> point = np.zeros((5, 5, 1), np.float32)
    >>> point[2, 2] = 1
    >>> kernel = np.float32([[0.5, 0.25, 0], [0.25, 0, 0], [0, 0, 0]])
    >>> blurred = degrade.blur(point, kernel)
    >>> bool(np.array_equal(blurred[1:4, 1:4, 0], kernel))
    True
    """
    images.check(image)
    if border not in BORDERS:
        raise ImageError(f"border is {border!r}: choose one of {', '.join(BORDERS)}")
    if kernel.ndim != 2:
        raise ImageError(f"kernel has shape {kernel.shape}: give a 2-D array")
    for side in kernel.shape:
        _check_odd(side)
    mirrored = np.ascontiguousarray(kernel[::-1, ::-1], np.float32)
    pads = [side // 2 for side in kernel.shape]
    flat = image.reshape(-1, *image.shape[-3:]).astype(np.float32)
    return np.stack([_filter(one, mirrored, pads, BORDERS[border]) for one in flat]).reshape(image.shape)


def _filter(image: np.ndarray, mirrored: np.ndarray, pads: list[int], border: int) -> np.ndarray:
    # Padded by hand because filter2D knows no wrap, and on images smaller than the kernel only NumPy reflects twice.
    (top, left), (height, width) = pads, image.shape[:2]
    modes: dict[int, Literal["reflect", "edge", "wrap", "constant"]]
    modes = {cv2.BORDER_REFLECT_101: "reflect", cv2.BORDER_REPLICATE: "edge", cv2.BORDER_WRAP: "wrap"}
    padded = np.pad(image, ((top, top), (left, left), (0, 0)), modes.get(border, "constant"))
    blurred = cv2.filter2D(padded, cv2.CV_32F, mirrored).reshape(padded.shape)
    return blurred[top : top + height, left : left + width]


def downscale_area(image: np.ndarray, scale: float) -> np.ndarray:
    """Shrink one image; each new pixel is the mean of the area that it covers.

    Parameters
    ----------
    image : ndarray of float
        One image (H, W, C), C = 1 or 3.
    scale : float
        New side divided by old side, above 0 and up to 1.

    Returns
    -------
    ndarray
        Image whose sides are round(side * scale), at least 1, in the dtype of `image`.

    Raises
    ------
    ImageError
        If `image` is not one valid image, or `scale` is not above 0 and at most 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import degrade
    >>> checkerboard = np.float32([[0, 1, 0, 1], [1, 0, 1, 0]])[..., None]
    >>> degrade.downscale_area(checkerboard, 0.5).ravel().tolist()
    [0.5, 0.5]
    """
    _check_fraction("scale", scale, lowest=1e-9)
    height, width = (max(1, round(side * scale)) for side in images.check(image).shape[:2])
    return images.resize(image, (height, width), "area")


def imresize(image: np.ndarray, scale: float | None = None, size: tuple[int, int] | None = None) -> np.ndarray:
    """Resize an image by bicubic interpolation, with the result of MATLAB's ``imresize``.

    The interpolation kernel is the cubic of Keys [1]_ with a = -0.5. When the image shrinks, the kernel is widened in
    proportion, which removes the frequencies that would alias. Super-resolution papers make their small images this
    way; OpenCV's ``INTER_CUBIC`` uses another cubic and does not widen it. Exactly one of `scale` and `size` must be
    given.

    Parameters
    ----------
    image : ndarray of float
        Image or batch (..., H, W, C), C = 1 or 3.
    scale : float, optional
        New side divided by old side, above 0; the new sides are ceil(side * scale).
    size : tuple of int, optional
        The new height and width in pixels, each 1 or more.

    Returns
    -------
    ndarray
        Image of shape (..., height, width, C), float32; not clipped, so it may overshoot [0, 1] beside edges.

    Raises
    ------
    ImageError
        If `image` is not valid, if both or neither of `scale` and `size` are given, or if one of them is out of range.

    References
    ----------
    .. [1] R. G. Keys, Cubic convolution interpolation for digital image processing, IEEE Transactions on Acoustics,
       Speech, and Signal Processing 29(6), 1981.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import degrade
    >>> image = np.ones((5, 8, 3), np.float32)
    >>> degrade.imresize(image, scale=0.5).shape
    (3, 4, 3)
    >>> enlarged = degrade.imresize(image, size=(10, 10))
    >>> enlarged.shape, bool(np.allclose(enlarged, 1))
    ((10, 10, 3), True)
    """
    images.check(image)
    if (scale is None) == (size is None):
        raise ImageError("imresize takes either scale or size, not both and not neither")
    if scale is not None and not 0 < scale < math.inf:
        raise ImageError(f"scale is {scale}: give a number above 0")
    sides = image.shape[-3:-1]
    new_sides = size or tuple(math.ceil(side * scale - 1e-9) for side in sides)
    if min(new_sides) < 1:
        raise ImageError(f"size is {size}: give a height and a width of 1 or more")
    rows, columns = (_cubic_weights(old, new, scale or new / old) for old, new in zip(sides, new_sides, strict=True))
    # One small product a line of pixels: a single large one would go to threads, which costs more than it saves.
    wide = columns @ image.astype(np.float64)
    return (rows @ wide.swapaxes(-3, -2)).swapaxes(-3, -2).astype(np.float32)


@functools.lru_cache(maxsize=32)
def _cubic_weights(old: int, new: int, scale: float) -> np.ndarray:
    """Matrix (new, old) that resizes a line of pixels; rows sum to 1."""
    stretch = min(scale, 1.0)  # shrinking widens the kernel: that is the antialiasing
    reach = 2 / stretch
    centre = (np.arange(new) + 0.5) / scale - 0.5
    taps = np.floor(centre - reach)[:, None].astype(int) + np.arange(math.ceil(2 * reach) + 2)
    weights = _cubic((centre[:, None] - taps) * stretch)
    weights /= weights.sum(1, keepdims=True)
    matrix = np.zeros((new, old))
    np.add.at(matrix, (np.arange(new)[:, None], images.mirror(taps, old)), weights)  # as MATLAB goes on at the border
    return matrix


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel (1981), a = -0.5."""
    x = np.abs(x)
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0))


def _check_sigma(sigma: float, largest: float = 1.0) -> None:
    if not 0 <= sigma < math.inf:
        raise ImageError(f"sigma is {sigma}: give a number of 0 or more")
    if sigma > largest:
        raise ImageError(f"sigma is {sigma}, but images are in [0, 1]: for sigma {sigma:g} of 255 write {sigma:g}/255")


def _check_odd(size: int) -> None:
    if size != int(size) or size < 1 or size % 2 == 0:
        raise ImageError(f"kernel size is {size}: use an odd number (1, 3, 5 ...), so that one pixel is the middle")


def _check_fraction(name: str, value: float, lowest: float = 0.0) -> None:
    if not lowest <= value <= 1:
        raise ImageError(f"{name} is {value}: give a number {'above 0' if lowest else 'from 0'} to 1")


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """Store one image as a JPEG in memory and read it back.

    Values are clipped to [0, 1] first, as in any file of 8 bits. Colour is kept at half the resolution, as cameras do.

    Parameters
    ----------
    image : ndarray of float
        One image (H, W, C), C = 1 or 3, in [0, 1].
    quality : int
        Quality of the JPEG, from 1 (worst) to 100.

    Returns
    -------
    ndarray
        Compressed image, float32 in [0, 1], the shape of `image`.

    Raises
    ------
    ImageError
        If `image` is not one valid image, or `quality` is not a whole number from 1 to 100.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import degrade
    >>> image = np.random.default_rng(0).random((16, 16, 3), dtype=np.float32)
    >>> errors = [float(np.abs(degrade.jpeg(image, quality) - image).mean()) for quality in (10, 90)]
    >>> errors[0] > errors[1] > 0
    True
    """
    if quality != int(quality) or not 1 <= quality <= 100:
        raise ImageError(f"quality is {quality}: give a whole number from 1 to 100")
    stored = images.to_uint8(image)
    if stored.ndim != 3:
        raise ImageError(f"jpeg takes one image (H, W, C), got shape {stored.shape}")
    _, data = cv2.imencode(".jpg", stored[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR if stored.shape[-1] == 3 else cv2.IMREAD_GRAYSCALE)
    assert decoded is not None  # it was encoded the line before
    return images.to_float(decoded.reshape(stored.shape)[..., ::-1])


@dataclasses.dataclass(frozen=True)
class NoiseKind:
    """One kind of noise, as `NOISES` lists them: how it is added, and what its level means.

    Parameters
    ----------
    add : callable
        Function (image, level, rng) that returns the noisy image, float32 and not clipped.
    sigma : callable
        Function (level) that returns the standard deviation of the noise at middle gray (0.5), which is what a
        restoration method may know of it.
    level : callable
        Function (sigma) that returns the level whose noise has this standard deviation, above 0.
    unit : str
        What the level counts, for messages.

    Examples
    --------
    >>> from lessons_lib import degrade
    >>> kind = degrade.NOISES["salt-and-pepper"]
    >>> kind.unit, round(kind.sigma(0.04), 3)
    ('share of the pixels, 0 to 1', 0.1)
    """

    add: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
    sigma: Callable[[float], float]
    level: Callable[[float], float]
    unit: str


def _same(value: float) -> float:
    return value


NOISES: dict[str, NoiseKind] = {
    "gaussian": NoiseKind(gaussian_noise, _same, _same, "standard deviation, 0 to 1"),
    "correlated": NoiseKind(correlated_noise, _same, _same, "standard deviation, 0 to 1"),
    "camera": NoiseKind(camera_noise, _same, _same, "standard deviation at middle gray, 0 to 1"),
    "partial": NoiseKind(partial_noise, _same, _same, "standard deviation in a quarter of the area, 0 to 1"),
    "salt-and-pepper": NoiseKind(
        salt_and_pepper,
        lambda level: math.sqrt(level) / 2,
        lambda sigma: min(1.0, 4 * sigma**2),
        "share of the pixels, 0 to 1",
    ),
    "poisson": NoiseKind(
        lambda image, level, rng: poisson_gaussian(image, rng, level),
        lambda level: math.sqrt(0.5 / level),
        lambda sigma: 0.5 / sigma**2,
        "photons at white, above 0",
    ),
}
# Blurs by name, always the same; and kinds of blur, of which a draw makes one.
KERNELS: dict[str, Callable[[], np.ndarray]] = {
    "gaussian-3x3": lambda: gaussian_kernel(3, 0.8),
    "gaussian-1.6": lambda: gaussian_kernel(13, 1.6),
    "motion-15": lambda: motion_kernel(15, 30),
    "defocus-3": lambda: defocus_kernel(3),
}
RANDOM_KERNELS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "gaussian": lambda rng: gaussian_kernel(15, rng.uniform(0.4, 2.4)),
    "motion": lambda rng: motion_kernel(2 * int(rng.integers(1, 8)) + 1, rng.uniform(0, 180)),
    "shake": lambda rng: shake_kernel(2 * int(rng.integers(3, 9)) + 1, rng),
}


@dataclasses.dataclass(frozen=True)
class DegradationInfo:
    """What a restoration method may know about a degradation.

    Parameters
    ----------
    sigma : float, default 0.0
        Standard deviation of the noise, for images in [0, 1].
    kernel : ndarray of float, optional
        The blur kernel, (odd, odd), sum 1; None without a blur.
    scale : int, default 1
        How many times smaller the image became.
    jpeg : int, optional
        Quality of the JPEG as which it was stored, as its tables say; None for no JPEG.

    Examples
    --------
    >>> from lessons_lib import degrade
    >>> info = degrade.DegradationInfo(sigma=0.1)
    >>> info.sigma, info.kernel, info.scale
    (0.1, None, 1)
    """

    sigma: float = 0.0
    kernel: np.ndarray | None = None
    scale: int = 1
    jpeg: int | None = None


@dataclasses.dataclass(frozen=True)
class Degradation:
    """A degradation of clean images, applied in the order in which a camera does it.

    The steps are blur, downscaling, noise, clipping, rounding and JPEG. Call the object on a clean image to apply it.

    Parameters
    ----------
    kernel : ndarray of float, optional
        Blur kernel, (odd, odd), sum 1; None for no blur.
    scale : int, default 1
        How many times smaller the image becomes, by `imresize`. The small image is rounded to 8 bits, as papers store
        it.
    noise : str, default "gaussian"
        The kind of noise, a key of `NOISES`.
    level : float, default 0.0
        The level of the noise in the unit of its kind (`NoiseKind.unit`); 0 for none. Of "poisson", which counts
        photons, a higher level is less noise.
    clip : bool, default False
        Whether to clip the noisy image to [0, 1], as a sensor does.
    quantise : bool, default False
        Whether to clip and round to 8 bits, as a file does.
    jpeg : int, optional
        Quality of the JPEG as which the image is stored, 1 to 100; None for no JPEG.

    Raises
    ------
    ImageError
        If `noise` is unknown, `scale` is not a whole number of 1 or more, or `level` is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import degrade
    >>> degradation = degrade.Degradation(kernel=degrade.gaussian_kernel(3, 0.8), scale=2, level=5 / 255, clip=True)
    >>> clean = np.ones((8, 12, 3), np.float32)
    >>> degraded = degradation(clean, np.random.default_rng(0))
    >>> degraded.shape, float(degraded.max())
    ((4, 6, 3), 1.0)
    >>> degradation.info.scale
    2
    """

    kernel: np.ndarray | None = None
    scale: int = 1
    noise: str = "gaussian"
    level: float = 0.0
    clip: bool = False
    quantise: bool = False
    jpeg: int | None = None

    def __post_init__(self) -> None:
        if self.noise not in NOISES:
            raise ImageError(f"noise is {self.noise!r}: choose one of {', '.join(NOISES)}")
        if self.scale != int(self.scale) or self.scale < 1:
            raise ImageError(f"scale is {self.scale}: give a whole number of 1 or more")
        if not 0 <= self.level < math.inf:
            raise ImageError(f"level is {self.level}: give the {NOISES[self.noise].unit}, or 0 for no noise")

    def __call__(self, clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Degrade a clean image.

        Parameters
        ----------
        clean : ndarray of float
            Image or batch (..., H, W, C), C = 1 or 3, in [0, 1]; one image (H, W, C) where `jpeg` is set.
        rng : numpy.random.Generator
            Source of the noise.

        Returns
        -------
        ndarray
            Degraded image, float32; its sides are those of `clean`, or ceil(side / scale).

        Raises
        ------
        ImageError
            If `clean` is not valid, or a step refuses its setting: a kernel with an even side, a level above 1 for
            "gaussian", a quality above 100.

        Examples
        --------
        >>> import numpy as np
        >>> from lessons_lib import degrade
        >>> degradation = degrade.Degradation(scale=2)
        >>> degradation(np.zeros((5, 8, 1), np.float32), np.random.default_rng(0)).shape
        (3, 4, 1)
        """
        degraded = images.check(clean, "clean")
        if self.kernel is not None:
            degraded = blur(degraded, self.kernel)
        if self.scale > 1:
            degraded = _stored(imresize(degraded, 1 / self.scale))
        if self.level:
            degraded = NOISES[self.noise].add(degraded, self.level, rng)
        if self.clip:
            degraded = np.clip(degraded, 0, 1)
        if self.quantise:
            degraded = _stored(degraded)
        return (degraded if self.jpeg is None else jpeg(degraded, self.jpeg)).astype(np.float32, copy=False)

    @property
    def info(self) -> DegradationInfo:
        """What a restoration method may know about this degradation, as a `DegradationInfo`."""
        sigma = NOISES[self.noise].sigma(self.level) if self.level else 0.0
        return DegradationInfo(sigma, self.kernel, self.scale, self.jpeg)


def _stored(image: np.ndarray) -> np.ndarray:
    """Rounded to 8 bits, as float again."""
    return images.to_float(images.to_uint8(image))
