"""Streams of (degraded, clean) training pairs, generated on the fly.

Memory does not grow with the size of the data set. Images are float (H, W, C) in [0, 1].
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

import keras
import numpy as np

from lessons_lib import images
from lessons_lib.images import ImageError

Augmentation = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def flip(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror an image left to right with probability 1/2.

    Parameters
    ----------
    image : ndarray
        Image (H, W, C) of any dtype.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray
        The image, mirrored or unchanged: (H, W, C), a view of `image`.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.batches import flip
    >>> image = np.array([[[0], [1]]])
    >>> sorted({tuple(flip(image, np.random.default_rng(seed)).ravel().tolist()) for seed in range(20)})
    [(0, 1), (1, 0)]
    """
    return image[:, ::-1] if rng.random() < 0.5 else image


def rotate90(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rotate an image by 0, 90, 180 or 270 degrees, each with the same probability.

    The rotation is exact: no pixel is resampled. Together with `flip` it yields all 8 orientations of an image.

    Parameters
    ----------
    image : ndarray
        Image (H, W, C) of any dtype.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray
        The rotated image, a view of `image`: (H, W, C), or (W, H, C) after a rotation by 90 or 270 degrees.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.batches import rotate90
    >>> sorted({rotate90(np.zeros((2, 3, 1)), np.random.default_rng(seed)).shape for seed in range(20)})
    [(2, 3, 1), (3, 2, 1)]
    """
    return np.rot90(image, int(rng.integers(4)))


def shift(max_pixels: int) -> Augmentation:
    """Build an augmentation that translates an image by a random number of whole pixels.

    The offsets along the two axes are drawn independently, uniformly from -`max_pixels` to `max_pixels`. What enters
    from outside is the mirrored image, the border pixel included.

    Parameters
    ----------
    max_pixels : int
        Largest offset along each axis, in pixels, 0 or more.

    Returns
    -------
    callable
        Function (image, rng) -> image for images (H, W, C), which keeps their shape.

    Raises
    ------
    ImageError
        If `max_pixels` is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.batches import shift
    >>> row = np.arange(4).reshape(1, 4, 1)
    >>> sorted({tuple(shift(1)(row, np.random.default_rng(seed)).ravel().tolist()) for seed in range(20)})
    [(0, 0, 1, 2), (0, 1, 2, 3), (1, 2, 3, 3)]
    """
    if max_pixels < 0:
        raise ImageError(f"max_pixels is {max_pixels}: give 0 or more")

    def moved(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        down, right = rng.integers(-max_pixels, max_pixels + 1, 2)
        padded = np.pad(image, ((max_pixels, max_pixels), (max_pixels, max_pixels), (0, 0)), "symmetric")
        top, left = max_pixels - down, max_pixels - right
        return padded[top : top + image.shape[0], left : left + image.shape[1]]

    return moved


def zoom(low: float = 1.0, high: float = 1.3) -> Augmentation:
    """Build an augmentation that upscales an image by a random factor and crops the centre.

    Zooming in needs no invented border. But it resamples, by bicubic interpolation, so a network trained on such images
    sees softer "clean" targets.

    Parameters
    ----------
    low : float, default 1.0
        Smallest factor, 1 or more.
    high : float, default 1.3
        Largest factor, at least `low`. The factor is drawn uniformly from [low, high].

    Returns
    -------
    callable
        Function (image, rng) -> image for float images (H, W, C), which keeps their shape and clips them to [0, 1].

    Raises
    ------
    ImageError
        Unless 1 <= low <= high.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.batches import zoom
    >>> image = np.random.default_rng(0).random((16, 16, 3), dtype=np.float32)
    >>> zoomed = zoom(2, 2)(image, np.random.default_rng(0))
    >>> zoomed.shape, bool(0 <= zoomed.min() <= zoomed.max() <= 1)
    ((16, 16, 3), True)
    """
    if not 1 <= low <= high:
        raise ImageError(f"zoom range is {low} to {high}: give 1 <= low <= high")

    def zoomed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        factor, (height, width) = rng.uniform(low, high), image.shape[:2]
        bigger = images.resize(image, (round(height * factor), round(width * factor)), "bicubic")
        return np.clip(images.center_crop(bigger, (height, width)), 0, 1)

    return zoomed


def grayed(share: float) -> Augmentation:
    """Build an augmentation that turns some images gray; they keep their number of channels.

    Parameters
    ----------
    share : float
        The chance of each image to become gray, from 0 to 1.

    Returns
    -------
    callable
        Function (image, rng) -> image for images (H, W, C), which keeps their shape.

    Raises
    ------
    ImageError
        If `share` is not in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.batches import grayed
    >>> image = np.random.default_rng(0).random((4, 4, 3), dtype=np.float32)
    >>> float(np.ptp(grayed(1.0)(image, np.random.default_rng(0)), axis=-1).max())
    0.0
    """
    if not 0 <= share <= 1:
        raise ImageError(f"share is {share}: give a number from 0 to 1")

    def changed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.repeat(images.to_gray(image), image.shape[-1], -1) if rng.random() < share else image

    return changed


def darkened(share: float, least: float = 0.1) -> Augmentation:
    """Build an augmentation that darkens some images, as a short exposure does.

    Parameters
    ----------
    share : float
        The chance of each image to be darkened, from 0 to 1.
    least : float, default 0.1
        Smallest factor, above 0 and up to 1. Factors are drawn uniformly from [least, 1].

    Returns
    -------
    callable
        Function (image, rng) -> image for float images (H, W, C), which keeps their shape.

    Raises
    ------
    ImageError
        If `share` is not in [0, 1] or `least` is not above 0 and at most 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.batches import darkened
    >>> dark = darkened(1.0, least=0.5)(np.ones((4, 4, 3), np.float32), np.random.default_rng(0))
    >>> bool(0.5 <= dark.min() == dark.max() <= 1)
    True
    """
    if not 0 <= share <= 1 or not 0 < least <= 1:
        raise ImageError(f"share is {share} and least {least}: give numbers from 0 to 1, and least above 0")

    def changed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image * np.float32(rng.uniform(least, 1)) if rng.random() < share else image

    return changed


class PairStream(keras.utils.PyDataset):
    """Keras data set of (degraded, clean) batches, cut and degraded afresh in every epoch.

    `stream[index]` with an index from 0 to `len(stream)` - 1 gives two float32 arrays (batch_size, H, W, C). They are
    made when they are asked for: an image that is invalid or smaller than `patch` raises ImageError only then, a
    missing file FileNotFoundError.

    The same seed gives the same batches, in any order of access and with any number of worker threads. Worker processes
    (`use_multiprocessing`) would not learn which epoch it is.

    Parameters
    ----------
    sources : ndarray or sequence of ndarray, str or PathLike
        Clean images: an array (N, H, W, C), a list of arrays (H, W, C), all float, or paths of files, which are read
        when needed.
    degrade : callable
        Function (clean, rng) -> degraded. It may return another size (super-resolution).
    batch_size : int
        Pairs per batch, 1 or more.
    patch : int, optional
        Side of the random square cut from each image, in pixels. None takes whole images, which then need to have one
        shape.
    augment : sequence of callable, default ()
        Functions (image, rng) -> image such as `flip`, applied in this order after the cut and before `degrade`.
    seed : int, default 0
        Seed of the order of the images, the cuts, the augmentations and the degradations.
    steps : int, optional
        Batches per epoch, 1 or more. None makes as many as one pass over the sources takes. Passes are shuffled, follow
        one another without a gap, and visit each source once.
    mode : str, default "rgb"
        How files are read: "rgb", "gray" or "stored", as in `images.read`.
    keep : int, default 64
        Number of decoded files kept in memory. It bounds the memory, whatever the number of files.
    **kwargs
        Further arguments of `keras.utils.PyDataset`, such as `workers`.

    Raises
    ------
    ImageError
        If `sources` is empty, or `batch_size`, `patch` or `steps` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.batches import PairStream, flip
    >>> images = np.random.default_rng(0).random((10, 20, 24, 3), dtype=np.float32)
    >>> stream = PairStream(images, lambda clean, rng: clean / 2, batch_size=4, patch=16, augment=[flip])
    >>> len(stream)
    3
    >>> degraded, clean = stream[0]
    >>> degraded.shape, clean.shape, clean.dtype.name
    ((4, 16, 16, 3), (4, 16, 16, 3), 'float32')
    >>> bool((degraded == clean / 2).all())
    True
    """

    def __init__(
        self,
        sources: np.ndarray | Sequence[np.ndarray | str | PathLike],
        degrade: Callable[[np.ndarray, np.random.Generator], np.ndarray],
        *,
        batch_size: int,
        patch: int | None = None,
        augment: Sequence[Augmentation] = (),
        seed: int = 0,
        steps: int | None = None,
        mode: str = "rgb",
        keep: int = 64,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if len(sources) == 0:
            raise ImageError("sources is empty: a stream needs at least one image")
        if batch_size < 1 or (patch is not None and patch < 1) or (steps is not None and steps < 1):
            raise ImageError(f"batch_size {batch_size}, patch {patch} and steps {steps} must be 1 or more")
        self.sources, self.degrade, self.batch_size, self.patch = sources, degrade, batch_size, patch
        self.augment, self.seed, self.mode, self.keep = tuple(augment), seed, mode, keep
        self.steps = steps or -(-len(sources) // batch_size)
        self.epoch = 0
        self._decoded: OrderedDict[Path, np.ndarray] = OrderedDict()

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if not 0 <= index < self.steps:
            raise IndexError(f"batch {index} of {self.steps}")
        rng = np.random.default_rng((self.seed, self.epoch, index))
        clean = [self._cut(self._load(place), rng) for place in self._places(index)]
        return (
            np.stack([self.degrade(image, rng) for image in clean]).astype(np.float32),
            np.stack(clean).astype(np.float32),
        )

    def on_epoch_end(self) -> None:
        """Count the epochs: the next one has new cuts, augmentations and degradations."""
        self.epoch += 1

    def _places(self, index: int) -> list[int]:
        """Which sources make up a batch: positions in an endless row of shuffled passes."""
        count = len(self.sources)
        first = (self.epoch * self.steps + index) * self.batch_size
        passes = {n // count for n in range(first, first + self.batch_size)}
        orders = {p: np.random.default_rng((self.seed, p, 0, 1)).permutation(count) for p in passes}
        return [int(orders[n // count][n % count]) for n in range(first, first + self.batch_size)]

    def _load(self, place: int) -> np.ndarray:
        source = self.sources[place]
        if isinstance(source, np.ndarray):
            return images.check(source, f"source {place}")
        path = Path(source)
        image = self._decoded.pop(path, None)  # popped and set again: the oldest in use goes first
        image = images.read(path, self.mode) if image is None else image
        self._decoded[path] = image
        while len(self._decoded) > self.keep:
            self._decoded.popitem(last=False)
        return image

    def _cut(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if self.patch is not None:
            room = np.array(image.shape[:2]) - self.patch
            if room.min() < 0:
                raise ImageError(f"an image of shape {image.shape} is too small for a patch of {self.patch}")
            top, left = rng.integers(room + 1)
            image = image[top : top + self.patch, left : left + self.patch]
        for change in self.augment:
            image = change(image, rng)
        return np.ascontiguousarray(image)


class RealPairs(PairStream):
    """Keras data set of (degraded, clean) batches cut from pairs of real photographs of one scene.

    Both photographs of a pair are cut at the same place and augmented alike. Nothing is degraded artificially.

    Parameters
    ----------
    pairs : sequence of tuple of ndarray
        Pairs (degraded, clean) of float images in [0, 1], both (H, W, C). `datasets.real_pairs` finds such pairs, each
        with its name before it.
    as_input : callable, optional
        Function (degraded batch) that returns what the network takes of it, such as one channel more. None leaves it as
        it is.
    **settings
        Arguments of `PairStream` other than `sources` and `degrade`; `batch_size` is needed.

    Raises
    ------
    ImageError
        If the images of a pair differ in shape or are invalid, or for settings that `PairStream` refuses.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.batches import RealPairs
    >>> photographs = np.random.default_rng(0).random((4, 20, 24, 3), dtype=np.float32)
    >>> stream = RealPairs([(clean / 2, clean) for clean in photographs], batch_size=2, patch=16)
    >>> degraded, clean = stream[0]
    >>> degraded.shape, bool((degraded == clean / 2).all())
    ((2, 16, 16, 3), True)
    """

    def __init__(
        self,
        pairs: Sequence[tuple[np.ndarray, np.ndarray]],
        as_input: Callable[[np.ndarray], np.ndarray] | None = None,
        **settings,
    ):
        for number, (degraded, clean) in enumerate(pairs):
            if images.check(degraded, "degraded").shape != images.check(clean, "clean").shape:
                raise ImageError(f"pair {number} has shapes {degraded.shape} and {clean.shape}: they have to be equal")
        super().__init__([np.concatenate(pair, -1) for pair in pairs], lambda both, rng: both, **settings)
        self.as_input = as_input

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        both, _ = super().__getitem__(index)
        degraded, clean = np.split(both, 2, axis=-1)
        return (self.as_input(degraded) if self.as_input else degraded), clean

    def _load(self, place: int) -> np.ndarray:
        pair = self.sources[place]  # checked already, and of twice the channels
        assert isinstance(pair, np.ndarray)
        return pair


class SideBySide(keras.utils.PyDataset):
    """Keras data set whose batches concatenate the batches of several streams.

    Each batch holds examples from every stream, so that the streams make up for what each of them lacks: synthetic
    noise of any level, for example, and the noise of real photographs.

    Parameters
    ----------
    streams : sequence of PairStream
        Streams with the same number of batches per epoch, and with patches of the same shape.

    Raises
    ------
    ImageError
        If the numbers of batches per epoch differ.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.batches import PairStream, RealPairs, SideBySide
    >>> images = np.random.default_rng(0).random((4, 16, 16, 3), dtype=np.float32)
    >>> synthetic = PairStream(images, lambda clean, rng: clean / 2, batch_size=3, steps=2)
    >>> real = RealPairs([(clean, clean) for clean in images], batch_size=1, steps=2)
    >>> degraded, clean = SideBySide([synthetic, real])[0]
    >>> degraded.shape, clean.shape
    ((4, 16, 16, 3), (4, 16, 16, 3))
    """

    def __init__(self, streams: Sequence[PairStream]):
        super().__init__()
        if len({len(stream) for stream in streams}) != 1:
            raise ImageError(f"streams have {[len(s) for s in streams]} batches an epoch: give them all as many")
        self.streams = tuple(streams)

    def __len__(self) -> int:
        return len(self.streams[0])

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        halves = zip(*(stream[index] for stream in self.streams), strict=True)
        return tuple(np.concatenate(half) for half in halves)

    @property
    def epoch(self) -> int:
        """Number of the current epoch, from 0; setting it sets the epoch of every stream."""
        return self.streams[0].epoch

    @epoch.setter
    def epoch(self, number: int) -> None:
        for stream in self.streams:
            stream.epoch = number

    def on_epoch_end(self) -> None:
        """Count the epochs of all streams."""
        self.epoch += 1
