"""The trained networks that ship with the book: what they are called, what their cards say, and how they load.

A network is two files in `weights/`: NAME.json, its card (data, recipe, measured quality, limits, and the two plain
values from which `models.build` makes it), and NAME.npz, its arrays in 16 bits. Nothing in them is code.
"""

from __future__ import annotations

import functools
import io
import json
import zipfile
from pathlib import Path

import keras
import numpy as np

from lessons_lib import images, models

FOLDER = Path(__file__).resolve().parent.parent / "weights"
TASKS = ("denoise", "deblur", "upscale")
NEEDED = {"model", "task", "channels", "told", "scale", "halo", "multiple", "data", "recipe", "licence", "limits"}


class WeightsError(images.ImageError):
    """A network that is asked for is not here, or its files do not belong together."""


def names(task: str | None = None) -> list[str]:
    """The networks that are here, all or those of one task ("denoise", "deblur", "upscale")."""
    if task is not None and task not in TASKS:
        raise WeightsError(f"task is {task!r}: choose one of {', '.join(TASKS)}")
    found = sorted(path.stem for path in FOLDER.glob("*.json") if path.with_suffix(".npz").is_file())
    return [name for name in found if task in (None, card(name)["task"])]


def card(name: str) -> dict:
    """The card of a network. Raises WeightsError if there is none, or if it lacks what every card says."""
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
    """The network `name`, in the precision in force (`training.set_precision`); loaded once and kept.

    Input and output are (N, H, W, channels) as its card says. Raises WeightsError.
    """
    return _load(name, keras.mixed_precision.dtype_policy().name)


@functools.cache
def _load(name: str, policy: str) -> keras.Model:
    told = card(name)["model"]
    path = FOLDER / f"{name}.npz"
    try:
        model = models.build(told["kind"], **told["arguments"])
        with np.load(path) as stored:  # no pickle: NumPy refuses it unless told otherwise
            arrays = [stored[f"arr_{n}"].astype(np.float32) for n in range(len(stored.files))]
        model.set_weights(arrays)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path.name} does not fit its card ({error}): get both again") from error
    return model


def save(name: str, model: keras.Model, about: dict, folder: Path | None = None) -> Path:
    """Write the two files of a network, each whole or not at all; the path of its arrays.

    `about` is the card. Raises WeightsError if it lacks what every card says, or if a weight is not finite in 16 bits.
    """
    missing = sorted(NEEDED - set(about))
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
    images.write_whole(folder / f"{name}.npz", buffer.getvalue())
    images.write_whole(folder / f"{name}.json", (json.dumps(about, indent=1) + "\n").encode())
    return folder / f"{name}.npz"
