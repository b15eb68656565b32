import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import metrics as peer

from lessons_lib import images, metrics
from lessons_lib.images import ImageError

RNG = np.random.default_rng(1)
CLEAN = RNG.random((24, 30, 3))
NOISY = CLEAN + RNG.normal(0, 0.1, CLEAN.shape)


def test_agrees_with_scikit_image():
    assert metrics.mse(CLEAN, NOISY) == pytest.approx(peer.mean_squared_error(CLEAN, NOISY))
    assert metrics.psnr(CLEAN, NOISY, data_range=1.0) == pytest.approx(
        peer.peak_signal_noise_ratio(CLEAN, NOISY, data_range=1.0)
    )


def test_known_values():
    black = np.zeros((16, 16, 1))
    assert metrics.psnr(black, black + 0.1, data_range=1.0) == pytest.approx(20)
    assert metrics.mae(black, black - 0.25) == pytest.approx(0.25)
    assert metrics.psnr(black, black, data_range=1.0) == float("inf")
    assert metrics.ssim(CLEAN, CLEAN, data_range=1.0) == pytest.approx(1)


@given(st.floats(0.01, 0.3))
def test_white_noise_of_sigma_has_that_psnr(sigma):
    clean = np.full((200, 200, 1), 0.5)
    noisy = clean + np.random.default_rng(2).normal(0, sigma, clean.shape)
    assert metrics.psnr(clean, noisy, data_range=1.0) == pytest.approx(-20 * np.log10(sigma), abs=0.1)


def test_a_batch_scores_the_mean_of_its_images_not_of_its_pixels():
    clean = np.zeros((2, 16, 16, 1))
    restored = np.stack([clean[0] + 0.1, clean[1] + 0.01])
    assert metrics.psnr(clean, restored, data_range=1.0) == pytest.approx((20 + 40) / 2)
    assert metrics.mse(clean, restored) == pytest.approx((0.01 + 0.0001) / 2)


def test_border_and_luma():
    restored = CLEAN.copy()
    restored[0] = 0
    assert metrics.mse(CLEAN, restored, border=1) == 0
    y = metrics.mse(CLEAN, NOISY, channel="y")
    assert y == pytest.approx(np.mean((images.luma(CLEAN) - images.luma(NOISY)) ** 2))


def test_ssim_uses_the_papers_window():
    expected = peer.structural_similarity(
        CLEAN, NOISY, data_range=1.0, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert metrics.ssim(CLEAN, NOISY, data_range=1.0) == pytest.approx(expected)


def test_data_range_must_be_given_and_fit():
    with pytest.raises(TypeError):
        metrics.psnr(CLEAN, NOISY)
    with pytest.raises(ImageError, match=r"data_range=1\.0"):
        metrics.psnr(CLEAN, NOISY, data_range=255)
    with pytest.raises(ImageError, match="data_range=255"):
        metrics.psnr(CLEAN * 255, NOISY * 255, data_range=1.0)
    with pytest.raises(ImageError):
        metrics.psnr(CLEAN, NOISY, data_range=0)


@pytest.mark.parametrize(
    ("clean", "restored", "options", "message"),
    [
        (CLEAN, NOISY[:-1], {}, "must be equal"),
        (CLEAN, NOISY, {"border": 12}, "nothing left"),
        (CLEAN, NOISY, {"channel": "r"}, "'all' or 'y'"),
        (CLEAN, np.full_like(CLEAN, np.nan), {}, "restored holds"),
        (CLEAN[None, None], NOISY[None, None], {}, "batch"),
    ],
)
def test_bad_input_is_named(clean, restored, options, message):
    with pytest.raises(ImageError, match=message):
        metrics.psnr(clean, restored, data_range=1.0, **options)


def test_ssim_refuses_images_smaller_than_its_window():
    with pytest.raises(ImageError, match="11"):
        metrics.ssim(CLEAN[:8, :8], NOISY[:8, :8], data_range=1.0)
