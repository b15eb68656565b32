"""What the chapter on RIDNet cannot measure live: `python -m tools.measure.ridnet [PART ...]`, 20 minutes.

ablation:   the notebook's small RIDNet without attention, without skips, and a plain network as costly, five seeds
blotches:   what PolyU's training scenes are like: how far blotches of noise reach, and how fine the detail is
real:       the same network on real pairs of PolyU, trained on white noise, on camera noise, and on PolyU's own scenes

They write results/ridnet.json. A killed ablation goes on where it was: delete a row to measure it again. PolyU needs
LESSONS_DATA or a download.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from lessons_lib import batches, classical, datasets, degrade, evaluate, images, metrics, training
from lessons_lib.models.residual import residual
from lessons_lib.models.ridnet import ridnet

TABLE = Path(__file__).resolve().parents[2] / "results" / "ridnet.json"
STEPS = 50  # an epoch, as in the notebook
SEEDS = range(5)
SMALL = {"width": 16, "blocks": 2, "reduction": 4}
NETWORKS = {
    "everything": lambda: ridnet(**SMALL),
    "no attention": lambda: ridnet(**SMALL, attention=False),
    "no skips": lambda: ridnet(**SMALL, skip=False),
    "plain, 10 x 24": lambda: residual(3, 10, 24),
}
FILTERS = {
    "median 3 x 3": "median",
    "Gaussian blur": "gaussian",
    "cosine filter": "dct",
    "non-local means": "nonlocal-means",
}


def full_noise(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return degrade.gaussian_noise(clean, rng.uniform(5, 55) / 255, rng)


def camera(clean: np.ndarray, rng: np.random.Generator, photons: float | None = None) -> np.ndarray:
    """Noise as a camera leaves it: counted in linear light, smeared, its colour calmed, bent by gamma, rounded."""
    photons = photons or 10 ** rng.uniform(2, 3.4)
    light = np.clip(clean, 0, 1) ** 2.2
    grain = degrade.poisson_gaussian(light, rng, photons, 0.001) - light
    smear = degrade.gaussian_kernel(13, 0.67) + 2 * degrade.gaussian_kernel(13, 4)
    grain = degrade.blur(grain, smear) / np.sqrt(np.square(smear).sum())
    grain = 0.63 * grain.mean(-1, keepdims=True) + 0.37 * grain
    noisy = np.clip(light + grain, 0, 1) ** (1 / 2.2)
    return (np.round(255 * noisy) / 255).astype(np.float32)


def learn(model: keras.Model, stream: batches.PairStream, epochs: int, rate: float = 2e-3, seed: int = 0) -> None:
    """The notebook's recipe: Adam, a short warm-up, a cosine decay, the absolute error."""
    decay = keras.optimizers.schedules.CosineDecay(
        rate / 20, STEPS * epochs - 30, alpha=0.01, warmup_target=rate, warmup_steps=30
    )
    model.compile(keras.optimizers.Adam(decay, clipnorm=1), "mae")
    training.fit(model, stream, epochs=epochs, quiet=True, seed=seed)


def softened(photo: np.ndarray) -> np.ndarray:
    """As soft as the pictures of a camera at full size, whose pixels are interpolated."""
    return degrade.blur(photo, degrade.gaussian_kernel(9, 1.4))


def patches(noise: Callable, seed: int = 0, soft: bool = False) -> batches.PairStream:
    """The notebook's patches: from the sample's training photographs, spoiled by `noise(clean, rng)`."""
    augment = [batches.flip, batches.rotate90]
    photos = [softened(photo) if soft else photo for photo in datasets.photos("train").values()]
    return batches.PairStream(photos, noise, batch_size=8, patch=48, steps=STEPS, augment=augment, seed=seed)


def restorer(model: keras.Model) -> evaluate.Restorer:
    return lambda noisy, info: model.predict_on_batch(noisy[None])[0]


def there() -> list[dict]:
    return json.loads(TABLE.read_text(encoding="utf-8"))["rows"] if TABLE.exists() else []


def ablation(epochs: int = 4) -> None:
    """Sigma 25, unclipped, on the notebook's crops: the middle 128 x 128 pixels of each test photograph."""
    done = {(row["method"], row["seed"]) for row in there() if row["set"] == "sample-test"}
    clean = np.stack([photo[60:188, 60:188] for photo in datasets.photos("test").values()])
    noisy = [degrade.gaussian_noise(crop, 25 / 255, np.random.default_rng(n)) for n, crop in enumerate(clean)]
    for seed in SEEDS:
        for name, make in NETWORKS.items():
            if (name, seed) in done:
                continue
            keras.backend.clear_session()
            training.seed_everything(seed)
            model = make()
            learn(model, patches(full_noise, seed), epochs, seed=seed)
            restored = np.clip(model.predict_on_batch(np.stack(noisy)), 0, 1)
            row = {"method": name, "task": "denoise", "set": "sample-test", "seed": seed}
            row |= {"protocol": {"part": "ablation", "sigma": 25, "crop": 128, "steps": epochs * STEPS}}
            row |= {"psnr": round(metrics.psnr(clean, restored, data_range=1.0), 3), "n": len(clean)}
            evaluate.store([{**row, "weights": model.count_params(), **evaluate.provenance()}], TABLE)
            print(name, seed, row["psnr"], flush=True)


def pairs_of_polyu(split: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """(noisy, clean) of PolyU, the middle 256 x 256 pixels of each 512 x 512 pair."""
    found = datasets.real_pairs(split)
    return [(images.center_crop(noisy, (256, 256)), images.center_crop(clean, (256, 256))) for _, noisy, clean in found]


def patches_of_polyu() -> batches.RealPairs:
    """Patches cut at the same place of both, mirrored and turned alike."""
    changes = [batches.flip, batches.rotate90]
    return batches.RealPairs(pairs_of_polyu("train"), batch_size=8, patch=48, augment=changes, steps=STEPS)


def shared(noise: np.ndarray, far: int) -> list[float]:
    """Correlation of the noise (H, W, C) of a picture with that of the pixel 1, 2, ... `far` places to the right."""
    noise = noise - noise.mean((0, 1))
    return [float((noise[:, :-k] * noise[:, k:]).mean() / noise.var()) for k in range(1, far + 1)]


def detail(picture: np.ndarray) -> float:
    """What a Gaussian of one pixel takes from a picture: its root mean square, of 255."""
    return 255 * float(np.sqrt(np.square(picture - degrade.blur(picture, degrade.gaussian_kernel(7, 1.0))).mean()))


def blotches() -> None:
    pairs = pairs_of_polyu("train")
    found = [shared(noisy - clean, 8) for noisy, clean in pairs]
    scores = [metrics.psnr(clean, noisy, data_range=1.0) for noisy, clean in pairs]
    row = {"method": "camera", "task": "measure", "set": "polyu-train", "protocol": {"crop": 256}, "seed": 0}
    row |= {
        "shared": np.median(found, 0).round(3).tolist(),
        "psnr": round(float(np.median(scores)), 3),
        "n": len(pairs),
    }
    row["detail"] = round(float(np.median([detail(clean) for _, clean in pairs])), 3)
    evaluate.store([{**row, **evaluate.provenance()}], TABLE)
    print(row, flush=True)


def real(epochs: int = 6) -> None:
    """One start on white noise, then as many steps again on each of four kinds of pairs; all scored on real pairs."""
    training.seed_everything(0)
    start = ridnet(**SMALL)
    learn(start, patches(full_noise), epochs)
    pairs = pairs_of_polyu("test")
    score_real("nothing", lambda noisy, info: noisy, pairs)
    for name, method in FILTERS.items():
        score_real(name, lambda x, info, method=method: classical.restore("denoise", method, x, info), pairs)
    streams = {
        "white noise": patches(full_noise, seed=1),
        "camera noise": patches(camera, seed=1),
        "camera noise on soft photographs": patches(camera, seed=1, soft=True),
        "real pairs": patches_of_polyu(),
    }
    for name, stream in streams.items():
        model = ridnet(**SMALL)
        model.set_weights(start.get_weights())
        learn(model, stream, epochs, rate=1e-3)
        score_real(f"trained on {name}", restorer(model), pairs)


def score_real(name: str, restore: evaluate.Restorer, pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    scores, how = [], {"data_range": 1.0}
    for noisy, clean in pairs:
        # Nobody has the clean picture; a level measured from it is the best a filter can be told.
        restored = np.clip(restore(noisy, degrade.DegradationInfo(float((noisy - clean).std()))), 0, 1)
        scores.append((metrics.psnr(clean, restored, **how), metrics.ssim(clean, restored, **how)))
    psnr, ssim = np.mean(scores, axis=0)
    row = {"method": name, "task": "denoise", "set": "polyu", "protocol": {"sigma": "measured", "crop": 256}}
    row |= {"psnr": round(float(psnr), 3), "ssim": round(float(ssim), 4), "n": len(scores), "seed": 0}
    evaluate.store([{**row, **evaluate.provenance()}], TABLE)
    print(name, row["psnr"], row["ssim"], flush=True)


PARTS = {"ablation": ablation, "blotches": blotches, "real": real}

if __name__ == "__main__":
    training.set_precision("auto")
    for part in sys.argv[1:] or PARTS:
        if part not in PARTS:
            raise SystemExit(f"no part named {part}: choose from {', '.join(PARTS)}")
        PARTS[part]()
