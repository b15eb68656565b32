"""A method on a test set under a protocol -> a row for results/: PSNR, SSIM, seconds, memory, and how to repeat it."""

from __future__ import annotations

import dataclasses
import functools
import json
import platform
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from lessons_lib import classical, datasets, degrade, images, metrics, pretrained, restore
from lessons_lib.degrade import Degradation, DegradationInfo
from lessons_lib.image_io import Photo
from lessons_lib.images import ImageError

Restorer = Callable[[np.ndarray, DegradationInfo], np.ndarray]

# A set's name here -> the registered set and its split, or the split of the photographs shipped with the book.
SETS = {
    "sample-test": (None, "test"),
    "sample-validation": (None, "validation"),
    "cbsd68": ("bsds500", "cbsd68"),
    "bsd100": ("bsds500", "bsd100"),
    "set5": ("set5", "test"),
    "set12": ("set12", "test"),
    "set14": ("set14", "test"),
    "kodak": ("kodak", "test"),
    "polyu": ("polyu", "test"),
}
REAL = "polyu"  # pairs of a noisy photograph and a clean one: nothing is added to them
NEEDS = {
    "denoise": "a sigma above 0",
    "dejpeg": "a jpeg quality",
    "deblur": "a kernel",
    "upscale": "a scale of 2 or more",
}
PACKAGES = ("numpy", "opencv-python", "scikit-image", "keras")


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How degraded pictures are made and restored ones are scored.

    `sigma` is in 0..255, as papers write it; `channel` and `border` are those of `metrics.psnr`; `rounded` scores
    pictures (and Y) of 8 bits. The defaults are the denoising papers' for colour; super-resolution papers score channel
    "y", rounded, with a border of `scale` pixels. `noise` is a key of `degrade.NOISES`, of strength `sigma` at middle
    gray; with `jpeg`, the quality, pictures are rounded to 8 bits and stored as a JPEG. The noise depends on `seed` and
    on the picture's place in its set alone. Set "polyu" has noise of its own, and takes none. Raises ImageError for
    what does not fit together.
    """

    task: str
    set: str
    sigma: float = 0.0
    kernel: str | None = None
    scale: int = 1
    colour: bool = True
    clipped: bool = False
    channel: str = "all"
    border: int = 0
    rounded: bool = False
    seed: int = 0
    noise: str = "gaussian"
    jpeg: int | None = None

    def __post_init__(self) -> None:
        for name, choices in (
            ("task", classical.METHODS),
            ("set", SETS),
            ("kernel", degrade.KERNELS),
            ("noise", degrade.NOISES),
            ("channel", ("all", "y")),
        ):
            value = getattr(self, name)
            if value not in choices and (name, value) != ("kernel", None):
                raise ImageError(f"{name} is {value!r}: choose one of {', '.join(choices)}")
        if not 0 <= self.sigma <= 255:
            raise ImageError(f"sigma is {self.sigma}: give the noise as papers write it, 0 to 255")
        for name in ("border", "seed"):
            if getattr(self, name) < 0:
                raise ImageError(f"{name} is {getattr(self, name)}: give 0 or more")
        if self.set == REAL and (self.task != "denoise" or self.sigma):
            raise ImageError(
                f"set {REAL} holds noisy photographs and clean ones: give it sigma 0, and to denoise alone"
            )
        given = {
            "denoise": self.sigma > 0 or self.set == REAL or self.jpeg is not None,
            "dejpeg": self.jpeg is not None,
            "deblur": self.kernel is not None,
            "upscale": self.scale > 1,
        }
        if not given[self.task]:
            raise ImageError(f"task {self.task} needs {NEEDS[self.task]}")
        if self.scale > 1 and self.task != "upscale":
            raise ImageError(f"scale is {self.scale}, but task {self.task} keeps the size: give it to upscale alone")

    @property
    def degradation(self) -> Degradation:
        """What is done to each clean picture."""
        kernel = degrade.KERNELS[self.kernel]() if self.kernel else None
        level = degrade.NOISES[self.noise].level(self.sigma / 255) if self.sigma else 0.0
        return Degradation(kernel, self.scale, self.noise, level, clip=self.clipped, jpeg=self.jpeg)


def pictures(protocol: Protocol) -> Iterator[tuple[str, np.ndarray]]:
    """The clean pictures of the protocol's set with their names, one at a time; gray files have one channel.

    Raises DatasetError.
    """
    registered, split = SETS[protocol.set]
    if protocol.set == REAL:
        found = ((name, clean) for name, _, clean in datasets.real_pairs(split))
    elif registered is None:
        found = ((name, datasets.photo(name)) for name in datasets.sample_names(split))
    else:
        found = ((path.stem, images.read(path, "stored")) for path in datasets.paths(registered, split))
    return ((name, picture if protocol.colour else images.to_gray(picture)) for name, picture in found)


def cases(protocol: Protocol) -> Iterator[tuple[np.ndarray, np.ndarray, DegradationInfo]]:
    """What is restored, the clean picture it is scored against, and what a restorer may know; one at a time.

    Of real noise that is its level as measured, which nobody knows of a real photograph. Raises DatasetError.
    """
    if protocol.set != REAL:
        yield from (degrade_one(picture, protocol, index) for index, (_, picture) in enumerate(pictures(protocol)))
        return
    for _, *pair in datasets.real_pairs(SETS[REAL][1]):
        noisy, clean = pair if protocol.colour else map(images.to_gray, pair)
        yield noisy, clean, DegradationInfo(float((noisy - clean).std()))


def degrade_one(picture: np.ndarray, protocol: Protocol, index: int) -> tuple[np.ndarray, np.ndarray, DegradationInfo]:
    """The degraded picture number `index`, the clean one it is scored against, and what a restorer may know."""
    clean = images.crop_to_multiple(picture, protocol.scale)
    degradation = protocol.degradation
    return degradation(clean, np.random.default_rng([protocol.seed, index])), clean, degradation.info


def get_restorer(task: str, name: str) -> Restorer:
    """A restorer by name: a method of `classical`, or shipped weights such as "denoise-medium".

    Noise-conditioned networks get the noise of the protocol; "NAME:blind" lets `restore.estimate_sigma` find it,
    "NAME:x8" averages over the 8 ways to turn and mirror the picture, and both can follow. "auto", to denoise and to
    deblur, is what `lessons restore` does by default. Raises ImageError that names the choices.
    """
    base, *how = name.split(":")
    if name == "auto" and task in ("denoise", "deblur"):
        return functools.partial(_as_by_default, restore.RestoreOptions(task))
    if task not in classical.METHODS or base not in pretrained.names(task):
        _check_name(task, name)
        return lambda degraded, info: classical.restore(task, name, degraded, info)
    if unknown := set(how) - {"blind", "x8"}:
        raise ImageError(f"{name} ends in {', '.join(sorted(unknown))}: NAME:blind, NAME:x8 and both are known")
    network = restore.Network.load(base)

    def restored(degraded: np.ndarray, info: DegradationInfo) -> np.ndarray:
        options: dict[str, Any] = {"ensemble": "x8" in how}
        if task == "dejpeg":
            return restore.dejpeg(degraded, model=network, **options)
        known = network.noise_conditioned and "blind" not in how
        options["sigma"] = info.sigma if known else None
        if task == "upscale":
            return restore.upscale(degraded, info.scale, model=network, **options)
        return getattr(restore, task)(degraded, model=network, **options)

    return restored


def _as_by_default(options: restore.RestoreOptions, degraded: np.ndarray, info: DegradationInfo) -> np.ndarray:
    """What `lessons restore` makes of a picture that it is told nothing about."""
    return restore.restore_image(Photo(degraded, jpeg=info.jpeg), options).photo.pixels


def _check_name(task: str, name: str) -> None:
    try:
        classical.get_method(task, name)
    except ImageError as error:
        raise ImageError(f"{error}; networks here: {', '.join(pretrained.names(task)) or 'none'}") from error


def evaluate(name: str, protocol: Protocol, restorer: Restorer | None = None) -> dict:
    """Score what `get_restorer` knows by name, or any `restorer(degraded, info)` under the name given.

    Restored pictures are clipped to [0, 1] and scored in float. PSNR (dB) and SSIM are means over the pictures; time is
    the restorer's alone; unless a classical method does it, the first picture of each shape is restored once before to
    warm up (a network compiles itself for it). Memory is the largest growth of this process while it restores, in MB.
    """
    classical_method = restorer is None and name in classical.METHODS[protocol.task]
    restorer = restorer or get_restorer(protocol.task, name)
    scores, seconds, pixels, shapes = [], 0.0, 0, set()
    with _Memory() as memory:
        for degraded, clean, info in cases(protocol):
            if not classical_method and degraded.shape not in shapes:
                restorer(degraded, info)
                shapes.add(degraded.shape)
            memory.watch()
            started = time.perf_counter()
            restored = np.clip(restorer(degraded, info), 0, 1)
            seconds += time.perf_counter() - started
            pixels += clean.shape[0] * clean.shape[1]
            scores.append(score(clean, restored, protocol))
    psnr, ssim = np.mean(scores, axis=0)
    return row(name, protocol) | {
        "psnr": round(float(psnr), 3),
        "ssim": round(float(ssim), 4),
        "n": len(scores),
        "seconds_per_megapixel": float(f"{1e6 * seconds / pixels:.3g}"),
        "peak_mb": round(memory.grown),
        **provenance(),
    }


def row(method: str, protocol: Protocol) -> dict:
    """The part of a row that says what was done; `evaluate` adds what came of it."""
    settings = dataclasses.asdict(protocol)
    for key in ("noise", "jpeg"):  # rows from before there was a choice lack them
        if settings[key] == getattr(Protocol, key):
            del settings[key]
    named = {key: settings.pop(key) for key in ("task", "set", "seed")}
    return {"method": method, "task": named["task"], "set": named["set"], "protocol": settings, "seed": named["seed"]}


def score(clean: np.ndarray, restored: np.ndarray, protocol: Protocol) -> tuple[float, float]:
    """PSNR in dB and SSIM of a restored picture in [0, 1], as the protocol wants them.

    Of a picture with one channel, papers take the values for Y as they are: Set14's one such picture moves its mean by
    0.09 dB.
    """
    if protocol.rounded:
        clean, restored = (_rounded(picture) for picture in (clean, restored))
    if protocol.channel == "y":
        clean, restored = (p if p.shape[-1] == 1 else images.luma(p) for p in (clean, restored))
        if protocol.rounded:
            clean, restored = (_rounded(picture) for picture in (clean, restored))
    how: dict[str, Any] = {"data_range": 1.0, "border": protocol.border}
    return metrics.psnr(clean, restored, **how), metrics.ssim(clean, restored, **how)


def _rounded(picture: np.ndarray) -> np.ndarray:
    return images.to_float(images.to_uint8(picture))


def provenance() -> dict:
    """What a measured number depends on besides its protocol: machine, versions, commit ("" outside a repository)."""
    question = ["git", "rev-parse", "--short", "HEAD"]
    try:
        asked = subprocess.run(question, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
        commit = asked.stdout.strip()
    except OSError:  # git is not installed
        commit = ""
    return {
        "machine": f"{platform.machine()}, {psutil.cpu_count(logical=False)} cores",
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in PACKAGES},
        "commit": commit,
    }


def store(rows: list[dict], path: Path) -> None:
    """Add rows to a results file in place of those of the same method and protocol; the file changes whole or not."""
    fresh = {_key(row): row for row in rows}
    old = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    merged = [fresh.pop(_key(row), row) for row in old] + list(fresh.values())
    text = '{"rows": [\n' + ",\n".join(json.dumps(row) for row in merged) + "\n]}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write_atomic(path, text.encode())


def _key(row: dict) -> str:
    return json.dumps([row[key] for key in ("method", "task", "set", "protocol", "seed")], sort_keys=True)


class _Memory:
    """How far this process's resident memory has grown, sampled every few milliseconds."""

    def __enter__(self) -> _Memory:
        self.grown, self._base, self._done = 0.0, None, threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def watch(self) -> None:
        """Take the memory of now as the ground to grow from."""
        self._base = psutil.Process().memory_info().rss

    def _sample(self) -> None:
        while not self._done.wait(0.005):
            self._look()

    def _look(self) -> None:
        if self._base is not None:
            self.grown = max(self.grown, (psutil.Process().memory_info().rss - self._base) / 1e6)

    def __exit__(self, *_) -> None:
        self._done.set()
        self._thread.join()
        self._look()  # at least once, however busy the machine is
