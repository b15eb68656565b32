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
    """One address failed; the next is asked.

    Examples
    --------
    >>> from lessons_lib.datasets import unpack
    >>> print(unpack.SourceError("the archive lacks 2 files"))
    the archive lacks 2 files
    """


def safe_members(archive: Path, names: set[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Iterate over the regular files of an archive that have given names.

    Where the archive would put them does not matter. An archive with a path that leaves its folder is not what it
    claims to be, and is refused.

    Parameters
    ----------
    archive : pathlib.Path
        A .zip or .tar file; the tar may be compressed.
    names : set of str
        File names, without folders.

    Yields
    ------
    name : str
        Name of the file.
    stream : file object
        Its bytes, to be read before the next file is asked for.

    Raises
    ------
    SourceError
        If a path in the archive is absolute or contains "..".

    Examples
    --------
    >>> import tempfile
    >>> import zipfile
    >>> from pathlib import Path
    >>> from lessons_lib.datasets import unpack
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     archive = Path(folder) / "set.zip"
    ...     with zipfile.ZipFile(archive, "w") as packed:
    ...         packed.writestr("deep/a.png", b"pixels")
    ...     [(name, stream.read()) for name, stream in unpack.safe_members(archive, {"a.png"})]
    [('a.png', b'pixels')]
    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                if _base(info.filename) in names and not info.is_dir():
                    with zipped.open(info) as stream:
                        yield _base(info.filename), stream
    else:
        with tarfile.open(archive, "r:*") as tarred:
            for entry in tarred:
                if _base(entry.name) in names and entry.isfile():
                    held = tarred.extractfile(entry)
                    assert held is not None  # only what is no file holds nothing
                    yield _base(entry.name), held


def _base(name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise SourceError(f"the archive holds the unsafe path {name!r}")
    return path.name


def copy_limited(stream: IO[bytes], target: Path, size: int | None) -> bool:
    """Copy a stream to a file, unless it is far longer than the file that is wanted.

    Parameters
    ----------
    stream : file object
        The bytes.
    target : pathlib.Path
        Where to write.
    size : int or None
        The size that is wanted, in bytes; None for any.

    Returns
    -------
    bool
        True if the stream was copied; False, with nothing left, if it exceeds twice `size`.

    Examples
    --------
    >>> import io
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lessons_lib.datasets import unpack
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder) / "a.png"
    ...     unpack.copy_limited(io.BytesIO(b"pixels"), target, 6), unpack.copy_limited(io.BytesIO(b"pixels"), target, 2)
    (True, False)
    """
    with target.open("wb") as file:
        while chunk := stream.read(CHUNK):
            file.write(chunk)
            if size is not None and file.tell() > 2 * size:
                break
        else:
            return True
    target.unlink()
    return False
