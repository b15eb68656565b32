"""Pretrained networks shipped with the book: their names, model cards and weights.

A network consists of two files in `weights/`: NAME.json, its model card (data, recipe, measured quality, limits, and
the two plain values from which `models.build` makes it), and NAME.npz, its weights in 16 bits. Neither holds code.
"""

from __future__ import annotations

import functools
import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lessons_lib import images
from lessons_lib.degrade import TASKS

if TYPE_CHECKING:
    import keras

FOLDER = Path(__file__).resolve().parent.parent / "weights"
NEEDED = {"model", "task", "channels", "noise_conditioned", "scale", "halo", "multiple"}  # to use it
NEEDED |= {"data", "recipe", "licence", "limits"}  # to judge it


class WeightsError(images.ImageError):
    """A requested network is missing, or its files do not belong together.

    Examples
    --------
    >>> from lessons_lib import pretrained
    >>> try:
    ...     pretrained.card("nonexistent")
    ... except pretrained.WeightsError as error:
    ...     print(str(error).partition(":")[0])
    no weights named 'nonexistent'
    """


def names(task: str | None = None) -> list[str]:
    """List the names of the available networks.

    Parameters
    ----------
    task : str, optional
        "denoise", "dejpeg", "deblur" or "upscale"; None lists the networks of all tasks.

    Returns
    -------
    list of str
        The names in alphabetical order.

    Raises
    ------
    WeightsError
        If the task is unknown, or a model card is damaged.

    Examples
    --------
    >>> from lessons_lib import pretrained
    >>> pretrained.names("upscale")
    ['upscale-2', 'upscale-3', 'upscale-4']
    """
    if task is not None and task not in TASKS:
        raise WeightsError(f"task is {task!r}: choose one of {', '.join(TASKS)}")
    found = sorted(path.stem for path in FOLDER.glob("*.json") if path.with_suffix(".npz").is_file())
    return [name for name in found if task in (None, card(name)["task"])]


def card(name: str) -> dict:
    """Read the model card of a network.

    Parameters
    ----------
    name : str
        Name of the network, such as "denoise-medium".

    Returns
    -------
    dict
        The model card. It holds at least the keys needed to use the network ("model", "task", "channels",
        "noise_conditioned", "scale", "halo", "multiple") and to judge it ("data", "recipe", "licence", "limits").

    Raises
    ------
    WeightsError
        If there is no such network, or its model card is damaged or lacks one of these keys.

    Examples
    --------
    >>> from lessons_lib import pretrained
    >>> card = pretrained.card("upscale-2")
    >>> card["task"], card["scale"], card["channels"]
    ('upscale', 2, 3)
    """
    path = FOLDER / f"{name}.json"
    if Path(name).name != name or not path.is_file():
        here = ", ".join(sorted(path.stem for path in FOLDER.glob("*.json"))) or "none: get the whole repository"
        raise WeightsError(f"no weights named {name!r}: here are {here}")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"{path.name} is not a model card ({error}): get it again") from error
    missing = sorted(NEEDED - set(found))
    if missing:
        raise WeightsError(f"{path.name} says nothing about {', '.join(missing)}: get it again")
    return found


def load(name: str) -> keras.Model:
    """Load a network, in the precision in force.

    The precision is that of `training.set_precision`. A network is loaded once in each precision and kept.

    Parameters
    ----------
    name : str
        Name of the network, such as "denoise-medium".

    Returns
    -------
    keras.Model
        The network: (N, H, W, channels) -> (N, H * scale, W * scale, channels), with the values of its model card. If
        it is noise-conditioned, the input has one channel more, the noise level of each pixel.

    Raises
    ------
    WeightsError
        If there is no such network, or its files are damaged or do not belong together.

    Examples
    --------
    >>> from lessons_lib import pretrained
    >>> network = pretrained.load("denoise-small")
    >>> network.input_shape, network.output_shape
    ((None, None, None, 4), (None, None, None, 3))
    >>> pretrained.load("denoise-small") is network
    True
    """
    import keras  # seconds; who only reads cards does not wait for it

    return _load(name, keras.mixed_precision.dtype_policy().name, FOLDER)


@functools.cache
def _load(name: str, policy: str, folder: Path) -> keras.Model:
    from lessons_lib import models

    described = card(name)["model"]
    path = folder / f"{name}.npz"
    try:
        model = models.build(described["kind"], **described["arguments"])
        with np.load(path) as stored:  # no pickle: NumPy refuses it unless told otherwise
            arrays = [stored[f"arr_{n}"].astype(np.float32) for n in range(len(stored.files))]
        model.set_weights(arrays)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path.name} does not fit its card ({error}): get both again") from error
    return model


def save(name: str, model: keras.Model, card: dict, folder: Path | None = None) -> Path:
    """Save a network as its two files, weights and model card, each written whole or not at all.

    Parameters
    ----------
    name : str
        Name of the network; the files are NAME.npz and NAME.json.
    model : keras.Model
        The network. Its weights are stored in 16 bits.
    card : dict
        Content of the model card, serialisable as JSON, with all keys that `card` requires.
    folder : Path, optional
        Folder of the files, created if it is missing. None is `weights/` of the book.

    Returns
    -------
    Path
        Path of the file of weights.

    Raises
    ------
    WeightsError
        If the model card lacks a key, or a weight is not finite in 16 bits.
    OSError
        If a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lessons_lib import models, pretrained
    >>> model = models.build("residual", channels=1, depth=2, width=4)
    >>> card = dict.fromkeys(pretrained.NEEDED, "")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pretrained.save("mine", model, card, Path(folder))
    ...     print(path.name, sorted(file.name for file in Path(folder).iterdir()))
    mine.npz ['mine.json', 'mine.npz']
    """
    missing = sorted(NEEDED - set(card))
    if missing:
        raise WeightsError(f"the card of {name} says nothing about {', '.join(missing)}")
    with np.errstate(over="ignore"):
        arrays = [np.asarray(array, np.float16) for array in model.get_weights()]
    if not all(np.isfinite(array).all() for array in arrays):
        raise WeightsError(f"{name} has weights that 16 bits cannot hold: train it again with clipped gradients")
    folder = folder or FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, *arrays)
    images.write_atomic(folder / f"{name}.npz", buffer.getvalue())
    images.write_atomic(folder / f"{name}.json", (json.dumps(card, indent=1) + "\n").encode())
    return folder / f"{name}.npz"
