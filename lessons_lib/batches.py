"""Streams of (degraded, clean) pairs, made on the fly: memory does not grow with the data set."""

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
    """Mirror (H, W, C) left to right or not, by chance."""
    return image[:, ::-1] if rng.random() < 0.5 else image


def rotate90(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn (H, W, C) by 0, 90, 180 or 270 degrees: exact, no pixel is resampled. Together with `flip`: 8 versions."""
    return np.rot90(image, rng.integers(4))


def shift(max_pixels: int) -> Augmentation:
    """Move the image by up to `max_pixels` along each axis; what enters from outside is the mirrored image."""
    if max_pixels < 0:
        raise ImageError(f"max_pixels is {max_pixels}: give 0 or more")

    def moved(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        down, right = rng.integers(-max_pixels, max_pixels + 1, 2)
        padded = np.pad(image, ((max_pixels, max_pixels), (max_pixels, max_pixels), (0, 0)), "symmetric")
        top, left = max_pixels - down, max_pixels - right
        return padded[top : top + image.shape[0], left : left + image.shape[1]]

    return moved


def zoom(low: float = 1.0, high: float = 1.3) -> Augmentation:
    """Enlarge by a random factor in [low, high], both 1 or more, and keep the middle, so the shape stays.

    Zooming in needs no invented border; but it resamples, so a network trained on it sees softer "clean" targets.
    """
    if not 1 <= low <= high:
        raise ImageError(f"zoom range is {low} to {high}: give 1 <= low <= high")

    def zoomed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        factor, (height, width) = rng.uniform(low, high), image.shape[:2]
        bigger = images.resize(image, (round(height * factor), round(width * factor)), "bicubic")
        return np.clip(images.center_crop(bigger, (height, width)), 0, 1)

    return zoomed


class PairStream(keras.utils.PyDataset):
    """Batches (degraded, clean), each (batch_size, H, W, C) float32, cut and degraded afresh every epoch.

    sources:  file paths, read when needed, or an array (N, H, W, C) or list of arrays.
    degrade:  function (clean, rng) -> degraded; it may return another size (super-resolution).
    patch:    side of the random square cut from each image; None takes images whole (then all of one shape).
    augment:  functions (image, rng) -> image, applied in this order after the cut.
    steps:    batches an epoch; by default one pass over the sources. Every pass visits each source once, shuffled.
    keep:     how many decoded files stay in memory. That bounds the memory, whatever the number of files.

    The same seed gives the same batches, in any order of access and with any number of worker threads (processes would
    not learn which epoch it is).
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
    """Batches (degraded, clean) cut at the same place from photographs that were taken twice.

    pairs: (degraded, clean), each (H, W, C) float in [0, 1], as `datasets.real_pairs` finds them. The rest as for
    `PairStream`.
    """

    def __init__(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]], **settings):
        for number, (degraded, clean) in enumerate(pairs):
            if images.check(degraded, "degraded").shape != images.check(clean, "clean").shape:
                raise ImageError(f"pair {number} has shapes {degraded.shape} and {clean.shape}: they have to be equal")
        super().__init__([np.concatenate(pair, -1) for pair in pairs], lambda both, rng: both, **settings)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        both, _ = super().__getitem__(index)
        degraded, clean = np.split(both, 2, axis=-1)
        return degraded, clean

    def _load(self, place: int) -> np.ndarray:
        return self.sources[place]  # checked already, and of twice the channels


class SideBySide(keras.utils.PyDataset):
    """Each batch holds one of every stream: what one of them lacks, another brings."""

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
        return self.streams[0].epoch

    @epoch.setter
    def epoch(self, number: int) -> None:
        for stream in self.streams:
            stream.epoch = number

    def on_epoch_end(self) -> None:
        self.epoch += 1
