"""Training of networks: seeds, precision, best weights, resuming, progress and quality gates."""

from __future__ import annotations

import functools
import json
import math
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lessons_lib.budget import budget, pick

__all__ = ["GateError", "History", "budget", "fit", "gate", "pick", "seed_everything", "set_precision"]
PRECISIONS = ("auto", "float32", "mixed_bfloat16")
WORTHWHILE = 1.2  # how many times faster bfloat16 must be before it is taken


class GateError(AssertionError):
    """A training run diverged, or did not reach the quality that its chapter promises.

    Examples
    --------
    >>> from lessons_lib.training import GateError, gate
    >>> try:
    ...     gate(28.9, 29, "PSNR")
    ... except GateError as error:
    ...     print(error)
    PSNR: 28.90 dB is below the floor of 29.00 dB
    """


@dataclass
class History:
    """Losses and metrics of a training run, one value for each epoch.

    Parameters
    ----------
    loss : list of float
        Training losses.
    val_loss : list of float
        Validation losses; empty if there were no validation data.
    metrics : dict
        Lists of further values by name, such as "mae" and "val_mae".

    Examples
    --------
    >>> from lessons_lib.training import History
    >>> history = History(loss=[3.0, 2.0, 1.0], val_loss=[1.0, 0.5, 2.0])
    >>> history.epochs, history.best_epoch
    (3, 2)
    """

    loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """Number of epochs trained."""
        return len(self.loss)

    @property
    def best_epoch(self) -> int:
        """Number, from 1, of the epoch with the lowest validation loss, or training loss if there is none."""
        return int(np.argmin(self.val_loss or self.loss)) + 1

    def _add(self, logs: dict[str, float]) -> None:
        self.loss.append(float(logs["loss"]))
        if "val_loss" in logs:
            self.val_loss.append(float(logs["val_loss"]))
        for name in logs.keys() - {"loss", "val_loss"}:
            self.metrics.setdefault(name, []).append(float(logs[name]))


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and the Keras backend.

    It fixes the initial weights, the dropout and the shuffling of what follows.

    Parameters
    ----------
    seed : int
        The seed.

    Examples
    --------
    >>> import random
    >>> from lessons_lib import training
    >>> training.seed_everything(0)
    >>> first = random.random()
    >>> training.seed_everything(0)
    >>> random.random() == first
    True
    """
    keras.utils.set_random_seed(seed)


def set_precision(choice: str = "auto") -> str:
    """Choose the precision in which networks built from now on compute.

    "auto" times a small convolutional network in both precisions and takes bfloat16 only where it is more than 1.2
    times as fast (a CPU with avx512_bf16, a recent GPU). The environment variable LESSONS_PRECISION overrides the
    argument. Weights stay float32. Give the last layer of a network dtype="float32".

    Parameters
    ----------
    choice : str, default "auto"
        "auto", "float32" or "mixed_bfloat16".

    Returns
    -------
    str
        The precision in force: "float32" or "mixed_bfloat16".

    Raises
    ------
    ValueError
        For another choice, in the argument or in LESSONS_PRECISION.

    Examples
    --------
    >>> from lessons_lib import training
    >>> training.set_precision("float32")
    'float32'
    """
    choice = os.environ.get("LESSONS_PRECISION", choice)
    if choice not in PRECISIONS:
        raise ValueError(f"precision is {choice!r}: choose one of {', '.join(PRECISIONS)} (LESSONS_PRECISION, if set)")
    if choice == "auto":
        choice = "mixed_bfloat16" if bfloat16_gain() > WORTHWHILE else "float32"
    keras.mixed_precision.set_dtype_policy(choice)
    return choice


@functools.cache
def bfloat16_gain() -> float:
    """Measure how many times as fast this machine trains in bfloat16 as in float32.

    It trains a small convolutional network for half a second in each precision, once per process.

    Returns
    -------
    float
        Training steps per second in bfloat16 over those in float32; above 1 if bfloat16 is faster.

    Examples
    --------
    The measurement takes some seconds.

    >>> from lessons_lib import training
    >>> training.bfloat16_gain() > 0  # doctest: +SKIP
    True
    """
    return _steps_a_second("mixed_bfloat16") / _steps_a_second("float32")


def _steps_a_second(policy: str, seconds: float = 0.5) -> float:
    layers = [keras.layers.Conv2D(32, 3, padding="same", activation="relu", dtype=policy) for _ in range(3)]
    model = keras.Sequential([keras.Input((48, 48, 32), dtype="float32"), *layers])
    model.compile("sgd", "mse")
    x = np.zeros((8, 48, 48, 32), np.float32)
    for _ in range(2):  # compiles, then warms up
        model.train_on_batch(x, x)
    steps, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        model.train_on_batch(x, x)
        steps += 1
    return steps / (time.perf_counter() - started)


def fit(
    model: keras.Model,
    data,
    *,
    validation=None,
    epochs: int,
    batch_size: int = 32,
    patience: int | None = None,
    seed: int = 0,
    resume: str | os.PathLike | None = None,
    quiet: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> History:
    """Train a compiled model and leave it with the weights of its best epoch.

    The best epoch has the lowest validation loss, or the lowest training loss without `validation`. If the optimizer
    keeps a moving average of the weights (`use_ema`), that average is what is left in the model.

    Parameters
    ----------
    model : keras.Model
        The compiled model, trained in place.
    data : tuple of ndarray or keras.utils.PyDataset
        Training data: arrays (x, y), or a stream such as `batches.PairStream`.
    validation : tuple of ndarray or keras.utils.PyDataset, optional
        Validation data of either kind. A stream shows the same images with the same noise after every epoch.
    epochs : int
        Largest number of epochs, 1 or more.
    batch_size : int, default 32
        Samples per batch if `data` are arrays. A stream has a batch size of its own.
    patience : int, optional
        Number of epochs, 1 or more, without a lower best loss after which training stops. None trains all epochs.
    seed : int, default 0
        Seed given to `seed_everything` at the start.
    resume : str or PathLike, optional
        Folder for the state of this run alone, saved after every epoch. If the run is killed, the same call goes on
        after the last complete epoch.
    quiet : bool, default False
        Whether to print no line for each epoch.
    callbacks : sequence of keras.callbacks.Callback, default ()
        Further callbacks. They run first, so that what they add to the logs of an epoch, even "val_loss", counts.

    Returns
    -------
    History
        Losses and metrics of all epochs, including those before a resumption.

    Raises
    ------
    ValueError
        If `epochs` or `patience` is below 1.
    GateError
        As soon as the loss of an epoch is not finite; the message names the epoch.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from lessons_lib import training
    >>> x = np.random.default_rng(0).random((8, 16, 16, 1), dtype=np.float32)
    >>> model = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Conv2D(1, 3, padding="same")])
    >>> model.compile("adam", "mse")
    >>> history = training.fit(model, (x, x), validation=(x, x), epochs=2, quiet=True)
    >>> history.epochs, len(history.val_loss)
    (2, 2)
    """
    if epochs < 1 or (patience is not None and patience < 1):
        raise ValueError(f"epochs {epochs} and patience {patience} must be 1 or more")
    seed_everything(seed)
    follow = FitMonitor(epochs, patience, quiet, Path(resume) if resume else None)
    start = follow.restore(model)
    arrays = {}
    if isinstance(data, tuple):
        data, arrays = data[0], {"y": data[1], "batch_size": batch_size}
    else:
        follow.stream = data
    follow.validation = validation
    if not follow.finished:
        options = {"epochs": epochs, "initial_epoch": start, "verbose": 0, "callbacks": [*callbacks, follow]}
        options["shuffle"] = bool(arrays)  # a stream has an order of its own
        model.fit(data, **arrays, validation_data=validation, **options)
    model.set_weights(follow.best_weights)
    return follow.history


class FitMonitor(keras.callbacks.Callback):
    """Keras callback of `fit`: it prints, keeps the best weights, stops early, and saves the state after each epoch.

    Parameters
    ----------
    epochs : int
        Number of epochs of the whole run.
    patience : int or None
        Number of epochs without a lower best loss after which training stops; None trains all epochs.
    quiet : bool
        Whether to print no line for each epoch.
    folder : Path or None
        Folder where the state is saved, or None to save none.

    Attributes
    ----------
    history : History
        Losses and metrics so far.
    best_weights : list of ndarray
        Weights of the best epoch so far.
    finished : bool
        Whether the restored run has nothing left to train.
    stream : keras.utils.PyDataset or None
        Training stream; if it has an attribute `epoch`, that is set at the beginning of each epoch.
    validation : keras.utils.PyDataset or None
        Validation stream; if it has an attribute `epoch`, that is set to 0 before each evaluation.

    Examples
    --------
    >>> from lessons_lib.training import FitMonitor
    >>> monitor = FitMonitor(epochs=3, patience=None, quiet=True, folder=None)
    >>> monitor.history.epochs, monitor.finished
    (0, False)
    """

    def __init__(self, epochs: int, patience: int | None, quiet: bool, folder: Path | None):
        super().__init__()
        self.total, self.patience, self.quiet, self.folder = epochs, patience, quiet, folder
        self.history, self.finished = History(), False
        self.best_weights: list[np.ndarray] = []
        self.stream: Any = None
        self.validation: Any = None

    def restore(self, model: keras.Model) -> int:
        """Load the state after the last complete epoch from the folder, if there is one.

        Parameters
        ----------
        model : keras.Model
            The compiled model, which receives the weights and the state of the optimizer.

        Returns
        -------
        int
            Number of epochs already trained, 0 if there is no saved state.

        Examples
        --------
        >>> import keras
        >>> from lessons_lib.training import FitMonitor
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        >>> FitMonitor(epochs=3, patience=None, quiet=True, folder=None).restore(model)
        0
        """
        self.best_weights = model.get_weights()
        saved = sorted(self.folder.glob("epoch-*[0-9]")) if self.folder else []
        if not saved:
            return 0
        state = keras.saving.load_model(saved[-1] / "last.keras")
        _copy_state(state, model)
        with np.load(saved[-1] / "best.npz") as best:  # no pickle: NumPy refuses it unless told otherwise
            self.best_weights = [best[f"arr_{n}"] for n in range(len(best))]
        self.history = History(**json.loads((saved[-1] / "history.json").read_text(encoding="utf-8")))
        self.finished = self.history.epochs >= self.total or self._out_of_patience()
        return self.history.epochs

    def on_epoch_begin(self, epoch: int, logs=None):
        # Backends differ in how often they look at a stream, so its own count of epochs is not to be trusted here.
        """Set the epoch of the training stream."""
        if hasattr(self.stream, "epoch"):
            self.stream.epoch = epoch

    def on_test_begin(self, logs=None):
        """Set the epoch of the validation stream to 0."""
        if hasattr(self.validation, "epoch"):  # the same pictures with the same noise after every epoch
            self.validation.epoch = 0

    def on_epoch_end(self, epoch: int, logs=None):
        """Record, check, print and save the epoch, and decide whether to stop."""
        self.history._add(logs)
        if not math.isfinite(logs["loss"]):
            raise GateError(f"epoch {epoch + 1}: the loss is {logs['loss']}; lower the learning rate or check the data")
        if not self.quiet:
            width = len(str(self.total))
            losses = "  ".join(f"{name} {logs[name]:.5f}" for name in ("loss", "val_loss") if name in logs)
            print(f"epoch {epoch + 1:>{width}}/{self.total}  {losses}", flush=True)
        if self.history.best_epoch == epoch + 1:
            self.best_weights = averaged_weights(self.model)
        if self.folder:
            self._save(self.folder, epoch + 1)
        if self._out_of_patience():
            self.model.stop_training = True

    def _out_of_patience(self) -> bool:
        return self.patience is not None and self.history.epochs - self.history.best_epoch >= self.patience

    def _save(self, folder: Path, epoch: int) -> None:
        """Write a whole folder under a temporary name, then rename: a kill at any moment leaves the one before."""
        done, part = folder / f"epoch-{epoch:06d}", folder / "writing.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        self.model.save(part / "last.keras")
        np.savez(part / "best.npz", *self.best_weights)
        (part / "history.json").write_text(json.dumps(asdict(self.history)), encoding="utf-8")
        part.rename(done)
        for old in folder.glob("epoch-*[0-9]"):
            if old != done:
                shutil.rmtree(old)


def _copy_state(source: keras.Model, target: keras.Model) -> None:
    target.set_weights(source.get_weights())
    target.optimizer.build(target.trainable_variables)
    for own, saved in zip(target.optimizer.variables, source.optimizer.variables, strict=True):
        own.assign(saved)


def averaged_weights(model: keras.Model) -> list[np.ndarray]:
    """Return the weights of a compiled model, averaged if its optimizer keeps a moving average (`use_ema`).

    The model itself keeps its current weights.

    Parameters
    ----------
    model : keras.Model
        The compiled model.

    Returns
    -------
    list of ndarray
        The weights, in the order of `model.get_weights()`.

    Examples
    --------
    >>> import keras
    >>> from lessons_lib.training import averaged_weights
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> model.compile(keras.optimizers.Adam(use_ema=True), "mse")
    >>> [array.shape for array in averaged_weights(model)]
    [(4, 2), (2,)]
    """
    current = model.get_weights()
    if not getattr(model.optimizer, "use_ema", False) or not model.optimizer.built:
        return current
    model.optimizer.finalize_variable_values(model.trainable_variables)
    averaged = model.get_weights()
    model.set_weights(current)
    return averaged


def gate(value: float, floor: float, what: str, unit: str = "dB") -> None:
    """Check that a measured value reaches its floor, and print one line that says by how much.

    The floor is taken from a measured spread over seeds, so that a notebook that runs but restores badly fails.

    Parameters
    ----------
    value : float
        The measured value.
    floor : float
        The lowest value that passes.
    what : str
        What was measured, as the message begins.
    unit : str, default "dB"
        Unit of both values in the message.

    Raises
    ------
    GateError
        If `value` is below `floor`, or NaN.

    Examples
    --------
    >>> from lessons_lib import training
    >>> training.gate(30.126, 29, "PSNR")
    PSNR: 30.13 dB, at least 29.00 dB: passed
    """
    if not value >= floor:  # NaN fails too
        raise GateError(f"{what}: {value:.2f} {unit} is below the floor of {floor:.2f} {unit}")
    print(f"{what}: {value:.2f} {unit}, at least {floor:.2f} {unit}: passed")
