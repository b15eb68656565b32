"""Follow a recipe to its end: the pictures, the network, the schedule; a run that was killed goes on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lessons_lib import batches, datasets, images, metrics, models, pretrained, training
from lessons_lib.recipes import multi_gpu
from lessons_lib.recipes.recipe import FOLDER, Data, Recipe, Schedule

RUNS = FOLDER.parent / "runs"


def train(
    recipe: Recipe,
    folder: Path | None = None,
    *,
    quiet: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, training.History]:
    """Follow a recipe to its end: the network, with the averaged weights of its best epoch, and what was measured.

    `folder` keeps the state, written whole after every `save_every` steps, which make an epoch; the same call goes on
    from there. Precision is bfloat16 where it pays; several GPUs share each batch. `callbacks` are further ones.
    Raises DatasetError, WeightsError, training.GateError.
    """
    folder, schedule = folder or RUNS / recipe.name, recipe.schedule
    stream, held_out = _stream(recipe), _held_out(recipe)
    training.set_precision("auto")
    with multi_gpu.scope():
        training.seed_everything(recipe.seed)
        model = models.build(**recipe.model)
        if recipe.start:
            _start_from(model, pretrained.load(recipe.start).get_weights())
        model.compile(_adam(schedule), schedule.loss)
        epochs = schedule.steps // schedule.save_every
        watchers = [ValidationPSNR(held_out), *callbacks]
        history = training.fit(
            model, stream, epochs=epochs, seed=recipe.seed, resume=folder, quiet=quiet, callbacks=watchers
        )
    return model, history


def _stream(recipe: Recipe) -> batches.PairStream | batches.SideBySide:
    """What the recipe trains on: degraded patches, and beside them as many real ones if it wants them."""
    data = recipe.data
    settings: dict[str, Any] = {
        "patch": data.patch,
        "augment": [batches.flip, batches.rotate90],
        "seed": recipe.seed,
        "steps": recipe.schedule.save_every,
    }
    real = data.real_pairs
    streams: list[batches.PairStream] = []
    if real < data.batch:
        changes = settings["augment"] + [batches.grayed(data.grayed)] * bool(data.grayed)
        changes += [batches.darkened(data.darkened)] * bool(data.darkened)
        made = settings | {"batch_size": data.batch - real, "augment": changes}
        streams.append(batches.PairStream(_pictures(data, data.train), recipe.degradation, **made))
    if real:
        pairs, as_input = _real_pairs(recipe, "train"), recipe.degradation.as_input
        streams.append(batches.RealPairs(pairs, as_input, batch_size=real, **settings))
    return streams[0] if len(streams) == 1 else batches.SideBySide(streams)


def _real_pairs(recipe: Recipe, split: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """PolyU's pairs as (noisy, clean), without those of cameras that are left out."""
    left_out = recipe.data.leave_out
    return [(noisy, clean) for name, noisy, clean in datasets.real_pairs(split) if not name.startswith(left_out)]


def _start_from(model: keras.Model, weights: list[np.ndarray]) -> None:
    """Give a network the weights of another one; what it has before them, such as an estimator of noise, starts new."""
    own = model.get_weights()
    own[len(own) - len(weights) :] = weights
    model.set_weights(own)


def _held_out(recipe: Recipe, side: int = 192) -> list[tuple[np.ndarray, np.ndarray]]:
    """The middles of the pictures to validate with, as (degraded, clean)."""
    size, held_out = (side, side), []
    if recipe.data.real:
        for noisy, clean in _real_pairs(recipe, "validation"):
            degraded = recipe.degradation.as_input(images.center_crop(noisy, size))
            held_out.append((degraded, images.center_crop(clean, size)))
    if not recipe.data.real or len(recipe.degradation.noises) > 1:
        degrade_one, middle = recipe.degradation.middle(), side - side % recipe.degradation.scale
        rng = np.random.default_rng((recipe.seed, 1))
        for picture in _pictures(recipe.data, (recipe.data.validation,)):
            clean = images.center_crop(picture, (middle, middle))
            held_out.append((degrade_one(clean, rng), clean))
    return held_out


def _pictures(data: Data, splits: tuple[str, ...]) -> list[np.ndarray]:
    if data.set:
        found = [images.read(path) for split in splits for path in datasets.paths(data.set, split)]
    else:
        found = [picture for split in splits for picture in datasets.photos(split).values()]
    return [images.to_gray(picture) for picture in found] if data.gray else found


def _adam(schedule: Schedule) -> keras.optimizers.Optimizer:
    warmup = min(schedule.warmup, schedule.steps // 2)
    rate = keras.optimizers.schedules.CosineDecay(
        schedule.rate / 50, schedule.steps - warmup, alpha=0.01, warmup_target=schedule.rate, warmup_steps=warmup
    )
    return keras.optimizers.Adam(rate, clipnorm=schedule.clipnorm, use_ema=True, ema_momentum=schedule.ema)


class ValidationPSNR(keras.callbacks.Callback):
    """After every epoch: dB on the middles of the held-out pictures, of the averaged weights; and how long it took."""

    def __init__(self, held_out: list[tuple[np.ndarray, np.ndarray]]):
        super().__init__()
        self.held_out = held_out

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Add `val_loss`, `val_psnr` and `seconds` to the epoch's logs."""
        current = self.model.get_weights()
        self.model.set_weights(training.averaged_weights(self.model))
        answers = [(np.clip(self.model.predict_on_batch(x[None])[0], 0, 1), clean) for x, clean in self.held_out]
        self.model.set_weights(current)
        pairs = [(clean, restored) for restored, clean in answers]
        logs["val_loss"] = float(np.mean([metrics.mse(*pair) for pair in pairs]))
        logs["val_psnr"] = float(np.mean([metrics.psnr(*pair, data_range=1.0) for pair in pairs]))
        logs["seconds"] = time.perf_counter() - self.started
