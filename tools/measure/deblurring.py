"""What the chapter on deblurring cannot measure live: `python -m tools.measure.deblurring [PART ...]`.

clothes: seconds of training that each network needs to reach the squared error that the article reports.
levin:   Levin's 4 pictures under its 8 kernels, restored by the classical methods and by two small networks.
prior:   the same pictures by half-quadratic splitting with denoise-gray, two minutes; into results/priors.json.
blind:   what `lessons restore --task deblur` makes, told nothing, of test photographs under twelve blurs, ten minutes;
stored:  of the same under three blurs and JPEG, ten minutes;
sharp:   of 100 sharp pictures, as they are and as JPEGs, ten minutes;
shaken:  of Levin's pictures, twenty minutes; all four into results/priors.json.
The others take about five minutes on two cores. They write results/deblurring.json; Levin's set comes through the
registry.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers, ops

from lessons_lib import batches, classical, datasets, degrade, evaluate, images, metrics, priors, restore, training
from lessons_lib.degrade import Degradation, DegradationInfo
from lessons_lib.image_io import Photo
from lessons_lib.models.residual import residual

RESULTS = Path(__file__).resolve().parents[2] / "results" / "deblurring.json"
TARGET = 0.0034  # squared error on unseen clothes after 100 epochs of 30 steps, as the article reports it
CLOTHES_KERNEL = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / 16
SIGMA = 2
BALANCES = (0.003, 0.01, 0.03, 0.1, 0.3)
SEED = 0
BLURS = (
    *("gaussian:1", "gaussian:1.6", "gaussian:2.5", "defocus:2", "defocus:3", "defocus:5", "defocus:7"),
    *("motion:9@0", "motion:11@120", "motion:15@30", "motion:15@90", "motion:21@135"),
)
MOVED = 10  # pixels
CROP = (250, 250)  # of the test photographs that are as large, so that all are done in minutes


def article() -> keras.Model:
    """The article's network: 22,057 parameters, no activation but the last."""
    stack = [layers.Conv2D(width, 2, padding="same") for width in (64, 32, 16, 8)]
    stack += [layers.Conv2DTranspose(width, 2, padding="same") for width in (16, 32, 64)]
    stack += [layers.Conv2DTranspose(1, 1, padding="same", activation="sigmoid")]
    return keras.Sequential([keras.Input((28, 28, 1)), *stack])


def seconds_to_target(net: keras.Model, rate: float, batch: int, limit: float) -> dict:
    """Train at a constant rate until the validation error is TARGET; the clock runs in the steps alone."""
    clean = {split: datasets.clothes(split)[0] for split in ("train", "validation")}
    blurred = {split: degrade.blur(pictures, CLOTHES_KERNEL) for split, pictures in clean.items()}
    net.compile(keras.optimizers.Adam(rate, clipnorm=1.0), "mse")
    rng = np.random.default_rng(SEED)
    spent, steps, looked, error = 0.0, 0, 0.0, np.inf
    while error > TARGET and spent < limit:
        chosen = rng.choice(len(clean["train"]), batch, replace=False)
        pair = blurred["train"][chosen], clean["train"][chosen]
        started = time.perf_counter()
        net.train_on_batch(*pair)
        if steps:  # the first step compiles
            spent += time.perf_counter() - started
        steps += 1
        if spent - looked > 0.02 * spent + 0.02:
            looked = spent
            answer = np.concatenate([ops.convert_to_numpy(net(p)) for p in np.array_split(blurred["validation"], 5)])
            error = float(np.square(answer - clean["validation"]).mean())
    score = {"seconds": round(spent, 2), "steps": steps, "reached": error <= TARGET, "mse": round(error, 5)}
    tall = [pictures.reshape(-1, 28, 1) for pictures in (clean["validation"], answer)]  # one error, as a loss has
    score["psnr"] = round(metrics.psnr(*tall, data_range=1.0), 3)
    return score | {"ssim": round(metrics.ssim(clean["validation"], answer, data_range=1.0), 4)}


def clothes() -> list[dict]:
    runs = {
        "the article's, its recipe (batches of 2,000)": (article, 1e-3, 2000, 60.0),
        "the article's, tuned (batches of 32)": (article, 4e-3, 32, 100.0),
        "residual network, 6 x 16": (lambda: residual(1, depth=6, width=16), 5e-3, 32, 100.0),
    }
    rows = []
    for name, (build, rate, batch, limit) in runs.items():
        training.seed_everything(SEED)
        found = seconds_to_target(build(), rate, batch, limit)
        protocol = {"kernel": "[1 2 1] / 4", "target_mse": TARGET, "rate": rate, "batch": batch, "limit_s": limit}
        row = {"method": name, "task": "deblur", "set": "clothes-validation", "protocol": protocol}
        rows.append(row | found | {"n": 1000, "seed": SEED, **evaluate.provenance()})
        print(rows[-1], flush=True)
    return rows


def wiener(degraded: np.ndarray, info: DegradationInfo, balance: float) -> np.ndarray:
    return classical.wiener(degraded, info, balance=balance).astype(np.float32)


def best_balance() -> float:
    """The weight of smoothness in Wiener's filter that suits random shakes of the validation photographs."""
    scores = dict.fromkeys(BALANCES, 0.0)
    for index, clean in enumerate(images.to_gray(photo) for photo in datasets.photos("validation").values()):
        rng = np.random.default_rng([SEED, index])
        for size in (15, 21, 27):
            shake = Degradation(degrade.shake_kernel(size, rng), level=SIGMA / 255)
            degraded, info = shake(clean, rng), shake.info
            for balance in BALANCES:
                scores[balance] += metrics.psnr(clean, wiener(degraded, info, balance).clip(0, 1), data_range=1.0)
    return max(scores, key=scores.get)


def trained_on_shakes(prepare: evaluate.Restorer, seconds: float = 50.0, rate: float = 2e-3) -> evaluate.Restorer:
    """A residual network, 8 x 32, trained on random shakes of the shipped photographs; fed what `prepare` makes."""
    sources = [images.to_gray(photo) for photo in datasets.photos("train").values()]

    def fed(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        shake = Degradation(degrade.shake_kernel(int(rng.choice(np.arange(13, 29, 2))), rng), level=SIGMA / 255)
        return prepare(shake(clean, rng), shake.info)

    turns = [batches.flip, batches.rotate90]
    stream = batches.PairStream(sources, fed, batch_size=8, patch=80, augment=turns, steps=10_000, seed=SEED)
    training.seed_everything(SEED)
    net = residual(1, depth=8, width=32)
    net.compile(keras.optimizers.Adam(rate, clipnorm=1.0), "mse")
    net.train_on_batch(*stream[0])
    started, step, share = time.perf_counter(), 0, 0.0
    while share < 1:
        step, share = step + 1, min(1.0, (time.perf_counter() - started) / seconds)
        net.optimizer.learning_rate = rate * (0.01 + 0.99 * (1 + np.cos(np.pi * share)) / 2)
        net.train_on_batch(*stream[step])
    print("steps:", step, flush=True)
    return lambda degraded, info: ops.convert_to_numpy(net(prepare(degraded, info)[None]))[0]


def levin() -> list[dict]:
    methods = {
        name: lambda degraded, info, name=name: classical.restore("deblur", name, degraded, info)
        for name in classical.METHODS["deblur"]
    }
    tuned = functools.partial(wiener, balance=best_balance())
    print("balance of Wiener's filter under the network:", tuned.keywords["balance"], flush=True)
    training.set_precision("auto")
    methods["residual network 8 x 32, told nothing"] = trained_on_shakes(classical.identity)
    methods["the same, on Wiener's answer (told the kernel)"] = trained_on_shakes(tuned)
    return on_levin(methods)


def prior() -> list[dict]:
    """The default of `lessons restore --task deblur --blur KERNEL`: told the kernel and the noise."""
    training.set_precision("auto")
    return on_levin({"half-quadratic splitting, denoise-gray": plug_and_play()})


def plug_and_play() -> evaluate.Restorer:
    network = restore.Network.load("denoise-gray")

    def plugged(degraded: np.ndarray, info: DegradationInfo) -> np.ndarray:
        assert info.kernel is not None
        return priors.deblur(degraded, info.kernel, info.sigma, lambda x, sigma: restore.denoise(x, sigma, network))

    return plugged


def by_default(degraded: np.ndarray, jpeg: int | None = None, **told: str) -> np.ndarray:
    """What the command makes of a picture, stored with 8 bits; `blur` tells it the kernel, `model` a network."""
    options = restore.RestoreOptions("deblur", **told)
    restored = restore.restore_image(Photo(images.to_uint8(degraded), jpeg=jpeg), options).photo.pixels
    return images.to_float(restored)


def blind() -> list[dict]:
    """Blurs that nobody tells."""
    return [row for name in BLURS for row in _told_and_not(name, Degradation(level=SIGMA / 255))]


def stored() -> list[dict]:
    """The same where it is harder: as a JPEG, opened as one and stored anew since, and a blur that hardly shows."""
    rows = []
    for name, quality in itertools.product(("gaussian:1.6", "defocus:3", "motion:15@30"), (50, 80, 90)):
        for known in (True, False):
            rows += _told_and_not(name, Degradation(level=SIGMA / 255, jpeg=quality), known)
    return rows + _told_and_not("gaussian:0.7", Degradation(level=SIGMA / 255))


def _told_and_not(name: str, degradation: Degradation, known: bool = True) -> list[dict]:
    """Rows of the photographs under this blur and degradation; `known` if the file tells the quality of its JPEG."""
    training.set_precision("float32")
    degradation = dataclasses.replace(degradation, kernel=degrade.kernel_from(name), quantise=True)
    sharp = [
        images.center_crop(clean, CROP) for clean in datasets.photos("test").values() if min(clean.shape[:2]) >= 250
    ]
    blurred = [degradation(clean, np.random.default_rng([SEED, index])) for index, clean in enumerate(sharp)]
    quality = degradation.jpeg if known else None
    how: dict[str, dict[str, str]] = {
        "told the kernel": {"blur": name},
        "told nothing": {},
        "told nothing, network deblur": {"model": "deblur"},
    }
    answers = {"untouched": blurred}
    answers |= {method: [by_default(picture, quality, **told) for picture in blurred] for method, told in how.items()}
    jpeg = f", JPEG {degradation.jpeg}" if degradation.jpeg else ""
    blur = name + jpeg + ("" if known else " stored as PNG")
    return [_blind_row(method, "sample-test", blur, _scores(sharp, given)) for method, given in answers.items()]


def sharp() -> list[dict]:
    """No blur at all: what is lost where nothing should be done."""
    training.set_precision("float32")
    rows = []
    whole = [images.read(path) for path in datasets.paths("bsds500", "bsd100")]
    for quality in (None, 80):
        files = [Degradation(jpeg=quality, quantise=True)(clean, np.random.default_rng(0)) for clean in whole]
        for method, answers in (("untouched", files), ("told nothing", [by_default(file, quality) for file in files])):
            rows.append(_blind_row(method, "bsd100", f"none, JPEG {quality}", _scores(whole, answers), sigma=0))
    return rows


def shaken() -> list[dict]:
    """Shakes that nobody tells. What is found may be moved by some pixels, with the picture: no image tells where the
    middle of a kernel is, so the papers compare after moving the answer back, and so does this.
    """
    training.set_precision("float32")
    methods = {
        "untouched": classical.identity,
        "told the kernel": plug_and_play(),
        "told nothing": lambda degraded, info: by_default(degraded),
    }
    return on_levin(methods, moved=True)


def moved_back(clean: np.ndarray, restored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both without a border of MOVED pixels, the second moved by whole pixels, at most MOVED, to where it fits best."""
    height, width = (side - 2 * MOVED for side in clean.shape[:2])
    inner = clean[MOVED:-MOVED, MOVED:-MOVED]
    steps = itertools.product(range(2 * MOVED + 1), repeat=2)
    parts = (restored[down : down + height, across : across + width] for down, across in steps)
    return inner, min(parts, key=lambda part: float(np.square(part - inner).mean()))


def _scores(clean: list[np.ndarray], restored: Iterable[np.ndarray]) -> list[float]:
    return [metrics.psnr(one, other, data_range=1.0) for one, other in zip(clean, restored, strict=True)]


def _blind_row(method: str, pictures: str, blur: str, scores: list[float], sigma: float = SIGMA) -> dict:
    """A row with the mean; a sharp picture that was left alone counts 60 dB, the most that 8 bits tell."""
    scores = [min(score, 60.0) for score in scores]
    row = {"method": method, "task": "deblur", "set": pictures, "protocol": {"sigma": sigma, "kernel": blur}}
    row |= {"psnr": round(float(np.mean(scores)), 3), "worst": round(min(scores), 3), "n": len(scores), "seed": SEED}
    print(row, flush=True)
    return row | evaluate.provenance()


def on_levin(methods: dict[str, evaluate.Restorer], moved: bool = False) -> list[dict]:
    """Rows of Levin's 4 pictures under its 8 kernels, with noise; `moved` rounds, and compares by `moved_back`."""
    kernels = [images.read(path, "gray")[..., 0] for path in datasets.paths("levin09", "kernels")]
    kernels = [kernel / kernel.sum() for kernel in kernels]
    sharp = [images.read(path, "gray") for path in datasets.paths("levin09", "sharp")]
    rows = []
    for name, restorer in methods.items():
        scores = []
        for index, (clean, kernel) in enumerate((clean, kernel) for clean in sharp for kernel in kernels):
            shake = Degradation(kernel, level=SIGMA / 255, quantise=moved)
            degraded = shake(clean, np.random.default_rng([SEED, index]))
            restored = np.clip(restorer(degraded, shake.info), 0, 1)
            how = {"data_range": 1.0}
            pair = moved_back(clean, restored) if moved else (clean, restored)
            scores.append((metrics.psnr(*pair, **how), metrics.ssim(*pair, **how)))
        psnr, ssim = np.mean(scores, axis=0)
        protocol = {
            "sigma": SIGMA,
            "kernel": "levin09",
            "colour": False,
            "clipped": False,
            "border": MOVED if moved else 0,
        }
        row = {"method": name, "task": "deblur", "set": "levin09", "protocol": protocol}
        row |= {"psnr": round(float(psnr), 3), "ssim": round(float(ssim), 4), "n": len(scores), "seed": SEED}
        rows.append(row | evaluate.provenance())
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parts = {
        "clothes": clothes,
        "levin": levin,
        "prior": prior,
        "blind": blind,
        "stored": stored,
        "sharp": sharp,
        "shaken": shaken,
    }
    wanted = sys.argv[1:] or list(parts)
    if set(wanted) - set(parts):
        raise SystemExit(f"choose from {', '.join(parts)}")
    for name in wanted:
        evaluate.store(parts[name](), RESULTS.with_name("priors.json") if name not in ("clothes", "levin") else RESULTS)


if __name__ == "__main__":
    main()
