"""The picture at the top of README.md: `python -m tools.publish.readme_picture` makes it anew, the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lessons_lib import datasets, images, metrics, restore, training
from lessons_lib.degrade import Degradation

PLACE = Path(__file__).resolve().parents[2] / "book" / "_static" / "readme.jpg"
PHOTOGRAPH, SIGMA, SIDE, GAP = "nuthatch", 25 / 255, 320, 12  # pixels


def picture() -> tuple[np.ndarray, tuple[float, float]]:
    """A test photograph, noisy and restored, side by side on white; and the PSNR of both in dB."""
    training.set_precision("float32")
    clean = datasets.photo(PHOTOGRAPH)
    noisy = Degradation(level=SIGMA, quantise=True)(clean, np.random.default_rng(0))
    restored = np.clip(restore.denoise(noisy), 0, 1)
    halves = [images.center_crop(image, (SIDE, SIDE * 4 // 3)) for image in (noisy, restored)]
    between = np.ones((SIDE, GAP, 3), np.float32)
    scores = tuple(metrics.psnr(clean, image, data_range=1.0) for image in (noisy, restored))
    return np.concatenate([halves[0], between, halves[1]], axis=1), scores


if __name__ == "__main__":
    made, (before, after) = picture()
    images.write(PLACE, made)
    print(f"{PLACE.name}: {before:.1f} dB before, {after:.1f} dB after")
