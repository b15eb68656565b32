"""The baselines that every network must beat, each from a library that does it well.

Every method has one signature: `method(degraded, about, **parameters) -> restored`. `degraded` is a float image
(H, W, 1 or 3) whose noise may leave [0, 1]; `about` says what is known of the damage. Nothing is clipped. METHODS names
them by task, and `restore` calls one with the parameters tuned on the validation photographs (tools/measure/tune.py).
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from scipy import fft
from skimage import restoration

from lessons_lib import degrade, images
from lessons_lib.images import ImageError

TUNED = Path(__file__).with_name("tuned.json")
TINY = 1e-4  # stands for "no noise" where a method divides by it


@dataclasses.dataclass(frozen=True)
class About:
    """What a restorer is told: noise `sigma` (images in [0, 1]), the blur's `kernel`, the `scale` to enlarge by."""

    sigma: float = 0.0
    kernel: np.ndarray | None = None
    scale: int = 1


def identity(image: np.ndarray, about: About) -> np.ndarray:
    """Nothing at all: the first row of every table."""
    return image


def gaussian(image: np.ndarray, about: About, *, width: float = 1.0) -> np.ndarray:
    """Average with a Gaussian of `width` pixels: the noise goes, and the detail with it."""
    return _shaped(cv2.GaussianBlur(image, (0, 0), width), image)


def median(image: np.ndarray, about: About, *, size: int = 5) -> np.ndarray:
    """The median of size x size pixels, 3 or 5, channel by channel: made for salt and pepper."""
    return _shaped(cv2.medianBlur(image, size), image)


def bilateral(image: np.ndarray, about: About, *, space: float = 2.0, similar: float = 4.0) -> np.ndarray:
    """Average near pixels of like value: Gaussians of `space` pixels and `similar` sigmas (Tomasi, Manduchi, 1998)."""
    return _shaped(cv2.bilateralFilter(image, 0, similar * _noise(about), space), image)


def wavelet(image: np.ndarray, about: About, *, shifts: int = 3) -> np.ndarray:
    """Soft-threshold wavelets with BayesShrink (Chang et al., 2000), averaged over shifts 0..`shifts` each way."""
    options = {"sigma": _noise(about), "method": "BayesShrink", "rescale_sigma": True, "channel_axis": -1}
    options["convert2ycbcr"] = image.shape[-1] == 3
    return restoration.cycle_spin(
        image, func=restoration.denoise_wavelet, max_shifts=shifts, func_kw=options, channel_axis=-1, workers=1
    )


def total_variation(image: np.ndarray, about: About, *, weight: float = 1.0) -> np.ndarray:
    """The image of least variation near the noisy one, `weight` in sigmas (Rudin et al., 1992; Chambolle, 2004)."""
    return restoration.denoise_tv_chambolle(image, weight * _noise(about), channel_axis=-1)


def nonlocal_means(image: np.ndarray, about: About, *, strength: float = 0.6, patch: int = 5) -> np.ndarray:
    """Average pixels whose surroundings look alike (Buades et al., 2005), `strength` in sigmas; the fast version."""
    sigma = _noise(about)
    restored = restoration.denoise_nl_means(
        image, patch, 6, strength * sigma, fast_mode=True, sigma=sigma, channel_axis=-1, preserve_range=True
    )
    return _shaped(restored, image)


def dct(image: np.ndarray, about: About, *, threshold: float = 2.7, side: int = 8) -> np.ndarray:
    """Cosine coefficients under `threshold` sigmas become 0, in every side x side block (Yu and Sapiro, 2011).

    The transform runs over the channels too, which separates brightness from colour; overlapping blocks are averaged.
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
            strong = np.abs(waves) > threshold * about.sigma
            strong[:, 0, :, 0, 0] = True  # the mean of a block is never noise
            total[window] += fft.idctn(waves * strong, axes=(1, 3, 4), norm="ortho").reshape(padded[window].shape)
    return total[side - 1 : side - 1 + height, side - 1 : side - 1 + width] / side**2


def unsharp(image: np.ndarray, about: About, *, width: float = 1.5, amount: float = 1.0) -> np.ndarray:
    """Add `amount` times what a Gaussian of `width` pixels would take away."""
    return image + amount * (image - gaussian(image, about, width=width))


def wiener(image: np.ndarray, about: About, *, balance: float = 0.01) -> np.ndarray:
    """Divide by the kernel's spectrum where it is strong; `balance` is the weight of smoothness.

    Scikit-image's version: the image's spectrum is taken to fall off as the Laplacian's rises (Hunt, 1973).
    """
    return _deconvolve(image, about, lambda plane, kernel: restoration.wiener(plane, kernel, balance, clip=False))


def unsupervised_wiener(image: np.ndarray, about: About) -> np.ndarray:
    """Wiener's filter that estimates both weights from the image itself (Orieux et al., 2010), seeded."""
    return _deconvolve(
        image, about, lambda plane, kernel: restoration.unsupervised_wiener(plane, kernel, clip=False, rng=0)[0]
    )


def richardson_lucy(image: np.ndarray, about: About, *, iterations: int = 30) -> np.ndarray:
    """Multiply towards the likeliest image under counted photons (Richardson, 1972; Lucy, 1974), `iterations` times."""
    return _deconvolve(
        image,
        about,
        lambda plane, kernel: restoration.richardson_lucy(
            np.maximum(plane, TINY), kernel, iterations, clip=False, filter_epsilon=1e-6
        ),
    )


def enlarge(image: np.ndarray, about: About, *, method: str) -> np.ndarray:
    """Enlarge `about.scale` times: OpenCV's "nearest", "bilinear", "lanczos"; "bicubic" is MATLAB's, as in papers."""
    if method == "bicubic":
        return degrade.imresize(image, about.scale)
    height, width = (side * about.scale for side in image.shape[:2])
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
    "deblur": {
        "identity": identity,
        "unsharp": unsharp,
        "wiener": wiener,
        "unsupervised-wiener": unsupervised_wiener,
        "richardson-lucy": richardson_lucy,
    },
    "upscale": {
        name: functools.partial(enlarge, method=name) for name in ("nearest", "bilinear", "bicubic", "lanczos")
    },
}


def find(task: str, name: str) -> Callable[..., np.ndarray]:
    """The method of METHODS. Raises ImageError that names the choices."""
    if task not in METHODS:
        raise ImageError(f"task is {task!r}: choose one of {', '.join(METHODS)}")
    if name not in METHODS[task]:
        raise ImageError(f"{task} has no method {name!r}: choose one of {', '.join(METHODS[task])}")
    return METHODS[task][name]


def restore(task: str, name: str, degraded: np.ndarray, about: About) -> np.ndarray:
    """Run a method of METHODS with its tuned parameters: float32, shape of `degraded` (times `about.scale`).

    Raises ImageError for an unknown task or method, a bad image, or a task whose knowledge is missing in `about`.
    """
    method = find(task, name)
    image = np.ascontiguousarray(images.check(degraded), np.float32)
    if image.ndim != 3:
        raise ImageError(f"degraded has shape {image.shape}: give one image (H, W, C)")
    restored = method(image, about, **tuned(task, name, about.sigma))
    return restored.astype(np.float32)


def tuned(task: str, name: str, sigma: float) -> dict[str, float]:
    """The parameters found on the validation photographs at the tuned noise level nearest to `sigma`."""
    levels = _table().get(task, {}).get(name, {})
    if not levels:
        return {}
    return levels[min(levels, key=lambda level: abs(float(level) - 255 * sigma))]


@functools.cache
def _table() -> dict:
    return json.loads(TUNED.read_text(encoding="utf-8"))


def _noise(about: About) -> float:
    return max(about.sigma, TINY)


def _shaped(result: np.ndarray, image: np.ndarray) -> np.ndarray:
    return result.reshape(image.shape)  # OpenCV and non-local means drop sides of 1


def _deconvolve(image: np.ndarray, about: About, solve: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Solve channel by channel in a mirrored frame: to Fourier methods, the left edge is the right one's neighbour."""
    if about.kernel is None:
        raise ImageError("about.kernel is None: deconvolution needs the kernel of the blur")
    frame = 2 * max(about.kernel.shape)
    padded = np.pad(
        image, ((frame, frame), (frame, frame), (0, 0)), "reflect" if frame < min(image.shape[:2]) else "symmetric"
    )
    kernel = about.kernel.astype(np.float32)
    solved = np.stack([solve(plane, kernel) for plane in np.moveaxis(padded, -1, 0)], axis=-1)
    return solved[frame:-frame, frame:-frame]
