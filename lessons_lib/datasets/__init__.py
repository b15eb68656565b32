"""Real images for the chapters: a small sample that is always there, and the field's sets, verified.

In the smoke and cpu budgets `digits`, `clothes` and `photos` give the shipped sample, so that outputs never depend on
what a machine happens to have. In the gpu budget they give (photos: add) the full sets, through the registry.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from lessons_lib import images
from lessons_lib.budget import budget
from lessons_lib.datasets import sample, store
from lessons_lib.datasets.download import CacheError, FetchError, fetch
from lessons_lib.datasets.registry import Dataset, DatasetError, Source, Sum, UnknownDatasetError, choose, load
from lessons_lib.datasets.sample import SPLITS, check_sample, photo
from lessons_lib.datasets.store import ChecksumError, Report, cache_folder, is_here, verify

__all__ = [
    "REGISTRY",
    "SPLITS",
    "CacheError",
    "ChecksumError",
    "Dataset",
    "DatasetError",
    "FetchError",
    "Report",
    "Source",
    "Sum",
    "UnknownDatasetError",
    "cache_folder",
    "check_sample",
    "clothes",
    "credits",
    "digits",
    "fetch",
    "is_here",
    "list_table",
    "path",
    "paths",
    "photo",
    "photos",
    "real_pairs",
    "sample_names",
    "splits",
    "verify",
]

CLOTHES = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
HELD_OUT = 5_000  # of the 60,000 training pictures: validation in the gpu budget

REGISTRY: Mapping[str, Dataset] = load()


def digits(split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Handwritten digits: images float32 (N, 28, 28, 1) in [0, 1] and labels int64 (N,).

    `split` is "train", "validation" or "test": 7,000, 1,000 and 2,000; in the gpu budget MNIST's 55,000, 5,000, 10,000.
    """
    return _small_pictures("digits", "mnist", split)


def clothes(split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Clothes of Fashion-MNIST, shaped as `digits`; CLOTHES names the labels.

    11,000, 1,000 and 2,000 pictures; in the gpu budget 55,000, 5,000 and 10,000.
    """
    return _small_pictures("clothes", "fashion-mnist", split)


def photos(split: str = "train") -> dict[str, np.ndarray]:
    """Photographs by name, float32 RGB (H, W, 3) in [0, 1]: 15 to train, 4 to validate, 6 to test.

    The gpu budget adds those of BSDS500 (400, 32 and CBSD68), named by their file.
    """
    found = {name: photo(name) for name in sample_names(split)}
    if budget() == "gpu":
        found |= {f"bsds500/{file.name}": images.read(file) for file in paths("bsds500", split)}
    return found


def real_pairs(split: str = "train") -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """PolyU's pairs: name, one shot, mean of many shots of the same scene; float32 RGB (512, 512, 3) in [0, 1].

    Raises DatasetError.
    """
    for file in paths("polyu", split):
        if file.stem.lower().endswith("real"):
            mean = file.with_name(re.sub("real", "mean", file.name, flags=re.IGNORECASE))
            yield file.stem, images.read(file), images.read(mean)


def sample_names(split: str) -> list[str]:
    """The photographs of a split that ship with the book, in every budget the same."""
    choose(split, dict.fromkeys(SPLITS), "split")
    return [name for name, entry in sample.photo_entries().items() if entry["split"] == split]


def credits() -> list[dict[str, str]]:
    """One row a photograph of the sample: name, split, author, licence, where it comes from, its size."""
    return [
        {
            "photograph": entry["name"],
            "split": entry["split"],
            "author": entry["author"],
            "licence": f"[{entry['licence']}]({entry['licence_url']})",
            "source": entry["source"],
            "size": f"{entry['width']} x {entry['height']}, reduced {entry['reduction']:g} x",
        }
        for entry in sample.photo_entries().values()
    ]


def splits(name: str) -> dict[str, tuple[str, ...]]:
    """The splits of a registered set and their files: `splits("bsds500")["cbsd68"]`."""
    return choose(name, REGISTRY, "set").splits


def path(name: str, member: str) -> Path:
    """One verified file of a registered set, fetched if it is not here. Raises DatasetError."""
    dataset = choose(name, REGISTRY, "set")
    choose(member, dataset.files, f"file of {name}")
    found = store.find(dataset, member)
    return found or fetch(name, [member]) / member


def paths(name: str, split: str) -> list[Path]:
    """The verified files of a split, fetched if they are not here. Raises DatasetError."""
    members = list(choose(split, splits(name), f"split of {name}"))
    fetch(name, members)
    return [path(name, member) for member in members]


def list_table() -> list[dict[str, str]]:
    """One row a registered set: name, what it is, files, size, where it is on this machine, licence."""

    def where(name: str) -> str:
        if not is_here(name):
            return "no"
        mirror, *_ = store.places(name)
        return "cache" if mirror.parent == cache_folder() or not mirror.is_dir() else "LESSONS_DATA"

    return [
        {
            "set": name,
            "what": dataset.title,
            "files": f"{len(dataset.files):,}",
            "MB": f"{dataset.size / 1e6:.1f}" if dataset.size else "?",
            "here": where(name),
            "licence": dataset.licence,
        }
        for name, dataset in REGISTRY.items()
    ]


def _small_pictures(kind: str, full_set: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    choose(split, dict.fromkeys(SPLITS), "split")
    stored, labels = _full_arrays(full_set, split) if budget() == "gpu" else sample.arrays(kind, split)
    return images.to_float(stored)[..., None], labels.astype(np.int64)


def _full_arrays(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """A split of an IDX set as uint8; validation is the last HELD_OUT of the training files."""
    part = "t10k" if split == "test" else "train"
    stored, labels = (_read_idx(path(name, f"{part}-{kind}-ubyte.gz")) for kind in ("images-idx3", "labels-idx1"))
    chosen = {"train": slice(None, -HELD_OUT), "validation": slice(-HELD_OUT, None), "test": slice(None)}[split]
    return stored[chosen], labels[chosen]


def _read_idx(file: Path) -> np.ndarray:
    """An IDX file (gzip) of unsigned bytes: four bytes that end in the number of axes, the axes, the values."""
    data = gzip.decompress(file.read_bytes())
    axes = data[3]
    shape = np.frombuffer(data, ">u4", count=axes, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape.astype(int))
