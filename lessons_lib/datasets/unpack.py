"""Reading an archive from the network without trusting it."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError)  # what a damaged archive raises
CHUNK = 1 << 18


class SourceError(Exception):
    """One address failed; the next is asked."""


def safe_members(archive: Path, names: set[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Regular files by these names. Where the archive would put them never matters, but one that climbs out of its
    folder is not what it claims to be and is refused."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                if _base(info.filename) in names and not info.is_dir():
                    with packed.open(info) as stream:
                        yield _base(info.filename), stream
    else:
        with tarfile.open(archive, "r:*") as packed:
            for info in packed:
                if _base(info.name) in names and info.isfile():
                    yield _base(info.name), packed.extractfile(info)


def _base(name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise SourceError(f"the archive holds the unsafe path {name!r}")
    return path.name


def copy_limited(stream: IO[bytes], target: Path, size: int | None) -> bool:
    """Copy a stream to a file; False, with nothing left, if it is longer than the file we want."""
    with target.open("wb") as file:
        while chunk := stream.read(CHUNK):
            file.write(chunk)
            if size is not None and file.tell() > 2 * size:
                break
        else:
            return True
    target.unlink()
    return False
