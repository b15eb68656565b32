"""`lessons restore`: pictures and videos in, restored ones out. Nothing is overwritten, nothing is left half done."""

from __future__ import annotations

import dataclasses
import glob
import os
from pathlib import Path
from typing import Annotated

import psutil
import typer

from lessons_lib import image_io, pretrained
from lessons_lib.cli.plan import Job, Plan, counted, plan
from lessons_lib.cli.terminal import complain, in_words, named, progress_bar, quiet_libraries, say
from lessons_lib.image_io import videos
from lessons_lib.images import ImageError
from lessons_lib.native import native_stderr_off
from lessons_lib.restore import Network, RestoreOptions, restore_image, restore_video


def restore(
    inputs: Annotated[list[str], typer.Argument(metavar="IN...", help="pictures, videos, folders, or patterns")],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="OUT", help="the file to write, or a folder (made if needed)")
    ],
    task: Annotated[str, typer.Option(help="denoise, dejpeg, deblur or upscale")] = "denoise",
    sigma: Annotated[
        float | None, typer.Option(help="to denoise or deblur: deviation of the noise, 0 to 255; found if not given")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="the network; to denoise: auto (default), small, medium, ridnet, gray, real")
    ] = None,
    scale: Annotated[int | None, typer.Option(help="to upscale: how many times larger, 2 (default), 3 or 4")] = None,
    strength: Annotated[
        float | None,
        typer.Option(help="to denoise or dejpeg: how much of what is found to remove, 0.1 to 4; else 1"),
    ] = None,
    blur: Annotated[
        str | None,
        typer.Option(
            help="to deblur: auto (default) finds it in a picture; or gaussian:1.6, defocus:3, motion:15@30 "
            "(pixels@degrees), or a picture of the kernel"
        ),
    ] = None,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="average over 8 orientations: a little better, 8 times slower")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace results that exist already")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="skip results that exist already")] = False,
) -> None:
    """Restore pictures and videos with the book's networks: remove noise, traces of JPEG or blur, or upscale.

    What is not told is found: the noise, and to deblur a picture its blur. A picture that needs nothing is left alone.

    A picture keeps its bits, transparency, camera data and colours; a video its times, sound, subtitles and date.

    What a format cannot keep is said, nothing is overwritten unasked, and no file is left half-written.

    Exit code 1 if something could not be done or a picture was passed over; the rest is done all the same.
    """
    try:
        level = None if sigma is None else sigma / 255
        options = RestoreOptions(task, model or None, scale, level, ensemble, blur, strength)
        options.check()  # what suits no file is said once, before anything loads
        planned = plan(inputs, output)
    except (ImageError, OSError) as error:
        complain(error)
        raise typer.Exit(1) from error
    raise typer.Exit(0 if _followed(planned, options, overwrite, resume) else 1)


def _followed(planned: Plan, options: RestoreOptions, overwrite: bool, resume: bool) -> bool:
    """Do what is planned, and say what cannot be done and what is passed over; whether nothing is lacking."""
    for problem in planned.problems:
        say(f"error: {problem}", error=True)
    with quiet_libraries():
        fine = _all_of(planned.jobs, options, overwrite, resume, len(planned.problems))
    if planned.passed:
        say(f"{len(planned.passed)} passed over: {counted(planned.passed)}")
    return fine and not any(each.is_loss for each in planned.passed)


def _all_of(jobs: list[Job], options: RestoreOptions, overwrite: bool, resume: bool, failed: int) -> bool:
    """Restore one file after the other, and count what came of them; whether none failed, before or now."""
    done = passed = 0
    every = len(jobs) + failed
    try:
        for job in jobs:
            if resume and job.target.is_file():
                passed += 1
            elif _attempt(job, options, overwrite):
                done += 1
            else:
                failed += 1
    except KeyboardInterrupt:
        left = every - done - passed - failed
        how = "again with --overwrite, all is done anew" if overwrite else "the same command with --resume goes on"
        say(f"stopped: {done} restored, {left} not; nothing is half-written: {how}", error=True)
        raise typer.Exit(130) from None  # as shells count a program that Ctrl-C ended
    if jobs and (every > 1 or passed):
        say(f"{done} restored, {passed} there already, {failed} failed")
    return not failed


def _ready(job: Job, overwrite: bool) -> Path:
    """Make the folder, clear what a killed run left, and refuse what must not or cannot be written.

    Returns the file to write, which is another one than the target if that is a link.
    """
    target = _behind(job.target)
    if job.is_video:
        videos.check_suffix(target)
    elif target.suffix.lower() not in image_io.SUFFIXES:
        known, why = ", ".join(image_io.SUFFIXES), ""
        if target.suffix.lower() in videos.CODECS:
            why = f" ({job.source.name} is a picture by its name: a video's ends in one of {', '.join(videos.CODECS)})"
        raise ImageError(f"{target} cannot be written{why}: end it in one of {known}, or in / for a folder")
    if target.is_dir():
        raise ImageError(f"{job.target} is a folder: name a file")
    if target.exists() and not target.is_file():
        raise ImageError(f"{job.target} is no ordinary file: name another one")
    if target.exists() and target.samefile(job.source):
        raise ImageError(f"{job.target} is the picture itself: name another file or folder")
    if target.exists() and not overwrite:
        raise ImageError(f"{job.target} is there already: --overwrite replaces it, --resume passes over it")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(target.parent, os.W_OK):
        raise ImageError(f"{target.parent} cannot be written to: choose another folder")
    for part in target.parent.glob(f".{glob.escape(target.name)}.*.part*"):
        owner = part.name.removeprefix(f".{target.name}.").split(".")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            part.unlink()
    return target


def _behind(target: Path) -> Path:
    """The file that a link stands for: that is written, and the link stays one.

    A way through a folder that is not there and out again is made short: made first, it could end at the source.
    """
    if not target.is_symlink():
        return target if target.parent.exists() or ".." not in target.parts else Path(os.path.realpath(target))
    real = Path(os.path.realpath(target))
    if not real.exists():
        raise ImageError(f"{target} is a link to {target.readlink()}, where nothing is: name another file")
    return real


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
        real = dataclasses.replace(job, target=_ready(job, overwrite))
        said = _restore(real, options)
    except Exception as error:  # whatever it is, the other files are done all the same
        say(f"error: {_what_failed(job, error)}", error=True)
        return False
    if job.target.is_symlink():
        said += f"; {job.target} is a link: {real.target} was written"
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
    return _estimated(sigma if estimated else None, options.strength or 1) + "".join(f"; {note}" for note in notes)


def _estimated(level: float | None, strength: float) -> str:
    """What the noise was estimated at, and what it was taken for by the user's wish."""
    if level is None:
        return ""
    said = f": noise estimated at sigma {255 * level / strength:.1f}"
    return said if strength == 1 else f"{said} and taken for {255 * level:.1f}, by the strength of {strength:g}"


def _network(options: RestoreOptions, channels: int) -> Network:
    """The network for the options, in float32 (or what LESSONS_PRECISION says), loaded without a word on stderr."""
    with native_stderr_off():
        from lessons_lib import training

        training.set_precision("float32")
        return options.network(channels)
