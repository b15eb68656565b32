"""A denoiser as a prior: deblurring with a known kernel by half-quadratic splitting (plug-and-play)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import fft

from lessons_lib import images
from lessons_lib.images import ImageError

Denoiser = Callable[[np.ndarray, float], np.ndarray]
START = 49 / 255  # noise level that the first round assumes, as in the paper
BALANCE = 0.23  # weight of the denoiser against the data, as in the paper
ROUNDS = 8  # as in the paper
FILLS = 5  # times a round that the outside is filled anew
LEAST = 0.5 / 255  # noise level below which the data are trusted no more: the rounding of 8 bits


def deblur(
    image: np.ndarray,
    kernel: np.ndarray,
    sigma: float,
    denoiser: Denoiser,
    *,
    rounds: int = ROUNDS,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Deblur an image whose kernel and noise level are known, with a denoiser as the prior.

    Half-quadratic splitting [1]_ takes turns: a data step, which finds the image that explains the blurred one and is
    close to the current estimate (a division of spectra), and a denoising step, which removes what the data step
    amplified. The noise level that the denoiser is told falls from 49/255 to that of the image on a logarithmic scale
    [2]_. What lies outside the image is unknown. It is part of the estimate: before each data step, five times, the
    outside of the blurred image is filled with the blurred current estimate, so that no border rings.

    Parameters
    ----------
    image : ndarray of float
        Blurred image (H, W, C), C = 1 or 3; its noise may leave [0, 1].
    kernel : ndarray of float
        Blur kernel, 2-D with odd sides; it is divided by its sum.
    sigma : float
        Noise level of the image in [0, 1]; levels below half a step of 8 bits count as that.
    denoiser : callable
        Function (noisy, sigma) that returns the denoised image (H, W, C); it gets sizes up to those of the image plus
        twice those of the kernel.
    rounds : int, default 8
        How often both steps are taken, 1 or more.
    progress : callable, optional
        Function (done, total) that is called after each round.

    Returns
    -------
    ndarray
        Deblurred image, float32, the shape of `image`; not clipped.

    Raises
    ------
    ImageError
        If the image is invalid, the kernel is not 2-D with odd sides and a sum above 0, is larger than the image,
        `sigma` is not in [0, 1], or `rounds` is below 1.

    References
    ----------
    .. [1] D. Zoran and Y. Weiss, From learning models of natural image patches to whole image restoration, ICCV 2011.
    .. [2] K. Zhang, Y. Li, W. Zuo, L. Zhang, L. Van Gool and R. Timofte, Plug-and-play image restoration with deep
       denoiser prior, IEEE Transactions on Pattern Analysis and Machine Intelligence, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, datasets, degrade, metrics, priors
    >>> clean = datasets.photo("coffee")[:96, :96]
    >>> blur = degrade.Degradation(degrade.gaussian_kernel(9, 1.5), level=2 / 255)
    >>> blurred = blur(clean, np.random.default_rng(0))
    >>> def denoiser(noisy, sigma):
    ...     return classical.dct(noisy, degrade.DegradationInfo(sigma=sigma))
    >>> restored = priors.deblur(blurred, blur.info.kernel, blur.info.sigma, denoiser)
    >>> gained = metrics.psnr(clean, restored, data_range=1.0) - metrics.psnr(clean, blurred, data_range=1.0)
    >>> bool(gained > 2)
    True
    """
    kernel = _checked(image, kernel, sigma, rounds)
    blurred = image.astype(np.float32)
    sigma = max(float(sigma), LEAST)
    data = _DataStep(blurred, kernel)
    estimate = np.pad(blurred, data.margins, "edge")
    levels = np.geomspace(max(START, sigma), sigma, rounds, dtype=np.float32)
    for done, level in enumerate(levels, 1):
        solved = data(estimate, BALANCE * (sigma / float(level)) ** 2)
        estimate = np.asarray(denoiser(solved, float(level)), np.float32)
        if progress:
            progress(done, rounds)
    return data.inside(estimate)


class _DataStep:
    """The image closest to the estimate whose blur is the blurred image inside, and anything outside.

    It works on a canvas with a margin of the kernel's size, whose opposite sides meet.
    """

    def __init__(self, blurred: np.ndarray, kernel: np.ndarray):
        height, width, _ = blurred.shape
        wanted = (height + 2 * kernel.shape[0], width + 2 * kernel.shape[1])
        self.sides = tuple(fft.next_fast_len(side, real=True) for side in wanted)
        more = [side - length for side, length in zip(self.sides, (height, width), strict=True)]
        self.margins = [(total // 2, total - total // 2) for total in more] + [(0, 0)]
        self._place = tuple(
            slice(before, before + length)
            for (before, _), length in zip(self.margins[:2], (height, width), strict=True)
        )
        self._blurred = blurred
        middled = np.zeros(self.sides, np.float32)
        middled[: kernel.shape[0], : kernel.shape[1]] = kernel
        middled = np.roll(middled, [-(side // 2) for side in kernel.shape], (0, 1))
        self._response = fft.rfft2(middled)[..., None]

    def __call__(self, estimate: np.ndarray, weight: float) -> np.ndarray:
        prior, response = weight * self._spectrum(estimate), self._response
        power, found = np.square(np.abs(response)) + np.float32(weight), estimate
        for _ in range(FILLS):
            filled = self._image(self._spectrum(found) * response)
            filled[self._place] = self._blurred
            found = self._image((np.conj(response) * self._spectrum(filled) + prior) / power)
        return found

    def inside(self, canvas: np.ndarray) -> np.ndarray:
        """What the canvas shows where the image is."""
        return canvas[self._place]

    def _spectrum(self, canvas: np.ndarray) -> np.ndarray:
        return fft.rfft2(canvas, axes=(0, 1))

    def _image(self, spectrum: np.ndarray) -> np.ndarray:
        return fft.irfft2(spectrum, self.sides, axes=(0, 1)).astype(np.float32, copy=False)


def _checked(image: np.ndarray, kernel: np.ndarray, sigma: float, rounds: int) -> np.ndarray:
    """The kernel with sum 1. Raises ImageError."""
    if images.check(image).ndim != 3:
        raise ImageError(f"image has shape {image.shape}: give one image (H, W, 1) or (H, W, 3)")
    if kernel.ndim != 2 or any(side % 2 == 0 for side in kernel.shape):
        raise ImageError(f"kernel has shape {kernel.shape}: give a 2-D array with odd sides, so that it has a middle")
    total = float(kernel.sum())
    if not (math.isfinite(total) and total > 0):
        raise ImageError(f"kernel has the sum {total:g}: give one that keeps some light, with a sum above 0")
    if any(side > length for side, length in zip(kernel.shape, image.shape[:2], strict=True)):
        larger = f"kernel has shape {kernel.shape}, which is larger than the image, {image.shape[:2]}"
        raise ImageError(f"{larger}: cut it down to where it is not 0")
    if not 0 <= sigma <= 1:
        raise ImageError(f"sigma is {sigma}: give 0 to 1, as images are; sigma 25 of 255 is 25/255")
    if rounds < 1:
        raise ImageError(f"rounds is {rounds}: give 1 or more")
    return (kernel / total).astype(np.float32)
