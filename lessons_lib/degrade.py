"""What spoils a photograph: noise, blur, too few pixels. Pure functions of (image, parameters, rng).

Images are float (..., H, W, C) in [0, 1]. `sigma` is in the same unit: what papers call sigma 25 is 25/255 here.
`rng` is a numpy.random.Generator. Results are float32, and clipped only on request: a sensor clips, theory does not.
"""

from __future__ import annotations

import functools
import math

import cv2
import numpy as np

from lessons_lib import images
from lessons_lib.images import ImageError

BORDERS = {
    "reflect": cv2.BORDER_REFLECT_101,
    "edge": cv2.BORDER_REPLICATE,
    "zero": cv2.BORDER_CONSTANT,
    "wrap": cv2.BORDER_WRAP,
}


def gaussian_noise(image: np.ndarray, sigma: float, rng: np.random.Generator, clip: bool = False) -> np.ndarray:
    """Add white Gaussian noise of standard deviation `sigma` (the articles' full noise)."""
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
    """Gaussian noise inside box = (top, left, height, width) only. Raises ImageError if the box leaves the image."""
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
    """Gaussian noise in one box, placed at random, of about `fraction` of the area (the articles' part noise)."""
    _check_fraction("fraction", fraction, lowest=1e-9)
    height, width = (max(1, round(side * math.sqrt(fraction))) for side in images.check(image).shape[-3:-1])
    top = int(rng.integers(image.shape[-3] - height + 1))
    left = int(rng.integers(image.shape[-2] - width + 1))
    return region_noise(image, sigma, rng, (top, left, height, width), clip)


def salt_and_pepper(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Replace a share `amount` of the pixels, all channels at once, by black or white with equal chance."""
    images.check(image)
    _check_fraction("amount", amount)
    draw = rng.random((*image.shape[:-1], 1), dtype=np.float32)
    return np.where(draw < amount / 2, 0, np.where(draw < amount, 1, image)).astype(np.float32)


def poisson_gaussian(
    image: np.ndarray, rng: np.random.Generator, photons: float, read_sigma: float = 0.0, clip: bool = False
) -> np.ndarray:
    """Camera noise: white is `photons` photons on average, counted (Poisson), plus read-out noise `read_sigma`.

    The variance at brightness v is v / photons + read_sigma^2 (Foi et al., 2008). Negative brightness counts as none.
    """
    if not photons > 0:
        raise ImageError(f"photons is {photons}: give the mean count at white, a number above 0")
    counted = rng.poisson(np.maximum(images.check(image), 0) * photons) / photons
    return gaussian_noise(counted.astype(np.float32), read_sigma, rng, clip)


def with_level(image: np.ndarray, sigma: float) -> np.ndarray:
    """Add a channel that holds the noise level `sigma`: (..., H, W, C) -> (..., H, W, C + 1), for networks told it."""
    images.check(image)
    _check_sigma(sigma)
    return np.concatenate([image, np.full_like(image[..., :1], sigma)], axis=-1)


def gaussian_kernel(size: int, sigma: float) -> np.ndarray:
    """Gaussian kernel (size, size), sum 1. `size` must be odd, so that the kernel has a middle."""
    _check_odd(size)
    _check_sigma(sigma, largest=math.inf)
    if sigma == 0:
        raise ImageError("sigma is 0: a Gaussian kernel needs a sigma above 0")
    line = cv2.getGaussianKernel(size, sigma, cv2.CV_64F)
    return (line @ line.T).astype(np.float32)


def motion_kernel(length: int, angle: float) -> np.ndarray:
    """Kernel (length, length), sum 1, of a straight camera motion; `angle` in degrees, counter-clockwise from right."""
    _check_odd(length)
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1
    turn = cv2.getRotationMatrix2D((length // 2, length // 2), angle, 1)
    kernel = cv2.warpAffine(line, turn, (length, length))
    return kernel / kernel.sum()


def shake_kernel(size: int, rng: np.random.Generator, moments: int = 400) -> np.ndarray:
    """Kernel (size, size), sum 1, of a shaking hand: a smooth random path, its mean in the middle, drawn with light.

    Its speed is white noise through a window of a third of the `moments`; `size` must be odd and 5 or more.
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
    """Kernel, sum 1, of a lens out of focus: a disc of `radius` pixels, its edge pixels weighted by covered area."""
    if not 0 < radius < math.inf:
        raise ImageError(f"radius is {radius}: give a number of pixels above 0")
    half, fine = math.ceil(radius), 16
    at = (np.arange((2 * half + 1) * fine) + 0.5) / fine - half - 0.5
    disc = (at[:, None] ** 2 + at**2 <= radius**2).astype(np.float32)
    kernel = disc.reshape(2 * half + 1, fine, 2 * half + 1, fine).mean((1, 3))
    return kernel / kernel.sum()


def blur(image: np.ndarray, kernel: np.ndarray, border: str = "reflect") -> np.ndarray:
    """Convolve each channel with an odd-sided 2-D kernel (a true convolution: the kernel is flipped). Same shape.

    `border` says what lies outside: "reflect", "edge", "zero" or "wrap".
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
    modes = {cv2.BORDER_REFLECT_101: "reflect", cv2.BORDER_REPLICATE: "edge", cv2.BORDER_WRAP: "wrap"}
    padded = np.pad(image, ((top, top), (left, left), (0, 0)), modes.get(border, "constant"))
    blurred = cv2.filter2D(padded, cv2.CV_32F, mirrored).reshape(padded.shape)
    return blurred[top : top + height, left : left + width]


def downscale_area(image: np.ndarray, scale: float) -> np.ndarray:
    """Shrink one image (H, W, C) to round(side * scale), 0 < scale <= 1, each new pixel the mean of what it covers."""
    _check_fraction("scale", scale, lowest=1e-9)
    height, width = (max(1, round(side * scale)) for side in images.check(image).shape[:2])
    return images.resize(image, (height, width), "area")


def imresize(image: np.ndarray, scale: float | None = None, size: tuple[int, int] | None = None) -> np.ndarray:
    """Bicubic resize of (..., H, W, C) equal to MATLAB's imresize: antialiased when it shrinks, Keys' cubic a = -0.5.

    Give `scale` (new sides are ceil(side * scale)) or `size` (height, width). This is how the super-resolution papers
    make their small images; OpenCV's INTER_CUBIC neither antialiases nor uses the same cubic.
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
    mirrored = taps % (2 * old)  # outside the line MATLAB repeats it mirrored, the edge pixel twice
    mirrored = np.where(mirrored < old, mirrored, 2 * old - 1 - mirrored)
    matrix = np.zeros((new, old))
    np.add.at(matrix, (np.arange(new)[:, None], mirrored), weights)
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
