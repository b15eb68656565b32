"""Measure the restoring tool: `python -m tools.measure.restore [PART ...]` -> results/restore.json, 10 minutes in all.

estimate:  error of three ways to tell the noise from the picture, on 8 BSD pictures held out
1.5mp, 6mp, 24mp: seconds, seconds of a core (other work changes them less) and peak memory of one photograph, by tiles;
           the smallest also whole
seams:     tiles against the whole picture, and the self-ensemble's gain, for every shipped denoiser
gray:      what a colour network should be told about a gray picture stored as colour
kills:     `lessons restore` on a folder, killed ten times at random moments
Each part replaces its own rows. BSD500 needs LESSONS_DATA or a download.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from skimage import restoration

from lessons_lib import datasets, degrade, evaluate, image_io, images, metrics, pretrained, restore
from lessons_lib.noise_estimation import estimate_sigma

TABLE = Path(__file__).resolve().parents[2] / "results" / "restore.json"
SIGMA = 20
WHOLE = 2  # megapixels: larger ones are not tried in one piece
# A process of its own restores one file and prints its seconds and its largest resident memory.
CHILD = """
import os, resource, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
from lessons_lib import image_io, restore
source, target, tile = sys.argv[1], sys.argv[2], int(sys.argv[3])
network = restore.network("denoise", "medium")
list(restore.blocks(network, np.zeros((600, 600, 3), np.uint8), 0.1, tile=min(tile, 512)))  # compiles
started, busy = time.perf_counter(), time.process_time()
photo = image_io.read(source)
sigma = restore.estimate_sigma(photo.pixels)
image_io.write(target, image_io.restored(photo, restore.blocks(network, photo.pixels, sigma, tile=tile)))
seconds, busy = time.perf_counter() - started, time.process_time() - busy
print(seconds, busy, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 255 * sigma)
"""


def immerkaer(picture: np.ndarray) -> float:
    """Immerkaer (1996): the mean absolute answer of a mask that no constant and no slope excites."""
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    answers = [cv2.filter2D(plane, -1, mask)[1:-1, 1:-1] for plane in np.moveaxis(picture, -1, 0)]
    return np.sqrt(np.pi / 2) * float(np.abs(answers).mean()) / 6


METHODS = {
    "Immerkaer (1996)": immerkaer,
    "wavelets (scikit-image)": lambda p: restoration.estimate_sigma(p, channel_axis=-1, average_sigmas=True),
    "smooth patches (ours)": estimate_sigma,
}


def estimate() -> list[dict]:
    """Mean error, root mean square error and worst error of each method, in 0..255."""
    rows = []
    clean = [images.read(path) for path in datasets.paths("bsds500", "validation")[:8]]
    for colour in (True, False):
        for clipped in (False, True):
            for sigma in (0, 2, 5, 15, 25, 55):
                errors = {name: [] for name in METHODS}
                for index, picture in enumerate(clean):
                    given = picture if colour else images.to_gray(picture)
                    noisy = degrade.gaussian_noise(given, sigma / 255, np.random.default_rng([0, index]), clipped)
                    for name, method in METHODS.items():
                        errors[name].append(255 * method(noisy) - sigma)
                for name, found in errors.items():
                    row = {"method": name, "colour": colour, "clipped": clipped, "sigma": sigma, "n": len(clean)}
                    row |= {"bias": float(np.mean(found)), "rms": float(np.sqrt(np.mean(np.square(found))))}
                    rows.append(_rounded(row | {"worst": float(max(found, key=abs))}))
                print(colour, clipped, sigma, {n: round(float(np.mean(e)), 2) for n, e in errors.items()}, flush=True)
    return rows


def mosaic(height: int, width: int) -> np.ndarray:
    """A photograph of any size: the sample's own, side by side, with noise of SIGMA."""
    found = [images.to_uint8(datasets.photo(name)) for name in datasets.sample_names("train")]
    found = [p for p in found if p.shape[0] >= 400 and p.shape[1] >= 480]
    rng, tall, wide = np.random.default_rng(0), -(-height // 400), -(-width // 480)
    rows = [[found[(row * wide + column) % len(found)] for column in range(wide)] for row in range(tall)]
    rows = [np.concatenate([p[:400, :480] for p in row], 1) for row in rows]
    clean = np.concatenate([row[:400] for row in rows])[:height, :width]
    for top in range(0, height, 500):  # in parts: this process should stay small, too
        part = images.to_float(clean[top : top + 500])
        clean[top : top + 500] = images.to_uint8(degrade.gaussian_noise(part, SIGMA / 255, rng))
    return clean


def size(height: int, width: int) -> list[dict]:
    """The rows of the sizes measured before, with this one's put in."""
    row = {"height": height, "width": width, "megapixels": height * width / 1e6, "whole": None}
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "photo.png"), Path(folder, "restored.png")
        image_io.write(source, image_io.Photo(mosaic(height, width)))
        for name, tile in (("tiles", restore.TILE), ("whole", 100_000)):
            if name == "whole" and row["megapixels"] > WHOLE:
                continue
            words = [sys.executable, "-c", CHILD, str(source), str(target), str(tile)]
            answer = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
            seconds, busy, peak, sigma = map(float, answer[-4:])
            row[name] = {
                "seconds": round(seconds, 1),
                "core_seconds": round(busy, 1),
                "core_seconds_per_megapixel": round(busy / row["megapixels"], 2),
                "peak_mb": round(peak),
                "sigma_found": round(sigma, 1),
            }
    print(row, flush=True)
    others = [old for old in table().get("sizes", []) if old["megapixels"] != row["megapixels"]]
    return sorted([*others, row], key=lambda one: one["megapixels"])


def table() -> dict:
    return json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.exists() else {}


def seams() -> list[dict]:
    """Largest difference between tiles and the whole picture; the gain of the self-ensemble on the test photographs."""
    rows = []
    noisy = images.to_float(mosaic(800, 1200))
    rng = np.random.default_rng(1)
    crops = [images.center_crop(datasets.photo(n), (192, 192)) for n in datasets.sample_names("test")]
    noisy = [degrade.gaussian_noise(p, SIGMA / 255, rng) for p in crops]
    for name in pretrained.names("denoise"):
        network = restore.Network.load(name)
        sigma_given = SIGMA / 255 if network.sigma_given else None
        given = images.to_gray(noisy) if network.channels == 1 else noisy
        whole = restore.denoise(given, sigma_given, network, tile=100_000)
        row = {"name": name, "halo": network.halo, "n": len(crops)}
        for tile in (256, restore.TILE):
            row[f"difference_{tile}"] = float(
                np.abs(restore.denoise(given, sigma_given, network, tile=tile) - whole).max()
            )
        if network.channels == 3:
            once, eight = ([restore.denoise(p, sigma_given, network, ensemble=e) for p in noisy] for e in (False, True))
            gains = [_psnr(c, b) - _psnr(c, a) for c, a, b in zip(crops, once, eight, strict=True)]
            row["ensemble_gain_db"] = round(float(np.mean(gains)), 3)
        rows.append(row)
        print(row, flush=True)
    return rows


def gray() -> list[dict]:
    """PSNR of gray pictures through colour networks that are told sigma, and sigma times a factor."""
    rows = []
    pictures = [images.to_gray(images.read(path)) for path in datasets.paths("bsds500", "validation")[:8]]
    for name in pretrained.names("denoise"):
        network = restore.Network.load(name)
        if network.channels == 3 and network.sigma_given:
            for sigma in (15, 50):
                rng = np.random.default_rng(2)
                noisy = [degrade.gaussian_noise(p, sigma / 255, rng) for p in pictures]
                for factor in (1.0, 1.3, 3**0.5):
                    pairs = zip(pictures, noisy, strict=True)
                    scores = [_psnr(c, _as_colour(s, factor * sigma / 255, network)) for c, s in pairs]
                    row = {"name": name, "sigma": sigma, "factor": factor, "psnr": float(np.mean(scores))}
                    rows.append(_rounded(row | {"n": len(scores)}))
                    print(rows[-1], flush=True)
    return rows


def _as_colour(picture: np.ndarray, sigma: float, network: restore.Network) -> np.ndarray:
    return restore.denoise(np.repeat(picture, 3, -1), min(1, sigma), network).mean(-1, keepdims=True)


def kills(times: int = 10, files: int = 8) -> dict:
    """Kill `lessons restore` at random moments of its work on a folder, read every file after each, then --resume."""
    command = [sys.executable, "-u", "-c", "from lessons_lib.cli import app; app()", "restore"]
    rng, seen, damaged = np.random.default_rng(3), [], 0
    with tempfile.TemporaryDirectory() as folder:
        source, calm, killed = (Path(folder, name) for name in ("in", "calm", "killed"))
        source.mkdir()
        for number in range(files):
            image_io.write(source / f"{number}.png", image_io.Photo(mosaic(300, 400 + 16 * number)))
        with subprocess.Popen([*command, str(source), "-o", str(calm)], stdout=subprocess.PIPE) as process:
            process.stdout.readline()  # the first file is there
            started = time.perf_counter()
            process.stdout.read()
        work = time.perf_counter() - started
        for number in range(times):
            words = [*command, str(source), "-o", str(killed), "--resume"]
            with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
                if number % 2:  # else the first file may be met half done
                    process.stdout.readline()
                else:
                    while not (killed.exists() or process.poll() is not None):
                        time.sleep(0.01)
                time.sleep(rng.uniform(0, work / 2))
                process.kill()
            there = sorted(killed.glob("*.png"))
            damaged += sum(not _is_whole(path) for path in there)
            seen.append(len(there))
            if len(there) == files:  # begin again, so that every kill meets a run at work
                for path in there:
                    path.unlink()
        last = subprocess.run([*command, str(source), "-o", str(killed), "--resume"], check=False, capture_output=True)
        pairs = [(calm / f"{n}.png", killed / f"{n}.png") for n in range(files)]
        wrong = sum(not b.exists() or a.read_bytes() != b.read_bytes() for a, b in pairs)
        left = [path.name for path in killed.iterdir() if path.suffix != ".png"]
    row = {"times": times, "files": files, "there_after_each": seen, "damaged": damaged, "wrong": wrong}
    return row | {"left_over": len(left), "exit_code_of_the_last": last.returncode}


def _is_whole(path: Path) -> bool:
    try:
        image_io.read(path)
    except images.ImageError:
        return False
    return True


def _psnr(clean: np.ndarray, restored: np.ndarray) -> float:
    return metrics.psnr(clean, restored, data_range=1.0)


def _rounded(row: dict) -> dict:
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}


PARTS = {
    "1.5mp": ("sizes", lambda: size(1000, 1500)),
    "6mp": ("sizes", lambda: size(2000, 3000)),
    "24mp": ("sizes", lambda: size(4000, 6000)),
    "kills": ("kills", kills),
    "gray": ("gray", gray),
    "seams": ("seams", seams),
    "estimate": ("estimate", estimate),
}

if __name__ == "__main__":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    for part in sys.argv[1:] or PARTS:
        key, measure = PARTS[part]
        measured = measure()
        text = json.dumps(table() | {key: measured} | evaluate.provenance(), indent=1) + "\n"
        images.write_atomic(TABLE, text.encode())
        print(part, "done", flush=True)
