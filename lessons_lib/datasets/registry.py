"""What the book knows of every image set: files, sums, addresses, licence, how to cite, splits."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path, PurePosixPath

HERE = Path(__file__).parent


class DatasetError(ValueError):
    """Something is wrong with a set of images; the message names it, its place and the way out."""


class UnknownDatasetError(DatasetError):
    """No set, split or file has this name."""


@dataclass(frozen=True)
class Sum:
    """What a file must be: its sha256 and bytes, or the sha256 of its decoded pixels. All None: not published."""

    sha256: str | None = None
    size: int | None = None
    pixels: str | None = None


@dataclass(frozen=True)
class Source:
    """One address: of single files, {name} and the like filled in, or of an archive that holds them."""

    url: str
    archive: bool = False
    provides: str = "*"
    sha256: str | None = None

    def address(self, member: str) -> str:
        """Where this source keeps `member`."""
        path = PurePosixPath(member)
        person = path.stem.rpartition("_")[0]
        return self.url.format(path=path, name=path.name, stem=path.stem, person=person)


@dataclass(frozen=True)
class Dataset:
    """One set of images as the registry describes it."""

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
        """Bytes of all files, None where they are not published."""
        sizes = [file.size for file in self.files.values()]
        return None if None in sizes else sum(sizes)


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
    """The names of all sets."""
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
    """Every set by name."""
    sums = _read_sums()
    return {name: _build(name, entry, sums[name]) for name, entry in _entries().items()}


def choose(name: str, known: dict, what: str) -> object:
    """`known[name]`, or UnknownDatasetError that suggests the nearest name."""
    if name in known:
        return known[name]
    near = difflib.get_close_matches(str(name).lower(), list(known), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    choices = ", ".join(list(known)[:20]) + (" ..." if len(known) > 20 else "")
    raise UnknownDatasetError(f"no {what} is called {name!r}: {hint}There are: {choices}")
