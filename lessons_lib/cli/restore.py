"""`lessons restore`: pictures and videos in, restored ones out. Nothing is overwritten, nothing is left half done."""

from __future__ import annotations

import dataclasses
import glob
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import psutil
import typer

from lessons_lib import image_io, pretrained
from lessons_lib.cli.terminal import complain, in_words, named, progress_bar, quiet_libraries, say
from lessons_lib.image_io import videos
from lessons_lib.image_io.native import native_stderr_off
from lessons_lib.images import ImageError
from lessons_lib.restore import Network, RestoreOptions, network_name, restore_image, restore_video

MAGIC = set("*?[")
# Pictures and videos by their names that cannot be read here: passing over them is no success.
UNREADABLE = {".heic", ".heif", ".dng", ".nef", ".arw", ".cr2", ".cr3", ".raf", ".orf", ".rw2", ".pef", ".srw", ".x3f"}
UNREADABLE |= {".psd", ".jxl", ".exr", ".jp2", ".svg", ".pdf", ".mts", ".m2ts", ".wmv", ".flv", ".3gp", ".mpg", ".mpeg"}


@dataclasses.dataclass(frozen=True)
class Job:
    """One file to read and the file to write."""

    source: Path
    target: Path

    @property
    def is_video(self) -> bool:
        """Whether the source is named like a video."""
        return self.source.suffix.lower() in videos.READABLE


def restore(
    inputs: Annotated[list[str], typer.Argument(metavar="IN...", help="pictures, videos, folders, or patterns")],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="OUT", help="the file to write, or a folder (made if needed)")
    ],
    task: Annotated[str, typer.Option(help="denoise, dejpeg, deblur or upscale")] = "denoise",
    sigma: Annotated[
        float | None, typer.Option(help="standard deviation of the noise, 0 to 255; estimated if not given")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="the network; to denoise: auto (default), small, medium, ridnet, gray, real")
    ] = None,
    scale: Annotated[int | None, typer.Option(help="to upscale: how many times larger, 2 (default), 3 or 4")] = None,
    strength: Annotated[
        float | None, typer.Option(help="how much of what was found to remove, 0.1 to 4; 1 by default")
    ] = None,
    blur: Annotated[
        str | None,
        typer.Option(
            help="to deblur: auto (default) finds it; or gaussian:1.6, defocus:3, motion:15@30 (pixels@degrees), or a "
            "picture of the kernel"
        ),
    ] = None,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="average over 8 orientations: a little better, 8 times slower")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace results that exist already")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="skip results that exist already")] = False,
) -> None:
    """Restore pictures and videos with the book's networks: remove noise or blur, or upscale.

    A picture keeps its bits, transparency, camera data and colour profile; a video its times, sound and date. What a
    format cannot keep is said. Exit code 1 if something could not be done; the rest is done all the same.
    """
    try:
        options = RestoreOptions(task, model, scale, None if sigma is None else sigma / 255, ensemble, blur, strength)
        if model:
            network_name(
                "denoise" if options.undoes_blur else task, model
            )  # a wrong one is said once, before anything loads
        folder = output.endswith(("/", os.sep))
        jobs = plan(inputs, Path(output), folder=folder)
    except (ImageError, OSError) as error:
        complain(error)
        raise typer.Exit(1) from error
    with quiet_libraries():
        fine = _all_of(jobs, options, overwrite, resume)
    raise typer.Exit(0 if _said_of(passed_over(inputs, Path(output))) and fine else 1)


def _said_of(files: list[Path]) -> bool:
    """Say how many files of which kinds were passed over; whether none of them looks like a picture or a video."""
    counts = Counter(file.suffix.lower() or "without a suffix" for file in files)
    if counts:
        kinds = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
        say(f"{len(files)} passed over: {kinds}")
    return not set(counts) & UNREADABLE


def _all_of(jobs: list[Job], options: RestoreOptions, overwrite: bool, resume: bool) -> bool:
    """Restore one file after the other, and count what came of them; whether none failed."""
    done = passed = failed = 0
    for job in jobs:
        if resume and job.target.is_file():
            passed += 1
        elif _attempt(job, options, overwrite):
            done += 1
        else:
            failed += 1
    if len(jobs) > 1 or passed:
        say(f"{done} restored, {passed} there already, {failed} failed")
    return not failed


def plan(inputs: list[str], output: Path, *, folder: bool = False) -> list[Job]:
    """What to read and where to write: into the file `output` for one file, else into the folder, by the same names.

    Folders are gone through with all below them, and patterns are expanded (not every shell does). Files of one name
    from several folders keep the names of their folders. `folder` says that `output` is one, whatever its name. Raises
    ImageError if nothing is found, or if two results would have one name all the same.
    """
    found = [pair for given in inputs for pair in _expand(given, output) if _is_known(pair[0], inputs)]
    if not found:
        there = passed_over(inputs, output)
        kinds = f" (but {len(there)} of {', '.join(sorted({file.suffix.lower() for file in there}))})" if there else ""
        raise ImageError(f"no picture or video in {', '.join(inputs)}{kinds}: these are known: {' '.join(_known())}")
    one = len(found) == 1 and Path(inputs[0]).is_file() and not folder
    if one and output.suffix and not output.is_dir():
        return [Job(found[0][0], output)]
    if output.exists() and not output.is_dir():
        raise ImageError(f"{output} is a file: name a folder for the results")
    if not one and output.suffix.lower() in _known() and not output.is_dir():
        raise ImageError(f"{output} is named like one picture, but {len(found)} files come in: name a folder")
    counts = Counter(_named(inside) for _, inside in dict.fromkeys(found))
    apart = [(source, _apart(source, inside) if counts[_named(inside)] > 1 else inside) for source, inside in found]
    jobs = [Job(source, output / _named(inside)) for source, inside in apart]
    targets: dict[Path, Path] = {}
    for job in jobs:
        if job.source != targets.setdefault(job.target, job.source):
            first = targets[job.target]
            raise ImageError(f"{first} and {job.source} would both become {job.target}: restore them apart")
    return list(dict.fromkeys(jobs))


def passed_over(inputs: list[str], output: Path) -> list[Path]:
    """The files in folders, and of patterns, that nobody named by hand and that are no pictures by their names."""
    found = (file for given in inputs for file, _ in _expand(given, output))
    return [file for file in dict.fromkeys(found) if not _is_known(file, inputs)]


def _is_known(file: Path, inputs: list[str]) -> bool:
    """Whether a file is to be tried: named by hand, or by its suffix."""
    return str(file) in {str(Path(given)) for given in inputs} or file.suffix.lower() in _known()


def _apart(source: Path, inside: Path) -> Path:
    """A file's path below the folder of results, with the name of the folder that it comes from."""
    return inside if len(inside.parts) > 1 else Path(source.resolve().parent.name, inside)


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
        if not hidden and own not in file.resolve().parents:
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
    target = job.target
    if job.is_video:
        videos.check_suffix(target)
    elif target.suffix.lower() not in image_io.SUFFIXES:
        raise ImageError(f"{target} cannot be written: end it in one of {', '.join(image_io.SUFFIXES)}")
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


def _doubts(options: RestoreOptions, network: Network) -> list[str]:
    """What is odd about a noise level that the user typed."""
    if options.sigma is None or not network.noise_conditioned:
        return []
    level = 255 * options.sigma
    if 0 < level < 1:
        return [f"sigma {level:g} is next to nothing: it counts from 0 to 255, and {level:g} of 1 is {255 * level:.0f}"]
    known = pretrained.card(network.name)["recipe"].get("degradation", {}).get("sigma") if network.name else None
    if known and level > known[1]:
        return [f"sigma {level:g} is more than this network was trained for, {known[1]:g}: look at the result closely"]
    return []


def _attempt(job: Job, options: RestoreOptions, overwrite: bool) -> bool:
    """Restore one file and say in a line what came of it; returns whether it succeeded."""
    try:
        _ready(job, overwrite)
        said = _restore(job, options)
    except Exception as error:  # whatever it is, the other files are done all the same
        say(f"error: {_what_failed(job, error)}", error=True)
        return False
    say(f"{job.source} -> {job.target}{said}")
    return True


def _what_failed(job: Job, error: Exception) -> str:
    """Why a file could not be restored, in a line that names it."""
    if isinstance(error, ImageError | OSError):
        words = in_words(error, job.target)
        return words if str(job.source) in words or str(job.target) in words else f"{job.source}: {words}"
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's own
        reason = "the memory does not suffice: close other programs, or cut it into parts first"
    else:
        first = str(error).strip().partition("\n")[0][:200]
        name = f"{type(error).__name__}: {first}" if first else type(error).__name__
        reason = f"something unforeseen went wrong here ({name}): please report it with the file"
    return f"{job.source} could not be restored: {reason}"


def _restore(job: Job, options: RestoreOptions) -> str:
    """Read, restore, write; returns what there is to say."""
    if job.is_video:  # a file is opened before Keras is loaded: what is wrong with it is said at once
        video = videos.open_video(job.source)
        network = _network(options, 3)
        with progress_bar(job.source.name, "frame") as progress:
            film = restore_video(video, job.target, options, network, progress=progress)
        sigma, estimated, found = film.sigma, film.estimated, film.found
        notes = [*_doubts(options, network), *film.notes]
    else:
        with named(job.source):
            photo = image_io.read(job.source)
        network = _network(options, photo.pixels.shape[-1])
        with progress_bar(job.source.name, "tile") as progress:
            result = restore_image(photo, options, network, progress=progress)
        sigma, estimated, found = result.sigma, result.estimated, result.found
        if result.photo is photo and job.target.suffix.lower() == job.source.suffix.lower():
            image_io.copy(job.source, job.target)  # left alone: its file too, without another loss of a JPEG
            return f": {found}"
        notes = [*_doubts(options, network), *photo.notes, *image_io.write(job.target, result.photo)]
    if found:
        return ": " + "; ".join([found, *notes])
    said = f": noise estimated at sigma {255 * sigma:.1f}" if estimated and sigma is not None else ""
    return said + "".join(f"; {note}" for note in notes)


def _network(options: RestoreOptions, channels: int) -> Network:
    """The network for the options, in float32 (or what LESSONS_PRECISION says), loaded without a word on stderr."""
    with native_stderr_off():
        from lessons_lib import training

        training.set_precision("float32")
        return options.network(channels)
