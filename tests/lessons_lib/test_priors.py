import numpy as np
import pytest

from lessons_lib import classical, datasets, degrade, metrics, priors
from lessons_lib.images import ImageError

CLEAN = datasets.photo("coffee")[40:168, 100:244]


def denoiser(noisy, sigma):
    return classical.dct(noisy, degrade.DegradationInfo(sigma=sigma))


def blurred_by(kernel, sigma=2 / 255, clean=CLEAN):
    return degrade.Degradation(kernel, level=sigma)(clean, np.random.default_rng(0))


@pytest.mark.parametrize("name", degrade.KERNELS)
def test_it_beats_the_classical_methods_where_the_kernel_is_known(name):
    kernel = degrade.KERNELS[name]()
    blurred, info = blurred_by(kernel), degrade.DegradationInfo(2 / 255, kernel)
    restored = np.clip(priors.deblur(blurred, kernel, 2 / 255, denoiser), 0, 1)
    scores = [metrics.psnr(CLEAN, picture, data_range=1.0) for picture in (blurred, restored)]
    best = max(
        metrics.psnr(CLEAN, np.clip(classical.restore("deblur", method, blurred, info), 0, 1), data_range=1.0)
        for method in ("wiener", "richardson-lucy")
    )
    assert scores[1] > max(scores[0] + 1, best - 0.5)


def test_no_border_rings():
    """The scene goes on outside the picture in a way that no rule of borders guesses."""
    kernel = degrade.motion_kernel(15, 30)
    wide = datasets.photo("coffee")[20:188, 80:264]
    blurred = blurred_by(kernel, clean=wide)[20:-20, 20:-20]
    clean = wide[20:-20, 20:-20]
    restored = np.clip(priors.deblur(blurred, kernel, 2 / 255, denoiser), 0, 1)
    edge = np.ones(clean.shape[:2], bool)
    edge[15:-15, 15:-15] = False
    errors = [float(np.mean((restored - clean)[part] ** 2)) for part in (edge, ~edge)]
    untouched = float(np.mean((blurred - clean)[edge] ** 2))
    assert errors[0] < untouched / 2, "the border gains too"
    assert errors[0] < 6 * errors[1]


def test_a_kernel_of_one_pixel_leaves_a_clean_image_alone():
    restored = priors.deblur(CLEAN, np.ones((1, 1)), 0.0, lambda noisy, sigma: noisy, rounds=2)
    np.testing.assert_allclose(restored, CLEAN, atol=1e-3)


@pytest.mark.parametrize(("height", "width", "channels"), [(31, 40, 1), (17, 33, 3)])
def test_any_size_and_a_kernel_of_any_shape_and_sum(height, width, channels):
    clean = np.random.default_rng(0).random((height, width, channels), dtype=np.float32)
    kernel = np.zeros((3, 7), np.float32)
    kernel[1] = 5
    done = []
    restored = priors.deblur(
        clean, kernel, 0.1, lambda noisy, _: noisy, rounds=3, progress=lambda *step: done.append(step)
    )
    assert restored.shape == clean.shape and restored.dtype == np.float32
    assert done == [(1, 3), (2, 3), (3, 3)]


def test_a_shifted_kernel_shifts_the_picture_back():
    kernel = np.zeros((5, 5), np.float32)
    kernel[2, 4] = 1
    moved = degrade.blur(CLEAN, kernel)
    restored = priors.deblur(moved, kernel, 0.0, lambda noisy, _: noisy, rounds=4)
    np.testing.assert_allclose(restored[8:-8, 8:-8], CLEAN[8:-8, 8:-8], atol=0.02)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kernel": np.ones((2, 3))}, "odd sides"),
        ({"kernel": np.zeros((3, 3))}, "sum 0"),
        ({"kernel": np.ones((301, 301))}, "larger than the image"),
        ({"sigma": 2.0}, "sigma is 2.0: give 0 to 1"),
        ({"rounds": 0}, "rounds is 0"),
        ({"image": CLEAN[None]}, "one image"),
    ],
)
def test_bad_input_is_named(change, says):
    given = {"image": CLEAN, "kernel": np.ones((3, 3)), "sigma": 0.0, "rounds": 1} | change
    with pytest.raises(ImageError, match=says):
        priors.deblur(given["image"], given["kernel"], given["sigma"], denoiser, rounds=given["rounds"])
