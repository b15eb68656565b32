"""What the book knows of every image set: files, sums, addresses, licence, how to cite, splits."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TypeVar

HERE = Path(__file__).parent
T = TypeVar("T")


class DatasetError(ValueError):
    """Something is wrong with a set of images.

    The message names the set, the place and the way out. All errors of `datasets` derive from this class.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> try:
    ...     datasets.photo("cofee")
    ... except datasets.DatasetError as error:
    ...     print(str(error).partition("?")[0])
    no photograph is called 'cofee': did you mean 'coffee'
    """


class UnknownDatasetError(DatasetError):
    """No set, split or file has this name.

    The message suggests the nearest name and lists the names that there are.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> try:
    ...     datasets.splits("bsd500")
    ... except datasets.UnknownDatasetError as error:
    ...     print(str(error).partition("?")[0])
    no set is called 'bsd500': did you mean 'bsds500'
    """


@dataclass(frozen=True)
class Sum:
    """What a file must be, by its checksum.

    A file matches if it has the sha256, or else if its decoded pixels have theirs. Where all fields are None, nothing
    was published.

    Parameters
    ----------
    sha256 : str, optional
        Hexadecimal sha256 of the file.
    size : int, optional
        Size of the file in bytes.
    pixels : str, optional
        Hexadecimal sha256 of the decoded pixels, which is the same for any lossless format.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> known = datasets.REGISTRY["mnist"].files["t10k-labels-idx1-ubyte.gz"]
    >>> len(known.sha256), known.size
    (64, 4542)
    """

    sha256: str | None = None
    size: int | None = None
    pixels: str | None = None


@dataclass(frozen=True)
class Source:
    """One address from which files of a set can be fetched.

    Parameters
    ----------
    url : str
        Address of single files, with {path}, {name}, {stem} or {person} to be filled in, or of an archive.
    archive : bool, default False
        Whether the address is that of one archive which holds the files.
    provides : str, default "*"
        Pattern of the files that this source has.
    sha256 : str, optional
        Hexadecimal sha256 of the archive, where it is known.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> source = datasets.Source("https://example.org/set5/{stem}.bmp")
    >>> source.archive, source.provides
    (False, '*')
    """

    url: str
    archive: bool = False
    provides: str = "*"
    sha256: str | None = None

    def address(self, member: str) -> str:
        """Return the address at which this source keeps a file.

        Parameters
        ----------
        member : str
            Name of the file within the set, which may contain folders.

        Returns
        -------
        str
            The URL with {path} (the member), {name} (without folders), {stem} (without the suffix) and {person} (the
            stem up to the last "_") filled in.

        Examples
        --------
        >>> from lessons_lib import datasets
        >>> datasets.Source("https://example.org/lfw/{person}/{name}").address("test/Adam_Ant_0001.jpg")
        'https://example.org/lfw/Adam_Ant/Adam_Ant_0001.jpg'
        """
        path = PurePosixPath(member)
        person = path.stem.rpartition("_")[0]
        return self.url.format(path=path, name=path.name, stem=path.stem, person=person)


@dataclass(frozen=True)
class Dataset:
    """One set of images as the registry describes it.

    Parameters
    ----------
    name : str
        Name of the set in the registry.
    title : str
        What it is, in a line.
    licence : str
        Its licence or, where there is none, what is known of its use.
    cite : str
        How to cite it.
    sources : tuple of Source
        The addresses of its files, asked in this order.
    files : dict of str to Sum
        Every file and what it must be.
    splits : dict of str to tuple of str
        Files by split.
    local : tuple of str, default ()
        Files that no public address has, and no split needs: they lie in a local mirror only.
    together : str, optional
        Checksum of all files end to end, as "kind:digest", where only that was published.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> dataset = datasets.REGISTRY["set5"]
    >>> dataset.title, len(dataset.files)
    ('Set5: five classic test pictures', 5)
    """

    name: str
    title: str
    licence: str
    cite: str
    sources: tuple[Source, ...]
    files: dict[str, Sum]
    splits: dict[str, tuple[str, ...]]
    local: tuple[str, ...] = ()
    together: str | None = None

    @property
    def size(self) -> int | None:
        """Size of all files in bytes; None where it is not published."""
        sizes = [file.size for file in self.files.values() if file.size is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None


def _choose(files: list[str], patterns: list[str], lists: dict[str, list[str]]) -> tuple[str, ...]:
    """The files that some pattern takes and no "-pattern" takes away, in order."""
    expanded = []
    for pattern in patterns:
        sign, pattern = ("-", pattern[1:]) if pattern.startswith("-") else ("", pattern)
        expanded += [sign + p for p in (lists[pattern[1:]] if pattern.startswith("@") else [pattern])]
    takes = [p for p in expanded if not p.startswith("-")]
    drops = [p[1:] for p in expanded if p.startswith("-")]
    return tuple(f for f in files if _any(f, takes) and not _any(f, drops))


def _any(file: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(file, pattern) for pattern in patterns)


@cache
def _entries() -> dict[str, dict]:
    return tomllib.loads((HERE / "registry.toml").read_text(encoding="utf-8"))


def _read_sums() -> dict[str, dict[str, Sum]]:
    sums: dict[str, dict[str, Sum]] = {name: {} for name in _entries()}
    for line in (HERE / "checksums.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        path, size, sha256, *pixels = line.split("\t")
        name, _, member = path.partition("/")
        sums[name][member] = Sum(sha256, int(size), *pixels)
    return sums


def names() -> list[str]:
    """List the names of all sets.

    Returns
    -------
    list of str
        Names in the order of the registry.

    Examples
    --------
    >>> from lessons_lib.datasets import registry
    >>> registry.names()[:2]
    ['mnist', 'fashion-mnist']
    """
    return list(_entries())


def _build(name: str, entry: dict, sums: dict[str, Sum]) -> Dataset:
    files = dict(sums)
    for template, first, last in entry.get("unlisted", []):
        files |= {template.format(number): Sum() for number in range(first, last + 1)}
    local = tuple(entry.get("local", []))
    lists = {key: text.split() for key, text in entry.get("lists", {}).items()}
    public = [file for file in files if file not in local]
    return Dataset(
        name=name,
        sources=tuple(Source(**source) for source in entry["sources"]),
        files=files,
        splits={split: _choose(public, patterns, lists) for split, patterns in entry["splits"].items()},
        local=local,
        together=entry.get("together"),
        **{key: entry[key] for key in ("title", "licence", "cite")},
    )


@cache
def load() -> dict[str, Dataset]:
    """Load the registry.

    Returns
    -------
    dict of str to Dataset
        Every set by name; the same dict at every call.

    Examples
    --------
    >>> from lessons_lib.datasets import registry
    >>> len(registry.load()["set12"].splits["test"])
    12
    """
    sums = _read_sums()
    return {name: _build(name, entry, sums[name]) for name, entry in _entries().items()}


def choose(name: str, known: Mapping[str, T], what: str) -> T:
    """Look a name up and, if it is unknown, suggest the nearest one.

    Parameters
    ----------
    name : str
        The name.
    known : dict
        What there is, by name.
    what : str
        What the names stand for, for the message.

    Returns
    -------
    object
        ``known[name]``.

    Raises
    ------
    UnknownDatasetError
        If `name` is not in `known`.

    Examples
    --------
    >>> from lessons_lib.datasets import registry
    >>> registry.choose("test", {"test": 2}, "split")
    2
    >>> registry.choose("tset", {"test": 2}, "split")
    Traceback (most recent call last):
        ...
    lessons_lib.datasets.registry.UnknownDatasetError: no split is called 'tset': did you mean 'test'? There are: test
    """
    if name in known:
        return known[name]
    near = difflib.get_close_matches(str(name).lower(), list(known), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    choices = ", ".join(list(known)[:20]) + (" ..." if len(known) > 20 else "")
    raise UnknownDatasetError(f"no {what} is called {name!r}: {hint}There are: {choices}")
