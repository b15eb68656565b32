"""What the chapter on U-Net cannot measure live: `python -m tools.measure.unet [PART ...]`, 20 minutes of one core.

rates:  the learning rate that suits each network, by the validation photographs
race:   U-Net and the plain residual network of the same cost, for 20 and 60 CPU-seconds, each with its own cosine,
        three seeds each
Both add to results/unet.json and pass over what is there, so that they can be stopped and called again.
CPU-seconds are those of this process: they depend less on what else the machine does than a clock does.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from pathlib import Path

import keras
import numpy as np
from keras import ops

from lessons_lib import batches, datasets, evaluate, images, metrics, training
from lessons_lib.models.residual import residual
from lessons_lib.models.unet import unet

TABLE = Path(__file__).resolve().parents[2] / "results" / "unet.json"
NETWORKS = {"residual": lambda: residual(depth=8, width=24), "unet": lambda: unet(width=16)}
PROTOCOLS = {
    "denoise": evaluate.Protocol("denoise", "sample-test", 25),
    "deblur": evaluate.Protocol("deblur", "sample-test", 2, "gaussian-1.6"),
}
RATES = (1e-3, 2e-3, 4e-3)
BUDGETS = (20, 60)
SEEDS = (0, 1, 2)
WARM = 50


def train(name: str, task: str, budget: float, rate: float, seed: int = 0) -> tuple[keras.Model, int]:
    """A network after so many CPU-seconds, compilation apart, and its number of steps."""
    training.seed_everything(seed)
    photos = list(datasets.photos("train").values())
    augment = [batches.flip, batches.rotate90]
    pairs = batches.PairStream(
        photos, PROTOCOLS[task].degradation, batch_size=8, patch=64, augment=augment, steps=100_000, seed=seed
    )
    model = NETWORKS[name]()
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), "mse")
    weights = model.get_weights()
    model.train_on_batch(*pairs[0])
    model.set_weights(weights)
    spent, steps = 0.0, 0
    while spent < budget:
        started = time.process_time()
        cosine = 0.01 + 0.99 * (1 + np.cos(np.pi * spent / budget)) / 2
        model.optimizer.learning_rate = rate * cosine * min(1, (steps + 1) / WARM)
        model.train_on_batch(*pairs[steps])
        spent += time.process_time() - started
        steps += 1
    return model, steps


def restorer(model: keras.Model):
    return lambda degraded, about: ops.convert_to_numpy(model(degraded[None]))[0]


def rates() -> None:
    found = load("rates")
    for name in NETWORKS:
        for rate in RATES:
            if any(row["network"] == name and row["rate"] == rate for row in found):
                continue
            model, steps = train(name, "denoise", BUDGETS[0], rate)
            rng, scores = np.random.default_rng(0), []
            for clean in datasets.photos("validation").values():
                clean = images.center_crop(clean, (192, 192))
                restored = restorer(model)(PROTOCOLS["denoise"].degradation(clean, rng), None)
                scores.append(metrics.psnr(clean, restored.clip(0, 1), data_range=1.0))
            found.append({"network": name, "rate": rate, "steps": steps, "psnr": round(float(np.mean(scores)), 3)})
            save("rates", found)


def best_rate(name: str) -> float:
    return max((row for row in load("rates") if row["network"] == name), key=lambda row: row["psnr"])["rate"]


def race() -> None:
    found = load("race")
    for budget, seed, task, name in itertools.product(BUDGETS, SEEDS, PROTOCOLS, NETWORKS):
        asked = {"task": task, "network": name, "cpu_seconds": budget, "seed": seed}
        if any(asked.items() <= row.items() for row in found):
            continue
        model, steps = train(name, task, budget, best_rate(name), seed)
        row = evaluate.evaluate(name, PROTOCOLS[task], restorer(model))
        kept = ("psnr", "ssim", "set", "protocol", "machine", "versions", "commit")
        found.append(asked | {"rate": best_rate(name), "steps": steps} | {key: row[key] for key in kept})
        save("race", found)


def load(part: str) -> list[dict]:
    return json.loads(TABLE.read_text(encoding="utf-8")).get(part, []) if TABLE.exists() else []


def save(part: str, rows: list[dict]) -> None:
    known = json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.exists() else {}
    tables = known | {part: rows}
    inner = ",\n".join(f'"{name}": [\n' + ",\n".join(map(json.dumps, lines)) + "\n]" for name, lines in tables.items())
    images.write_atomic(TABLE, f"{{{inner}}}\n".encode())
    print(part, rows[-1], flush=True)


if __name__ == "__main__":
    training.set_precision("auto")
    parts = {"rates": rates, "race": race}
    for part in sys.argv[1:] or parts:
        parts[part]()
