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
    """Mean squared error. `border` pixels are cut from each side; `channel` is "all" or "y" (see images.luma)."""
    return _mean_score(_mse, clean, restored, border, channel)


def mae(clean: np.ndarray, restored: np.ndarray, *, border: int = 0, channel: str = "all") -> float:
    """Mean absolute error; arguments as for `mse`."""
    return _mean_score(lambda a, b: np.abs(a - b).mean(), clean, restored, border, channel)


def psnr(clean: np.ndarray, restored: np.ndarray, *, data_range: float, border: int = 0, channel: str = "all") -> float:
    """Peak signal-to-noise ratio in dB: 10 log10(data_range^2 / MSE); infinite for equal images.

    `data_range` is the distance from black to white: 1.0 for images in [0, 1], 255 for uint8 values. With 255 on
    [0, 1] images the result would be 48 dB too high, so it must be given, and is refused where it cannot be right.
    """
    _check_range(clean, data_range)

    def score(a: np.ndarray, b: np.ndarray) -> float:
        error = _mse(a, b)
        return float("inf") if error == 0 else 10 * np.log10(data_range**2 / error)

    return _mean_score(score, clean, restored, border, channel)


def ssim(clean: np.ndarray, restored: np.ndarray, *, data_range: float, border: int = 0, channel: str = "all") -> float:
    """Structural similarity (Wang et al., 2004) with the paper's Gaussian window of sigma 1.5; 1 for equal images.

    Computed by scikit-image; of colour images, the mean over the channels. Sides must be 11 pixels or more.
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
