"""Restored pictures as files: the format that came in, names that every system takes, and several in one zip."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable
from pathlib import PurePosixPath

from PIL import Image

from lessons_lib import image_io
from lessons_lib.webapp import safe_fetch

USUAL = {kind: suffix for suffix, (kind, _) in reversed(image_io.SUFFIXES.items())}  # ".jpg" rather than ".jpeg"
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{name}{n}" for name in ("COM", "LPT") for n in range(1, 10))}


def kind_of(suffix: str) -> str:
    """The name of the format that is written under a suffix."""
    return image_io.SUFFIXES[suffix][0]


def own_suffix(data: bytes, name: str) -> str | None:
    """The suffix of a file's own format, as its name has it if that fits; None if the format cannot be written."""
    kind = Image.open(io.BytesIO(data), formats=safe_fetch.FORMATS).format or ""
    kind = "JPEG" if kind == "MPO" else kind
    given = PurePosixPath(name).suffix.lower()
    return given if given in image_io.SUFFIXES and kind_of(given) == kind else USUAL.get(kind)


def safe_stem(name: str) -> str:
    """A file's name without folders and suffix, and without what some system does not take in names."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    shown = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in last)
    stem = PurePosixPath(re.sub(r'[<>:"|?*]+', "-", shown).strip(" .")).stem.strip(" .-")[:80].rstrip(" .") or "picture"
    return f"_{stem}" if stem.partition(".")[0].strip().upper() in RESERVED else stem


def unlike(names: Iterable[str]) -> list[str]:
    """The names, each told apart from those before it, upper and lower case being the same to some systems."""
    taken: set[str] = set()
    found = []
    for name in names:
        path, number, other = PurePosixPath(name), 1, name
        while other.casefold() in taken:
            number += 1
            other = f"{path.stem}-{number}{path.suffix}"
        taken.add(other.casefold())
        found.append(other)
    return found


def zipped(names: Iterable[str], contents: Iterable[bytes]) -> bytes:
    """A zip of files, stored as they are: pictures are packed already."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in zip(unlike(names), contents, strict=True):
            archive.writestr(name, data)
    return buffer.getvalue()
