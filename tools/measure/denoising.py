"""What the chapter on denoising cannot measure live: `python -m tools.measure.denoising [PART ...]`, 25 minutes.

camera:     how the noise of PolyU's real pairs depends on brightness and on its neighbours -> results/camera.json
filters:    every classical method at sigma 15, 25, 50 on the sample's test photographs and on CBSD68
networks:   the article's autoencoder and the book's network, trained on the sample for the same seconds, scored alike
digits:     seconds of training until each network has the loss on digits that the article reports
real:       both and the filters on real pairs of PolyU, told the noise level as estimated, and as measured
published:  rows of papers for CBSD68, with their source
Camera apart, they write results/denoising.json. CBSD68 and PolyU need LESSONS_DATA or a download.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import layers
from skimage import restoration

from lessons_lib import batches, classical, datasets, degrade, evaluate, images, metrics, training
from lessons_lib.models.shrinkage import shrinkage

RESULTS = Path(__file__).resolve().parents[2] / "results"
TABLE = RESULTS / "denoising.json"
LEVELS = (15, 25, 50)
SETS = ("sample-test", "cbsd68")
STEPS = 450  # as in the notebook, cpu budget
# Zhang et al. (2021), DPIR, tables 1 and 2 give all three for colour on CBSD68, noise unclipped.
PUBLISHED = {
    "BM3D (2007)": (33.52, 30.71, 27.38),
    "DnCNN (2017)": (33.90, 31.24, 27.95),
    "FFDNet (2018)": (33.87, 31.21, 27.96),
}


def filters() -> None:
    for name in SETS:
        for sigma in LEVELS:
            protocol = evaluate.Protocol("denoise", name, sigma)
            evaluate.store([evaluate.evaluate(method, protocol) for method in classical.METHODS["denoise"]], TABLE)
            print(name, sigma, flush=True)


def article(channels: int = 3) -> keras.Model:
    """The article's digit denoiser for any size and colour: its 'valid' convolution becomes 'same'."""
    picture = x = keras.Input((None, None, channels))
    for width in (16, 8, 8):
        x = layers.MaxPooling2D(2)(layers.Conv2D(width, 3, padding="same", activation="relu")(x))
    for width in (8, 8, 16):
        x = layers.UpSampling2D(2)(layers.Conv2D(width, 3, padding="same", activation="relu")(x))
    return keras.Model(picture, layers.Conv2D(channels, 3, padding="same", activation="sigmoid", dtype="float32")(x))


def train(model: keras.Model, degrade_one: Callable, epochs: int, rate: float) -> float:
    """Train as the notebook does, at a noise that `degrade_one(clean, rng)` makes; returns seconds."""
    photos, held_out = (list(datasets.photos(split).values()) for split in ("train", "validation"))
    augment = [batches.flip, batches.rotate90]
    pairs = batches.PairStream(photos, degrade_one, batch_size=8, patch=64, steps=50, augment=augment)
    fixed = batches.PairStream([p[:120, :120] for p in held_out], degrade_one, batch_size=4, steps=4, seed=1)
    decay = keras.optimizers.schedules.CosineDecay(
        rate / 20, epochs * len(pairs) - 30, alpha=0.01, warmup_target=rate, warmup_steps=30
    )
    model.compile(keras.optimizers.Adam(decay, clipnorm=1), "mse")
    model.train_on_batch(*pairs[0])  # compiles
    started = time.perf_counter()
    training.fit(model, pairs, validation=fixed, epochs=epochs, quiet=True)
    return time.perf_counter() - started


def any_noise_conditioned(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    level = rng.uniform(5, 55) / 255
    return degrade.with_level(degrade.gaussian_noise(clean, level, rng), level)


def ours() -> tuple[evaluate.Restorer, float]:
    """The notebook's network, trained, as a restorer, and how many seconds that took."""
    training.seed_everything(0)
    training.set_precision("auto")
    model = shrinkage()
    seconds = train(model, any_noise_conditioned, STEPS // 50, 1.5e-3)

    def restore(noisy: np.ndarray, info: degrade.DegradationInfo) -> np.ndarray:
        conditioned = degrade.with_level(noisy, info.sigma)
        if noisy.shape[-1] == 1:
            conditioned = np.concatenate([noisy, noisy, conditioned], -1)
        return model.predict_on_batch(conditioned[None])[0][..., : noisy.shape[-1]]

    return restore, seconds


def articles(sigma: float, seconds: float) -> evaluate.Restorer:
    """The article's network trained for one noise level and about so many seconds, as a restorer."""
    training.seed_everything(0)
    noise = lambda clean, rng: degrade.gaussian_noise(clean, sigma / 255, rng)  # noqa: E731
    model = article()
    epoch = train(model, noise, 1, 3e-3)
    model = article()
    spent = train(model, noise, max(2, round(seconds / epoch)), 3e-3)
    print(f"article's network at {sigma}: {spent:.0f} s", flush=True)

    def restore(noisy: np.ndarray, info: degrade.DegradationInfo) -> np.ndarray:
        height, width, _ = noisy.shape
        padded = np.pad(noisy, ((0, -height % 8), (0, -width % 8), (0, 0)), "symmetric")
        return model.predict_on_batch(padded[None])[0][:height, :width]

    return restore


def networks() -> None:
    restore, seconds = ours()
    print(f"ours: {seconds:.0f} s", flush=True)
    for sigma in LEVELS:
        theirs = articles(sigma, seconds)
        for name in SETS:
            protocol = evaluate.Protocol("denoise", name, sigma)
            for label, restorer in (("article's autoencoder", theirs), ("this chapter's network", restore)):
                row = evaluate.evaluate(label, protocol, restorer)
                evaluate.store([row], TABLE)
                print(name, sigma, label, row["psnr"], flush=True)


def digits(target: float = 0.113, limit: float = 180.0) -> None:
    """The article's loss, binary cross-entropy of unseen digits at noise 0.4, and how long it takes to reach it."""
    training.set_precision("float32")
    rng = np.random.default_rng(0)
    clean = {split: datasets.digits(split)[0] for split in ("train", "validation")}
    noisy = {split: degrade.gaussian_noise(x, 0.4, rng, clip=True) for split, x in clean.items()}
    plain = [layers.Conv2D(16, 3, padding="same", activation="relu") for _ in range(4)]
    plain = keras.Sequential(
        [keras.Input((28, 28, 1)), *plain, layers.Conv2D(1, 3, padding="same", activation="sigmoid")]
    )
    runs = {
        "article's autoencoder, its recipe (Adadelta)": (digits_autoencoder(), keras.optimizers.Adadelta(1.0), 128),
        "article's autoencoder, Adam": (digits_autoencoder(), keras.optimizers.Adam(3e-3), 128),
        "plain network, 5 x 16": (plain, keras.optimizers.Adam(5e-3), 64),
    }
    rows = []
    for name, (model, optimizer, batch) in runs.items():
        model.compile(optimizer, "binary_crossentropy")
        spent, steps, loss, looked = 0.0, 0, np.inf, 0.0
        while loss > target and spent < limit:
            chosen = rng.choice(len(clean["train"]), batch, replace=False)
            started = time.perf_counter()
            model.train_on_batch(noisy["train"][chosen], clean["train"][chosen])
            spent += (time.perf_counter() - started) if steps else 0.0  # the first step compiles
            steps += 1
            if spent - looked > 0.05 * spent + 0.02:
                looked = spent
                loss = float(model.evaluate(noisy["validation"], clean["validation"], batch_size=500, verbose=0))
        answer = model.predict(noisy["validation"], batch_size=500, verbose=0)
        how = {"data_range": 1.0}
        row = {"method": name, "task": "denoise", "set": "digits-validation"}
        row |= {"protocol": {"sigma": 102, "clipped": True, "target_bce": target, "limit_s": limit}}
        row |= {"seconds": round(spent, 2), "steps": steps, "bce": round(loss, 4), "reached": loss <= target}
        row |= {"psnr": round(metrics.psnr(clean["validation"], answer, **how), 3), "n": len(answer)}
        rows.append({**row, "seed": 0, **evaluate.provenance()})
        print(rows[-1], flush=True)
    evaluate.store(rows, TABLE)


def digits_autoencoder() -> keras.Model:
    """The article's network for 28 x 28 digits, with its one 'valid' convolution."""
    picture = x = keras.Input((28, 28, 1))
    for width in (16, 8, 8):
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2, padding="same")(x)
    for width, padding in ((8, "same"), (8, "same"), (16, "valid")):
        x = layers.UpSampling2D(2)(layers.Conv2D(width, 3, padding=padding, activation="relu")(x))
    return keras.Model(picture, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x))


def pairs_of_polyu(split: str):
    """(camera, noisy, clean) of PolyU, the middle 256 x 256 pixels of each 512 x 512 pair."""
    for name, *pair in datasets.real_pairs(split):
        yield re.match(r"[A-Z][a-z]+", name)[0], *(images.center_crop(picture, (256, 256)) for picture in pair)


def camera() -> None:
    by_camera, beside, colours = {}, [], []
    for split in ("train", "validation", "test"):
        for name, noisy, clean in pairs_of_polyu(split):
            noise = noisy - clean
            by_camera.setdefault(name, []).append((clean.ravel(), noise.ravel()))
            beside.append(np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1])
            colours.append(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1])
    rows = []
    for name, found in sorted(by_camera.items()):
        clean, noise = (255 * np.concatenate(a) for a in zip(*found, strict=True))
        bins = [(low + 5, noise[(clean >= low) & (clean < low + 10)]) for low in range(0, 250, 10)]
        bins = [(middle, float(n.std())) for middle, n in bins if len(n) > 20_000]
        curve = {"brightness": [b for b, _ in bins], "noise": [round(n, 2) for _, n in bins]}
        rows.append({"camera": name, "pairs": len(found), **curve})
    found = {"neighbours": float(np.mean(beside)), "colours": float(np.mean(colours)), "cameras": rows}
    (RESULTS / "camera.json").write_text(json.dumps(found | evaluate.provenance(), indent=1) + "\n", encoding="utf-8")


def real() -> None:
    restore, seconds = ours()
    theirs = articles(15, seconds)
    methods = {
        name: lambda noisy, info, name=name: classical.restore("denoise", name, noisy, info)
        for name in classical.METHODS["denoise"]
    }
    methods |= {"article's autoencoder": theirs, "this chapter's network": restore}
    scores = {(name, conditioned): [] for conditioned in ("estimated", "measured") for name in methods}
    for _, noisy, clean in pairs_of_polyu("test"):
        levels = {"estimated": restoration.estimate_sigma(noisy, channel_axis=-1, average_sigmas=True)}
        levels["measured"] = (noisy - clean).std()  # nobody has the clean picture; it shows what the estimate costs
        for name, conditioned in scores:
            restored = np.clip(methods[name](noisy, degrade.DegradationInfo(float(levels[conditioned]))), 0, 1)
            how = {"data_range": 1.0}
            scores[name, conditioned].append(
                (metrics.psnr(clean, restored, **how), metrics.ssim(clean, restored, **how))
            )
    rows = []
    for (name, conditioned), found in scores.items():
        psnr, ssim = np.mean(found, axis=0)
        protocol = {"sigma": conditioned, "colour": True, "crop": 256}
        scored = {"psnr": round(float(psnr), 3), "ssim": round(float(ssim), 4), "n": len(found)}
        row = {"method": name, "task": "denoise", "set": "polyu", "protocol": protocol, **scored}
        rows.append({**row, "seed": 0, **evaluate.provenance()})
        print(name, conditioned, scored, flush=True)
    evaluate.store(rows, TABLE)


def published() -> None:
    like = evaluate.dataclasses.asdict(evaluate.Protocol("denoise", "cbsd68", 15))
    rows = []
    for name, values in PUBLISHED.items():
        for sigma, psnr in zip(LEVELS, values, strict=True):
            protocol = {k: v for k, v in (like | {"sigma": sigma}).items() if k not in ("task", "set", "seed")}
            row = {"method": name, "task": "denoise", "set": "cbsd68", "protocol": protocol, "psnr": psnr, "n": 68}
            rows.append({**row, "seed": 0, "source": "as listed by Zhang et al. (2021), arXiv:2008.13751"})
    evaluate.store(rows, TABLE)


PARTS = {
    "camera": camera,
    "filters": filters,
    "networks": networks,
    "digits": digits,
    "real": real,
    "published": published,
}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        if part not in PARTS:
            raise SystemExit(f"no part named {part}: choose from {', '.join(PARTS)}")
        PARTS[part]()
