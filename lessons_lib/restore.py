"""Any picture in, restored picture out: finds the noise level, cuts tiles, asks a network, puts the tiles together.

Pictures are float (H, W, 1 or 3) in [0, 1], of any size; noise may take them outside, and nothing is clipped. `sigma`
is in the same unit: what papers call sigma 25 is 25/255 here.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterator

import keras
import numpy as np

from lessons_lib import images, pretrained
from lessons_lib.images import ImageError
from lessons_lib.noise_estimation import estimate_sigma

__all__ = ["Network", "blocks", "deblur", "denoise", "estimate_sigma", "find", "network", "upscale"]
TILE = 512  # pixels of a tile's side, its halo included
SMALLEST = 16  # smaller pictures are mirrored up to this side: no network of the book takes less
Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class Network:
    """A model and what must be known to use it on tiles; `load` takes it from the card of shipped weights.

    told:     its input has one channel more, the noise level of each pixel.
    channels: 1 or 3. A gray picture goes through a colour network three times the same and comes out as the mean; a
              colour picture goes through a gray network channel by channel.
    scale:    how many times wider and higher the answer is.
    halo:     how many pixels to each side decide about a pixel.
    multiple: sides of its input, and the places of tiles, are multiples of it.
    """

    model: keras.Model
    told: bool = False
    channels: int = 3
    scale: int = 1
    halo: int = 0
    multiple: int = 1

    @classmethod
    def load(cls, name: str) -> Network:
        """The shipped network `name`. Raises weights.WeightsError."""
        card = pretrained.card(name)
        return cls(
            pretrained.load(name), **{key: card[key] for key in ("told", "channels", "scale", "halo", "multiple")}
        )


def denoise(
    image: np.ndarray,
    sigma: float | np.ndarray | None = None,
    model: str | Network = "medium",
    *,
    ensemble: bool = False,
    tile: int = TILE,
    progress: Progress | None = None,
) -> np.ndarray:
    """Take the noise out of one picture: float32, same shape.

    sigma:    the noise, in [0, 1]; a map (H, W) or (H, W, 1) where it differs from place to place; None estimates it.
    model:    "small", "medium", "ridnet", "gray" or "real", or a network. A gray picture takes "gray" for "medium" if
              that is here.
    ensemble: ask for all 8 ways to turn and mirror the picture, and average (Timofte et al., 2016): 8 times the time.
    tile:     pixels of a tile's side, at least 3 halos; it bounds the memory, and changes the result by rounding alone.
    progress: called with the number of finished tiles and of all.

    Raises ImageError, also for weights that are not here.
    """
    return _restore(image, sigma, network("denoise", model, channels=_channels(image)), ensemble, tile, progress)


def deblur(
    image: np.ndarray,
    sigma: float | np.ndarray | None = None,
    model: str | Network = "deblur",
    *,
    ensemble: bool = False,
    tile: int = TILE,
    progress: Progress | None = None,
) -> np.ndarray:
    """Sharpen one picture that was blurred: float32, same shape. Arguments and errors as for `denoise`."""
    return _restore(image, sigma, network("deblur", model, channels=_channels(image)), ensemble, tile, progress)


def upscale(
    image: np.ndarray,
    scale: int = 2,
    sigma: float | np.ndarray | None = None,
    model: str | Network | None = None,
    *,
    ensemble: bool = False,
    tile: int = TILE,
    progress: Progress | None = None,
) -> np.ndarray:
    """Enlarge one picture `scale` times, 2, 3 or 4: float32 (H * scale, W * scale, C). The rest as for `denoise`."""
    chosen = network("upscale", model, scale=scale, channels=_channels(image))
    if chosen.scale != scale:
        raise ImageError(f"scale is {scale}, but this network enlarges {chosen.scale} times: ask for that")
    return _restore(image, sigma, chosen, ensemble, tile, progress)


def network(task: str, model: str | Network | None = None, *, scale: int = 1, channels: int = 3) -> Network:
    """The network that `denoise`, `deblur` or `upscale` would use for a picture of so many channels.

    None stands for "medium", "deblur" and the network of the scale. Raises ImageError for one that is not here.
    """
    if isinstance(model, Network):
        return model
    model = model or {"denoise": "medium", "upscale": str(scale)}.get(task, task)
    if (task, model, channels) == ("denoise", "medium", 1) and "denoise-gray" in pretrained.names(task):
        model = "gray"
    return Network.load(find(task, model))


def find(task: str, model: str) -> str:
    """The name in `weights` of what is called `model` among the networks of a task: "small" is "denoise-small".

    Raises ImageError that names the ones that are here.
    """
    here = pretrained.names(task)
    for name in (model, f"{task}-{model}"):
        if name in here:
            return name
    choices = ", ".join(name.removeprefix(f"{task}-") for name in here) or "none yet"
    raise ImageError(f"no network {model!r} to {task}: here are {choices}")


def blocks(
    network: Network,
    image: np.ndarray,
    sigma: float | np.ndarray | None = None,
    *,
    ensemble: bool = False,
    tile: int = TILE,
    progress: Progress | None = None,
) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """The restored picture piece by piece: (rows, columns) of the result and float32 values to put there.

    `image` may also hold stored values, uint8 or uint16: only a tile at a time becomes float. So whoever puts the
    pieces into an array of bytes needs little more memory than the two files. Raises ImageError.
    """
    _check(image, tile)
    level = _level(network, image, sigma)
    sides = [list(_pieces(side, tile, network.halo, network.multiple)) for side in image.shape[:2]]
    total = len(sides[0]) * len(sides[1])
    for done, (rows, columns) in enumerate(itertools.product(*sides), 1):
        taken = np.ix_(rows.taken, columns.taken)
        picture = image[taken] if image.dtype.kind == "f" else images.to_float(image[taken])
        at = level[taken] if isinstance(level, np.ndarray) else level
        answer = (_ask_eight if ensemble else _ask)(network, picture, at)
        inside = tuple(_times(slice(p.first - p.start, p.last - p.start), network.scale) for p in (rows, columns))
        place = tuple(_times(slice(p.first, p.last), network.scale) for p in (rows, columns))
        yield place, answer[inside]
        if progress:
            progress(done, total)


def _channels(image: np.ndarray) -> int:
    if images.check(image).ndim != 3:
        raise ImageError(f"image has shape {image.shape}: give one image (H, W, 1) or (H, W, 3)")
    return image.shape[-1]


def _restore(image, sigma, network, ensemble, tile, progress) -> np.ndarray:
    pieces = blocks(network, image, sigma, ensemble=ensemble, tile=tile, progress=progress)
    height, width, channels = image.shape
    restored = np.empty((height * network.scale, width * network.scale, channels), np.float32)
    for place, block in pieces:
        restored[place] = block
    return restored


def _check(image: np.ndarray, tile: int) -> None:
    if image.ndim != 3 or image.shape[-1] not in (1, 3) or image.size == 0:
        raise ImageError(f"image has shape {image.shape}: give one image (H, W, 1) or (H, W, 3)")
    if tile < 1:
        raise ImageError(f"tile is {tile}: give a number of pixels, such as {TILE}")


def _level(network: Network, image: np.ndarray, sigma: float | np.ndarray | None) -> float | np.ndarray:
    """What the network is told: a number, or a map (H, W, 1)."""
    if not network.told:
        if sigma is not None:
            raise ImageError(f"sigma is {sigma}, but this network finds the noise itself: leave sigma out")
        return 0.0
    if sigma is None:
        return estimate_sigma(image)
    level = np.asarray(sigma, np.float32)
    if not np.isfinite(level).all() or level.min(initial=0) < 0 or level.max(initial=0) > 1:
        raise ImageError(f"sigma is {sigma}: give 0 to 1, as images are; sigma 25 of 255 is 25/255")
    if level.ndim == 0:
        return float(level)
    if level.shape not in (image.shape[:2], (*image.shape[:2], 1)):
        raise ImageError(f"sigma has shape {level.shape}: give a number, or one for each pixel of {image.shape[:2]}")
    return level.reshape(*image.shape[:2], 1)


@dataclasses.dataclass(frozen=True)
class _Piece:
    """A tile along one axis: it is cut from `start`, reads the pixels `taken`, and [first, last) of it is kept."""

    start: int
    taken: np.ndarray
    first: int
    last: int


def _pieces(length: int, tile: int, halo: int, multiple: int) -> Iterator[_Piece]:
    """Tiles of one size over `length` pixels, each placed at a multiple, each keeping what its halo allows.

    The first and the last tile end where the picture ends, so the network treats its border as in the whole picture.
    Sides that are too small, or no multiple, are mirrored.
    """
    whole = _up(max(length, SMALLEST), multiple)
    size = min(whole, _up(max(tile, 3 * halo, 2 * halo + multiple), multiple))
    step = (size - 2 * halo) // multiple * multiple
    starts = [*range(0, whole - size, step), whole - size] if whole > size else [0]
    ends = [*(start + size - halo for start in starts[:-1]), length]
    first = 0
    for start, last in zip(starts, ends, strict=True):
        if last > first:
            yield _Piece(start, mirrored(start, size, length), first, min(last, length))
        first = min(last, length)


def mirrored(first: int, count: int, length: int) -> np.ndarray:
    """Indices first .. first + count - 1 into a line of `length` that goes on mirrored, the last pixel twice."""
    at = np.arange(first, first + count) % (2 * length)
    return np.where(at < length, at, 2 * length - 1 - at)


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _times(part: slice, scale: int) -> slice:
    return slice(part.start * scale, part.stop * scale)


def _ask(network: Network, picture: np.ndarray, level: float | np.ndarray) -> np.ndarray:
    """The network's answer (h, w, C) to one tile. A compiled call: it needs half the memory of an eager one."""
    gray = picture.shape[-1] == 1
    if network.channels == 1:
        batch = np.moveaxis(picture, -1, 0)[..., None]
    else:
        batch = np.repeat(picture, 3 if gray else 1, axis=-1)[None]
        if gray:  # noise that three channels share is as loud in their sum as that of three, sqrt(3) times as strong
            level = level * np.float32(math.sqrt(3))
    if network.told:
        batch = np.concatenate([batch, np.broadcast_to(level, (*batch.shape[:3], 1))], axis=-1, dtype=np.float32)
    model = network.model if network.scale == 1 else _of_one_size(network.model, batch.shape[1:])
    answer = np.asarray(model.predict_on_batch(batch), np.float32)
    if network.channels == 1:
        return np.moveaxis(answer[..., 0], 0, -1)
    return answer[0].mean(-1, keepdims=True) if gray else answer[0]


@functools.lru_cache(maxsize=8)
def _of_one_size(model: keras.Model, shape: tuple[int, int, int]) -> keras.Model:
    """The model for one size alone: Keras 3.15 compiles a bicubic enlargement only if it knows the size."""
    given = keras.Input(shape)
    return keras.Model(given, model(given))


def _ask_eight(network: Network, picture: np.ndarray, level: float | np.ndarray) -> np.ndarray:
    """The mean answer over the 4 turns of the tile and of its mirror image, each turned back."""
    total = 0
    for mirror, turns in itertools.product((False, True), range(4)):
        given = [_turn(x, mirror, turns) if isinstance(x, np.ndarray) else x for x in (picture, level)]
        total = total + _turn(np.rot90(_ask(network, *given), -turns), mirror, 0)
    return (total / 8).astype(np.float32)


def _turn(picture: np.ndarray, mirror: bool, turns: int) -> np.ndarray:
    return np.rot90(picture[:, ::-1] if mirror else picture, turns)
