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
    """Load handwritten digits with their labels.

    In the smoke and cpu budgets they are the sample that ships with the book: 7,000 pictures to train, 1,000 to
    validate and 2,000 to test. In the gpu budget they are MNIST [1]_, with 55,000, 5,000 and 10,000.

    Parameters
    ----------
    split : {"train", "validation", "test"}, default "train"
        Which part to load.

    Returns
    -------
    images : ndarray
        Gray pictures of shape (N, 28, 28, 1), float32 in [0, 1].
    labels : ndarray
        The digits 0 to 9, shape (N,), int64.

    Raises
    ------
    DatasetError
        If the split is unknown, a file is missing or was changed, or the full set cannot be fetched.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to document recognition,
       Proceedings of the IEEE 86(11), 1998.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> pictures, labels = datasets.digits("validation")
    >>> pictures.shape, labels.shape
    ((1000, 28, 28, 1), (1000,))
    """
    return _small_pictures("digits", "mnist", split)


def clothes(split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Load pictures of clothes with their labels, in the form of `digits`.

    In the smoke and cpu budgets they are the sample that ships with the book: 11,000 pictures to train, 1,000 to
    validate and 2,000 to test. In the gpu budget they are Fashion-MNIST [1]_, with 55,000, 5,000 and 10,000.

    Parameters
    ----------
    split : {"train", "validation", "test"}, default "train"
        Which part to load.

    Returns
    -------
    images : ndarray
        Gray pictures of shape (N, 28, 28, 1), float32 in [0, 1].
    labels : ndarray
        Indices into `CLOTHES`, which names them; shape (N,), int64.

    Raises
    ------
    DatasetError
        If the split is unknown, a file is missing or was changed, or the full set cannot be fetched.

    References
    ----------
    .. [1] H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking machine learning
       algorithms, arXiv:1708.07747, 2017.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> pictures, labels = datasets.clothes("validation")
    >>> pictures.shape, datasets.CLOTHES[labels.max()]
    ((1000, 28, 28, 1), 'ankle boot')
    """
    return _small_pictures("clothes", "fashion-mnist", split)


def photos(split: str = "train") -> dict[str, np.ndarray]:
    """Load the photographs of a split by name.

    In every budget they are those that ship with the book: 15 to train, 4 to validate and 6 to test. The gpu budget
    adds those of BSDS500 (400, 32 and the 68 of CBSD68), each under its file name: ``"bsds500/..."``.

    Parameters
    ----------
    split : {"train", "validation", "test"}, default "train"
        Which part to load.

    Returns
    -------
    dict of str to ndarray
        The photographs by name, RGB (H, W, 3) of various sizes, float32 in [0, 1].

    Raises
    ------
    DatasetError
        If the split is unknown, a file is missing or was changed, or the full set cannot be fetched.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> photographs = datasets.photos("validation")
    >>> photographs["coffee"].shape
    (192, 300, 3)
    """
    found = {name: photo(name) for name in sample_names(split)}
    if budget() == "gpu":
        found |= {f"bsds500/{file.name}": images.read(file) for file in paths("bsds500", split)}
    return found


def real_pairs(split: str = "train") -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Iterate over the pairs of PolyU: a noisy photograph, and the mean of many shots of the same scene.

    The set is not part of the sample: it is fetched, in every budget, if it is not on this machine.

    Parameters
    ----------
    split : {"train", "validation", "test"}, default "train"
        Which part to read.

    Yields
    ------
    name : str
        Name of the noisy file, without its suffix.
    noisy : ndarray
        One shot, RGB (512, 512, 3), float32 in [0, 1].
    mean : ndarray
        The mean of many shots, which stands for the clean image; same shape, dtype and range.

    Raises
    ------
    DatasetError
        If the split is unknown or the files cannot be fetched; raised when the first pair is asked for.

    Examples
    --------
    >>> from lessons_lib import datasets, metrics
    >>> for name, noisy, mean in datasets.real_pairs("test"):  # doctest: +SKIP
    ...     print(name, metrics.psnr(mean, noisy, data_range=1.0))
    """
    for file in paths("polyu", split):
        if file.stem.lower().endswith("real"):
            mean = file.with_name(re.sub("real", "mean", file.name, flags=re.IGNORECASE))
            yield file.stem, images.read(file), images.read(mean)


def sample_names(split: str) -> list[str]:
    """List the photographs of a split that ship with the book, in every budget the same.

    Parameters
    ----------
    split : {"train", "validation", "test"}
        Which part to list.

    Returns
    -------
    list of str
        Names that `photo` takes.

    Raises
    ------
    UnknownDatasetError
        If the split is unknown.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> datasets.sample_names("validation")
    ['brick', 'coffee', 'dandelion', 'peaks']
    """
    choose(split, dict.fromkeys(SPLITS), "split")
    return [name for name, entry in sample.photo_entries().items() if entry["split"] == split]


def credits() -> list[dict[str, str]]:
    """List who made the photographs of the sample, and under which licence.

    Returns
    -------
    list of dict
        One row per photograph with the keys "photograph", "split", "author", "licence" (a Markdown link), "source" and
        "size"; all values are str.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> rows = datasets.credits()
    >>> len(rows), rows[0]["photograph"], rows[0]["size"]
    (25, 'astronaut', '252 x 252, reduced 2 x')
    """
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
    """List the splits of a registered set and their files.

    Parameters
    ----------
    name : str
        Name of the set, a key of `REGISTRY`.

    Returns
    -------
    dict of str to tuple of str
        File names by split.

    Raises
    ------
    UnknownDatasetError
        If no set has this name.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> len(datasets.splits("bsds500")["cbsd68"])
    68
    """
    return choose(name, REGISTRY, "set").splits


def path(name: str, member: str) -> Path:
    """Return one verified file of a registered set; fetch it if it is not on this machine.

    Parameters
    ----------
    name : str
        Name of the set, a key of `REGISTRY`.
    member : str
        Name of the file within the set.

    Returns
    -------
    pathlib.Path
        Where the file lies, in the local mirror or in the cache.

    Raises
    ------
    DatasetError
        If the set or the file is unknown, the file on this machine is not the one that the registry describes
        (`ChecksumError`), or it cannot be fetched (`FetchError`, `CacheError`).

    Examples
    --------
    >>> from lessons_lib import datasets, images
    >>> image = images.read(datasets.path("set5", "butterfly.png"))  # doctest: +SKIP
    >>> datasets.path("set5", "cow.png")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    lessons_lib.datasets.registry.UnknownDatasetError: no file of set5 is called 'cow.png': did you mean ...
    """
    dataset = choose(name, REGISTRY, "set")
    choose(member, dataset.files, f"file of {name}")
    found = store.find(dataset, member)
    return found or fetch(name, [member]) / member


def paths(name: str, split: str) -> list[Path]:
    """Return the verified files of a split; fetch those that are not on this machine.

    Parameters
    ----------
    name : str
        Name of the set, a key of `REGISTRY`.
    split : str
        Name of the split (see `splits`).

    Returns
    -------
    list of pathlib.Path
        Where the files lie, in the order of the split.

    Raises
    ------
    DatasetError
        If the set or the split is unknown, a file in the local mirror is not the one that the registry describes
        (`ChecksumError`), or one cannot be fetched (`FetchError`, `CacheError`).

    Examples
    --------
    >>> from lessons_lib import datasets, images
    >>> photographs = [images.read(file) for file in datasets.paths("kodak", "test")]  # doctest: +SKIP
    """
    members = list(choose(split, splits(name), f"split of {name}"))
    fetch(name, members)
    return [path(name, member) for member in members]


def list_table() -> list[dict[str, str]]:
    """List the registered sets in one table.

    Returns
    -------
    list of dict
        One row per set with the keys "set" (its name), "what", "files" (their number), "MB" (their size, "?" where it
        is not published), "here" ("cache" or "LESSONS_DATA" for where the set is on this machine, or "no") and
        "licence"; all values are str.

    Raises
    ------
    DatasetError
        If LESSONS_DATA is set and is not a folder.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> rows = {row["set"]: row for row in datasets.list_table()}
    >>> rows["set5"]["what"], rows["set5"]["files"]
    ('Set5: five classic test pictures', '5')
    """

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
