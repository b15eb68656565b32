"""Where image files lie (a local mirror, then the cache) and whether they are what the registry says."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import platformdirs

from lessons_lib.datasets.registry import Dataset, DatasetError, Sum, choose, load

RECORD = "checksums.tsv"  # sums that we found ourselves, of files proven by a sum of the whole


class ChecksumError(DatasetError):
    """A file is not the one the registry describes."""

    def __init__(self, path: Path, expected: str | None, way_out: str) -> None:
        self.path = path
        found = file_sum(path) if path.is_file() else "no file"
        wanted = expected or "one that was never published nor recorded here"
        super().__init__(f"{path} is not the file it should be: expected sha256 {wanted}, found {found}. {way_out}")


def cache_folder() -> Path:
    """Where downloads go: LESSONS_CACHE, or the place for caches on this system."""
    chosen = os.environ.get("LESSONS_CACHE")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("lessons-lib", appauthor=False)


def mirror_folder() -> Path | None:
    """The local mirror that LESSONS_DATA names, None without one. Raises DatasetError if it is not a folder."""
    chosen = os.environ.get("LESSONS_DATA")
    if not chosen:
        return None
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise DatasetError(f"LESSONS_DATA is {chosen!r}, which is not a folder: correct it or unset it")
    return folder


def places(name: str) -> list[Path]:
    """The folders that may hold the set `name`, in the order they are asked."""
    return [folder / name for folder in (mirror_folder(), cache_folder()) if folder is not None]


def file_sum(path: Path, kind: str = "sha256") -> str:
    """The hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def pixel_sum(path: Path) -> str:
    """The sha256 of an image's size and its decoded BGR bytes: the same for any lossless packing. Empty if no image."""
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes() or b"\0", np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        return ""
    return hashlib.sha256(f"{pixels.shape[0]}x{pixels.shape[1]}:".encode() + pixels.tobytes()).hexdigest()


def together_sum(paths: list[Path], kind: str) -> str:
    """The digest of several files end to end."""
    digest = hashlib.new(kind)
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def matches(path: Path, expected: Sum) -> bool:
    """Whether the file has the expected sha256, or else the expected pixels."""
    if expected.sha256 and file_sum(path) == expected.sha256:
        return True
    return bool(expected.pixels) and pixel_sum(path) == expected.pixels


def check(path: Path, expected: Sum, way_out: str) -> None:
    """Raise ChecksumError unless the file matches."""
    if not matches(path, expected):
        raise ChecksumError(path, expected.sha256, way_out)


def read_record(folder: Path) -> dict[str, Sum]:
    """The sums recorded in `folder` when its files were proven as a whole; empty if there are none."""
    path = folder / RECORD
    if not path.is_file():
        return {}
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return {member: Sum(sha256, int(size)) for member, size, sha256 in rows}


def write_record(folder: Path, members: list[str]) -> None:
    """Add the sums of `members`, just proven, to the record in `folder`."""
    sums = read_record(folder)
    sums |= {m: Sum(file_sum(folder / m), (folder / m).stat().st_size) for m in members}
    part = folder / (RECORD + ".part")
    part.write_text("".join(f"{m}\t{s.size}\t{s.sha256}\n" for m, s in sums.items()), encoding="utf-8", newline="\n")
    part.replace(folder / RECORD)


def _proven_together(folder: Path, members: tuple[str, ...], together: str) -> dict[str, Sum]:
    """Sums of files that, end to end, have the published digest; empty if they have not or one is missing."""
    paths = [folder / member for member in members]
    kind, _, wanted = together.partition(":")
    if not all(path.is_file() for path in paths) or together_sum(paths, kind) != wanted:
        return {}
    return {m: Sum(file_sum(p), p.stat().st_size) for m, p in zip(members, paths, strict=True)}


def expected_sum(dataset: Dataset, member: str, folder: Path) -> Sum:
    """What `member` must be: as published, else as recorded when the whole was proven."""
    published = dataset.files[member]
    if published.sha256:
        return published
    recorded = read_record(cache_folder() / dataset.name)
    if member not in recorded and dataset.together:
        recorded = _proven_together(folder, tuple(dataset.files), dataset.together)
    return recorded.get(member, published)


def find(dataset: Dataset, member: str) -> Path | None:
    """The verified file, None if it is nowhere. Raises ChecksumError for a file that is there but wrong.

    A mirror's file that nothing can prove (no published sum, not the whole set) is passed over.
    """
    for folder in places(dataset.name):
        path = folder / member
        if path.is_file():
            in_cache = folder.parent == cache_folder()
            way_out = (
                f"Delete it, or run `lessons data fetch {dataset.name}`, which replaces it"
                if in_cache
                else "LESSONS_DATA points there: put the right file in its place, or unset LESSONS_DATA"
            )
            expected = expected_sum(dataset, member, folder)
            if expected.sha256 or in_cache:
                check(path, expected, way_out)
                return path
    return None


@dataclass(frozen=True)
class Report:
    """What `verify` found, by file."""

    name: str
    good: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether every file is there and right."""
        return not self.missing and not self.wrong

    def __str__(self) -> str:
        text = f"{self.name}: {len(self.good)} files verified"
        text += f", {len(self.missing)} not here" if self.missing else ""
        return text + (f", {len(self.wrong)} WRONG:\n  " + "\n  ".join(self.wrong) if self.wrong else "")


def verify(name: str) -> Report:
    """Hash every file of a set that is on this machine; asks no network and changes nothing."""
    dataset = choose(name, load(), "set")
    report = Report(name)
    for member in dataset.files:
        try:
            found = find(dataset, member)
        except ChecksumError as error:
            report.wrong.append(str(error))
        else:
            (report.good if found else report.missing).append(member)
    if report.missing and set(report.missing) <= set(dataset.local):
        report.missing.clear()  # no public address has them and no split needs them
    return report


def is_here(name: str) -> bool:
    """Whether all files of a set are on this machine (by name only: nothing is hashed)."""
    dataset = choose(name, load(), "set")
    needed = [member for member in dataset.files if member not in dataset.local]
    return all(any((folder / member).is_file() for folder in places(name)) for member in needed)
