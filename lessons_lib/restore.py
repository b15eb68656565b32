"""Any image in, restored image out: one service for the commands, the web app, videos and chapters.

Images are float (H, W, 1 or 3) in [0, 1], of any size; noise may leave that range, and nothing is clipped. `sigma` is
in the same unit: what papers call sigma 25 is 25/255 here.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lessons_lib import degrade, image_io, images, pretrained, priors
from lessons_lib.blur_estimation import PART, found_blur
from lessons_lib.degrade import TASKS
from lessons_lib.image_io import Photo, videos
from lessons_lib.images import ImageError
from lessons_lib.noise_estimation import NoiseFound, estimate_sigma, found_noise, jpeg_amplitude, shows_blocks

if TYPE_CHECKING:
    import keras

__all__ = [
    "CancelledError",
    "Network",
    "RestoreOptions",
    "Restored",
    "RestoredVideo",
    "blocks",
    "deblur",
    "dejpeg",
    "denoise",
    "estimate_sigma",
    "level_to_deblur",
    "look",
    "network",
    "network_name",
    "restore_image",
    "restore_video",
    "upscale",
]
TILE = 512  # pixels of a tile's side, its halo included
SMALLEST = 16  # smaller pictures are mirrored up to this side: no network of the book takes less
DEBLUR_TILE = 1200  # pixels of the side of what is deblurred at once
AUTO = "denoise-auto"  # the network that finds the noise itself
DEJPEG = "dejpeg"
COARSE_JPEG, LEAST_OVER_JPEG = 80, 4.5 / 255  # a JPEG as coarse shows as noise below this, and what was noise is gone
SAMPLE = 192  # pixels of the side of a part that is looked at
LEAST_WHITE, WHITE = 2 / 255, 0.75  # of the noise found, the share that must be white to be taken for white noise
MOST_CLIPPED = 0.11  # share of values from which on the network that was trained on clipped noise does better
MOST = 1.1  # times the noise found in smooth places, where a network finds nine tenths of white noise, is all of it
LEAST_TO_DEBLUR = 1 / 255  # an estimate of the noise may miss what rounding did
JPEG_ERROR = 0.088  # times the root of its amplitude: undid blurs of validation photographs best, quality 40 to 97
UNKNOWN_JPEG = 60  # quality of a JPEG that was stored anew in another format
LEAST_FOR_SHAKES = 4 / 255
NEAR_ENDS = 5 / 255  # what is as dark or as light may have been clipped
RINGING = 0.02  # the share of values that may pass black or white
SAMPLED_FRAMES = 3  # of a video, from which its noise is estimated
Progress = Callable[[int, int], None]
Cancelled = Callable[[], bool]


class CancelledError(Exception):
    """A restoration was cancelled by its caller before it was finished.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import restore
    >>> from lessons_lib.models.residual import residual
    >>> network = restore.Network(residual(depth=2, width=4), halo=2)
    >>> image = np.zeros((16, 16, 3), np.float32)
    >>> try:
    ...     list(restore.blocks(network, image, cancelled=lambda: True))
    ... except restore.CancelledError as error:
    ...     print(error)
    cancelled after 0 of 1 tiles
    """


@dataclasses.dataclass(frozen=True)
class RestoreOptions:
    """What is to be done to an image: the task, and how.

    Parameters
    ----------
    task : str, default "denoise"
        "denoise", "dejpeg", "deblur" or "upscale".
    model : str, optional
        Short or long name of a network for the task. None takes the usual one: to denoise, "auto", which finds the
        noise itself, or with `sigma` "medium".
    scale : int, optional
        Upscaling factor 2, 3 or 4, for the task "upscale" only. None is 2 there.
    sigma : float, optional
        Noise level in [0, 1]. None estimates it if the network is noise-conditioned.
    ensemble : bool, default False
        Whether to average over the 8 orientations of the image, which takes 8 times as long.
    blur : str or bytes, optional
        The blur to undo, for the task "deblur" only, as `degrade.kernel_from` takes it, or "auto", which finds it in
        the image (`blur_estimation.found_blur`). None is "auto", or with `model` a network that was trained to deblur.
    strength : float, optional
        Factor of the noise, or of the error of JPEG, that was found, from 0.1 to 4, for the tasks "denoise" and
        "dejpeg" only. None is 1, and to denoise leaves an image alone in which hardly any noise is found.

    Raises
    ------
    ImageError
        If a value is unknown or outside its range, or a scale or a blur is given for another task.
    FileNotFoundError
        If `blur` is a path where no file is.

    Examples
    --------
    >>> from lessons_lib.restore import RestoreOptions
    >>> RestoreOptions("upscale", scale=3)
    RestoreOptions(task='upscale', model=None, scale=3, sigma=None, ensemble=False, blur=None, strength=None)
    """

    task: str = "denoise"
    model: str | None = None
    scale: int | None = None
    sigma: float | None = None
    ensemble: bool = False
    blur: str | bytes | None = None
    strength: float | None = None

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ImageError(f"task is {self.task!r}: choose one of {', '.join(TASKS)}")
        if self.sigma is not None and not 0 <= self.sigma <= 1:
            raise ImageError(f"sigma is {255 * self.sigma:g}: give the noise as papers write it, 0 to 255")
        if self.scale is not None and self.task != "upscale":
            raise ImageError(f"scale is {self.scale}, but task {self.task} keeps the size: leave it out")
        if self.scale not in (None, 2, 3, 4):
            raise ImageError(f"scale is {self.scale}: choose 2, 3 or 4")
        if self.blur is not None and self.task != "deblur":
            raise ImageError(
                f"blur is {self.blur!r}, but task {self.task} undoes none: add task deblur, or leave it out"
            )
        if self.undoes_blur and self.ensemble:
            raise ImageError("a blur is undone in 8 rounds, which no ensemble averages: leave the ensemble out")
        if self.strength is not None and self.task not in ("denoise", "dejpeg"):
            raise ImageError(f"strength is {self.strength:g}, but task {self.task} removes no noise: leave it out")
        if self.sigma is not None and self.task == "dejpeg":
            raise ImageError(f"sigma is {255 * self.sigma:g}, but task dejpeg removes no noise: leave it out")
        if self.strength is not None and not 0.1 <= self.strength <= 4:
            raise ImageError(f"strength is {self.strength:g}: give 0.1 to 4; 1 takes the noise as it was found")
        if self.strength is not None and self.sigma is not None:
            raise ImageError("sigma says how strong the noise is, strength scales what was found: give one of the two")
        _ = self.kernel  # a wrong one is said before anything loads

    @property
    def undoes_blur(self) -> bool:
        """Whether a blur is undone whose kernel is given or found, not by a network that was trained to deblur."""
        return self.task == "deblur" and (self.blur is not None or self.model is None)

    @functools.cached_property
    def kernel(self) -> np.ndarray | None:
        """The kernel of `blur`; None if it is to be found, or no blur is undone."""
        return None if self.blur in (None, "auto") else degrade.kernel_from(self.blur)

    def network(self, channels: int) -> Network:
        """Load the network that the options ask for.

        It loads Keras, which takes seconds the first time.

        Parameters
        ----------
        channels : int
            Channels of the images, 1 or 3.

        Returns
        -------
        Network
            The network.

        Raises
        ------
        ImageError
            If that network is not available, or does not take what is given (`check`).

        Examples
        --------
        >>> from lessons_lib.restore import RestoreOptions
        >>> RestoreOptions("denoise", "small").network(3).name
        'denoise-small'
        """
        self.check()
        task, model = self._chosen()
        return network(task, model, scale=self.scale or 2, channels=channels)

    def check(self) -> None:
        """Check, by its model card alone, that the network is there and takes what is given.

        Raises
        ------
        ImageError
            If the network is not available, or takes no noise level or strength, or upscales by another factor.

        Examples
        --------
        >>> from lessons_lib.restore import RestoreOptions
        >>> RestoreOptions("upscale", "2", scale=3).check()
        Traceback (most recent call last):
            ...
        lessons_lib.images.ImageError: scale is 3, but upscale-2 upscales 2 times: leave scale or model out
        """
        task, model = self._chosen()
        usual = {"denoise": "medium", "upscale": str(self.scale or 2)}.get(task, task)
        name = network_name(task, model or usual)
        card = pretrained.card(name)
        if self.scale is not None and card["scale"] != self.scale:
            times = f"scale is {self.scale}, but {name} upscales {card['scale']} times"
            raise ImageError(f"{times}: leave scale or model out")
        if self.undoes_blur and not card["noise_conditioned"]:
            raise ImageError(f"{name} takes no noise level, which undoing a blur needs: name medium or small")
        if self.sigma is not None and not card["noise_conditioned"]:
            why = "finds the noise itself" if task == "denoise" else "takes no noise level"
            raise ImageError(f"sigma is {255 * self.sigma:g}, but {name} {why}: leave sigma out, or name another model")
        if self.strength is not None and not (card["noise_conditioned"] or card.get("strength")):
            raise ImageError(f"strength is {self.strength:g}, but {name} knows none: leave strength or model out")

    def _chosen(self) -> tuple[str, str | None]:
        """The task of the network, and its name; None is the usual one."""
        if self.undoes_blur:  # a denoiser is the prior, and each round tells it a level
            return "denoise", self.model
        found = self.task == "denoise" and self.model is None and self.sigma is None
        return self.task, AUTO if found and AUTO in pretrained.names("denoise") else self.model


@dataclasses.dataclass(frozen=True)
class Restored:
    """A restored photo, the noise level used, and what was found.

    Parameters
    ----------
    photo : Photo
        The restored photo.
    sigma : float or None
        Noise level in [0, 1], estimated or given; None if the network takes none.
    estimated : bool
        Whether `sigma` was estimated from the image.
    found : str, default ""
        What was found and done, in words, where the network looked for the noise itself, or a blur was looked for.
    kernel : ndarray or None, default None
        The kernel that was found, where a blur was looked for.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.image_io import Photo
    >>> from lessons_lib.restore import Restored
    >>> result = Restored(Photo(np.zeros((16, 16, 3), np.uint8)), sigma=0.1, estimated=True)
    >>> result.photo.pixels.shape, result.sigma
    ((16, 16, 3), 0.1)
    """

    photo: Photo
    sigma: float | None
    estimated: bool
    found: str = ""
    kernel: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class RestoredVideo:
    """What is to be said of a video that was restored.

    Parameters
    ----------
    sigma : float or None
        Noise level in [0, 1], estimated or given; None if the network takes none.
    estimated : bool
        Whether `sigma` was estimated from the video.
    found : str, default ""
        What was found and done, in words, where the network looked for the noise itself.
    notes : tuple of str, default ()
        What of the source could not be kept, one sentence each.

    Examples
    --------
    >>> from lessons_lib.restore import RestoredVideo
    >>> RestoredVideo(0.1, estimated=True, notes=("its cover picture is left out",)).notes
    ('its cover picture is left out',)
    """

    sigma: float | None
    estimated: bool
    found: str = ""
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Network:
    """A model and what must be known to run it on tiles.

    Parameters
    ----------
    model : keras.Model
        The model: (N, H, W, C) -> (N, H * scale, W * scale, channels), where C is `channels`, or one more if it is
        noise-conditioned.
    noise_conditioned : bool, default False
        Whether the input has one channel more, the noise level of each pixel.
    channels : int, default 3
        Channels of the images, 1 or 3. A gray image goes through a colour network as three equal channels, and the mean
        of the output is the result; a colour image goes through a gray network channel by channel.
    scale : int, default 1
        Upscaling factor.
    halo : int, default 0
        How many pixels to each side influence an output pixel, in pixels of the input.
    multiple : int, default 1
        Number of pixels that divides the sides and the positions of tiles.
    name : str, default ""
        Name of a pretrained network; empty for others.
    strength : bool, default False
        Whether the network finds the noise itself, and its input has one channel more, the factor of what it finds.

    Examples
    --------
    >>> from lessons_lib.models.residual import residual
    >>> from lessons_lib.restore import Network
    >>> network = Network(residual(depth=2, width=4, scale=2), scale=2, halo=4)
    >>> network.channels, network.noise_conditioned
    (3, False)
    """

    model: keras.Model
    noise_conditioned: bool = False
    channels: int = 3
    scale: int = 1
    halo: int = 0
    multiple: int = 1
    name: str = ""
    strength: bool = False

    @classmethod
    def load(cls, name: str) -> Network:
        """Load a pretrained network, with the values of its model card.

        Parameters
        ----------
        name : str
            Long name of the network, such as "denoise-medium".

        Returns
        -------
        Network
            The network.

        Raises
        ------
        pretrained.WeightsError
            If it is not available, or its files are damaged.

        Examples
        --------
        >>> from lessons_lib.restore import Network
        >>> network = Network.load("upscale-2")
        >>> network.scale, network.channels, network.name
        (2, 3, 'upscale-2')
        """
        card = pretrained.card(name)
        keys = ("noise_conditioned", "channels", "scale", "halo", "multiple")
        strength = card.get("strength", False)
        return cls(pretrained.load(name), name=name, strength=strength, **{key: card[key] for key in keys})


def restore_image(
    photo: Photo,
    options: RestoreOptions,
    network: Network | None = None,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Restored:
    """Restore a photo as the options say.

    This is what the command line, the web app and videos use. The photo keeps its alpha channel and its metadata.

    Parameters
    ----------
    photo : Photo
        The photo; its pixels (H, W, 1 or 3) are uint8, uint16 or float.
    options : RestoreOptions
        What is to be done.
    network : Network, optional
        The network of the options, if the caller has loaded it already.
    progress : callable, optional
        Function (done, total) that is called after each tile with the number of finished tiles and of all tiles.
    cancelled : callable, optional
        Function () -> bool that is called before each tile; true cancels the restoration.

    Returns
    -------
    Restored
        The restored photo, in the dtype of the original, and the noise level used.

    Raises
    ------
    ImageError
        If the network is not available, the image or the noise level does not suit it, or the result would be too
        large.
    MemoryError
        If the memory does not suffice.
    CancelledError
        If `cancelled` returned true.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import restore
    >>> from lessons_lib.image_io import Photo
    >>> from lessons_lib.models.residual import residual
    >>> network = restore.Network(residual(depth=2, width=4), halo=2)
    >>> photo = Photo(np.full((16, 16, 3), 128, np.uint8))
    >>> result = restore.restore_image(photo, restore.RestoreOptions("denoise"), network)
    >>> result.photo.pixels.shape, result.photo.pixels.dtype.name, result.sigma
    ((16, 16, 3), 'uint8', None)
    """
    network = network or options.network(photo.pixels.shape[-1])
    if network.strength and options.task == "denoise":
        return _restored_by_finding(photo, options, network, look(network, photo.pixels), progress, cancelled)
    sigma, estimated = options.sigma, options.sigma is None and network.noise_conditioned
    if estimated:
        sigma = min(1.0, estimate_sigma(photo.pixels) * (options.strength or 1))
    elif options.strength is not None and not network.strength:
        raise ImageError("this network knows no strength: leave --strength or --model out")
    if options.undoes_blur:
        level = level_to_deblur(photo, sigma or 0.0) if estimated or sigma is None else sigma
        return _without_blur(photo, options.kernel, network, level, estimated, progress, cancelled)
    pieces = blocks(
        network,
        photo.pixels,
        sigma,
        ensemble=options.ensemble,
        progress=progress,
        cancelled=cancelled,
        strength=options.strength or 1.0,
    )
    found = f"JPEG of quality {photo.jpeg}" if options.task == "dejpeg" and photo.jpeg else ""
    return Restored(image_io.restored(photo, pieces, network.scale), sigma, estimated, found)


def level_to_deblur(photo: Photo, sigma: float) -> float:
    """Return the noise level that undoing a blur has to expect: noise, and what rounding and JPEG did.

    Parameters
    ----------
    photo : Photo
        The photo. If it knows no JPEG quality but shows the blocks, it was stored anew, and quality 60 is assumed.
    sigma : float
        Estimated level of the noise, in units of float images.

    Returns
    -------
    float
        The level, in the same units.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import restore
    >>> from lessons_lib.image_io import Photo
    >>> pixels = np.zeros((64, 64, 3), np.uint8)
    >>> [round(255 * restore.level_to_deblur(Photo(pixels, jpeg=quality), 2 / 255), 1) for quality in (None, 50)]
    [2.0, 4.2]
    """
    quality = _quality(photo)
    error = 0.0 if quality is None else JPEG_ERROR * math.sqrt(jpeg_amplitude(quality))
    return min(1.0, math.hypot(max(sigma, LEAST_TO_DEBLUR), error))


def _quality(photo: Photo) -> int | None:
    return photo.jpeg or (UNKNOWN_JPEG if shows_blocks(photo.pixels) else None)


def _without_blur(
    photo: Photo,
    kernel: np.ndarray | None,
    network: Network,
    sigma: float,
    estimated: bool,
    progress: Progress | None,
    cancelled: Cancelled | None,
) -> Restored:
    """Undo a blur that is given, or found in the photo; leave alone a photo in which none is found."""
    said, looked_for = "", kernel is None
    if kernel is None:
        found = found_blur(photo.pixels, lambda noisy, level: denoise(noisy, level, network), _quality(photo))
        if found.kernel is None:
            said = f"{found.why_not}, left as it is; name the kind and size of a blur to undo it all the same"
            return Restored(photo, None, False, said)
        kernel = found.kernel
        said = f"blur found: {found.text}, which explains {100 * found.sure:.0f} % of what the spectrum lacks"
        if found.text == "shake":  # its kernel is never exact, and what it gets wrong counts as noise
            level = _level_for_shake(photo.pixels, kernel, max(2 * sigma, LEAST_FOR_SHAKES), network, cancelled)
            if level is None:
                said = "camera shake found, but undoing it made the picture ring, left as it is; give its kernel"
                return Restored(photo, None, False, said)
            sigma = level
    if estimated and _quality(photo):
        said += "; " * bool(said) + "what a JPEG changed counts as noise"
    pieces = _deblurred(network, photo.pixels, kernel, sigma, progress, cancelled)
    return Restored(image_io.restored(photo, pieces), sigma, estimated, said, kernel if looked_for else None)


def _level_for_shake(
    image: np.ndarray, kernel: np.ndarray, level: float, network: Network, cancelled: Cancelled | None
) -> float | None:
    """The noise level at which an estimated kernel can be undone; None if there is none.

    What the kernel gets wrong comes back as ringing, which passes black and white where the image did not come near
    them. A higher level trusts the kernel less. It is tried on the part from which the kernel was estimated.
    """
    part = images.center_crop(image, (min(PART, image.shape[0]), min(PART, image.shape[1])))
    part = part if part.dtype.kind == "f" else images.to_float(part)
    between = (part > NEAR_ENDS) & (part < 1 - NEAR_ENDS)
    for sigma in (level, 2 * level, 4 * level):
        if cancelled and cancelled():
            raise CancelledError("cancelled while a camera shake was tried out")
        restored = priors.deblur(part, kernel, sigma, lambda noisy, left: denoise(noisy, left, network))
        if (between & ((restored < 0) | (restored > 1))).mean() <= RINGING:
            return min(1.0, sigma)
    return None


def _restored_by_finding(
    photo: Photo,
    options: RestoreOptions,
    network: Network,
    found: NoiseFound,
    progress: Progress | None,
    cancelled: Cancelled | None,
    frame: bool = False,
) -> Restored:
    """Leave the photo alone, or restore it by the network that suits what was found; all frames of a video by one."""
    if options.sigma is not None:
        raise ImageError("this network finds the noise itself: leave --sigma out, or name another --model")
    jpeg = f", JPEG of quality {photo.jpeg}" if photo.jpeg and photo.jpeg < 98 else ""
    if options.model is None and _is_coarse_jpeg(photo, found):
        other = dataclasses.replace(options, task="dejpeg")
        result = restore_image(photo, other, progress=progress, cancelled=cancelled)
        return dataclasses.replace(result, found=f"JPEG of quality {photo.jpeg} found, and hardly any other noise")
    if found.share == 0 and options.strength is None:
        said = f"no noise to speak of found{jpeg}, left as it is; --strength 1 cleans anyway"
        return Restored(photo, 0.0, True, said)
    strength = options.strength or found.share
    white = 0.0 if frame or photo.jpeg or options.model else min(1.0, estimate_sigma(photo.pixels))
    if white > max(LEAST_WHITE, WHITE * found.sigma) and found.clipped < MOST_CLIPPED:
        white = min(white, MOST * found.sigma)  # an estimate of white noise takes fine texture for it
        other = dataclasses.replace(options, model="medium", sigma=min(1.0, white * strength), strength=None)
        result = restore_image(photo, other, progress=progress, cancelled=cancelled)
        return dataclasses.replace(result, estimated=True, found=f"white noise of sigma {255 * white:.1f} found")
    how: dict[str, Any] = {"ensemble": options.ensemble, "progress": progress, "cancelled": cancelled}
    pieces = blocks(network, photo.pixels, strength=strength, found=found, **how)
    said = f"noise of sigma {255 * found.sigma:.1f} found{_manner(found)}{jpeg}"
    if strength < 1 and options.strength is None:
        said += f"; so weak that only {100 * strength:.0f} % of it was removed; --strength 1 removes all"
    return Restored(image_io.restored(photo, pieces), found.sigma, True, said)


def _is_coarse_jpeg(photo: Photo, found: NoiseFound) -> bool:
    """Whether all that a network took for noise may be what JPEG did, and there is a network for that."""
    coarse = photo.jpeg is not None and photo.jpeg <= COARSE_JPEG and found.sigma < LEAST_OVER_JPEG
    return coarse and DEJPEG in pretrained.names("dejpeg")


def _manner(found: NoiseFound) -> str:
    """In what way the noise is not white, in words."""
    dark, bright = found.levels[0], found.levels[-1]
    tones = (
        ", stronger in the dark" if dark > 1.5 * bright else ", stronger in the light" if bright > 1.5 * dark else ""
    )
    return (", correlated" if found.correlation > 0.25 else "") + tones


def look(network: Network, image: np.ndarray) -> NoiseFound:
    """Measure the noise that a network finds in parts of an image.

    Parameters
    ----------
    network : Network
        A network that finds the noise itself.
    image : ndarray
        Image (H, W, 1 or 3): float, nominally in [0, 1], or stored values of dtype uint8 or uint16. Of a large one,
        nine parts of 192 x 192 pixels are looked at.

    Returns
    -------
    NoiseFound
        What was found.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import restore
    >>> from lessons_lib.models.blind import blind
    >>> network = restore.Network(blind(blocks=1, width=4, estimator=4), halo=40, multiple=2, strength=True)
    >>> noise = np.random.default_rng(0).normal(0, 20 / 255, (96, 96, 3)).astype(np.float32)
    >>> found = restore.look(network, 0.5 + noise)
    >>> bool(10 < 255 * found.sigma < 22)
    True
    """
    pairs = []
    for rows, columns in itertools.product(*(_sampled(side) for side in image.shape[:2])):
        part = image[np.ix_(rows, columns)]
        part = part if part.dtype.kind == "f" else images.to_float(part)
        pairs.append((part, part - _ask(network, part, np.float32(1))))
    return found_noise(pairs)


def _sampled(side: int) -> list[np.ndarray]:
    """Rows, or columns, of the parts to look at: a short side, mirrored to what a network takes, or three parts."""
    if side <= 2 * SAMPLE:
        return [images.mirror(np.arange(_up(max(side, SMALLEST), 8)), side)]
    return [np.arange(start, start + SAMPLE) for start in np.linspace(0, side - SAMPLE, 3, dtype=int)]


def restore_video(
    video: videos.Video,
    target: Path,
    options: RestoreOptions,
    network: Network | None = None,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> RestoredVideo:
    """Restore a video frame by frame, to a file that appears whole or not at all.

    All frames get the same noise level, because one that changes would make the video flicker. An estimate is the
    median over the first 3 frames.

    Parameters
    ----------
    video : videos.Video
        The video.
    target : Path
        File to write; its suffix names the format.
    options : RestoreOptions
        What is to be done.
    network : Network, optional
        The network of the options, if the caller has loaded it already.
    progress : callable, optional
        Function (done, total) that is called after each frame with the number of finished frames and of all frames.
    cancelled : callable, optional
        Function () -> bool that is called before each tile; true cancels the restoration.

    Returns
    -------
    RestoredVideo
        The noise level used, what was found, and what could not be kept.

    Raises
    ------
    ImageError
        If the network is not available, the noise level does not suit it, the video is damaged, or the format is
        unknown or cannot be written.
    OSError
        If a file cannot be read or written.
    CancelledError
        If `cancelled` returned true.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import av
    >>> import numpy as np
    >>> from lessons_lib import restore
    >>> from lessons_lib.image_io import videos
    >>> from lessons_lib.models.residual import residual
    >>> network = restore.Network(residual(depth=2, width=4), halo=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source, target = Path(folder, "source.mp4"), Path(folder, "target.mp4")
    ...     with av.open(str(source), "w") as film:
    ...         stream = film.add_stream("libx264", 25, width=16, height=16)
    ...         for level in (50, 100):
    ...             frame = av.VideoFrame.from_ndarray(np.full((16, 16, 3), level, np.uint8))
    ...             film.mux(stream.encode(frame))
    ...         film.mux(stream.encode())
    ...     result = restore.restore_video(videos.open_video(source), target, restore.RestoreOptions(), network)
    ...     print(result, videos.open_video(target).count)
    RestoredVideo(sigma=None, estimated=False, found='', notes=()) 2
    """
    if options.undoes_blur and options.kernel is None:
        raise ImageError("the blur of a video is not looked for: name it with blur, such as motion:15@30")
    network = network or options.network(3)
    estimated = options.sigma is None and network.noise_conditioned
    frames, found, said = itertools.islice(video.frames(), SAMPLED_FRAMES), None, ""
    if estimated:
        sigma = statistics.median(map(estimate_sigma, frames)) * (options.strength or 1)
        options = dataclasses.replace(options, sigma=min(1.0, sigma), strength=None)
    elif network.strength:
        looks = sorted((look(network, frame) for frame in frames), key=lambda each: each.sigma)
        found = looks[len(looks) // 2]

    def restored(frame: np.ndarray) -> np.ndarray:
        nonlocal said
        if found is not None:
            whole = _restored_by_finding(Photo(frame), options, network, found, None, cancelled, frame=True)
            said = whole.found
            return whole.photo.pixels
        return restore_image(Photo(frame), options, network, cancelled=cancelled).photo.pixels

    notes = videos.map_frames(video, target, restored, progress or (lambda done, total: None))
    if found is None:
        return RestoredVideo(options.sigma, estimated, notes=notes)
    if found.share == 0 and options.strength is None:
        return RestoredVideo(0.0, True, said, (*notes, "its frames are packed anew all the same"))
    return RestoredVideo(found.sigma, True, said, notes)


def denoise(
    image: np.ndarray,
    sigma: float | np.ndarray | None = None,
    model: str | Network = "medium",
    *,
    ensemble: bool = False,
    tile: int = TILE,
    progress: Progress | None = None,
) -> np.ndarray:
    """Remove the noise from one image.

    Parameters
    ----------
    image : ndarray
        Image (H, W, 1 or 3), float, nominally in [0, 1], of any size.
    sigma : float or ndarray, optional
        Noise level in [0, 1], or a map of it, (H, W) or (H, W, 1), where it differs from place to place. None estimates
        it if the network is noise-conditioned; other networks take no sigma.
    model : str or Network, default "medium"
        "small", "medium", "ridnet", "gray" or "real", or a network. For a gray image "medium" is "gray" if that is
        available.
    ensemble : bool, default False
        Whether to average over all 8 orientations of the image [1]_, which takes 8 times as long.
    tile : int, default 512
        Side of a tile in pixels, its halo included; raised to 3 halos if it is smaller. It bounds the memory, and
        changes the result only by rounding.
    progress : callable, optional
        Function (done, total) that is called after each tile with the number of finished tiles and of all tiles.

    Returns
    -------
    ndarray
        The restored image, float32, of the same shape; not clipped.

    Raises
    ------
    ImageError
        If the network is not available, or the image, sigma or tile is invalid or does not suit it.

    References
    ----------
    .. [1] R. Timofte, R. Rothe and L. Van Gool, "Seven Ways to Improve Example-Based Single Image Super Resolution",
       2016.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import restore
    >>> from lessons_lib.models.shrinkage import shrinkage
    >>> network = restore.Network(shrinkage(depth=2, width=4), noise_conditioned=True, halo=9, multiple=2)
    >>> noisy = np.random.default_rng(0).normal(0.5, 0.1, (20, 16, 3)).astype(np.float32)
    >>> restored = restore.denoise(noisy, 0.1, network)
    >>> restored.shape, bool(restored.std() < noisy.std() / 2)
    ((20, 16, 3), True)
    """
    chosen = network("denoise", model, channels=_channels(image))
    found = look(chosen, image) if chosen.strength else None
    return _restore(image, sigma, chosen, ensemble, tile, progress, found=found)


def dejpeg(
    image: np.ndarray,
    strength: float = 1.0,
    model: str | Network = "dejpeg",
    *,
    ensemble: bool = False,
    tile: int = TILE,
    progress: Progress | None = None,
) -> np.ndarray:
    """Remove what JPEG did to one image: blocks, ringing, coarse colour.

    Parameters
    ----------
    image : ndarray
        Image (H, W, 1 or 3), float in [0, 1], of any size, as the JPEG showed it.
    strength : float, default 1.0
        Factor of the error that the network finds.
    model : str or Network, default "dejpeg"
        Name of a network for this task, or a network.
    ensemble : bool, default False
        Whether to average over all 8 orientations of the image, which takes 8 times as long.
    tile : int, default 512
        Side of a tile in pixels, its halo included, as for `denoise`.
    progress : callable, optional
        Function (done, total) that is called after each tile with the number of finished tiles and of all tiles.

    Returns
    -------
    ndarray
        The restored image, float32, of the same shape; not clipped.

    Raises
    ------
    ImageError
        If the network is not available, or the image or tile is invalid or does not suit it.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import restore
    >>> from lessons_lib.models.residual import residual
    >>> network = restore.Network(residual(depth=2, width=4), halo=2)
    >>> restore.dejpeg(np.zeros((20, 16, 3), np.float32), model=network).shape
    (20, 16, 3)
    """
    chosen = network("dejpeg", model, channels=_channels(image))
    return _restore(image, None, chosen, ensemble, tile, progress, strength=strength)


def deblur(
    image: np.ndarray,
    sigma: float | np.ndarray | None = None,
    model: str | Network = "deblur",
    *,
    ensemble: bool = False,
    tile: int = TILE,
    progress: Progress | None = None,
) -> np.ndarray:
    """Remove the blur from one image.

    Parameters
    ----------
    image : ndarray
        Image (H, W, 1 or 3), float, nominally in [0, 1], of any size.
    sigma : float or ndarray, optional
        Noise level in [0, 1] or a map of it, as for `denoise`.
    model : str or Network, default "deblur"
        Name of a network for deblurring, or a network.
    ensemble : bool, default False
        Whether to average over all 8 orientations of the image, which takes 8 times as long.
    tile : int, default 512
        Side of a tile in pixels, its halo included, as for `denoise`.
    progress : callable, optional
        Function (done, total) that is called after each tile with the number of finished tiles and of all tiles.

    Returns
    -------
    ndarray
        The restored image, float32, of the same shape; not clipped.

    Raises
    ------
    ImageError
        If the network is not available, or the image, sigma or tile is invalid or does not suit it.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import restore
    >>> from lessons_lib.models.residual import residual
    >>> network = restore.Network(residual(depth=2, width=4), halo=2)
    >>> restore.deblur(np.zeros((20, 16, 3), np.float32), model=network).shape
    (20, 16, 3)
    """
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
    """Upscale one image 2, 3 or 4 times.

    Parameters
    ----------
    image : ndarray
        Image (H, W, 1 or 3), float, nominally in [0, 1], of any size.
    scale : int, default 2
        Upscaling factor: 2, 3 or 4, or that of the network given.
    sigma : float or ndarray, optional
        Noise level in [0, 1] or a map of it, as for `denoise`.
    model : str or Network, optional
        Name of a network for upscaling, or a network. None takes the one for `scale`.
    ensemble : bool, default False
        Whether to average over all 8 orientations of the image, which takes 8 times as long.
    tile : int, default 512
        Side of a tile in pixels of `image`, its halo included, as for `denoise`.
    progress : callable, optional
        Function (done, total) that is called after each tile with the number of finished tiles and of all tiles.

    Returns
    -------
    ndarray
        The upscaled image (H * scale, W * scale, C), float32; not clipped.

    Raises
    ------
    ImageError
        If the network is not available or upscales by another factor, or the image, sigma or tile is invalid or does
        not suit it.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import restore
    >>> from lessons_lib.models.residual import residual
    >>> network = restore.Network(residual(depth=2, width=4, scale=2), scale=2, halo=4)
    >>> restore.upscale(np.zeros((20, 16, 3), np.float32), 2, model=network).shape
    (40, 32, 3)
    """
    chosen = network("upscale", model, scale=scale, channels=_channels(image))
    if chosen.scale != scale:
        raise ImageError(f"scale is {scale}, but this network upscales {chosen.scale} times: ask for that")
    return _restore(image, sigma, chosen, ensemble, tile, progress)


def network(task: str, model: str | Network | None = None, *, scale: int = 1, channels: int = 3) -> Network:
    """Return the network that `denoise`, `dejpeg`, `deblur` or `upscale` would use.

    Parameters
    ----------
    task : str
        "denoise", "dejpeg", "deblur" or "upscale".
    model : str or Network, optional
        Short or long name of a network, or a network, which is returned as it is. None stands for "medium" to denoise,
        "dejpeg" and "deblur" for these tasks, and the network for `scale` to upscale.
    scale : int, default 1
        Upscaling factor, used if the task is "upscale" and `model` is None.
    channels : int, default 3
        Channels of the image, 1 or 3. With 1, "medium" is "gray" if that is available.

    Returns
    -------
    Network
        The network.

    Raises
    ------
    ImageError
        If it is not available.

    Examples
    --------
    >>> from lessons_lib import restore
    >>> restore.network("upscale", scale=2).name
    'upscale-2'
    """
    if isinstance(model, Network):
        return model
    model = model or {"denoise": "medium", "upscale": str(scale)}.get(task, task)
    if (task, model, channels) == ("denoise", "medium", 1) and "denoise-gray" in pretrained.names(task):
        model = "gray"
    return Network.load(network_name(task, model))


def network_name(task: str, model: str) -> str:
    """Return the long name of a network: "small" for the task "denoise" is "denoise-small".

    Parameters
    ----------
    task : str
        "denoise", "dejpeg", "deblur" or "upscale".
    model : str
        Short or long name of a network for the task.

    Returns
    -------
    str
        The name of its files in `weights/`.

    Raises
    ------
    ImageError
        If there is no such network; the message names the available ones.

    Examples
    --------
    >>> from lessons_lib import restore
    >>> restore.network_name("denoise", "small")
    'denoise-small'
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
    cancelled: Cancelled | None = None,
    strength: float = 1.0,
    found: NoiseFound | None = None,
) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """Restore an image tile by tile, and yield the pieces of the result.

    Only one tile at a time is converted to float. So a caller who puts the pieces into an array of stored values needs
    little more memory than the two images take.

    Parameters
    ----------
    network : Network
        The network.
    image : ndarray
        Image (H, W, 1 or 3): float, nominally in [0, 1], or stored values of dtype uint8 or uint16.
    sigma : float or ndarray, optional
        Noise level in [0, 1] or a map of it, as for `denoise`.
    ensemble : bool, default False
        Whether to average over all 8 orientations of each tile, which takes 8 times as long.
    tile : int, default 512
        Side of a tile in pixels, its halo included, as for `denoise`.
    progress : callable, optional
        Function (done, total) that is called after each tile with the number of finished tiles and of all tiles.
    cancelled : callable, optional
        Function () -> bool that is called before each tile; true cancels the restoration.
    strength : float, default 1.0
        Factor of the noise, for a network that finds it itself.
    found : NoiseFound, optional
        What such a network found in the image (`look`): nowhere is more removed than that. None limits nothing.

    Yields
    ------
    place : tuple of slice
        Rows and columns of the result that the piece fills.
    piece : ndarray
        The restored values there (h, w, C), float32; not clipped.

    Raises
    ------
    ImageError
        If the image, sigma or tile is invalid or does not suit the network.
    CancelledError
        If `cancelled` returned true.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib import restore
    >>> from lessons_lib.models.residual import residual
    >>> network = restore.Network(residual(depth=2, width=4), halo=2)
    >>> image = np.zeros((24, 16, 3), np.uint8)
    >>> for (rows, columns), piece in restore.blocks(network, image, tile=16):
    ...     print((rows.start, rows.stop), (columns.start, columns.stop), piece.shape)
    (0, 14) (0, 16) (14, 16, 3)
    (14, 24) (0, 16) (10, 16, 3)
    """
    _check(image, tile)
    level = _level(network, image, sigma)
    if network.strength:
        level = strength
    sides = [list(_pieces(side, tile, network.halo, network.multiple)) for side in image.shape[:2]]
    total = len(sides[0]) * len(sides[1])
    for done, (rows, columns) in enumerate(itertools.product(*sides), 1):
        if cancelled and cancelled():
            raise CancelledError(f"cancelled after {done - 1} of {total} tiles")
        taken = np.ix_(rows.taken, columns.taken)
        picture = image[taken] if image.dtype.kind == "f" else images.to_float(image[taken])
        at = level[taken] if isinstance(level, np.ndarray) else level
        answer = (_ask_eight if ensemble else _ask)(network, picture, at)
        if found is not None:
            answer = picture - found.limited(picture, picture - answer, strength)
        inside = tuple(_times(slice(p.first - p.start, p.last - p.start), network.scale) for p in (rows, columns))
        down, across = (_times(slice(p.first, p.last), network.scale) for p in (rows, columns))
        yield (down, across), answer[inside]
        if progress:
            progress(done, total)


def _deblurred(
    network: Network,
    image: np.ndarray,
    kernel: np.ndarray,
    sigma: float,
    progress: Progress | None,
    cancelled: Cancelled | None,
) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """Undo a known blur part by part, and yield the parts; each is restored with what surrounds it."""
    around = 2 * max(kernel.shape) + network.halo
    step = max(DEBLUR_TILE - 2 * around, DEBLUR_TILE // 2)
    starts = [range(0, side, step) for side in image.shape[:2]]
    total, done = len(starts[0]) * len(starts[1]) * priors.ROUNDS, 0

    def denoiser(noisy: np.ndarray, level: float) -> np.ndarray:
        nonlocal done
        if cancelled and cancelled():
            raise CancelledError(f"cancelled after {done} of {total} rounds")
        restored = denoise(noisy, level if network.noise_conditioned else None, network)
        done += 1
        if progress:
            progress(done, total)
        return restored

    for top, left in itertools.product(*starts):
        rows, columns = (
            slice(max(top - around, 0), top + step + around),
            slice(max(left - around, 0), left + step + around),
        )
        taken = image[rows, columns]
        restored = priors.deblur(taken if taken.dtype.kind == "f" else images.to_float(taken), kernel, sigma, denoiser)
        part = restored[top - rows.start :, left - columns.start :][:step, :step]
        yield (slice(top, top + part.shape[0]), slice(left, left + part.shape[1])), part


def _channels(image: np.ndarray) -> int:
    if images.check(image).ndim != 3:
        raise ImageError(f"image has shape {image.shape}: give one image (H, W, 1) or (H, W, 3)")
    return image.shape[-1]


def _restore(image, sigma, network, ensemble, tile, progress, strength=1.0, found=None) -> np.ndarray:
    how = {"ensemble": ensemble, "tile": tile, "progress": progress, "strength": strength, "found": found}
    pieces = blocks(network, image, sigma, **how)
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
    """The noise level as the network takes it: a number, or a map (H, W, 1)."""
    if not network.noise_conditioned:
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
    """Cut `length` pixels into tiles of one size, each placed at a multiple, each keeping what its halo allows.

    The first and the last tile end where the image ends, so the network treats its border as in the whole image. Sides
    that are too small, or no multiple, are mirrored.
    """
    whole = _up(max(length, SMALLEST), multiple)
    size = min(whole, _up(max(tile, 3 * halo, 2 * halo + multiple), multiple))
    step = (size - 2 * halo) // multiple * multiple
    starts = [*range(0, whole - size, step), whole - size] if whole > size else [0]
    ends = [*(start + size - halo for start in starts[:-1]), length]
    first = 0
    for start, last in zip(starts, ends, strict=True):
        if last > first:
            yield _Piece(start, images.mirror(np.arange(start, start + size), length), first, min(last, length))
        first = min(last, length)


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _times(part: slice, scale: int) -> slice:
    return slice(part.start * scale, part.stop * scale)


def _ask(network: Network, picture: np.ndarray, level: float | np.floating | np.ndarray) -> np.ndarray:
    """Return the network's output (h, w, C) for one tile. A compiled call needs half the memory of an eager one."""
    gray = picture.shape[-1] == 1
    if network.channels == 1:
        batch = np.moveaxis(picture, -1, 0)[..., None]
    else:
        batch = np.repeat(picture, 3 if gray else 1, axis=-1)[None]
        if (
            gray and network.noise_conditioned
        ):  # in their sum, noise that three channels share equals independent noise sqrt(3) times as strong
            level = level * np.float32(math.sqrt(3))
    if network.noise_conditioned or network.strength:
        batch = np.concatenate([batch, np.broadcast_to(level, (*batch.shape[:3], 1))], axis=-1, dtype=np.float32)
    model = network.model if network.scale == 1 else _of_one_size(network.model, batch.shape[1:])
    answer = np.asarray(model.predict_on_batch(batch), np.float32)
    if network.channels == 1:
        return np.moveaxis(answer[..., 0], 0, -1)
    return answer[0].mean(-1, keepdims=True) if gray else answer[0]


@functools.lru_cache(maxsize=8)
def _of_one_size(model: keras.Model, shape: tuple[int, int, int]) -> keras.Model:
    """Return the model for one size alone: Keras 3.15 compiles bicubic upscaling only if it knows the size."""
    import keras

    given = keras.Input(shape)
    return keras.Model(given, model(given))


def _ask_eight(network: Network, picture: np.ndarray, level: float | np.ndarray) -> np.ndarray:
    """Return the mean output over the 4 rotations of the tile and of its mirror image, each turned back."""
    total: np.ndarray = np.zeros((), np.float32)
    for mirror, turns in itertools.product((False, True), range(4)):
        at = _turn(level, mirror, turns) if isinstance(level, np.ndarray) else level
        total = total + _turn(np.rot90(_ask(network, _turn(picture, mirror, turns), at), -turns), mirror, 0)
    return (total / 8).astype(np.float32)


def _turn(picture: np.ndarray, mirror: bool, turns: int) -> np.ndarray:
    return np.rot90(picture[:, ::-1] if mirror else picture, turns)
