import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.fft import dctn, idctn
from skimage import restoration

from lessons_lib import classical, datasets, degrade, images, metrics
from lessons_lib.classical import METHODS, DegradationInfo
from lessons_lib.images import ImageError

EVERY = [(task, name) for task, methods in METHODS.items() for name in methods]
KERNEL = degrade.gaussian_kernel(5, 1.0)
PHOTO = datasets.photo("coffee")
CROP = PHOTO[40:136, 60:188]


def known(task, sigma=25 / 255):
    return {
        "denoise": DegradationInfo(sigma),
        "dejpeg": DegradationInfo(jpeg=30),
        "deblur": DegradationInfo(2 / 255, KERNEL),
        "upscale": DegradationInfo(scale=3),
    }[task]


@pytest.mark.parametrize(("task", "name"), EVERY)
@pytest.mark.parametrize("shape", [(33, 40, 3), (32, 27, 1), (1, 1, 3), (1, 9, 1)])
def test_every_method_takes_every_image(task, name, shape):
    image = np.random.default_rng(0).normal(0.5, 0.4, shape).astype(np.float32)
    before = image.copy()
    restored = classical.restore(task, name, image, known(task))
    factor = 3 if task == "upscale" else 1
    assert restored.shape == (shape[0] * factor, shape[1] * factor, shape[2])
    assert restored.dtype == np.float32
    assert np.isfinite(restored).all()
    assert np.array_equal(image, before)


@pytest.mark.parametrize(("task", "name"), EVERY)
def test_a_flat_image_stays_flat(task, name):
    flat = np.full((30, 30, 3), 0.4, np.float32)
    assert classical.restore(task, name, flat, known(task)) == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize("name", [name for name in METHODS["denoise"] if name != "identity"])
def test_every_denoiser_beats_doing_nothing(name):
    noisy = degrade.gaussian_noise(CROP, 25 / 255, np.random.default_rng(0))
    gain = metrics.psnr(
        CROP, classical.restore("denoise", name, noisy, known("denoise")), data_range=1.0
    ) - metrics.psnr(CROP, noisy, data_range=1.0)
    assert gain > 3


@pytest.mark.parametrize("name", [name for name in METHODS["deblur"] if name != "identity"])
def test_every_deblurrer_beats_doing_nothing(name):
    info = DegradationInfo(2 / 255, degrade.gaussian_kernel(13, 1.6))
    blurred = degrade.gaussian_noise(degrade.blur(PHOTO, info.kernel), info.sigma, np.random.default_rng(0))
    restored = classical.restore("deblur", name, blurred, info)
    assert metrics.psnr(PHOTO, restored, data_range=1.0) > metrics.psnr(PHOTO, blurred, data_range=1.0) + 0.3


@pytest.mark.parametrize("quality", [10, 40])
@pytest.mark.parametrize("channels", [1, 3])
def test_compressing_again_at_every_shift_beats_the_file(quality, channels):
    clean = CROP if channels == 3 else images.to_gray(CROP)
    compressed = degrade.jpeg(clean, quality)
    restored = classical.restore("dejpeg", "reapplied-jpeg", compressed, DegradationInfo(jpeg=quality))
    assert metrics.psnr(clean, restored, data_range=1.0) > metrics.psnr(clean, compressed, data_range=1.0) + 0.1
    once = classical.reapplied_jpeg(compressed, DegradationInfo(jpeg=quality), shifts=1)
    np.testing.assert_array_equal(once, degrade.jpeg(compressed, quality))  # no shift: one more compression


def test_compressing_again_needs_the_quality():
    with pytest.raises(ImageError, match=r"info\.jpeg is None"):
        classical.restore("dejpeg", "reapplied-jpeg", CROP, DegradationInfo())


def test_enlarging_orders_as_everybody_finds():
    clean = PHOTO[:192, :300]
    small = degrade.imresize(clean, 1 / 3)
    scores = {
        name: metrics.psnr(clean, classical.restore("upscale", name, small, DegradationInfo(scale=3)), data_range=1.0)
        for name in METHODS["upscale"]
    }
    assert scores["nearest"] < scores["bilinear"] < scores["bicubic"] < scores["lanczos"] + 0.2


def test_gaussian_agrees_with_scipy():
    ours = classical.gaussian(CROP, DegradationInfo(), width=1.3)
    theirs = ndimage.gaussian_filter(CROP, (1.3, 1.3, 0), mode="mirror", truncate=4)
    assert ours[8:-8, 8:-8] == pytest.approx(theirs[8:-8, 8:-8], abs=2e-3)


@pytest.mark.parametrize("size", [3, 5])
def test_median_agrees_with_scipy(size):
    ours = classical.median(CROP, DegradationInfo(), size=size)
    assert np.array_equal(ours, ndimage.median_filter(CROP, (size, size, 1), mode="nearest"))


def test_bilateral_agrees_with_its_definition():
    info, space, similar = DegradationInfo(0.1), 1.5, 3.0
    gray = np.ascontiguousarray(CROP[..., :1])
    restored = classical.bilateral(gray, info, space=space, similar=similar)
    y, x, reach = 30, 50, round(1.5 * space)
    ways = [(dy, dx) for dy, dx in itertools.product(range(-reach, reach + 1), repeat=2) if dy**2 + dx**2 <= reach**2]
    values = np.array([gray[y + dy, x + dx, 0] for dy, dx in ways])
    near = np.exp([-(dy**2 + dx**2) / (2 * space**2) for dy, dx in ways])
    weights = near * np.exp(-((values - gray[y, x, 0]) ** 2) / (2 * (similar * info.sigma) ** 2))
    assert restored[y, x, 0] == pytest.approx((weights * values).sum() / weights.sum(), abs=1e-4)


def test_dct_agrees_with_its_definition():
    side, threshold, info = 4, 2.0, DegradationInfo(0.1)
    image = np.random.default_rng(1).normal(0.5, 0.3, (7, 6, 3))
    padded = np.pad(image, ((side - 1, side - 1), (side - 1, side - 1), (0, 0)), "symmetric")
    total, count = np.zeros_like(padded), np.zeros(padded.shape)
    for y, x in itertools.product(range(padded.shape[0] - side + 1), range(padded.shape[1] - side + 1)):
        block = np.s_[y : y + side, x : x + side]
        waves = dctn(padded[block], norm="ortho")
        keep = np.abs(waves) > threshold * info.sigma
        keep[0, 0, 0] = True
        total[block] += idctn(waves * keep, norm="ortho")
        count[block] += 1
    inside = np.s_[side - 1 : -side + 1, side - 1 : -side + 1]
    ours = classical.dct(image, info, threshold=threshold, side=side)
    assert ours == pytest.approx((total / count)[inside], abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), side=st.sampled_from([2, 5, 8]))
def test_dct_without_noise_changes_nothing(height, width, side):
    image = np.random.default_rng(0).random((height, width, 3))
    assert classical.dct(image, DegradationInfo(0.0), side=side) == pytest.approx(image, abs=1e-9)


def test_wiener_is_scikit_images_away_from_the_border():
    info = DegradationInfo(0.02, KERNEL)
    blurred = degrade.blur(PHOTO, KERNEL)[:150, :150]
    ours = classical.wiener(blurred, info, balance=0.01)
    theirs = restoration.wiener(blurred[..., 0], KERNEL, 0.01, clip=False)
    assert ours[40:-40, 40:-40, 0] == pytest.approx(theirs[40:-40, 40:-40], abs=2e-3)


def test_more_richardson_lucy_sharpens_more_without_noise():
    blurred = degrade.blur(CROP, KERNEL)
    scores = [
        metrics.psnr(CROP, classical.richardson_lucy(blurred, DegradationInfo(0, KERNEL), iterations=n), data_range=1.0)
        for n in (1, 10, 50)
    ]
    assert scores == sorted(scores)


@pytest.mark.parametrize(
    ("task", "name", "image", "info", "says"),
    [
        ("sharpen", "dct", CROP, DegradationInfo(), "task is 'sharpen': choose one of denoise, dejpeg"),
        ("denoise", "bm3d", CROP, DegradationInfo(), "denoise has no method 'bm3d': choose one of identity"),
        ("denoise", "dct", CROP[None], DegradationInfo(), "give one image"),
        ("denoise", "dct", CROP * np.nan, DegradationInfo(), "NaN"),
        ("deblur", "wiener", CROP, DegradationInfo(), "needs the kernel"),
    ],
)
def test_bad_requests_are_refused(task, name, image, info, says):
    with pytest.raises(ImageError, match=says):
        classical.restore(task, name, image, info)


def test_parameters_are_those_that_the_tuning_recorded():
    root = Path(__file__).resolve().parents[2]
    rows = json.loads((root / "results" / "tuning.json").read_text(encoding="utf-8"))["rows"]
    assert len(rows) > 30
    for row in rows:
        assert classical.tuned(row["task"], row["method"], row["sigma"] / 255) == row["parameters"]
    assert classical.tuned("denoise", "gaussian", 26 / 255) == classical.tuned("denoise", "gaussian", 25 / 255)
    assert classical.tuned("upscale", "bicubic", 0) == {}
