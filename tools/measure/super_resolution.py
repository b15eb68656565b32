"""The tables of the chapter on super-resolution: `python -m tools.measure.super_resolution [PART ...]`, 20 minutes.

Parts: lfw-nearest, lfw-area, london (the article's task on faces; LESSONS_DATA must hold them), x2, x3 and x4 (Set5 and
Set14 in the papers' protocol). Each part adds its rows to results/super-resolution.json when it is done.

The article's network and ours get the same pictures, seconds, precision and recipe (Adam, warm-up, cosine decay,
clipped gradients, MSE), one after the other on one machine. The clock counts compiling and stands still while a network
is scored. The unseen people are only scored: nothing is chosen by them, and no run is stopped early.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers

from lessons_lib import batches, datasets, degrade, evaluate, images, metrics, training
from lessons_lib.models.residual import residual

RESULTS = Path(__file__).resolve().parents[2] / "results" / "super-resolution.json"
SIDE, SMALL = 80, 32  # the article's pictures, and 40 % of them
WARM_UP = 50  # steps: at the full rate from the start, all of a network's ReLUs may die at once
LOOKS = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2, 0.4, 0.7, 1.0)  # when to score, in shares of the time


def article(levels: int = 2) -> keras.Model:
    """The article's network, 1,110,403 parameters; with levels=0, what is left of it without its bottleneck."""

    def conv(filters: int) -> layers.Layer:
        options = {"padding": "same", "activation": "relu", "kernel_regularizer": keras.regularizers.L1(1e-9)}
        return layers.Conv2D(filters, 3, **options)

    picture = keras.Input((SIDE, SIDE, 3))
    top = x = conv(64)(conv(64)(picture))
    if levels:
        middle = conv(128)(conv(128)(layers.MaxPooling2D()(top)))
        x = conv(256)(layers.MaxPooling2D()(middle))
        x = conv(128)(conv(128)(layers.UpSampling2D()(x)))
        x = layers.UpSampling2D()(layers.Add()([middle, x]))
    x = layers.Add()([top, conv(64)(conv(64)(x))])
    return keras.Model(picture, layers.Conv2D(3, 3, padding="same", activation="relu", dtype="float32")(x))


def ours(depth: int = 8, width: int = 48) -> keras.Model:
    """Learns at 32 x 32, enlarges 5 times by sub-pixel convolution, averages 2 x 2: 2.5 times, as in the task."""
    return keras.Sequential([residual(depth=depth, width=width, scale=5), layers.AveragePooling2D(2, dtype="float32")])


def train_for(model: keras.Model, batch, seconds: float, rate: float, look=None, looks=()) -> tuple[int, list]:
    """Train on `batch(step)` for so many seconds; return the steps done and [[second, look(model)], ...]."""
    keras.utils.set_random_seed(0)
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), "mse")
    steps, spent, curve, looks = 0, 0.0, [], [share * seconds for share in looks]
    while spent < seconds:
        started = time.perf_counter()
        warm = min(1, (steps + 1) / WARM_UP)
        model.optimizer.learning_rate = rate * warm * (0.01 + 0.99 * (1 + np.cos(np.pi * spent / seconds)) / 2)
        model.train_on_batch(*batch(steps))
        spent, steps = spent + time.perf_counter() - started, steps + 1
        if looks and spent >= looks[0]:
            looks = [second for second in looks if second > spent]
            curve.append([round(spent, 1), round(look(model), 6)])
            print(f"  {curve[-1][0]:6.1f} s, step {steps}: {curve[-1][1]:.5f}", flush=True)
    return steps, curve


def faces(name: str, split: str, targets: str) -> np.ndarray:
    """The faces of a split, 80 x 80: every n-th pixel as Keras's load_img does by default, or averaged over areas."""
    found = []
    for path in datasets.paths(name, split):
        if targets == "nearest":
            found.append(np.asarray(keras.utils.load_img(path, target_size=(SIDE, SIDE)), np.float32) / 255)
        else:
            found.append(images.resize(images.read(path), (SIDE, SIDE), "area"))
    return np.stack(found)


def resized(pictures: np.ndarray, side: int, method: str) -> np.ndarray:
    return np.stack([images.resize(picture, (side, side), method) for picture in pictures])


def face_part(name: str, targets: str, seconds: float, without: bool = False) -> list[dict]:
    """The article's task: enlarging that costs nothing, the article's network, it `without` a bottleneck, and ours."""
    clean = np.concatenate([faces(name, split, targets) for split in ("train", "validation")])
    unseen = faces(name, "test", targets)
    small, small_unseen = resized(clean, SMALL, "area"), resized(unseen, SMALL, "area")
    blurred = resized(small, SIDE, "area")

    def score(restored: np.ndarray) -> dict:
        restored = np.clip(restored, 0, 1)
        pooled = (a.reshape(1, -1, SIDE, 3) for a in (unseen, restored))
        return {
            "mse": round(metrics.mse(unseen, restored), 6),
            "psnr": round(metrics.psnr(unseen, restored, data_range=1.0), 3),
            "psnr_of_mse": round(metrics.psnr(*(a[0] for a in pooled), data_range=1.0), 3),
        }

    def row(method: str, restored: np.ndarray, **more) -> dict:
        protocol = {"scale": SIDE / SMALL, "targets": targets, "colour": True, "channel": "all", "border": 0}
        found = {"method": method, "task": "upscale", "set": name, "protocol": protocol, **score(restored)}
        print(name, targets, method, found["mse"], found["psnr_of_mse"], more.get("steps", ""), flush=True)
        return found | {"n": len(unseen), "trained_on": len(clean), "seed": 0} | more | evaluate.provenance()

    rows = [row(how, resized(small_unseen, SIDE, how)) for how in ("area", "bicubic", "lanczos")]
    seen_by = {"article": (blurred, resized(small_unseen, SIDE, "area")), "ours": (small, small_unseen)}
    runs = [("article", article, "article", 1e-3, 1.0), ("ours", ours, "ours", 2e-3, 1.0)]
    runs += [("ours, a tenth of the seconds", ours, "ours", 2e-3, 0.1)]
    if without:
        runs.append(("article, no bottleneck", lambda: article(0), "article", 1e-3, 1.0))
    for method, build, sees, rate, share in runs:
        keras.utils.set_random_seed(0)
        model, rng = build(), np.random.default_rng(0)
        x, x_unseen = seen_by[sees]

        def batch(step: int, x=x, rng=rng) -> tuple[np.ndarray, np.ndarray]:
            chosen = rng.integers(len(x), size=32)
            return x[chosen], clean[chosen]

        def predict(model: keras.Model, x=x_unseen) -> np.ndarray:
            return model.predict(x, batch_size=50, verbose=0)

        def look(model: keras.Model, predict=predict) -> float:
            return score(predict(model))["mse"]

        looks = LOOKS if sees == "ours" else LOOKS[5:]  # the article's takes long to look at
        steps, curve = train_for(model, batch, share * seconds, rate, look, looks)
        counts = {"parameters": model.count_params(), "steps": steps, "seconds": share * seconds, "curve": curve}
        rows.append(row(method, predict(model), **counts, precision=keras.mixed_precision.dtype_policy().name))
    return rows


def paper_part(scale: int, seconds: float) -> list[dict]:
    """Enlarging that costs nothing, and our network trained on the book's photographs, on Set5 and Set14."""
    keras.utils.set_random_seed(0)
    model = residual(scale=scale)
    names = datasets.sample_names("train")
    stream = batches.PairStream(
        [datasets.photo(name) for name in names],
        lambda clean, rng: degrade.imresize(clean, 1 / scale),
        batch_size=16,
        patch=32 * scale,
        augment=[batches.flip, batches.rotate90],
        steps=10**6,
    )
    steps, _ = train_for(model, lambda step: stream[step], seconds, 2e-3)
    print(f"x{scale}: {steps} steps", flush=True)

    def network(small: np.ndarray, info) -> np.ndarray:
        colour = np.repeat(small, 3, -1) if small.shape[-1] == 1 else small
        large = np.asarray(model(colour[None]), np.float32)[0]
        return images.to_gray(large) if small.shape[-1] == 1 else large

    rows = []
    for name in ("set5", "set14"):
        protocol = evaluate.Protocol("upscale", name, scale=scale, channel="y", border=scale, rounded=True)
        rows += [evaluate.evaluate(method, protocol) for method in ("nearest", "bilinear", "bicubic", "lanczos")]
        counts = {"parameters": model.count_params(), "steps": steps, "seconds": seconds, "trained_on": len(names)}
        rows.append(evaluate.evaluate("ours", protocol, network) | counts)
    for row in rows:
        print(row["set"], f"x{scale}", row["method"], row["psnr"], row["ssim"], flush=True)
    return rows


PARTS = {
    "lfw-nearest": lambda: face_part("lfw-deepfunneled", "nearest", 170),
    "lfw-area": lambda: face_part("lfw-deepfunneled", "area", 80, without=True),
    "london": lambda: face_part("faces-london", "area", 40),
    "x2": lambda: paper_part(2, 100),
    "x3": lambda: paper_part(3, 100),
    "x4": lambda: paper_part(4, 100),
}


def main(names: list[str]) -> None:
    unknown = set(names) - set(PARTS)
    if unknown:
        raise SystemExit(f"no part named {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    print("precision:", training.set_precision("auto"), flush=True)
    for name in names or PARTS:
        evaluate.store(PARTS[name](), RESULTS)
        print(f"{name}: written to {RESULTS.name}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
