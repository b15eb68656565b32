"""The real images that come with the book, in data/: small, free, hash checked, never downloaded."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np

from lessons_lib import images
from lessons_lib.datasets.registry import DatasetError, choose
from lessons_lib.datasets.store import ChecksumError

FOLDER = Path(__file__).resolve().parents[2] / "data"
SPLITS = ("train", "validation", "test")


@cache
def _entries(folder: Path) -> dict[str, dict]:
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise DatasetError(
            f"the book's images are not in {folder}: lessons_lib must run from a clone of the book's repository "
            "(pip install -e .), where `git checkout -- data` brings them back"
        )
    return {entry["path"]: entry for entry in json.loads(manifest.read_text(encoding="utf-8"))["files"]}


def read_checked(path: str) -> bytes:
    """A file of the sample. Raises ChecksumError if it is missing or was changed."""
    entry = _entries(FOLDER)[path]
    file = FOLDER / path
    data = file.read_bytes() if file.is_file() else b""
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise ChecksumError(file, entry["sha256"], f"`git checkout -- data/{path}` brings it back")
    return data


def arrays(kind: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 28, 28) uint8 and labels (N,) uint8 of "digits" or "clothes"."""
    choose(split, dict.fromkeys(SPLITS), "split")
    with np.load(io.BytesIO(read_checked(f"{kind}/{split}.npz")), allow_pickle=False) as stored:
        return stored["images"], stored["labels"]


def photo_entries() -> dict[str, dict]:
    """The manifest's rows of the photographs, by name."""
    return {entry["name"]: entry for entry in _entries(FOLDER).values() if entry["kind"] == "photo"}


def photo(name: str) -> np.ndarray:
    """One photograph as float32 RGB (H, W, 3)."""
    entry = choose(name, photo_entries(), "photograph")
    read_checked(entry["path"])
    return images.read(FOLDER / entry["path"])


def check_sample() -> str:
    """Hash every file of the sample and say in one line what is there. Raises DatasetError if something is wrong."""
    entries = _entries(FOLDER).values()
    for entry in entries:
        read_checked(entry["path"])
    count = Counter()
    for entry in entries:
        count[entry["kind"]] += entry.get("count", 1)
    return (
        f"{count['photo']} photographs, {count['digits']:,} digits, {count['clothes']:,} clothes in {FOLDER}, "
        "each file as recorded"
    )
