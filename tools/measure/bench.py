"""Measure speed and memory into results/, one JSON a table: `python tasks.py bench [precision] [stream] [learning]`.

Peers run in the same process, in turns, and are reported as ratios: a shared machine is noisy, ratios less so.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil

RESULTS = Path(__file__).resolve().parents[2] / "results"


def machine() -> dict:
    packages = ("numpy", "opencv-python", "keras", "tensorflow")
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": psutil.cpu_count(logical=False),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }


def precision(turns: int = 3, seconds: float = 4.0) -> list[dict]:
    """Training steps a second, float32 beside mixed_bfloat16: plain convolutional networks of several widths."""
    import keras

    rows = []
    for width, depth, side, batch in ((16, 4, 28, 64), (32, 8, 64, 16), (64, 8, 64, 16)):
        speeds = {"float32": [], "mixed_bfloat16": []}
        steppers = {policy: _stepper(keras, policy, width, depth, side, batch) for policy in speeds}
        for _ in range(turns):
            for policy, (step, _parameters) in steppers.items():
                done, started = 0, time.perf_counter()
                while time.perf_counter() - started < seconds / turns:
                    step()
                    done += 1
                speeds[policy].append(done / (time.perf_counter() - started))
        fast, slow = (float(np.median(speeds[p])) for p in ("mixed_bfloat16", "float32"))
        rows.append(
            {
                "network": f"{depth} x Conv2D({width}, 3), {batch} pictures of {side} x {side}",
                "parameters": steppers["float32"][1],
                "float32_steps_per_second": round(slow, 2),
                "bfloat16_steps_per_second": round(fast, 2),
                "bfloat16_over_float32": round(fast / slow, 2),
            }
        )
    return rows


def _stepper(keras, policy: str, width: int, depth: int, side: int, batch: int):
    hidden = [
        keras.layers.Conv2D(width, 3, padding="same", activation="relu", dtype=policy, use_bias=False)
        for _ in range(depth)
    ]
    last = keras.layers.Conv2D(1, 3, padding="same", dtype="float32")
    model = keras.Sequential([keras.Input((side, side, 1), dtype="float32"), *hidden, last])
    model.compile("adam", "mae")
    x = np.random.default_rng(0).random((batch, side, side, 1), dtype=np.float32)
    for _ in range(3):
        model.train_on_batch(x, x)
    return lambda: model.train_on_batch(x, x), model.count_params()


def stream() -> list[dict]:
    """Memory and speed of a PairStream over 400, 4,000 and 40,000 picture files: memory must not grow."""
    from lessons_lib import batches, degrade, images

    rng = np.random.default_rng(0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "picture.png"
        images.write(picture, rng.random((128, 128, 3), dtype=np.float32))
        data = picture.read_bytes()
        for count in (400, 4_000, 40_000):
            files = [Path(folder) / f"{count}-{n}.png" for n in range(count)]
            for file in files:
                file.write_bytes(data)
            pairs = batches.PairStream(
                files,
                lambda clean, rng: degrade.gaussian_noise(clean, 0.1, rng),
                batch_size=16,
                patch=64,
                augment=[batches.flip, batches.rotate90],
                steps=count // 16,
            )
            before = _resident_mb()
            started = time.perf_counter()
            most = 0.0
            for index in range(len(pairs)):
                pairs[index]
                most = max(most, _resident_mb() - before)
            rows.append(
                {
                    "pictures": count,
                    "pictures_per_second": round(count / (time.perf_counter() - started)),
                    "memory_grown_mb": round(most, 1),
                    "all_in_memory_would_be_mb": round(count * 128 * 128 * 3 * 4 / 2**20),
                }
            )
            for file in files:
                file.unlink()
    return rows


def learning() -> list[dict]:
    """What each network makes of the same pictures in the same seconds: colour, sigma 25, learned on the sample."""
    from tools.measure.learning import race  # Keras only where it is needed: it would count in the other benchmarks

    return race()


def _resident_mb() -> float:
    return psutil.Process().memory_info().rss / 2**20


BENCHES = {"precision": precision, "stream": stream, "learning": learning}


def main(names: list[str]) -> None:
    unknown = set(names) - set(BENCHES)
    if unknown:
        raise SystemExit(f"no benchmark named {', '.join(sorted(unknown))}: choose from {', '.join(BENCHES)}")
    for name in names or BENCHES:
        print(f"measuring {name}: {BENCHES[name].__doc__}", flush=True)
        rows = BENCHES[name]()
        for row in rows:
            print("  " + ", ".join(f"{key} {value}" for key, value in row.items()))
        target = RESULTS / f"{name}.json"
        part = target.with_suffix(".part")
        part.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n", encoding="utf-8")
        part.replace(target)
        print(f"  written to {target.relative_to(RESULTS.parent)}")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main(sys.argv[1:])
