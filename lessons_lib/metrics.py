"""How a restoration is scored. PSNR is computed here and nowhere else in the book.

Every function takes clean and restored float images (H, W, C), or batches (N, H, W, C), and returns the mean of the
scores of the single images, as papers do; the score of the pooled error is another, lower number.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from skimage.metrics import structural_similarity

from lessons_lib import images


def mse(clean: np.ndarray, restored: np.ndarray, *, border: int = 0, channel: str = "all") -> float:
    """Compute the mean squared error of a restored image.

    Parameters
    ----------
    clean : ndarray of float
        The true image (H, W, C), or a batch (N, H, W, C), C = 1 or 3.
    restored : ndarray of float
        What a method made of the degraded image, in the shape of `clean`.
    border : int, default 0
        How many pixels to cut from each side before scoring.
    channel : {"all", "y"}, default "all"
        Score all channels, or only luma (see `images.luma`).

    Returns
    -------
    float
        Mean of the squared differences, of a batch the mean over its images; 0 for equal images.

    Raises
    ------
    ImageError
        If the shapes differ, an array is not a valid image or batch, `border` is negative or leaves nothing, or
        `channel` is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import metrics
    >>> clean = np.zeros((2, 2, 1))
    >>> metrics.mse(clean, clean + 0.5)
    0.25
    """
    return _mean_score(_mse, clean, restored, border, channel)


def mae(clean: np.ndarray, restored: np.ndarray, *, border: int = 0, channel: str = "all") -> float:
    """Compute the mean absolute error of a restored image.

    Parameters
    ----------
    clean : ndarray of float
        The true image (H, W, C), or a batch (N, H, W, C), C = 1 or 3.
    restored : ndarray of float
        What a method made of the degraded image, in the shape of `clean`.
    border : int, default 0
        How many pixels to cut from each side before scoring.
    channel : {"all", "y"}, default "all"
        Score all channels, or only luma (see `images.luma`).

    Returns
    -------
    float
        Mean of the absolute differences, of a batch the mean over its images; 0 for equal images.

    Raises
    ------
    ImageError
        As for `mse`.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import metrics
    >>> clean = np.zeros((2, 2, 1))
    >>> metrics.mae(clean, clean + 0.5)
    0.5
    """
    return _mean_score(lambda a, b: np.abs(a - b).mean(), clean, restored, border, channel)


def psnr(clean: np.ndarray, restored: np.ndarray, *, data_range: float, border: int = 0, channel: str = "all") -> float:
    """Compute the peak signal-to-noise ratio in dB: 10 log10(data_range^2 / MSE).

    The score of a batch is the mean of the scores of its images, as in papers. With a `data_range` of 255 on images in
    [0, 1] the result would be 48 dB too high, so it must be given, and is refused where it cannot be right.

    Parameters
    ----------
    clean : ndarray of float
        The true image (H, W, C), or a batch (N, H, W, C), C = 1 or 3.
    restored : ndarray of float
        What a method made of the degraded image, in the shape of `clean`.
    data_range : float
        The distance from black to white: 1.0 for images in [0, 1], 255 for values from 0 to 255.
    border : int, default 0
        How many pixels to cut from each side before scoring.
    channel : {"all", "y"}, default "all"
        Score all channels, or only luma (see `images.luma`).

    Returns
    -------
    float
        PSNR in dB; the higher, the better, infinite for equal images.

    Raises
    ------
    ImageError
        If `data_range` is not above 0 or does not suit the values of `clean`, and as for `mse`.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import metrics
    >>> clean = np.zeros((2, 2, 1))
    >>> round(metrics.psnr(clean, clean + 0.1, data_range=1.0), 2)
    20.0
    >>> metrics.psnr(clean, clean, data_range=1.0)
    inf
    """
    _check_range(clean, data_range)

    def score(a: np.ndarray, b: np.ndarray) -> float:
        error = _mse(a, b)
        return float("inf") if error == 0 else 10 * np.log10(data_range**2 / error)

    return _mean_score(score, clean, restored, border, channel)


def ssim(clean: np.ndarray, restored: np.ndarray, *, data_range: float, border: int = 0, channel: str = "all") -> float:
    """Compute the structural similarity index (SSIM).

    Local statistics are taken in the Gaussian window of the paper [1]_, with a standard deviation of 1.5 pixels.
    Scikit-image does the computation; the score of a colour image is the mean over its channels, that of a batch the
    mean over its images.

    Parameters
    ----------
    clean : ndarray of float
        The true image (H, W, C), or a batch (N, H, W, C), C = 1 or 3; sides of 11 pixels or more.
    restored : ndarray of float
        What a method made of the degraded image, in the shape of `clean`.
    data_range : float
        The distance from black to white: 1.0 for images in [0, 1], 255 for values from 0 to 255.
    border : int, default 0
        How many pixels to cut from each side before scoring; 11 or more must remain.
    channel : {"all", "y"}, default "all"
        Score all channels, or only luma (see `images.luma`).

    Returns
    -------
    float
        SSIM, at most 1; 1 for equal images.

    Raises
    ------
    ImageError
        If a side is shorter than 11 pixels, if `data_range` is not above 0 or does not suit the values of `clean`, and
        as for `mse`.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, Image quality assessment: from error visibility to
       structural similarity, IEEE Transactions on Image Processing 13(4), 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import metrics
    >>> clean = np.linspace(0, 1, 256).reshape(16, 16, 1)
    >>> round(metrics.ssim(clean, clean, data_range=1.0), 6)
    1.0
    >>> metrics.ssim(clean, clean[::-1], data_range=1.0) < 0.5
    True
    """
    _check_range(clean, data_range)

    def score(a: np.ndarray, b: np.ndarray) -> float:
        if min(a.shape[:2]) < 11:
            raise images.ImageError(f"ssim needs sides of 11 pixels or more, got {a.shape[0]} x {a.shape[1]}")
        return structural_similarity(
            a, b, data_range=data_range, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )

    return _mean_score(score, clean, restored, border, channel)


def _mse(a: np.ndarray, b: np.ndarray) -> float:
    return np.square(a - b).mean()


def _check_range(clean: np.ndarray, data_range: float) -> None:
    largest = float(np.max(clean, initial=0))
    if not data_range > 0:
        raise images.ImageError(f"data_range is {data_range}: give the distance from black to white, 1.0 or 255")
    if data_range < largest / 1.5 or (data_range > 2 and largest <= 1.0 and np.ptp(clean) > 0):
        raise images.ImageError(
            f"data_range is {data_range}, but the clean image's largest value is {largest:.3g}: images in [0, 1] take "
            "data_range=1.0, values 0..255 take data_range=255"
        )


def _mean_score(
    score: Callable[[np.ndarray, np.ndarray], float],
    clean: np.ndarray,
    restored: np.ndarray,
    border: int,
    channel: str,
) -> float:
    clean, restored = (_prepare(x, name, border, channel) for x, name in ((clean, "clean"), (restored, "restored")))
    if clean.shape != restored.shape:
        raise images.ImageError(f"clean has shape {clean.shape} but restored {restored.shape}: they must be equal")
    if clean.ndim == 3:
        clean, restored = clean[None], restored[None]
    return float(np.mean([score(a, b) for a, b in zip(clean, restored, strict=True)]))


def _prepare(image: np.ndarray, name: str, border: int, channel: str) -> np.ndarray:
    if channel not in ("all", "y"):
        raise images.ImageError(f"channel is {channel!r}: choose 'all' or 'y'")
    image = images.check(image, name).astype(np.float64)
    if image.ndim > 4:
        raise images.ImageError(f"{name} has shape {image.shape}: give one image (H, W, C) or a batch (N, H, W, C)")
    if border < 0 or 2 * border >= min(image.shape[-3:-1]):
        raise images.ImageError(f"border is {border}: {name} of shape {image.shape} has nothing left to score")
    if border:
        image = image[..., border:-border, border:-border, :]
    return images.luma(image) if channel == "y" else image
