"""Estimation of the blur of an image from the image alone: kind and size from its spectrum, or the path of a shake."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from scipy import fft, ndimage

from lessons_lib import degrade, images, priors
from lessons_lib.images import ImageError
from lessons_lib.noise_estimation import jpeg_amplitude

# The spectrum of an image, averaged over windows, in cells of direction and frequency.
WINDOW, KERNEL_SIDE = 384, 192  # pixels of the side of a window, and of what a kernel's spectrum is computed on
DIRECTIONS, FREQUENCIES = 24, 40
LOWEST, HIGHEST = 0.02, 0.48  # cycles a pixel
FALLS = (1.8, 2.1, 2.4, 2.7, 3.0)  # exponents with which the power of a sharp picture falls with the frequency
FLOORS = (-1.5, -0.8, -0.3, 0.0)  # logarithms of the noise's power, from what the highest frequencies show
STRANGE = 2.0  # a cell that is off by more, on a logarithmic scale, tells about the picture, not about its blur
# What is looked for, and when it counts as found
LEAST = {"gaussian": 0.75, "defocus": 1.25, "motion": 5}  # pixels; a sharp picture looks blurred by up to these
EXPLAINED = 0.5  # a found blur leaves less than this share of the misfit that a sharp picture would have
CLEAR = 0.35  # one that leaves less than this is not compared with a shake
ALIKE = 1.1  # a misfit larger by at most this factor is as good as the best one
MISFIT = 0.4  # a picture whose spectrum fits a sharp one's better than this has no strong blur
# Kernels of shakes
SMALLEST = 5  # side of the kernel at the coarsest scale
SIDES = (13, 19, 25, 31)  # of the kernels that are tried
SPARSITY, LEAST_SPARSITY = 4e-3, 1e-4
PART = 384  # pixels of the side of the part from which a shake is estimated


@dataclasses.dataclass(frozen=True)
class BlurFound:
    """What `found_blur` found.

    Parameters
    ----------
    kernel : ndarray or None
        Kernel with odd sides and sum 1, or None if there is nothing that could be undone.
    text : str
        The blur as `degrade.kernel_from` takes it, such as "motion:15@30"; "shake" for a kernel that has no such name,
        "" without one.
    misfit : float
        How far the spectrum is from that of a sharp picture under this blur: mean squared difference of logarithms.
    sharp : float
        The same without any blur.

    Examples
    --------
    >>> from lessons_lib import degrade
    >>> from lessons_lib.blur_estimation import BlurFound
    >>> BlurFound(degrade.gaussian_kernel(11, 1.6), "gaussian:1.6", misfit=0.1, sharp=1.0).sure
    0.9
    """

    kernel: np.ndarray | None
    text: str
    misfit: float
    sharp: float

    @property
    def sure(self) -> float:
        """The share, 0 to 1, of what is missing in the spectrum of a sharp picture that the blur explains."""
        return max(0.0, 1 - self.misfit / self.sharp) if self.sharp > 0 else 0.0

    @property
    def why_not(self) -> str:
        """Why there is no kernel, in words; "" if there is one."""
        if self.kernel is not None:
            return ""
        if self.sharp == 0:
            return "too small or too uniform to tell a blur"
        return "no blur found" if self.sharp < MISFIT else "no blur found that is the same everywhere"


def found_blur(image: np.ndarray, denoiser: priors.Denoiser, jpeg: int | None = None) -> BlurFound:
    """Find the blur of an image that is blurred alike everywhere.

    First the kinds that have a name are tried. A sharp picture has a power spectrum that falls with the frequency f as
    about 1/f^2 to 1/f^3 in every direction [1]_, and a blur multiplies it by that of its kernel, whose zeros give kind
    and size away [2]_. So the kernel is searched whose spectrum, times such a fall and with a floor of white noise,
    comes closest to that of the image. If none fits but the image is not sharp either, its kernel is estimated freely
    (`shake`), and has to pass the same test.

    Parameters
    ----------
    image : ndarray
        Image (H, W, 1 or 3): float, nominally in [0, 1], or stored values of dtype uint8 or uint16. Of a large image,
        nine windows of 384 x 384 pixels are looked at.
    denoiser : callable
        Function (noisy, sigma) that returns the denoised image (H, W, 1), as `priors.deblur` takes it; only a shake
        needs it.
    jpeg : int, optional
        Quality of the JPEG that the image comes from, 1 to 100. What it wiped out is then not taken for blur.

    Returns
    -------
    BlurFound
        What was found; without a kernel for a picture that is sharp, too small or too dull to tell, or blurred in a way
        that no single kernel explains.

    Raises
    ------
    ImageError
        If the shape is not that of an image.

    References
    ----------
    .. [1] D. J. Field, "Relations between the statistics of natural images and the response properties of cortical
       cells", 1987.
    .. [2] M. Cannon, "Blind deconvolution of spatially invariant image blurs with phase", 1976.

    Examples
    --------
    >>> from lessons_lib import classical, datasets, degrade
    >>> from lessons_lib.blur_estimation import found_blur
    >>> sharp = datasets.photo("coffee")
    >>> def denoiser(noisy, sigma):
    ...     return classical.dct(noisy, degrade.DegradationInfo(sigma=sigma))
    >>> found_blur(degrade.blur(sharp, degrade.motion_kernel(15, 30)), denoiser).text
    'motion:15@30'
    >>> found_blur(sharp, denoiser).text
    ''
    """
    if image.ndim != 3 or image.shape[-1] not in (1, 3):
        raise ImageError(f"image has shape {image.shape}: give one image (H, W, 1) or (H, W, 3)")
    if min(image.shape[:2]) < 2 * SIDES[-1]:
        return BlurFound(None, "", 0.0, 0.0)
    measured = _Spectrum(image, jpeg_amplitude(jpeg) if jpeg else 0.0)
    if measured.flat:
        return BlurFound(None, "", 0.0, 0.0)
    sharp = measured.misfit(None)
    named = _named(measured)
    closest = min(named)[0]
    misfit, text = min(
        (found for found in named if _is_blur(found[1]) and found[0] <= ALIKE * closest), default=(sharp, "")
    )
    kernel = degrade.kernel_from(text) if text else None
    if sharp > MISFIT and closest >= CLEAR * sharp:
        height, width = (min(side, PART) for side in image.shape[:2])
        path = shake(_gray(images.center_crop(image, (height, width))), denoiser)
        if _spread(path) > 1 and measured.misfit(path) < closest:
            misfit, text, kernel = measured.misfit(path), "shake", path
    return BlurFound(kernel, text, misfit, sharp) if misfit < EXPLAINED * sharp else BlurFound(None, "", sharp, sharp)


def _is_blur(text: str) -> bool:
    """Whether the blur is larger than what a sharp picture may look like."""
    kind, _, size = text.partition(":")
    return float(size.partition("@")[0]) >= LEAST[kind]


class _Spectrum:
    """The logarithm of an image's power spectrum in cells (DIRECTIONS, FREQUENCIES), and how kernels fit it.

    White noise of the standard deviation `hidden` is added to the power: what is weaker cannot be told.
    """

    def __init__(self, image: np.ndarray, hidden: float = 0.0):
        side = min(WINDOW, *image.shape[:2]) // 2 * 2
        window = np.hanning(side)[:, None] * np.hanning(side)
        power = np.zeros((side, side))
        for part in _windows(image, side):
            gray = _gray(part)[..., 0]
            power += np.square(np.abs(fft.fft2((gray - (gray * window).sum() / window.sum()) * window)))
            power += hidden**2 * np.square(window).sum()
        self.flat = power.max() < 1e-3
        self.seen = _in_cells(np.log(power + 1e-12)).astype(np.float32)
        self.frequencies = LOWEST + (np.arange(FREQUENCIES) + 0.5) * (HIGHEST - LOWEST) / FREQUENCIES
        self._heights = np.exp(np.linspace(-6, 6, 49, dtype=np.float32))[:, None, None]

    def misfit(self, kernel: np.ndarray | None, falls=FALLS, floors=FLOORS) -> float:
        """Mean squared difference between this spectrum and the best of a sharp picture's under a kernel."""
        passed = 0.0 if kernel is None else self._passed(kernel)
        floor = np.percentile(self.seen[:, -6:], 30)
        best = math.inf
        for fall in falls:
            model = passed - fall * np.log(self.frequencies) + np.zeros_like(self.seen)
            height = np.median((self.seen - model)[:, : FREQUENCIES // 2], axis=1)[:, None]  # of each direction its own
            for above in floors:
                modelled = self._heights * np.exp(height + model).astype(np.float32) + np.float32(np.exp(floor + above))
                off = np.minimum(np.abs(np.log(modelled) - self.seen), STRANGE)
                best = min(best, float(np.square(off).mean(2).min(0).mean()))
        return best

    def quick_misfit(self, kernel: np.ndarray) -> float:
        """`misfit` for one fall and one floor only, to choose what is worth a closer look."""
        return self.misfit(kernel, falls=(2.4,), floors=(-0.8, 0.0))

    def _passed(self, kernel: np.ndarray) -> np.ndarray:
        power = np.square(np.abs(fft.fft2(kernel, (KERNEL_SIDE, KERNEL_SIDE))))
        return np.log(_in_cells(power) + 1e-7)


def _windows(image: np.ndarray, side: int) -> Iterator[np.ndarray]:
    """Up to nine square parts, from border to border."""
    starts = [sorted({0, (length - side) // 2, length - side}) for length in image.shape[:2]]
    for top, left in itertools.product(*starts):
        yield image[top : top + side, left : left + side]


def _gray(part: np.ndarray) -> np.ndarray:
    """A part (H, W, 1) as float and gray."""
    part = part if part.dtype.kind == "f" else images.to_float(part)
    return (part if part.shape[-1] == 1 else images.to_gray(part)).astype(np.float32)


@functools.cache
def _cells(side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which frequencies count, the cell of each of them, and how many each cell has.

    The two axes are left out: there, the borders of windows and whatever stands upright in a picture show.
    """
    down, across = np.meshgrid(*[fft.fftfreq(side)] * 2, indexing="ij")
    frequency, direction = np.hypot(down, across), np.arctan2(down, across) % np.pi
    kept = (frequency >= LOWEST) & (frequency < HIGHEST) & (np.minimum(np.abs(down), np.abs(across)) > 1.5 / side)
    row = np.minimum((direction / np.pi * DIRECTIONS).astype(int), DIRECTIONS - 1)
    column = ((frequency - LOWEST) / (HIGHEST - LOWEST) * FREQUENCIES).astype(int)
    cells = (row * FREQUENCIES + column)[kept]
    return kept, cells, np.bincount(cells, minlength=DIRECTIONS * FREQUENCIES)


def _in_cells(values: np.ndarray) -> np.ndarray:
    """The mean (DIRECTIONS, FREQUENCIES) of values (side, side) over each cell; an empty one takes its neighbour's."""
    kept, cells, counts = _cells(len(values))
    sums = np.bincount(cells, values[kept], minlength=len(counts)).reshape(DIRECTIONS, FREQUENCIES)
    counts = counts.reshape(DIRECTIONS, FREQUENCIES)
    if counts.all():
        return sums / counts
    nearest = ndimage.distance_transform_edt(counts == 0, return_distances=False, return_indices=True)
    return (sums / np.maximum(counts, 1))[tuple(nearest)]


def _named(measured: _Spectrum) -> list[tuple[float, str]]:
    """The best blur of each kind as (misfit, text): a coarse search over all sizes, then a fine one around the best."""
    found = []
    for kind, (coarse, finer) in SEARCH.items():
        ranked = sorted((measured.quick_misfit(degrade.kernel_from(text)), text) for text in coarse())
        near = {text for _, best in ranked[:3] for text in finer(best)}
        found.append(min((measured.misfit(degrade.kernel_from(text)), text) for text in near))
        assert found[-1][1].startswith(kind)
    return found


def _sizes(kind: str, low: float, high: float, step: float) -> Iterator[str]:
    for number in range(round((high - low) / step) + 1):
        yield f"{kind}:{low + number * step:.4g}"


def _around(text: str, step: float, count: int) -> Iterator[str]:
    kind, _, size = text.partition(":")
    return _sizes(kind, max(float(size) - count * step, step), float(size) + count * step, step)


def _motions() -> Iterator[str]:
    for length in range(3, 42, 2):
        turns = min(max(6, round(1.2 * length)), 30)
        for turn in range(turns):
            yield f"motion:{length}@{180 * turn / turns:.0f}"


def _motions_around(text: str) -> Iterator[str]:
    length, _, angle = text.removeprefix("motion:").partition("@")
    for longer, more in itertools.product((-2, 0, 2), (-4, -2, 0, 2, 4)):
        yield f"motion:{max(3, int(length) + longer)}@{(int(angle) + more) % 180}"


SEARCH = {
    "gaussian": (lambda: _sizes("gaussian", 0.4, 5.0, 0.2), lambda text: _around(text, 0.1, 2)),
    "defocus": (lambda: _sizes("defocus", 0.75, 10.0, 0.5), lambda text: _around(text, 0.125, 4)),
    "motion": (_motions, _motions_around),
}


def shake(image: np.ndarray, denoiser: priors.Denoiser, sides: Sequence[int] = SIDES) -> np.ndarray:
    """Estimate the kernel of a camera shake from the blurred image alone.

    From coarse to fine, two steps take turns [1]_ [2]_: a sharp image with as few different neighbours as possible (the
    L0 gradient prior) that explains the blurred one under the current kernel; then the kernel that explains the
    gradients of the blurred image by the strongest ones of the sharp image. The side of the kernel matters, so several
    are tried, and the kernel is taken whose spectrum suits that of the image best (see `found_blur`). Two more rounds,
    in which a denoiser gives the sharp image, follow as long as they make the spectra more alike.

    Parameters
    ----------
    image : ndarray of float
        Blurred image (H, W, 1), its sides at least twice the largest of `sides`.
    denoiser : callable
        Function (noisy, sigma) that returns the denoised image (H, W, 1).
    sides : sequence of int, default (13, 19, 25, 31)
        Sides of the kernels that are tried, in pixels; odd, 5 or more.

    Returns
    -------
    ndarray
        Kernel with odd sides, float32, sum 1.

    Raises
    ------
    ImageError
        If the image has another shape or is too small, or a side is even or below 5.

    References
    ----------
    .. [1] L. Xu, S. Zheng and J. Jia, "Unnatural L0 Sparse Representation for Natural Image Deblurring", 2013.
    .. [2] J. Anger, G. Facciolo and M. Delbracio, "Blind Image Deblurring using the l0 Gradient Prior", Image
       Processing On Line, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import blur_estimation, classical, datasets, degrade, images
    >>> sharp = images.to_gray(datasets.photo("coffee"))[:200, :200]
    >>> kernel = degrade.motion_kernel(9, 0)
    >>> def denoiser(noisy, sigma):
    ...     return classical.dct(noisy, degrade.DegradationInfo(sigma=sigma))
    >>> found = blur_estimation.shake(degrade.blur(sharp, kernel), denoiser, sides=[15])
    >>> middle = found.shape[0] // 2
    >>> bool(found[middle - 1 : middle + 2].sum() > 0.5)
    True
    """
    if not sides or any(side < SMALLEST or side % 2 == 0 for side in sides):
        raise ImageError(f"sides are {list(sides)}: give odd numbers of {SMALLEST} or more")
    least = 2 * max(sides)
    if images.check(image).ndim != 3 or image.shape[-1] != 1 or min(image.shape[:2]) < least:
        raise ImageError(f"image has shape {image.shape}: give a gray one (H, W, 1) with sides of {least} or more")
    blurred, measured = image[..., 0].astype(np.float32), _Spectrum(image)
    tried = [_from_coarse_to_fine(blurred, side) for side in sides]
    misfits = [measured.misfit(kernel) for kernel in tried]
    kernel, misfit = tried[int(np.argmin(misfits))], min(misfits)
    for _ in range(2):
        sharp = priors.deblur(image, kernel, 4 / 255, denoiser, rounds=3)[..., 0]
        finer = _settled(_Canvas(blurred, len(kernel)).kernel(sharp, threshold=0.0)[0], weak=0.04, apart=0.03)
        if measured.misfit(finer) > misfit:
            break
        kernel, misfit = finer, measured.misfit(finer)
    return kernel


def _from_coarse_to_fine(blurred: np.ndarray, size: int) -> np.ndarray:
    """The kernel by the L0 gradient prior, at scales that grow by the square root of 2."""
    sides = [size]
    while sides[-1] > SMALLEST:
        sides.append(min(sides[-1] - 2, math.ceil(sides[-1] / math.sqrt(2)) // 2 * 2 + 1))
    kernel = np.array([[0.5, 0.5, 0]], np.float32)  # as in the papers: a stroke of two pixels
    sparsity = SPARSITY
    for side in reversed(sides):
        share = side / size
        scaled = cv2.resize(blurred, None, fx=share, fy=share, interpolation=cv2.INTER_AREA) if share < 1 else blurred
        canvas, threshold = _Canvas(scaled, side), None
        kernel = _resized(kernel, side)
        for _ in range(5):
            kernel, threshold = canvas.kernel(canvas.sharp(kernel, sparsity), threshold)
            kernel = _settled(kernel)
            sparsity, threshold = max(sparsity / 1.1, LEAST_SPARSITY), threshold / 1.1
    return kernel


class _Canvas:
    """A blurred image (H, W) with a margin in which it runs smoothly into its opposite side, as Fourier wants it."""

    def __init__(self, blurred: np.ndarray, side: int):
        self.side = side
        self.shape = tuple(fft.next_fast_len(length + 2 * side, real=True) for length in blurred.shape)
        self.margins = [
            ((whole - length) // 2, whole - length - (whole - length) // 2)
            for whole, length in zip(self.shape, blurred.shape, strict=True)
        ]
        self.blurred = self._framed(blurred)
        self.inside = np.zeros(self.shape, bool)
        self.inside[tuple(slice(before + 1, -after - 1) for before, after in self.margins)] = True
        down, across = fft.fftfreq(self.shape[0])[:, None], fft.rfftfreq(self.shape[1])
        self.roughness = (4 - 2 * np.cos(2 * np.pi * across) - 2 * np.cos(2 * np.pi * down)).astype(np.float32)

    def _framed(self, image: np.ndarray) -> np.ndarray:
        framed = np.pad(image, self.margins, "edge")
        place = tuple(slice(before, -after) for before, after in self.margins)
        for _ in range(3):
            framed = ndimage.gaussian_filter(framed, self.side / 2, mode="wrap")
            framed[place] = image
        return framed

    def sharp(self, kernel: np.ndarray, sparsity: float) -> np.ndarray:
        """The image with few gradients that the kernel turns into the blurred one, by half-quadratic splitting."""
        response = self._response(kernel)
        data, power = np.conj(response) * self._spectrum(self.blurred), np.square(np.abs(response))
        sharp, coupling = self.blurred, 2 * sparsity
        while coupling < 1e5:
            down, across = _steps(sharp)
            kept = np.square(down) + np.square(across) >= sparsity / coupling
            down, across = down * kept, across * kept
            back = np.roll(down, 1, 0) - down + np.roll(across, 1, 1) - across
            solved = (data + coupling * self._spectrum(back)) / (power + coupling * self.roughness)
            sharp, coupling = fft.irfft2(solved, self.shape).astype(np.float32), 2 * coupling
        return sharp

    def kernel(self, sharp: np.ndarray, threshold: float | None) -> tuple[np.ndarray, float]:
        """The kernel (side, side) that explains the gradients best, by conjugate gradients, and the threshold used.

        `sharp` has the size of the canvas or of the image. Only gradients above the threshold count; None finds one
        that leaves enough of them in each of four directions.
        """
        sharp = sharp if sharp.shape == self.shape else self._framed(sharp)
        strong = [step * self.inside for step in _steps(sharp)]
        size = np.hypot(*strong)
        if threshold is None:
            threshold = _enough(size, np.arctan2(*strong), 4 * self.side)
        clear = [self._spectrum(step * (size >= threshold)) for step in strong]
        seen = [self._spectrum(step * self.inside) for step in _steps(self.blurred)]
        power = sum(np.square(np.abs(step)) for step in clear)
        wanted = self._cut(sum(np.conj(a) * b for a, b in zip(clear, seen, strict=True)))

        def explained(kernel: np.ndarray) -> np.ndarray:
            return self._cut(power * self._response(kernel)) + 2 * kernel

        return _conjugate_gradients(explained, wanted), threshold

    def _cut(self, spectrum: np.ndarray) -> np.ndarray:
        half = self.side // 2
        return np.roll(fft.irfft2(spectrum, self.shape), (half, half), (0, 1))[: self.side, : self.side]

    def _response(self, kernel: np.ndarray) -> np.ndarray:
        whole = np.zeros(self.shape, np.float32)
        whole[: self.side, : self.side] = kernel
        return self._spectrum(np.roll(whole, (-(self.side // 2),) * 2, (0, 1)))

    def _spectrum(self, canvas: np.ndarray) -> np.ndarray:
        return fft.rfft2(canvas)


def _steps(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences to the next pixel down and across; the last one's neighbour is the first."""
    return np.roll(image, -1, 0) - image, np.roll(image, -1, 1) - image


def _enough(size: np.ndarray, direction: np.ndarray, wanted: int) -> float:
    """The largest threshold that leaves so many gradients in each of four directions, if there are as many."""
    quarter = (direction % np.pi // (np.pi / 4)).astype(int)
    strongest = (np.sort(size[quarter == number])[::-1] for number in range(4))
    return float(min((found[min(wanted, len(found) - 1)] for found in strongest if len(found)), default=0.0))


def _conjugate_gradients(function, wanted: np.ndarray, rounds: int = 25) -> np.ndarray:
    """The x with function(x) = wanted, for a linear, symmetric and positive function."""
    found = np.zeros_like(wanted)
    rest = way = wanted
    first = power = float(np.square(rest).sum())
    for _ in range(rounds):
        if power <= 1e-6 * first:
            break
        along = function(way)
        length = power / float((way * along).sum())
        found, rest = found + length * way, rest - length * along
        before, power = power, float(np.square(rest).sum())
        way = rest + power / before * way
    return found


def _settled(kernel: np.ndarray, weak: float = 0.05, apart: float = 0.1) -> np.ndarray:
    """A kernel without weak weights and small islands, its centre of mass in the middle, with sum 1."""
    if not kernel.max() > 0:  # nothing was found: no blur
        kernel = np.zeros_like(kernel)
        kernel[tuple(side // 2 for side in kernel.shape)] = 1
    kernel = np.where(kernel < weak * kernel.max(), 0, kernel)
    islands, count = ndimage.label(kernel, np.ones((3, 3)))
    sums = ndimage.sum_labels(kernel, islands, range(1, count + 1))
    kernel = np.where(np.isin(islands, 1 + np.flatnonzero(sums >= apart * kernel.sum())), kernel, 0)
    middle = (np.array(kernel.shape) - 1) / 2
    kernel = ndimage.shift(kernel, np.round(middle - ndimage.center_of_mass(kernel)), order=0)
    return (kernel / kernel.sum()).astype(np.float32)


def _resized(kernel: np.ndarray, side: int) -> np.ndarray:
    if len(kernel) == 1:  # the first one has its size
        return np.pad(kernel, ((side // 2,) * 2, ((side - 3) // 2,) * 2)).astype(np.float32)
    resized = np.maximum(cv2.resize(kernel, (side, side), interpolation=cv2.INTER_CUBIC), 0)
    return resized / resized.sum()


def _spread(kernel: np.ndarray) -> float:
    """Standard deviation of the kernel's weights around its middle, in pixels, along its longest direction."""
    places = np.indices(kernel.shape) - ((np.array(kernel.shape) - 1) / 2)[:, None, None]
    spread = np.einsum("iyx,jyx,yx->ij", places, places, kernel)
    return float(np.sqrt(np.linalg.eigvalsh(spread)[-1]))
