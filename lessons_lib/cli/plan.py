"""What `lessons restore` reads and where the results go: files, folders and patterns in, one job a file out."""

from __future__ import annotations

import dataclasses
import errno
import glob
import os
import stat
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from lessons_lib import image_io
from lessons_lib.cli.terminal import in_words
from lessons_lib.image_io import videos
from lessons_lib.images import ImageError

MAGIC = set("*?[")
# Pictures that are read by more names than they are written: the suffix of their results, where it is not .png.
INTO = {".jfif": ".jpg", ".mpo": ".jpg", ".jpe": ".jpg", ".dib": ".bmp", ".apng": ".png"}
KNOWN = image_io.READABLE | videos.READABLE | set(INTO)
# Pictures and videos by their names that cannot be read here: passing over them is no success.
UNREADABLE = {".heic", ".heif", ".hif", ".jxl", ".jp2", ".j2k", ".psd", ".exr", ".tga", ".svg", ".pdf"}
UNREADABLE |= {".dng", ".nef", ".nrw", ".arw", ".cr2", ".cr3", ".crw", ".raf", ".orf", ".rw2", ".rwl", ".pef", ".srw"}
UNREADABLE |= {".x3f", ".3fr", ".iiq", ".mrw", ".dcr", ".kdc", ".erf", ".mef", ".mos", ".gpr"}
UNREADABLE |= {".mts", ".m2ts", ".wmv", ".flv", ".3gp", ".mpg", ".mpeg"}
FILE, FOLDER, LINKED = "file", "folder", "link to a folder"
LOCKED, CLOSED, LOST = "locked folder", "locked file", "broken link"
MANY = {  # what is passed over and has no suffix to go by is named, too
    FOLDER: "folders",
    LOCKED: "locked folders",
    CLOSED: "locked files",
    LOST: "broken links",
    LINKED: "links to folders",
    "named pipe": "named pipes",
    "socket": "sockets",
    "device": "devices",
}
NAMED = 3  # of each kind, so many


@dataclasses.dataclass(frozen=True)
class Job:
    """One file to read and the file to write."""

    source: Path
    target: Path

    @property
    def is_video(self) -> bool:
        """Whether the source is named like a video."""
        return self.source.suffix.lower() in videos.READABLE


@dataclasses.dataclass(frozen=True)
class Passed:
    """What lies in a folder, or matches a pattern, and is not read; `kind` is its suffix, or what it is."""

    path: Path
    kind: str

    @property
    def is_loss(self) -> bool:
        """Whether a picture may have been missed: passing over it is no success."""
        return self.kind in (*UNREADABLE, LOCKED, CLOSED, LOST)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be done, a line for each thing that cannot be, and what is passed over."""

    jobs: list[Job]
    problems: list[str]
    passed: list[Passed]


@dataclasses.dataclass(frozen=True)
class _Found:
    """A file, its path below the folder of results, and whether it was named itself: then it is tried in any case."""

    source: Path
    inside: Path
    by_hand: bool = False


def plan(inputs: list[str], output: str) -> Plan:
    """What to read and where to write: into the file `output` for one file, else into the folder, by the same names.

    Folders are gone through with all below them, and patterns are expanded (not every shell does). An `output` that
    ends in a slash is a folder, whatever its name. An input that cannot be read is a problem, and the rest is planned
    all the same; ImageError is raised for an output that suits none, and if nothing is found.
    """
    if not output:
        raise ImageError("the output is empty: name a file or a folder for the results with -o")
    if output == "-":
        raise ImageError("results are not sent to the standard output, which - stands for: name a file or a folder")
    found, passed, problems = _looked_for(inputs, output)
    known = _once(each for each in found if each.by_hand or each.source.suffix.lower() in KNOWN)
    taken = {_identity(each.source) for each in known}
    others = dict.fromkeys(each.source for each in found if _identity(each.source) not in taken)
    passed = [*(Passed(file, file.suffix.lower() or "without a suffix") for file in others), *dict.fromkeys(passed)]
    if not known and not problems:
        there = f" (but {counted(passed)})" if passed else ""
        these = " ".join(sorted(KNOWN))
        raise ImageError(f"no picture or video in {', '.join(inputs)}{there}: these are known: {these}")
    if not known:
        return Plan([], problems, passed)
    jobs, clashes = _without_clashes(_placed(known, output, alone=len(inputs) == 1 and known[0].by_hand))
    return Plan(jobs, problems + clashes, passed)


def counted(passed: list[Passed]) -> str:
    """How many of which kinds were passed over, and the names of those that no suffix explains."""
    kinds = Counter(each.kind for each in passed)
    words = []
    for kind, count in kinds.most_common():
        names = [str(each.path) for each in passed if each.kind == kind] if kind in MANY else []
        more = f" and {count - NAMED} more" if names and count > NAMED else ""
        words.append(f"{count} {kind if count == 1 else MANY.get(kind, kind)}")
        if names:
            words[-1] += f" ({', '.join(names[:NAMED])}{more})"
    return ", ".join(words)


def _looked_for(inputs: list[str], output: str) -> tuple[list[_Found], list[Passed], list[str]]:
    """The files that all arguments stand for, what is no file, and a line for each argument that cannot be read."""
    found: list[_Found] = []
    passed: list[Passed] = []
    problems: list[str] = []
    for given in dict.fromkeys(inputs):
        try:
            for each in _expand(given, output):
                if isinstance(each, Passed):
                    passed.append(each)
                else:
                    found.append(each)
        except OSError as error:
            problems.append(in_words(error, Path(given)))
    return found, passed, problems


def _expand(given: str, output: str) -> Iterator[_Found | Passed]:
    """What one argument stands for. Raises OSError if it cannot be read, ImageError if the results would land in it."""
    if not given:
        raise FileNotFoundError("an input is empty: name a picture, a video, a folder or a pattern")
    path = Path(given)
    kind = _kind(path)
    if kind in (FOLDER, LINKED):
        yield from _walk(path, _apart_from(path, output))
    elif kind == FILE:
        yield _Found(path, Path(path.name), by_hand=True)
    elif not kind and MAGIC & set(given):
        yield from _matches(given, output)
    elif not kind:
        raise FileNotFoundError(f"no file or folder at {given}: check the spelling and the folder you run in")
    elif kind == LOST:
        raise FileNotFoundError(f"{given} is a link to {os.readlink(path)}, where nothing is: name the file itself")  # noqa: PTH115, as it stands there
    else:
        raise FileNotFoundError(f"{given} is a {kind}, not a file: name a picture, a video or a folder")


def _apart_from(root: Path, output: str) -> Path | None:
    """The folder of results if it lies below what is read: it is left out. Raises ImageError if it is the same."""
    read, own = _real(root), _real(Path(output))
    if own == read:
        raise ImageError(f"the results would land in {root}, which is read: name another folder with -o")
    return own if read in own.parents else None


def _walk(folder: Path, own: Path | None) -> Iterator[_Found | Passed]:
    """All files of a folder and below it in order; hidden ones are nobody's business."""
    files: list[Path] = []
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            entries = [Path(here, name) for name in os.listdir(here) if not name.startswith(".")]  # noqa: PTH208, names
        except OSError:
            if here == folder:
                raise
            yield Passed(here, LOCKED)
            continue
        for path in entries:
            kind = _kind_inside(path)
            if kind == FOLDER:
                if own is None or _real(path) != own:
                    waiting.append(path)
            elif kind == FILE:
                files.append(path)
            elif kind:
                yield Passed(path, kind)
    yield from (_Found(file, file.relative_to(folder)) for file in sorted(files))


def _matches(pattern: str, output: str) -> Iterator[_Found | Passed]:
    """The files that a pattern matches, each by its bare name."""
    parts = Path(pattern).parts
    plain = next(number for number, part in enumerate(parts) if MAGIC & set(part))
    own = _apart_from(Path(*parts[:plain]), output)
    matches = sorted(Path(name) for name in glob.glob(pattern, recursive=True))  # noqa: PTH207, absolute too
    if not matches:
        raise FileNotFoundError(f"nothing matches {pattern}: check the pattern and the folder you run in")
    for match in matches:
        kind = _kind_inside(match)
        if own is not None and (own == _real(match) or own in _real(match).parents):
            continue
        if kind == FILE:
            yield _Found(match, Path(match.name))
        elif kind != FOLDER or "**" not in pattern:  # which goes through all folders by itself
            yield Passed(match, kind)


def _kind(path: Path) -> str:
    """What there is at a path, nothing if nothing is. Raises OSError if the system does not say."""
    try:
        mode = path.stat().st_mode
    except ValueError:  # a name that no system has
        return ""
    except OSError as error:
        if path.is_symlink():
            return LOST
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EINVAL):  # the last for a pattern, on Windows
            return ""
        raise
    if stat.S_ISDIR(mode):
        return LINKED if path.is_symlink() else FOLDER
    kinds = ((stat.S_ISREG, FILE), (stat.S_ISFIFO, "named pipe"), (stat.S_ISSOCK, "socket"))
    return next((kind for test, kind in kinds if test(mode)), "device")


def _kind_inside(path: Path) -> str:
    """The same of what a folder lists: what cannot be looked at is locked."""
    try:
        return _kind(path)
    except OSError:
        return CLOSED


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # not Path.resolve, which raises for links in a circle


def _identity(path: Path) -> Path:
    """The same for a file by whatever way it is reached; a link is a file of its own name."""
    return _real(path.parent) / path.name


def _once(found: Iterable[_Found]) -> list[_Found]:
    """Each file once, as it was found first."""
    first: dict[Path, _Found] = {}
    for each in found:
        first.setdefault(_identity(each.source), each)
    return list(first.values())


def _placed(known: list[_Found], output: str, *, alone: bool) -> list[Job]:
    """A job for each file. Raises ImageError if the output is a file where a folder is needed."""
    out, is_folder = Path(output), output.endswith(("/", os.sep))
    kind = _kind(out)
    is_folder |= kind in (FOLDER, LINKED)
    if alone and out.suffix and not is_folder:
        return [Job(known[0].source, out)]
    if kind not in ("", FOLDER, LINKED):
        raise ImageError(f"{output} is a {kind}: name a folder for the results")
    if out.suffix.lower() in KNOWN and not is_folder:
        come = f"{len(known)} files come in" if len(known) > 1 else "a folder, a pattern or several inputs are read"
        raise ImageError(f"{output} is named like one picture, but {come}: name a folder")
    return [Job(each.source, out / name) for each, name in _names(known)]


def _names(known: list[_Found]) -> Iterator[tuple[_Found, Path]]:
    """The path of each result below the folder of results.

    A file that gets another format keeps its whole name if the short one is another file's. Files of one name from
    several folders keep the names of their folders.
    """
    wanted: defaultdict[Path, set[Path]] = defaultdict(set)
    for each in known:
        wanted[_named(each.inside)].add(each.inside)
    names = []
    for each in known:
        name = _named(each.inside)
        if len(wanted[name]) > 1 and name != each.inside:
            name = each.inside.with_name(each.inside.name + name.suffix)
        names.append(name)
    counts = Counter(names)
    for each, name in zip(known, names, strict=True):
        same = counts[name] > 1 and len(name.parts) == 1
        yield each, Path(_real(each.source.parent).name, name) if same else name


def _named(inside: Path) -> Path:
    """The name of the result: the source's, unless its format cannot be written, or its name tells none."""
    suffix = inside.suffix.lower()
    if suffix in videos.CODECS or suffix in image_io.SUFFIXES:
        return inside
    other = ".mp4" if suffix in videos.READABLE else INTO.get(suffix, ".png")
    if suffix in KNOWN or suffix in UNREADABLE:
        return inside.with_suffix(other)
    return inside.with_name(inside.name + other)  # what follows the last dot is part of a date, say


def _without_clashes(jobs: list[Job]) -> tuple[list[Job], list[str]]:
    """The jobs whose results are not another's, nor another's source, and a line for each other one."""
    sources = {_identity(job.source) for job in jobs}
    taken: dict[Path, Path] = {}
    kept, problems = [], []
    for job in jobs:
        first = taken.setdefault(job.target, job.source)
        at = _identity(job.target)
        if first != job.source:
            problems.append(f"{job.source} would become {job.target}, as {first} does: restore it apart")
        elif at in sources and at != _identity(job.source):
            problems.append(f"{job.source} would become {job.target}, which is read, too: name another folder with -o")
        else:
            kept.append(job)
    return kept, problems
