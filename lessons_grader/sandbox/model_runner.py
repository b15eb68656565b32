"""What runs in the second sandbox: models that answers returned, opened with suspicion and called on pictures.

No answer ever runs there. A file is taken apart and only plain layers of Keras are let in; what is then loaded, in safe
mode, gives nothing but its weights, by value, to a fresh clone.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np

CHAIN = 2  # models: an encoder and a decoder
LARGEST = 8 << 20  # bytes of a file, and of what is unpacked from it
LETTERS = 200_000  # of a config: constants in it are weights that nobody counts
PARTS = {"config.json", "metadata.json", "model.weights.h5"}
INERT = ("keras.initializers", "keras.regularizers", "keras.constraints", "keras.activations", "keras.dtype_policies")
LAYERS = {
    *("Functional", "Sequential", "InputLayer", "Identity", "Dense", "Flatten", "Reshape", "Permute", "RepeatVector"),
    *("Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D", "ZeroPadding2D", "Cropping2D", "UpSampling2D"),
    *("MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D"),
    *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "Rescaling"),
    *("BatchNormalization", "LayerNormalization", "GroupNormalization", "UnitNormalization"),
    *("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"),
    *("Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout"),
}
OPERATIONS = {  # what `x - y` or `ops.clip(x, 0, 1)` between layers becomes
    *("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Negative", "Absolute", "Square", "Sqrt", "Exp", "Clip"),
    *("Maximum", "Minimum", "Concatenate", "Relu", "Sigmoid", "Tanh", "LeakyRelu", "Gelu", "Silu", "Softplus"),
}
PLAIN = {"None", "keras"}, {"__tuple__", "__keras_tensor__", "DTypePolicy", "Sequential"}
KNOWN = {
    **dict.fromkeys(("keras.layers", "keras.src.models.functional", "keras.src.models.sequential"), LAYERS),
    **dict.fromkeys(("keras.src.ops.numpy", "keras.src.ops.nn"), OPERATIONS),
    "keras.random": {"SeedGenerator"},
}


class ModelError(ValueError):
    """A model that is not accepted. The message completes "The model was not accepted: ..."."""


def answer(pictures: np.ndarray | None, most: int, width: int, *files: np.ndarray) -> np.ndarray:
    """Call a chain of models on pictures.

    Parameters
    ----------
    pictures : ndarray or None
        Pictures (N, H, W, C); None to ask for `card` instead.
    most : int
        The most weights that all models together may have; 0 for any number.
    width : int
        The most numbers a picture that may pass between two models, each of 16 bits; 0 for any number.
    *files : ndarray
        The .keras files in order, their bytes as uint8.

    Returns
    -------
    ndarray
        What the last model makes of the pictures, float32; without pictures, the sum of the models' cards.

    Raises
    ------
    ModelError
        If a model is not accepted.
    """
    if len(files) > CHAIN:
        raise ModelError(f"it is {len(files)} models, and {CHAIN} are the most")
    if width and len(files) < 2:
        raise ModelError("it is one model, and two are asked for: `return encoder, decoder`")
    opened = [read(file.tobytes()) for file in files]
    weights = sum(int(card(model, 0)[0]) for model, _ in opened)
    if most and weights > most:
        raise ModelError(f"it has {weights:,} weights, and {most:,} are the most")
    if pictures is None:
        return np.sum([card(model, steps) for model, steps in opened], axis=0)
    passed = np.asarray(pictures, np.float32)
    for place, (model, _) in enumerate(opened):
        if place:
            numbers = passed[0].size
            if width and numbers > width:
                raise ModelError(f"it sends {numbers:,} numbers a picture to the next, and {width} are the most")
            passed = passed.astype(np.float16).astype(np.float32)
        try:
            passed = keras.ops.convert_to_numpy(model(passed, training=False)).astype(np.float32)
        except Exception as error:
            raise ModelError(
                f"it cannot be called on pictures of shape {passed.shape[1:]} ({_short(error)})"
            ) from error
        if passed.shape[:1] != np.shape(pictures)[:1]:
            raise ModelError(f"it makes the shape {passed.shape} of {len(pictures)} pictures")
    return passed


def card(model: keras.Model, steps: int) -> np.ndarray:
    """Three numbers: weights, those that learn, steps of the optimizer it was saved with (-1 without one)."""
    learning = {id(weight) for weight in model.trainable_weights}
    sizes = [(int(np.prod(weight.shape)), id(weight) in learning) for weight in model.weights]
    return np.array([sum(size for size, _ in sizes), sum(size for size, learns in sizes if learns), steps])


def read(data: bytes) -> tuple[keras.Model, int]:
    """Load a model from a file that anybody may have written.

    Parameters
    ----------
    data : bytes
        The .keras file.

    Returns
    -------
    model : keras.Model
        A new model that took over nothing but the values of the weights.
    steps : int
        The steps of its optimizer, -1 without one.

    Raises
    ------
    ModelError
        If it is not accepted.
    """
    config, weights = parts(data)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.keras")
            with zipfile.ZipFile(path, "w") as file:
                file.writestr("metadata.json", json.dumps({"keras_version": keras.__version__}))
                file.writestr("config.json", json.dumps(config))
                file.writestr("model.weights.h5", weights)
            loaded = keras.models.load_model(path, safe_mode=True, compile=False)
        fresh = keras.models.clone_model(loaded)
        fresh.set_weights(loaded.get_weights())
    except Exception as error:
        raise ModelError(f"Keras cannot load it ({_short(error)})") from error
    return fresh, _steps(weights)


def parts(data: bytes) -> tuple[dict, bytes]:
    """Take a .keras file apart.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    config : dict
        Its config, which names nothing but Keras's plain layers.
    weights : bytes
        The HDF5 file of its weights.

    Raises
    ------
    ModelError
        If it holds anything else, or is too large.
    """
    if len(data) > LARGEST:
        raise ModelError(f"its file is larger than {LARGEST >> 20} MB")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            names = [entry.filename for entry in file.infolist()]
            if set(names) != PARTS or len(names) != len(PARTS):
                raise ModelError("its file holds other things than a model that was just saved")
            found = {}
            for entry in file.infolist():
                with file.open(entry) as part:  # the size that the entry claims may be a lie
                    found[entry.filename] = part.read(LARGEST + 1)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError("its file is no .keras file") from error
    if max(map(len, found.values())) > LARGEST or len(found["config.json"]) > LETTERS:
        raise ModelError(f"its file unpacks to more than {LARGEST >> 20} MB")
    try:
        config = json.loads(found["config.json"])
        config["compile_config"] = None  # the second sandbox does not train
        _check(config)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError("its config cannot be read") from error
    return config, found["model.weights.h5"]


def _check(value: object) -> None:
    """Raise ModelError for whatever in a config is neither a plain value nor one of Keras's own plain layers."""
    if isinstance(value, list):
        for item in value:
            _check(item)
    if not isinstance(value, dict):
        return
    if "class_name" in value or "module" in value:
        name, module = str(value.get("class_name")), str(value.get("module"))
        registered = value.get("registered_name")
        plain = module in INERT or name in KNOWN.get(module, ()) or (module in PLAIN[0] and name in PLAIN[1])
        if not plain or registered not in (None, name):
            raise ModelError(f"`{(registered or name)!s:.60}` is not one of Keras's plain layers: build it of those")
    for item in value.values():
        _check(item)


def _steps(weights: bytes) -> int:
    """The optimizer's count in a weights' file, -1 if it holds none."""
    try:
        with h5py.File(io.BytesIO(weights), "r") as file:
            return int(file["optimizer/vars/0"][()])
    except Exception:
        return -1


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
