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
    """Read a file of the sample and check its sha256.

    Parameters
    ----------
    path : str
        The file's path below data/, as in the manifest.

    Returns
    -------
    bytes
        The content.

    Raises
    ------
    ChecksumError
        If the file is missing or was changed.
    DatasetError
        If data/ is not there.

    Examples
    --------
    >>> from lessons_lib.datasets import sample
    >>> sample.read_checked("photos/validation/coffee.png")[1:4]
    b'PNG'
    """
    entry = _entries(FOLDER)[path]
    file = FOLDER / path
    data = file.read_bytes() if file.is_file() else b""
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise ChecksumError(file, entry["sha256"], f"`git checkout -- data/{path}` brings it back")
    return data


def arrays(kind: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Load a split of the digits or the clothes of the sample, as stored.

    Parameters
    ----------
    kind : {"digits", "clothes"}
        What to load.
    split : {"train", "validation", "test"}
        Which part.

    Returns
    -------
    images : ndarray
        Gray pictures of shape (N, 28, 28), uint8.
    labels : ndarray
        Their labels, shape (N,), uint8.

    Raises
    ------
    UnknownDatasetError
        If the split is unknown.
    ChecksumError
        If the file is missing or was changed.

    Examples
    --------
    >>> from lessons_lib.datasets import sample
    >>> pictures, labels = sample.arrays("digits", "validation")
    >>> pictures.shape, labels.shape
    ((1000, 28, 28), (1000,))
    """
    choose(split, dict.fromkeys(SPLITS), "split")
    with np.load(io.BytesIO(read_checked(f"{kind}/{split}.npz")), allow_pickle=False) as stored:
        return stored["images"], stored["labels"]


def photo_entries() -> dict[str, dict]:
    """Return the rows of the manifest that describe photographs.

    Returns
    -------
    dict of str to dict
        Rows by the name of the photograph.

    Raises
    ------
    DatasetError
        If data/ is not there.

    Examples
    --------
    >>> from lessons_lib.datasets import sample
    >>> coffee = sample.photo_entries()["coffee"]
    >>> coffee["split"], coffee["width"], coffee["height"]
    ('validation', 300, 192)
    """
    return {entry["name"]: entry for entry in _entries(FOLDER).values() if entry["kind"] == "photo"}


def photo(name: str) -> np.ndarray:
    """Load one photograph of the sample.

    Parameters
    ----------
    name : str
        Name of the photograph; `sample_names` lists them.

    Returns
    -------
    ndarray
        RGB image (H, W, 3), float32 in [0, 1].

    Raises
    ------
    UnknownDatasetError
        If no photograph has this name.
    ChecksumError
        If its file is missing or was changed.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> datasets.photo("coffee").shape
    (192, 300, 3)
    """
    entry = choose(name, photo_entries(), "photograph")
    read_checked(entry["path"])
    return images.read(FOLDER / entry["path"])


def check_sample() -> str:
    """Hash every file of the sample, and say in one line what is there.

    Returns
    -------
    str
        How many pictures of each kind there are, and in which folder.

    Raises
    ------
    DatasetError
        If a file is missing or was changed (`ChecksumError`), or data/ is not there.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> datasets.check_sample().partition(" in ")[0]
    '25 photographs, 10,000 digits, 14,000 clothes'
    """
    entries = _entries(FOLDER).values()
    for entry in entries:
        read_checked(entry["path"])
    count: Counter[str] = Counter()
    for entry in entries:
        count[entry["kind"]] += entry.get("count", 1)
    return (
        f"{count['photo']} photographs, {count['digits']:,} digits, {count['clothes']:,} clothes in {FOLDER}, "
        "each file as recorded"
    )
