"""Where image files lie (a local mirror, then the cache) and whether they are what the registry says."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import platformdirs

from lessons_lib import images
from lessons_lib.datasets.registry import Dataset, DatasetError, Sum, choose, load

RECORD = "checksums.tsv"  # sums that we found ourselves, of files proven by a sum of the whole


class ChecksumError(DatasetError):
    """A file is missing or is not the one that the registry describes.

    Parameters
    ----------
    path : pathlib.Path
        The file; it is hashed for the message.
    expected : str or None
        The sha256 that it should have; None if none is known.
    way_out : str
        What to do about it, as a sentence.

    Attributes
    ----------
    path : pathlib.Path
        The file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from lessons_lib import datasets
    >>> print(datasets.ChecksumError(Path("gone.png"), "ab12", "Fetch it again"))
    gone.png is not the file it should be: expected sha256 ab12, found no file. Fetch it again
    """

    def __init__(self, path: Path, expected: str | None, way_out: str) -> None:
        self.path = path
        found = file_sum(path) if path.is_file() else "no file"
        wanted = expected or "one that was never published nor recorded here"
        super().__init__(f"{path} is not the file it should be: expected sha256 {wanted}, found {found}. {way_out}")


def cache_folder() -> Path:
    """Return the folder into which downloads go.

    It is the one that the environment variable LESSONS_CACHE names or, without it, the usual place for caches on this
    system.

    Returns
    -------
    pathlib.Path
        The folder, which may not exist yet.

    Examples
    --------
    >>> import os
    >>> from unittest import mock
    >>> from lessons_lib import datasets
    >>> with mock.patch.dict(os.environ, LESSONS_CACHE="downloads"):
    ...     print(datasets.cache_folder())
    downloads
    """
    chosen = os.environ.get("LESSONS_CACHE")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("lessons-lib", appauthor=False)


def mirror_folder() -> Path | None:
    """Return the local mirror that the environment variable LESSONS_DATA names.

    Returns
    -------
    pathlib.Path or None
        The folder; None if the variable is not set.

    Raises
    ------
    DatasetError
        If LESSONS_DATA is not a folder.

    Examples
    --------
    >>> import os
    >>> from unittest import mock
    >>> from lessons_lib.datasets import store
    >>> with mock.patch.dict(os.environ, LESSONS_DATA=""):
    ...     print(store.mirror_folder())
    None
    """
    chosen = os.environ.get("LESSONS_DATA")
    if not chosen:
        return None
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise DatasetError(f"LESSONS_DATA is {chosen!r}, which is not a folder: correct it or unset it")
    return folder


def places(name: str) -> list[Path]:
    """List the folders that may hold a set, in the order in which they are asked.

    Parameters
    ----------
    name : str
        Name of the set.

    Returns
    -------
    list of pathlib.Path
        The folder of the set in the local mirror, if there is a mirror, and in the cache; they may not exist.

    Raises
    ------
    DatasetError
        If LESSONS_DATA is not a folder.

    Examples
    --------
    >>> import os
    >>> from unittest import mock
    >>> from lessons_lib.datasets import store
    >>> with mock.patch.dict(os.environ, LESSONS_DATA="", LESSONS_CACHE="downloads"):
    ...     [place.as_posix() for place in store.places("set5")]
    ['downloads/set5']
    """
    return [folder / name for folder in (mirror_folder(), cache_folder()) if folder is not None]


def file_sum(path: Path, kind: str = "sha256") -> str:
    """Compute the checksum of a file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    kind : str, default "sha256"
        Name of the hash function, as `hashlib` knows it.

    Returns
    -------
    str
        The hexadecimal digest.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lessons_lib.datasets import store
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "empty"
    ...     file.touch()
    ...     store.file_sum(file)[:16]
    'e3b0c44298fc1c14'
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def decoded(path: Path) -> np.ndarray | None:
    """Decode an image file to 8 bits, in OpenCV's channel order.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    ndarray or None
        BGR pixels of shape (H, W, 3), uint8; None if the file is not an image.

    Examples
    --------
    >>> from lessons_lib.datasets import sample, store
    >>> store.decoded(sample.FOLDER / "photos" / "validation" / "coffee.png").shape
    (192, 300, 3)
    """
    return cv2.imdecode(np.frombuffer(path.read_bytes() or b"\0", np.uint8), cv2.IMREAD_COLOR)


def pixel_sum(path: Path) -> str:
    """Compute the checksum of the pixels of an image file.

    The sha256 is taken of the image's size and its decoded BGR bytes, so it is the same for any lossless format.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    str
        The hexadecimal digest; empty if the file is not an image.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lessons_lib import images
    >>> from lessons_lib.datasets import store
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = [Path(folder) / name for name in ("black.png", "black.bmp")]
    ...     for file in files:
    ...         images.write(file, np.zeros((4, 4, 3)))
    ...     store.pixel_sum(files[0]) == store.pixel_sum(files[1])
    True
    """
    pixels = decoded(path)
    if pixels is None:
        return ""
    return hashlib.sha256(f"{pixels.shape[0]}x{pixels.shape[1]}:".encode() + pixels.tobytes()).hexdigest()


def together_sum(paths: list[Path], kind: str) -> str:
    """Compute the checksum of several files end to end.

    Parameters
    ----------
    paths : list of pathlib.Path
        The files, in order.
    kind : str
        Name of the hash function, as `hashlib` knows it.

    Returns
    -------
    str
        The hexadecimal digest.

    Examples
    --------
    >>> from lessons_lib.datasets import store
    >>> store.together_sum([], "sha1")[:16]
    'da39a3ee5e6b4b0d'
    """
    digest = hashlib.new(kind)
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def matches(path: Path, expected: Sum) -> bool:
    """Say whether a file has the expected sha256 or, if not, the expected pixels.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    expected : Sum
        What it must be.

    Returns
    -------
    bool
        True if one of them agrees; False also where nothing is expected.

    Examples
    --------
    >>> from pathlib import Path
    >>> from lessons_lib.datasets import store
    >>> store.matches(Path("any.png"), store.Sum())
    False
    """
    if expected.sha256 and file_sum(path) == expected.sha256:
        return True
    return bool(expected.pixels) and pixel_sum(path) == expected.pixels


def check(path: Path, expected: Sum, way_out: str) -> None:
    """Check that a file is the one expected.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    expected : Sum
        What it must be.
    way_out : str
        What to do if it is not, for the message.

    Raises
    ------
    ChecksumError
        If the file does not match.

    Examples
    --------
    >>> from pathlib import Path
    >>> from lessons_lib.datasets import store
    >>> store.check(Path("gone.png"), store.Sum(), "Fetch it again")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    lessons_lib.datasets.store.ChecksumError: gone.png is not the file it should be: ...
    """
    if not matches(path, expected):
        raise ChecksumError(path, expected.sha256, way_out)


def read_record(folder: Path) -> dict[str, Sum]:
    """Read the checksums recorded in a folder when its files were proven as a whole.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of a set.

    Returns
    -------
    dict of str to Sum
        Checksums by file; empty if there is no record.

    Examples
    --------
    >>> from pathlib import Path
    >>> from lessons_lib.datasets import store
    >>> store.read_record(Path("nowhere"))
    {}
    """
    path = folder / RECORD
    if not path.is_file():
        return {}
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return {member: Sum(sha256, int(size)) for member, size, sha256 in rows}


def write_record(folder: Path, members: list[str]) -> None:
    """Add the checksums of files, just proven, to the record in their folder.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of a set.
    members : list of str
        The files within it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lessons_lib.datasets import store
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (Path(folder) / "a.png").write_bytes(b"pixels")
    ...     store.write_record(Path(folder), ["a.png"])
    ...     store.read_record(Path(folder))["a.png"].size
    6
    6
    """
    sums = read_record(folder)
    sums |= {m: Sum(file_sum(folder / m), (folder / m).stat().st_size) for m in members}
    text = "".join(f"{m}\t{s.size}\t{s.sha256}\n" for m, s in sums.items())
    images.write_atomic(folder / RECORD, text.encode())


def _proven_together(folder: Path, members: tuple[str, ...], together: str) -> dict[str, Sum]:
    """Sums of files that, end to end, have the published digest; empty if they have not or one is missing."""
    paths = [folder / member for member in members]
    kind, _, wanted = together.partition(":")
    if not all(path.is_file() for path in paths) or together_sum(paths, kind) != wanted:
        return {}
    return {m: Sum(file_sum(p), p.stat().st_size) for m, p in zip(members, paths, strict=True)}


def expected_sum(dataset: Dataset, member: str, folder: Path) -> Sum:
    """Return what a file must be: as published or, failing that, as recorded when the whole set was proven.

    Parameters
    ----------
    dataset : Dataset
        The set.
    member : str
        Name of the file within it.
    folder : pathlib.Path
        The folder in which the set lies, for a set that is proven as a whole.

    Returns
    -------
    Sum
        What is known; a `Sum` without sha256 if nothing proves the file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from lessons_lib.datasets import registry, store
    >>> dataset = registry.load()["set5"]
    >>> store.expected_sum(dataset, "baby.png", Path("set5")) == dataset.files["baby.png"]
    True
    """
    published = dataset.files[member]
    if published.sha256:
        return published
    recorded = read_record(cache_folder() / dataset.name)
    if member not in recorded and dataset.together:
        recorded = _proven_together(folder, tuple(dataset.files), dataset.together)
    return recorded.get(member, published)


def find(dataset: Dataset, member: str) -> Path | None:
    """Find a file of a set on this machine, and verify it.

    A file of the local mirror that nothing can prove (no published checksum, and not the whole set) is passed over.

    Parameters
    ----------
    dataset : Dataset
        The set.
    member : str
        Name of the file within it.

    Returns
    -------
    pathlib.Path or None
        The verified file, in the mirror or else in the cache; None if it is in neither.

    Raises
    ------
    ChecksumError
        If the file is there but wrong.
    DatasetError
        If LESSONS_DATA is not a folder.

    Examples
    --------
    >>> import os
    >>> from unittest import mock
    >>> from lessons_lib.datasets import registry, store
    >>> with mock.patch.dict(os.environ, LESSONS_DATA="", LESSONS_CACHE="nowhere"):
    ...     print(store.find(registry.load()["set5"], "baby.png"))
    None
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
    """What `verify` found, by file.

    Parameters
    ----------
    name : str
        Name of the set.
    good : list of str, optional
        Files that are there and right.
    missing : list of str, optional
        Files that are not on this machine.
    wrong : list of str, optional
        One message per file that is there but wrong.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> report = datasets.Report("set5", good=["baby.png", "bird.png"], missing=["woman.png"])
    >>> print(report)
    set5: 2 files verified, 1 not here
    >>> report.whole
    False
    """

    name: str
    good: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether every file is there and right."""
        return not self.missing and not self.wrong

    def __str__(self) -> str:
        """Return the report as a line of text, plus one per wrong file.

        Returns
        -------
        str
            Text for the learner.

        Examples
        --------
        >>> from lessons_lib import datasets
        >>> str(datasets.Report("set5", good=["baby.png"]))
        'set5: 1 files verified'
        """
        text = f"{self.name}: {len(self.good)} files verified"
        text += f", {len(self.missing)} not here" if self.missing else ""
        return text + (f", {len(self.wrong)} WRONG:\n  " + "\n  ".join(self.wrong) if self.wrong else "")


def verify(name: str) -> Report:
    """Hash every file of a set that is on this machine, and compare it with the registry.

    It asks no network and changes nothing.

    Parameters
    ----------
    name : str
        Name of the set.

    Returns
    -------
    Report
        Which files are right, missing or wrong. Files that no public address has do not count as missing.

    Raises
    ------
    UnknownDatasetError
        If no set has this name.
    DatasetError
        If LESSONS_DATA is not a folder.

    Examples
    --------
    >>> import os
    >>> from unittest import mock
    >>> from lessons_lib import datasets
    >>> with mock.patch.dict(os.environ, LESSONS_DATA="", LESSONS_CACHE="nowhere"):
    ...     print(datasets.verify("set5"))
    set5: 0 files verified, 5 not here
    """
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
    """Say whether all files of a set are on this machine, by their names only: nothing is hashed.

    Parameters
    ----------
    name : str
        Name of the set.

    Returns
    -------
    bool
        True if every file that has a public address is in the local mirror or in the cache.

    Raises
    ------
    UnknownDatasetError
        If no set has this name.
    DatasetError
        If LESSONS_DATA is not a folder.

    Examples
    --------
    >>> import os
    >>> from unittest import mock
    >>> from lessons_lib import datasets
    >>> with mock.patch.dict(os.environ, LESSONS_DATA="", LESSONS_CACHE="nowhere"):
    ...     datasets.is_here("set5")
    False
    """
    dataset = choose(name, load(), "set")
    needed = [member for member in dataset.files if member not in dataset.local]
    return all(any((folder / member).is_file() for folder in places(name)) for member in needed)
