"""What the chapter on waves writes from scratch, against SciPy and scikit-image."""

import numpy as np
import pytest
from scipy import signal
from skimage import restoration

from lessons_lib import degrade
from tests.book.chapter import defined


@pytest.fixture(scope="module")
def functions():
    return defined("waves", "swap", "spectrum", "wiener-code", "power-code")


@pytest.mark.parametrize("kernel", [degrade.gaussian_kernel(5, 1.0), degrade.motion_kernel(7, 20)])
def test_multiplying_by_the_spectrum_is_the_blur_with_a_wrapped_border(functions, kernel):
    picture = np.random.default_rng(1).random((24, 31))
    by_spectrum = functions["filtered"](picture, functions["spectrum"](kernel, picture.shape))
    np.testing.assert_allclose(by_spectrum, degrade.blur(picture[..., None], kernel, "wrap")[..., 0], atol=1e-6)
    np.testing.assert_allclose(by_spectrum, signal.convolve2d(picture, kernel, "same", "wrap"), atol=1e-9)


@pytest.mark.parametrize("shape", [(24, 24), (31, 40)])
@pytest.mark.parametrize("balance", [1e-4, 0.1])
def test_wiener_is_scikit_images(functions, shape, balance):
    picture, kernel = np.random.default_rng(2).random(shape), degrade.gaussian_kernel(7, 1.2).astype(np.float64)
    theirs = restoration.wiener(picture, kernel, balance, clip=False)
    np.testing.assert_allclose(functions["wiener"](picture, kernel, balance), theirs, atol=1e-9)


@pytest.mark.parametrize("shape", [(24, 24), (31, 40)])
def test_a_mixture_has_the_amplitudes_of_one_and_the_phases_of_the_other(functions, shape):
    rng = np.random.default_rng(3)
    one, other = rng.random(shape), rng.random(shape)
    found = np.fft.fft2(functions["mixed"](one, other))
    np.testing.assert_allclose(np.abs(found), np.abs(np.fft.fft2(one)), atol=1e-9)
    np.testing.assert_allclose(functions["mixed"](one, one), one, atol=1e-9)
    turned = np.angle(found * np.fft.fft2(other).conj())
    np.testing.assert_allclose(turned, 0, atol=1e-6)


def test_the_power_of_white_noise_is_its_variance_in_every_wave(functions):
    many = [functions["power"](np.random.default_rng(seed).normal(0, 0.1, (200, 200))) for seed in range(30)]
    np.testing.assert_allclose(np.mean(many, axis=0)[1:], 0.01, rtol=0.15)


@pytest.mark.parametrize("cycles", [0.1, 0.25])
def test_a_wave_has_its_power_at_its_frequency(functions, cycles):
    waves = np.cos(2 * np.pi * cycles * np.arange(200)) * np.ones((200, 1))
    found = functions["power"](waves)
    assert (found.argmax() + 1) / 100 == pytest.approx(cycles)
