"""`lessons restore`: pictures and videos in, restored ones out. Nothing is overwritten, nothing is left half done."""

from __future__ import annotations

import dataclasses
import glob
import os
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import psutil
import typer
from tqdm import tqdm

from lessons_lib import image_io
from lessons_lib.image_io import videos
from lessons_lib.images import ImageError

TASKS = ("denoise", "deblur", "upscale")
MAGIC = set("*?[")
LOOKED_AT = 3  # frames of a video from which its noise is estimated


@dataclasses.dataclass(frozen=True)
class Job:
    """One file to read and the file to write."""

    source: Path
    target: Path

    @property
    def is_video(self) -> bool:
        return self.source.suffix.lower() in videos.READABLE


@dataclasses.dataclass(frozen=True)
class Wish:
    """What is to be done to each file; `sigma` is in 0..255 or None. Raises ImageError for what cannot be."""

    task: str
    sigma: float | None
    model: str | None
    scale: int | None
    ensemble: bool

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ImageError(f"task is {self.task!r}: choose one of {', '.join(TASKS)}")
        if self.sigma is not None and not 0 <= self.sigma <= 255:
            raise ImageError(f"sigma is {self.sigma:g}: give the noise as papers write it, 0 to 255")
        if self.scale is not None and self.task != "upscale":
            raise ImageError(f"scale is {self.scale}, but task {self.task} keeps the size: leave it out")
        if self.scale not in (None, 2, 3, 4):
            raise ImageError(f"scale is {self.scale}: choose 2, 3 or 4")

    @property
    def times(self) -> int:
        """How many times larger the result is."""
        return (self.scale or 2) if self.task == "upscale" else 1


def restore(
    inputs: Annotated[list[str], typer.Argument(metavar="IN...", help="pictures, videos, folders, or patterns")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="a file, or a folder, made if needed")],
    task: Annotated[str, typer.Option(help="denoise, deblur or upscale")] = "denoise",
    sigma: Annotated[float | None, typer.Option(help="noise, 0..255; estimated if not given")] = None,
    model: Annotated[str | None, typer.Option(help="denoise: small, medium, ridnet, gray, real")] = None,
    scale: Annotated[int | None, typer.Option(help="upscale: 2, 3 or 4 times")] = None,
    ensemble: Annotated[bool, typer.Option("--ensemble", help="average 8 orientations: 8 times slower")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace results that are there")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="pass over results that are there")] = False,
) -> None:
    """Restore pictures and videos with the book's networks: noise, blur, or too few pixels.

    A picture keeps its bits, transparency, camera data and colour profile; a video loses its sound. Exit code 1 if
    something could not be done; the rest is done all the same.
    """
    try:
        wish = Wish(task, sigma, model, scale, ensemble)
        jobs = plan(inputs, output)
    except (ImageError, OSError) as error:
        _complain(error)
        raise typer.Exit(1) from error
    done = passed = failed = 0
    for job in jobs:
        if resume and job.target.is_file():
            passed += 1
            continue
        try:
            _ready(job, overwrite)
            said = _restore_video(job, wish) if job.is_video else _restore_photo(job, wish)
        except (ImageError, OSError, MemoryError) as error:
            _complain(error)
            failed += 1
        else:
            print(f"{job.source} -> {job.target}{said}", flush=True)
            done += 1
    if len(jobs) > 1 or passed:
        print(f"{done} restored, {passed} there already, {failed} failed")
    raise typer.Exit(1 if failed else 0)


def plan(inputs: list[str], output: Path) -> list[Job]:
    """What to read and where to write: into the file `output` for one file, else into the folder, by the same names.

    Folders are gone through with all below them, and patterns are expanded (not every shell does). Raises ImageError if
    nothing is found, or if two results would have one name.
    """
    found = [pair for given in inputs for pair in _expand(given, output)]
    if not found:
        raise ImageError(f"no picture or video in {', '.join(inputs)}: these are known: {' '.join(_known())}")
    one = len(found) == 1 and Path(inputs[0]).is_file()
    if one and output.suffix and not output.is_dir():
        return [Job(found[0][0], output)]
    if output.exists() and not output.is_dir():
        raise ImageError(f"{output} is a file: name a folder for the results")
    if not one and output.suffix.lower() in _known() and not output.is_dir():
        raise ImageError(f"{output} is named like one picture, but {len(found)} files come in: name a folder")
    jobs = [Job(source, output / _named(inside)) for source, inside in found]
    targets: dict[Path, Path] = {}
    for job in jobs:
        if job.source != targets.setdefault(job.target, job.source):
            first = targets[job.target]
            raise ImageError(f"{first} and {job.source} would both become {job.target}: restore them apart")
    return list(dict.fromkeys(jobs))


def _known() -> list[str]:
    return sorted(image_io.READABLE | videos.READABLE)


def _expand(given: str, output: Path) -> Iterator[tuple[Path, Path]]:
    """The files that one argument stands for, each with its path below the folder of results."""
    path = Path(given)
    if not path.exists() and MAGIC & set(given):
        matches = sorted(Path(name) for name in glob.glob(given, recursive=True))  # noqa: PTH207, absolute too
        if not matches:
            raise ImageError(f"nothing matches {given}: check the pattern and the folder you run in")
        files = [(match, Path(match.name)) for match in matches if match.is_file()]
    elif path.is_dir():
        files = [(file, file.relative_to(path)) for file in sorted(path.rglob("*")) if file.is_file()]
    elif path.is_file():
        yield path, Path(path.name)  # named by hand: tried whatever its name
        return
    else:
        raise FileNotFoundError(f"no file or folder at {given}: check the spelling and the folder you run in")
    own = output.resolve()
    for file, inside in files:
        hidden = any(part.startswith(".") for part in inside.parts)
        if file.suffix.lower() in _known() and not hidden and own not in file.resolve().parents:
            yield file, inside


def _named(inside: Path) -> Path:
    """The name of the result: the source's, unless its format cannot be written."""
    suffix = inside.suffix.lower()
    if suffix in videos.READABLE:
        return inside if suffix in videos.CODECS else inside.with_suffix(".mp4")
    return (
        inside if suffix in image_io.SUFFIXES else inside.with_suffix(".jpg" if suffix in (".jfif", ".mpo") else ".png")
    )


def _ready(job: Job, overwrite: bool) -> None:
    """Make the folder, clear what a killed run left, and refuse what must not or cannot be written."""
    target, kinds = job.target, videos.CODECS if job.is_video else image_io.SUFFIXES
    if target.suffix.lower() not in kinds:
        raise ImageError(f"{target} cannot be written: end it in one of {', '.join(kinds)}")
    if target.is_dir():
        raise ImageError(f"{target} is a folder: name a file")
    if target.exists() and target.samefile(job.source):
        raise ImageError(f"{target} is the picture itself: name another file or folder")
    if target.exists() and not overwrite:
        raise ImageError(f"{target} is there already: --overwrite replaces it, --resume passes over it")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(target.parent, os.W_OK):
        raise ImageError(f"{target.parent} cannot be written to: choose another folder")
    for part in target.parent.glob(f".{glob.escape(target.name)}.*.part*"):
        owner = part.name.removeprefix(f".{target.name}.").split(".")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            part.unlink()


def _restore_photo(job: Job, wish: Wish) -> str:
    """Read, restore, write; returns what there is to say."""
    photo = image_io.read(job.source)
    with _bar(job, "tile") as progress:
        pieces, sigma = _pieces(photo.pixels, wish, progress)
        restored = image_io.restored(photo, pieces, wish.times)
    notes = image_io.write(job.target, restored)
    return "".join([_noise_said(wish, sigma), *(f"; {note}" for note in (*photo.notes, *notes))])


def _restore_video(job: Job, wish: Wish) -> str:
    """The same noise level for every frame: one that changes would flicker."""
    video = videos.open_video(job.source)
    sigma = wish.sigma
    if sigma is None and _network(wish, 3).told:
        from lessons_lib.noise_estimation import estimate_sigma

        frames = (frame for _, frame in zip(range(LOOKED_AT), video.frames(), strict=False))
        sigma = 255 * statistics.median(estimate_sigma(frame) for frame in frames)
    fixed = dataclasses.replace(wish, sigma=sigma)

    def one(frame):
        return image_io.restored(image_io.Photo(frame), _pieces(frame, fixed)[0], wish.times).pixels

    with _bar(job, "frame") as progress:
        videos.restore_video(video, job.target, one, progress)
    return f"{_noise_said(wish, sigma)}; without sound"


def _pieces(stored, wish: Wish, progress=None):
    """The restored picture piece by piece (restore.blocks), and the noise in 0..255 that the network is told."""
    network = _network(wish, stored.shape[-1])
    from lessons_lib import restore as library

    sigma = wish.sigma
    if sigma is None and network.told:
        sigma = 255 * library.estimate_sigma(stored)
    told = None if sigma is None else sigma / 255
    return library.blocks(network, stored, told, ensemble=wish.ensemble, progress=progress), sigma


def _network(wish: Wish, channels: int):
    """The network for the wish. Keras is loaded here, which takes seconds: what is wrong with files is said before."""
    with _silence():
        from lessons_lib import restore as library
        from lessons_lib import training

        training.set_precision("float32")  # or what LESSONS_PRECISION says
        return library.network(wish.task, wish.model, scale=wish.times, channels=channels)


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing reaches the terminal's stderr: TensorFlow greets from C++, before any setting of its own can stop it."""
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def _noise_said(wish: Wish, sigma: float | None) -> str:
    return f": noise estimated at sigma {sigma:.1f}" if wish.sigma is None and sigma is not None else ""


class _bar:
    """A progress bar on a terminal; called with the number of finished things and of all."""

    def __init__(self, job: Job, unit: str):
        self.options = {"desc": job.source.name, "unit": unit, "leave": False, "disable": None, "file": sys.stderr}

    def __enter__(self):
        self.bar = tqdm(**self.options)
        return self._show

    def _show(self, done: int, total: int) -> None:
        self.bar.total = total
        self.bar.update(done - self.bar.n)

    def __exit__(self, *_):
        self.bar.close()


def _complain(error: BaseException) -> None:
    print(f"error: {str(error) or type(error).__name__}", file=sys.stderr, flush=True)
