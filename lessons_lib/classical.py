"""The baselines that every network must beat, each from a library that does it well.

Every method has one signature: `method(degraded, info, **parameters) -> restored`. `degraded` is a float image
(H, W, 1 or 3) whose noise may leave [0, 1]; `info` says what is known of the degradation. Nothing is clipped. METHODS
names them by task, and `restore` calls one with the parameters tuned on the validation photographs
(tools/measure/tune.py).
"""

from __future__ import annotations

import functools
import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from scipy import fft
from skimage import restoration

from lessons_lib import degrade, images
from lessons_lib.degrade import DegradationInfo
from lessons_lib.images import ImageError

TUNED = Path(__file__).with_name("tuned.json")
TINY = 1e-4  # stands for "no noise" where a method divides by it


def identity(image: np.ndarray, info: DegradationInfo) -> np.ndarray:
    """Return the degraded image as it is: the first row of every table.

    Parameters
    ----------
    image : ndarray of float32
        Degraded image (H, W, C), C = 1 or 3; values may leave [0, 1].
    info : DegradationInfo
        What is known of the degradation; not used.

    Returns
    -------
    ndarray
        The same array, not a copy.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, degrade
    >>> image = np.zeros((4, 4, 1), np.float32)
    >>> classical.identity(image, degrade.DegradationInfo()) is image
    True
    """
    return image


def gaussian(image: np.ndarray, info: DegradationInfo, *, width: float = 1.0) -> np.ndarray:
    """Denoise by averaging with a Gaussian window.

    The noise goes, and the detail with it.

    Parameters
    ----------
    image : ndarray of float32
        Degraded image (H, W, C), C = 1 or 3; values may leave [0, 1].
    info : DegradationInfo
        What is known of the degradation; not used.
    width : float, default 1.0
        Standard deviation of the window in pixels, above 0.

    Returns
    -------
    ndarray
        Smoothed image, the shape of `image`; not clipped.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, degrade
    >>> info = degrade.DegradationInfo(sigma=0.1)
    >>> noisy = degrade.gaussian_noise(np.full((32, 32, 1), 0.5, np.float32), info.sigma, np.random.default_rng(0))
    >>> restored = classical.gaussian(noisy, info)
    >>> bool(restored.std() < 0.5 * noisy.std())
    True
    """
    return _shaped(cv2.GaussianBlur(image, (0, 0), width), image)


def median(image: np.ndarray, info: DegradationInfo, *, size: int = 5) -> np.ndarray:
    """Denoise by taking the median of the pixels in a square window, channel by channel.

    Made for salt-and-pepper noise.

    Parameters
    ----------
    image : ndarray of float32
        Degraded image (H, W, C), C = 1 or 3; values may leave [0, 1].
    info : DegradationInfo
        What is known of the degradation; not used.
    size : {3, 5}, default 5
        Side of the window in pixels.

    Returns
    -------
    ndarray
        Filtered image, the shape of `image`; not clipped.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, degrade
    >>> image = np.full((5, 5, 1), 0.5, np.float32)
    >>> image[2, 2] = 1  # salt
    >>> np.unique(classical.median(image, degrade.DegradationInfo(), size=3)).tolist()
    [0.5]
    """
    return _shaped(cv2.medianBlur(image, size), image)


def bilateral(image: np.ndarray, info: DegradationInfo, *, space: float = 2.0, similar: float = 4.0) -> np.ndarray:
    """Denoise by averaging pixels that are both near and similar in value (bilateral filter).

    The bilateral filter [1]_ weights a pixel by two Gaussians: one in the distance, one in the difference in value.

    Parameters
    ----------
    image : ndarray of float32
        Degraded image (H, W, C), C = 1 or 3; values may leave [0, 1].
    info : DegradationInfo
        What is known of the degradation; `info.sigma` is the noise's standard deviation.
    space : float, default 2.0
        Standard deviation of the weight of the distance, in pixels.
    similar : float, default 4.0
        Standard deviation of the weight of the difference in value, in multiples of `info.sigma`.

    Returns
    -------
    ndarray
        Filtered image, the shape of `image`; not clipped.

    References
    ----------
    .. [1] C. Tomasi and R. Manduchi, Bilateral filtering for gray and color images, IEEE International Conference on
       Computer Vision, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, degrade
    >>> info = degrade.DegradationInfo(sigma=0.1)
    >>> noisy = degrade.gaussian_noise(np.full((32, 32, 1), 0.5, np.float32), info.sigma, np.random.default_rng(0))
    >>> restored = classical.bilateral(noisy, info)
    >>> bool(restored.std() < 0.5 * noisy.std())
    True
    """
    return _shaped(cv2.bilateralFilter(image, 0, similar * _noise(info), space), image)


def wavelet(image: np.ndarray, info: DegradationInfo, *, shifts: int = 3) -> np.ndarray:
    """Denoise by soft-thresholding wavelet coefficients with BayesShrink.

    BayesShrink [1]_ chooses the thresholds. The result is the mean over shifted copies of the image. Colour images are
    thresholded in YCbCr.

    Parameters
    ----------
    image : ndarray of float32
        Degraded image (H, W, C), C = 1 or 3; values may leave [0, 1].
    info : DegradationInfo
        What is known of the degradation; `info.sigma` is the noise's standard deviation.
    shifts : int, default 3
        Largest shift in pixels; the mean is taken over 0 to `shifts` in each direction.

    Returns
    -------
    ndarray
        Denoised image, the shape of `image`; not clipped.

    References
    ----------
    .. [1] S. G. Chang, B. Yu and M. Vetterli, Adaptive wavelet thresholding for image denoising and compression, IEEE
       Transactions on Image Processing 9(9), 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, degrade
    >>> info = degrade.DegradationInfo(sigma=0.1)
    >>> noisy = degrade.gaussian_noise(np.full((32, 32, 1), 0.5, np.float32), info.sigma, np.random.default_rng(0))
    >>> restored = classical.wavelet(noisy, info)
    >>> bool(restored.std() < 0.5 * noisy.std())
    True
    """
    options = {"sigma": _noise(info), "method": "BayesShrink", "rescale_sigma": True, "channel_axis": -1}
    options["convert2ycbcr"] = image.shape[-1] == 3
    return restoration.cycle_spin(
        image, func=restoration.denoise_wavelet, max_shifts=shifts, func_kw=options, channel_axis=-1, workers=1
    )


def total_variation(image: np.ndarray, info: DegradationInfo, *, weight: float = 1.0) -> np.ndarray:
    """Denoise by finding an image of small total variation near the noisy one.

    The method is that of Rudin, Osher and Fatemi [1]_, the algorithm that of Chambolle [2]_.

    Parameters
    ----------
    image : ndarray of float32
        Degraded image (H, W, C), C = 1 or 3; values may leave [0, 1].
    info : DegradationInfo
        What is known of the degradation; `info.sigma` is the noise's standard deviation.
    weight : float, default 1.0
        Weight of the total variation, in multiples of `info.sigma`; the larger, the smoother.

    Returns
    -------
    ndarray
        Denoised image, the shape of `image`; not clipped.

    References
    ----------
    .. [1] L. I. Rudin, S. Osher and E. Fatemi, Nonlinear total variation based noise removal algorithms, Physica D 60,
       1992.
    .. [2] A. Chambolle, An algorithm for total variation minimization and applications, Journal of Mathematical Imaging
       and Vision 20, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, degrade
    >>> info = degrade.DegradationInfo(sigma=0.1)
    >>> noisy = degrade.gaussian_noise(np.full((32, 32, 1), 0.5, np.float32), info.sigma, np.random.default_rng(0))
    >>> restored = classical.total_variation(noisy, info)
    >>> bool(restored.std() < 0.5 * noisy.std())
    True
    """
    return restoration.denoise_tv_chambolle(image, weight * _noise(info), channel_axis=-1)


def nonlocal_means(image: np.ndarray, info: DegradationInfo, *, strength: float = 0.6, patch: int = 5) -> np.ndarray:
    """Denoise by averaging pixels whose surroundings look alike (non-local means).

    The method is that of Buades, Coll and Morel [1]_, in the fast version of scikit-image.

    Parameters
    ----------
    image : ndarray of float32
        Degraded image (H, W, C), C = 1 or 3; values may leave [0, 1].
    info : DegradationInfo
        What is known of the degradation; `info.sigma` is the noise's standard deviation.
    strength : float, default 0.6
        How different surroundings may be, in multiples of `info.sigma`; the larger, the smoother.
    patch : int, default 5
        Side of the square surroundings in pixels.

    Returns
    -------
    ndarray
        Denoised image, the shape of `image`; not clipped.

    References
    ----------
    .. [1] A. Buades, B. Coll and J.-M. Morel, A non-local algorithm for image denoising, IEEE Conference on Computer
       Vision and Pattern Recognition, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, degrade
    >>> info = degrade.DegradationInfo(sigma=0.1)
    >>> noisy = degrade.gaussian_noise(np.full((32, 32, 1), 0.5, np.float32), info.sigma, np.random.default_rng(0))
    >>> restored = classical.nonlocal_means(noisy, info)
    >>> bool(restored.std() < 0.5 * noisy.std())
    True
    """
    sigma = _noise(info)
    restored = restoration.denoise_nl_means(
        image, patch, 6, strength * sigma, fast_mode=True, sigma=sigma, channel_axis=-1, preserve_range=True
    )
    return _shaped(restored, image)


def dct(image: np.ndarray, info: DegradationInfo, *, threshold: float = 2.7, side: int = 8) -> np.ndarray:
    """Denoise by setting small cosine coefficients (DCT) of every block to 0.

    The method is that of Yu and Sapiro [1]_. The transform runs over the channels too, which separates brightness from
    colour. Blocks start at every pixel, and where they overlap their results are averaged. The mean of a block is
    always kept.

    Parameters
    ----------
    image : ndarray of float32
        Degraded image (H, W, C), C = 1 or 3; values may leave [0, 1].
    info : DegradationInfo
        What is known of the degradation; `info.sigma` is the noise's standard deviation.
    threshold : float, default 2.7
        Below which absolute value a coefficient becomes 0, in multiples of `info.sigma`.
    side : int, default 8
        Side of the blocks in pixels.

    Returns
    -------
    ndarray
        Denoised image, the shape of `image`; not clipped.

    References
    ----------
    .. [1] G. Yu and G. Sapiro, DCT image denoising: a simple and effective image denoising algorithm, Image Processing
       On Line 1, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, degrade
    >>> info = degrade.DegradationInfo(sigma=0.1)
    >>> noisy = degrade.gaussian_noise(np.full((32, 32, 1), 0.5, np.float32), info.sigma, np.random.default_rng(0))
    >>> restored = classical.dct(noisy, info)
    >>> bool(restored.std() < 0.5 * noisy.std())
    True
    """
    height, width, channels = image.shape
    rows, columns = (math.ceil((n + side - 1) / side) for n in (height, width))
    tall, wide = (rows + 1) * side, (columns + 1) * side
    pads = ((side - 1, tall - height - side + 1), (side - 1, wide - width - side + 1), (0, 0))
    padded = np.pad(image, pads, "symmetric")
    total = np.zeros_like(padded)
    for top in range(side):
        for left in range(side):
            window = np.s_[top : top + rows * side, left : left + columns * side]
            blocks = padded[window].reshape(rows, side, columns, side, channels)
            waves = fft.dctn(blocks, axes=(1, 3, 4), norm="ortho")
            strong = np.abs(waves) > threshold * info.sigma
            strong[:, 0, :, 0, 0] = True  # the mean of a block is never noise
            total[window] += fft.idctn(waves * strong, axes=(1, 3, 4), norm="ortho").reshape(padded[window].shape)
    return total[side - 1 : side - 1 + height, side - 1 : side - 1 + width] / side**2


def reapplied_jpeg(image: np.ndarray, info: DegradationInfo, *, shifts: int = 8) -> np.ndarray:
    """Remove the blocks of a JPEG by compressing it again at every shift of its grid, and averaging.

    Each shifted compression makes errors of the same kind at other places, and the mean of all of them has fewer than
    each alone [1]_.

    Parameters
    ----------
    image : ndarray of float
        One image (H, W, C), C = 1 or 3, in [0, 1].
    info : DegradationInfo
        Its `jpeg` is the quality of the compression.
    shifts : int, default 8
        How many shifts to average down and across, 1 to 8.

    Returns
    -------
    ndarray
        Image, float32, of the same shape.

    Raises
    ------
    ImageError
        If `info.jpeg` is None, or `image` is not one valid image.

    References
    ----------
    .. [1] A. Nosratinia, "Enhancement of JPEG-compressed images by re-application of JPEG", Journal of VLSI Signal
       Processing, 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, datasets, degrade, metrics
    >>> clean = datasets.photo("coffee")[:96, :96]
    >>> compress = degrade.Degradation(jpeg=10)
    >>> compressed = compress(clean, np.random.default_rng(0))
    >>> restored = classical.reapplied_jpeg(compressed, compress.info)
    >>> gained = metrics.psnr(clean, restored, data_range=1.0) - metrics.psnr(clean, compressed, data_range=1.0)
    >>> bool(gained > 0.3)
    True
    """
    if info.jpeg is None:
        raise ImageError("info.jpeg is None: compressing again needs the quality of the JPEG")
    total = np.zeros(image.shape, np.float32)
    for down, across in itertools.product(range(shifts), repeat=2):
        moved = degrade.jpeg(np.pad(image, ((down, 0), (across, 0), (0, 0)), "edge"), info.jpeg)
        total += moved[down:, across:]
    return total / shifts**2


def unsharp(image: np.ndarray, info: DegradationInfo, *, width: float = 1.5, amount: float = 1.0) -> np.ndarray:
    """Sharpen by adding what a Gaussian window would take away (unsharp mask).

    Parameters
    ----------
    image : ndarray of float32
        Degraded image (H, W, C), C = 1 or 3; values may leave [0, 1].
    info : DegradationInfo
        What is known of the degradation; not used.
    width : float, default 1.5
        Standard deviation of the window in pixels, above 0.
    amount : float, default 1.0
        How many times the difference is added.

    Returns
    -------
    ndarray
        Sharpened image, the shape of `image`; not clipped.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, degrade, metrics
    >>> tiles = np.kron([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.ones((12, 12)))[..., None]
    >>> info = degrade.DegradationInfo(kernel=degrade.gaussian_kernel(7, 1.2))
    >>> blurred = degrade.blur(tiles, info.kernel)
    >>> restored = classical.unsharp(blurred, info)
    >>> metrics.mse(tiles, restored) < metrics.mse(tiles, blurred)
    True
    """
    return image + amount * (image - gaussian(image, info, width=width))


def wiener(image: np.ndarray, info: DegradationInfo, *, balance: float = 0.01) -> np.ndarray:
    """Deblur with a regularised inverse filter (Wiener-Hunt deconvolution).

    The filter divides by the spectrum of the kernel where that is strong. This is the version of scikit-image, which
    assumes that the spectrum of the image falls off as that of the Laplacian rises [1]_.

    Parameters
    ----------
    image : ndarray of float32
        Degraded image (H, W, C), C = 1 or 3; values may leave [0, 1].
    info : DegradationInfo
        What is known of the degradation; `info.kernel` is the blur kernel.
    balance : float, default 0.01
        Weight of the smoothness; the larger, the smoother.

    Returns
    -------
    ndarray
        Deblurred image, the shape of `image`; not clipped.

    Raises
    ------
    ImageError
        If `info.kernel` is None.

    References
    ----------
    .. [1] B. R. Hunt, The application of constrained least squares estimation to image restoration by digital computer,
       IEEE Transactions on Computers C-22(9), 1973.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, degrade, metrics
    >>> tiles = np.kron([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.ones((12, 12)))[..., None]
    >>> info = degrade.DegradationInfo(kernel=degrade.gaussian_kernel(7, 1.2))
    >>> blurred = degrade.blur(tiles, info.kernel)
    >>> restored = classical.wiener(blurred, info)
    >>> metrics.mse(tiles, restored) < metrics.mse(tiles, blurred)
    True
    """
    return _deconvolve(image, info, lambda plane, kernel: restoration.wiener(plane, kernel, balance, clip=False))


def unsupervised_wiener(image: np.ndarray, info: DegradationInfo) -> np.ndarray:
    """Deblur with a Wiener filter that estimates its weights from the image.

    The filter [1]_ estimates both weights, that of the noise and that of the smoothness. Its random numbers are seeded,
    so that the same image gives the same result.

    Parameters
    ----------
    image : ndarray of float32
        Degraded image (H, W, C), C = 1 or 3; values may leave [0, 1].
    info : DegradationInfo
        What is known of the degradation; `info.kernel` is the blur kernel.

    Returns
    -------
    ndarray
        Deblurred image, the shape of `image`; not clipped.

    Raises
    ------
    ImageError
        If `info.kernel` is None.

    References
    ----------
    .. [1] F. Orieux, J.-F. Giovannelli and T. Rodet, Bayesian estimation of regularization and point spread function
       parameters for Wiener-Hunt deconvolution, Journal of the Optical Society of America A 27, 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, degrade, metrics
    >>> tiles = np.kron([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.ones((12, 12)))[..., None]
    >>> info = degrade.DegradationInfo(kernel=degrade.gaussian_kernel(7, 1.2))
    >>> blurred = degrade.blur(tiles, info.kernel)
    >>> restored = classical.unsupervised_wiener(blurred, info)
    >>> metrics.mse(tiles, restored) < metrics.mse(tiles, blurred)
    True
    """
    return _deconvolve(
        image, info, lambda plane, kernel: restoration.unsupervised_wiener(plane, kernel, clip=False, rng=0)[0]
    )


def richardson_lucy(image: np.ndarray, info: DegradationInfo, *, iterations: int = 30) -> np.ndarray:
    """Deblur by Richardson-Lucy iteration.

    Each iteration [1]_ [2]_ multiplies the estimate by a correction, towards the most likely image if the noise is that
    of counted photons. Values below 0.0001 are raised to it first.

    Parameters
    ----------
    image : ndarray of float32
        Degraded image (H, W, C), C = 1 or 3; values may leave [0, 1].
    info : DegradationInfo
        What is known of the degradation; `info.kernel` is the blur kernel.
    iterations : int, default 30
        Number of iterations; more of them sharpen more, and amplify noise more.

    Returns
    -------
    ndarray
        Deblurred image, the shape of `image`; not clipped.

    Raises
    ------
    ImageError
        If `info.kernel` is None.

    References
    ----------
    .. [1] W. H. Richardson, Bayesian-based iterative method of image restoration, Journal of the Optical Society of
       America 62(1), 1972.
    .. [2] L. B. Lucy, An iterative technique for the rectification of observed distributions, The Astronomical Journal
       79, 1974.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, degrade, metrics
    >>> tiles = np.kron([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.ones((12, 12)))[..., None]
    >>> info = degrade.DegradationInfo(kernel=degrade.gaussian_kernel(7, 1.2))
    >>> blurred = degrade.blur(tiles, info.kernel)
    >>> restored = classical.richardson_lucy(blurred, info, iterations=5)
    >>> metrics.mse(tiles, restored) < metrics.mse(tiles, blurred)
    True
    """
    return _deconvolve(
        image,
        info,
        lambda plane, kernel: restoration.richardson_lucy(
            np.maximum(plane, TINY), kernel, iterations, clip=False, filter_epsilon=1e-6
        ),
    )


def upscale(image: np.ndarray, info: DegradationInfo, *, method: str) -> np.ndarray:
    """Upscale an image by interpolation.

    Parameters
    ----------
    image : ndarray of float
        Small image (H, W, C), C = 1 or 3.
    info : DegradationInfo
        What is known of the degradation; `info.scale` says how many times to enlarge each side.
    method : {"nearest", "bilinear", "bicubic", "lanczos"}
        The interpolation: "bicubic" is that of MATLAB, as in papers (`degrade.imresize`), the others are those of
        OpenCV.

    Returns
    -------
    ndarray
        Image of shape (H * info.scale, W * info.scale, C); not clipped.

    Raises
    ------
    ImageError
        If `image` is not one valid image or `method` is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, degrade
    >>> small = np.float32([[0, 1]])[..., None]
    >>> large = classical.upscale(small, degrade.DegradationInfo(scale=2), method="nearest")
    >>> large[..., 0].tolist()
    [[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]]
    """
    if method == "bicubic":
        return degrade.imresize(image, info.scale)
    height, width = (side * info.scale for side in image.shape[:2])
    return images.resize(image, (height, width), method)


METHODS: dict[str, dict[str, Callable[..., np.ndarray]]] = {
    "denoise": {
        "identity": identity,
        "gaussian": gaussian,
        "median": median,
        "bilateral": bilateral,
        "wavelet": wavelet,
        "total-variation": total_variation,
        "nonlocal-means": nonlocal_means,
        "dct": dct,
    },
    "dejpeg": {
        "identity": identity,
        "reapplied-jpeg": reapplied_jpeg,
    },
    "deblur": {
        "identity": identity,
        "unsharp": unsharp,
        "wiener": wiener,
        "unsupervised-wiener": unsupervised_wiener,
        "richardson-lucy": richardson_lucy,
    },
    "upscale": {
        name: functools.partial(upscale, method=name) for name in ("nearest", "bilinear", "bicubic", "lanczos")
    },
}


def get_method(task: str, name: str) -> Callable[..., np.ndarray]:
    """Look up a method in `METHODS`.

    Parameters
    ----------
    task : {"denoise", "dejpeg", "deblur", "upscale"}
        What the method is for.
    name : str
        Name of the method, a key of ``METHODS[task]``.

    Returns
    -------
    callable
        The function ``method(degraded, info, **parameters)``, which returns the restored image.

    Raises
    ------
    ImageError
        If the task or the name is unknown; the message names the choices.

    Examples
    --------
    >>> from lessons_lib import classical
    >>> classical.get_method("denoise", "median") is classical.median
    True
    """
    if task not in METHODS:
        raise ImageError(f"task is {task!r}: choose one of {', '.join(METHODS)}")
    if name not in METHODS[task]:
        raise ImageError(f"{task} has no method {name!r}: choose one of {', '.join(METHODS[task])}")
    return METHODS[task][name]


def restore(task: str, name: str, degraded: np.ndarray, info: DegradationInfo) -> np.ndarray:
    """Restore an image by a method of `METHODS` with its tuned parameters.

    Parameters
    ----------
    task : {"denoise", "dejpeg", "deblur", "upscale"}
        What to do.
    name : str
        Name of the method, a key of ``METHODS[task]``.
    degraded : ndarray of float
        One degraded image (H, W, C), C = 1 or 3; values may leave [0, 1].
    info : DegradationInfo
        What is known of the degradation; its `sigma` also selects the parameters (see `tuned`).

    Returns
    -------
    ndarray
        Restored image, float32, the shape of `degraded`, for "upscale" with both sides times `info.scale`; not clipped.

    Raises
    ------
    ImageError
        If the task or the name is unknown, `degraded` is not one valid image, or the method needs a kernel and
        `info.kernel` is None.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import classical, degrade
    >>> small = np.zeros((4, 6, 3), np.float32)
    >>> classical.restore("upscale", "bicubic", small, degrade.DegradationInfo(scale=2)).shape
    (8, 12, 3)
    """
    method = get_method(task, name)
    image = np.ascontiguousarray(images.check(degraded), np.float32)
    if image.ndim != 3:
        raise ImageError(f"degraded has shape {image.shape}: give one image (H, W, C)")
    restored = method(image, info, **tuned(task, name, info.sigma))
    return restored.astype(np.float32)


def tuned(task: str, name: str, sigma: float) -> dict[str, float]:
    """Return the parameters that were best on the validation photographs.

    Parameters
    ----------
    task : {"denoise", "dejpeg", "deblur", "upscale"}
        What the method is for.
    name : str
        Name of the method.
    sigma : float
        Standard deviation of the noise, for images in [0, 1]; the parameters are those of the nearest tuned level.

    Returns
    -------
    dict of str to float
        Keyword arguments of the method; empty if it has none that were tuned.

    Examples
    --------
    >>> from lessons_lib import classical
    >>> sorted(classical.tuned("denoise", "bilateral", 25 / 255))
    ['similar', 'space']
    >>> classical.tuned("denoise", "identity", 25 / 255)
    {}
    """
    levels = _table().get(task, {}).get(name, {})
    if not levels:
        return {}
    return levels[min(levels, key=lambda level: abs(float(level) - 255 * sigma))]


@functools.cache
def _table() -> dict:
    return json.loads(TUNED.read_text(encoding="utf-8"))


def _noise(info: DegradationInfo) -> float:
    return max(info.sigma, TINY)


def _shaped(result: np.ndarray, image: np.ndarray) -> np.ndarray:
    return result.reshape(image.shape)  # OpenCV and non-local means drop sides of 1


def _deconvolve(
    image: np.ndarray, info: DegradationInfo, solve: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Solve channel by channel in a mirrored frame: to Fourier methods, the left edge is the right one's neighbour."""
    if info.kernel is None:
        raise ImageError("info.kernel is None: deconvolution needs the kernel of the blur")
    frame = 2 * max(info.kernel.shape)
    padded = np.pad(
        image, ((frame, frame), (frame, frame), (0, 0)), "reflect" if frame < min(image.shape[:2]) else "symmetric"
    )
    kernel = info.kernel.astype(np.float32)
    solved = np.stack([solve(plane, kernel) for plane in np.moveaxis(padded, -1, 0)], axis=-1)
    return solved[frame:-frame, frame:-frame]
