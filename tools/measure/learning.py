"""A race of denoising networks: the same pictures, the same seconds, scored alike; part of `make bench`."""

from __future__ import annotations

import time
from collections.abc import Callable

import keras
import numpy as np
from keras import layers, ops

from lessons_lib import batches, datasets, degrade, evaluate, training
from lessons_lib.models.residual import residual
from lessons_lib.models.shrinkage import shrinkage
from tools.measure.denoising import article

SIGMA = 25 / 255


def dncnn(depth: int = 10, width: int = 32) -> keras.Model:
    """DnCNN (Zhang et al., 2017) of less depth: plain convolutions with batch normalisation that predict the noise."""
    noisy = keras.Input((None, None, 3))
    x = layers.Conv2D(width, 3, padding="same", activation="relu")(noisy)
    for _ in range(depth - 2):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    # Behind batch normalisation a usual last layer starts with answers so large that this time does not tame them.
    small = keras.initializers.RandomNormal(stddev=1e-3)
    noise = layers.Conv2D(3, 3, padding="same", kernel_initializer=small, dtype="float32")(x)
    return keras.Model(noisy, layers.Add(dtype="float32")([noisy, noise]))


def autoencoder(widths: tuple[int, ...] = (48, 64, 96)) -> keras.Model:
    """A plain convolutional autoencoder: halved by strides, doubled by transposed convolutions."""
    noisy = x = keras.Input((None, None, 3))
    for width in widths:
        x = layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(x)
    for width in widths[-2::-1]:
        x = layers.Conv2DTranspose(width, 4, strides=2, padding="same", activation="relu")(x)
    return keras.Model(noisy, layers.Conv2DTranspose(3, 4, strides=2, padding="same", dtype="float32")(x))


PEERS: dict[str, tuple[Callable[[], keras.Model], float]] = {  # each with the learning rate that suits it
    "the article's autoencoder": (article, 3e-3),
    "plain autoencoder, 48-64-96": (autoencoder, 2e-3),
    "DnCNN, 10 x 32, batch normalisation": (dncnn, 2e-3),
    "residual, 10 x 32": (lambda: residual(3, 10, 32), 2e-3),
    "votes on cosines, 6 x 64": (shrinkage, 1.5e-3),  # as results/learning.json names it
}


def trained(model: keras.Model, rate: float, seconds: float) -> tuple[int, float]:
    """Train a model for so many seconds, compilation apart; its number of steps and seconds of a core."""
    conditioned = model.input_shape[-1] == 4

    def noise(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        noisy = degrade.gaussian_noise(clean, SIGMA, rng)
        return degrade.with_level(noisy, SIGMA) if conditioned else noisy

    photos, turns = list(datasets.photos("train").values()), [batches.flip, batches.rotate90]
    pairs = batches.PairStream(photos, noise, batch_size=8, patch=64, augment=turns, steps=100_000)
    model.compile(keras.optimizers.Adam(rate / 50, clipnorm=1), "mse")
    model.train_on_batch(*pairs[0])  # compiles
    started, cpu, steps, share = time.perf_counter(), time.process_time(), 0, 0.0
    while share < 1:
        steps, share = steps + 1, min(1.0, (time.perf_counter() - started) / seconds)
        warm = min(1.0, steps / 50)  # or ReLUs may die at once
        model.optimizer.learning_rate = warm * rate * (0.01 + 0.99 * (1 + np.cos(np.pi * share)) / 2)
        model.train_on_batch(*pairs[steps])
    return steps, time.process_time() - cpu


def restorer(model: keras.Model) -> evaluate.Restorer:
    """The model as a restorer of pictures of any size."""
    conditioned = model.input_shape[-1] == 4

    def restore(noisy: np.ndarray, info: degrade.DegradationInfo) -> np.ndarray:
        height, width, _ = noisy.shape
        noisy = np.pad(noisy, ((0, -height % 8), (0, -width % 8), (0, 0)), "symmetric")
        given = degrade.with_level(noisy, info.sigma) if conditioned else noisy
        return ops.convert_to_numpy(model(given[None]))[0][:height, :width]

    return restore


def race(seconds: float = 40.0) -> list[dict]:
    """A row a network: parameters, steps, PSNR on validation and test photographs, seconds a megapixel."""
    rows = []
    for name, (build, rate) in PEERS.items():
        training.seed_everything(0)
        training.set_precision("auto")
        model = build()
        steps, cpu = trained(model, rate, seconds)
        row = {"network": name, "parameters": model.count_params(), "steps": steps, "cpu_minutes": round(cpu / 60, 2)}
        for split in ("validation", "test"):
            protocol = evaluate.Protocol("denoise", f"sample-{split}", 25)
            scored = evaluate.evaluate(name, protocol, restorer(model))
            row[f"{split}_psnr"] = scored["psnr"]
        rows.append(row | {"seconds_per_megapixel": scored["seconds_per_megapixel"]})
    return rows
