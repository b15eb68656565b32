"""Fitting a network: seeds, precision, best weights, resuming, one line an epoch, and the gate after it."""

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

import keras
import numpy as np

from lessons_lib.budget import budget, pick

__all__ = ["GateError", "History", "budget", "fit", "gate", "pick", "seed_everything", "set_precision"]
PRECISIONS = ("auto", "float32", "mixed_bfloat16")
WORTHWHILE = 1.2  # how many times faster bfloat16 must be before it is taken


class GateError(AssertionError):
    """A training ran but did not reach the quality that its chapter promises."""


@dataclass
class History:
    """What each epoch measured. `loss` and `val_loss` are lists, `metrics` holds further ones by name."""

    loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)

    @property
    def epochs(self) -> int:
        return len(self.loss)

    @property
    def best_epoch(self) -> int:
        """Number, from 1, of the epoch with the lowest validation loss, or training loss if none was given."""
        return int(np.argmin(self.val_loss or self.loss)) + 1

    def _add(self, logs: dict[str, float]) -> None:
        self.loss.append(float(logs["loss"]))
        if "val_loss" in logs:
            self.val_loss.append(float(logs["val_loss"]))
        for name in logs.keys() - {"loss", "val_loss"}:
            self.metrics.setdefault(name, []).append(float(logs[name]))


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and the Keras backend: weights, dropout and shuffling of what follows."""
    keras.utils.set_random_seed(seed)


def set_precision(choice: str = "auto") -> str:
    """Choose in which precision networks built from now on compute; returns "float32" or "mixed_bfloat16".

    "auto" times a small convolutional network in both and takes bfloat16 only where it is at least 1.2 times faster
    (a CPU with avx512_bf16, a recent GPU). The environment variable LESSONS_PRECISION overrides the argument.
    Raises ValueError for another choice. Weights stay float32; give a network's last layer dtype="float32".
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
    """How many times faster this machine trains a small convolutional network in bfloat16 than in float32."""
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
    """Train a compiled `model` and leave it with the weights of its best epoch.

    data, validation: (x, y) arrays, or a PyDataset such as `batches.PairStream`.
    patience:  stop after so many epochs without a lower validation loss; None trains them all.
    resume:    a folder of this run's own; if the run is killed, the same call goes on after its last whole epoch.
    quiet:     print no line an epoch.
    callbacks: further ones; they come first, and what they add to an epoch's logs ("val_loss" too) counts.

    Best means lowest validation loss, or training loss without `validation`; of an optimizer that keeps a moving
    average of the weights (use_ema) the average is what is left in the model. Raises ValueError for epochs or patience
    below 1, and GateError as soon as the loss is NaN, naming the epoch.
    """
    if epochs < 1 or (patience is not None and patience < 1):
        raise ValueError(f"epochs {epochs} and patience {patience} must be 1 or more")
    seed_everything(seed)
    follow = _Follow(epochs, patience, quiet, Path(resume) if resume else None)
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


class _Follow(keras.callbacks.Callback):
    """Prints, remembers the best weights, stops early, and saves the state after each epoch."""

    def __init__(self, epochs: int, patience: int | None, quiet: bool, folder: Path | None):
        super().__init__()
        self.total, self.patience, self.quiet, self.folder = epochs, patience, quiet, folder
        self.history, self.best_weights, self.finished = History(), None, False
        self.stream, self.validation = None, None

    def restore(self, model: keras.Model) -> int:
        """Load the last whole epoch from the folder, if there is one; return how many epochs are done."""
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
        if hasattr(self.stream, "epoch"):
            self.stream.epoch = epoch

    def on_test_begin(self, logs=None):
        if hasattr(self.validation, "epoch"):  # the same pictures with the same noise after every epoch
            self.validation.epoch = 0

    def on_epoch_end(self, epoch: int, logs=None):
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
            self._save(epoch + 1)
        if self._out_of_patience():
            self.model.stop_training = True

    def _out_of_patience(self) -> bool:
        return self.patience is not None and self.history.epochs - self.history.best_epoch >= self.patience

    def _save(self, epoch: int) -> None:
        """Write a whole folder under a temporary name, then rename: a kill at any moment leaves the one before."""
        done, part = self.folder / f"epoch-{epoch:06d}", self.folder / "writing.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        self.model.save(part / "last.keras")
        np.savez(part / "best.npz", *self.best_weights)
        (part / "history.json").write_text(json.dumps(asdict(self.history)), encoding="utf-8")
        part.rename(done)
        for old in self.folder.glob("epoch-*[0-9]"):
            if old != done:
                shutil.rmtree(old)


def _copy_state(source: keras.Model, target: keras.Model) -> None:
    target.set_weights(source.get_weights())
    target.optimizer.build(target.trainable_variables)
    for own, saved in zip(target.optimizer.variables, source.optimizer.variables, strict=True):
        own.assign(saved)


def averaged_weights(model: keras.Model) -> list[np.ndarray]:
    """The weights of a compiled model, in their moving average if its optimizer keeps one (use_ema)."""
    current = model.get_weights()
    if not getattr(model.optimizer, "use_ema", False) or not model.optimizer.built:
        return current
    model.optimizer.finalize_variable_values(model.trainable_variables)
    averaged = model.get_weights()
    model.set_weights(current)
    return averaged


def gate(value: float, floor: float, what: str, unit: str = "dB") -> None:
    """Fail with GateError unless `value` reaches `floor`; otherwise print one line that says by how much.

    The floor is taken from a measured spread over seeds: a notebook that runs but restores badly is red.
    """
    if not value >= floor:  # NaN fails too
        raise GateError(f"{what}: {value:.2f} {unit} is below the floor of {floor:.2f} {unit}")
    print(f"{what}: {value:.2f} {unit}, at least {floor:.2f} {unit}: passed")
