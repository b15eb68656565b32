import keras
import numpy as np
import pytest

from lessons_lib import classical, datasets, degrade, metrics
from lessons_lib.models.shrinkage import shrinkage

SIGMA = 25 / 255


def numpy(x):
    return keras.ops.convert_to_numpy(x)


@pytest.mark.parametrize(("height", "width", "channels"), [(8, 9, 1), (31, 40, 3)])
def test_any_size_comes_back_and_the_level_does_not(height, width, channels):
    model = shrinkage(channels, depth=3, width=8)
    conditioned = degrade.with_level(np.zeros((2, height, width, channels), np.float32), 0.1)
    assert model(conditioned).shape == (2, height, width, channels)


def test_untrained_it_denoises_nearly_like_the_classical_filter():
    clean = datasets.photo("coffee")[:96, :96]
    noisy = degrade.gaussian_noise(clean, SIGMA, np.random.default_rng(0))
    scores = [
        metrics.psnr(clean, np.clip(restored, 0, 1), data_range=1.0)
        for restored in (
            noisy,
            numpy(shrinkage()(degrade.with_level(noisy, SIGMA)[None]))[0],
            classical.restore("denoise", "dct", noisy, degrade.DegradationInfo(SIGMA)),
        )
    ]
    assert scores[1] > scores[0] + 5
    assert abs(scores[1] - scores[2]) < 1


def test_each_pixel_is_told_its_own_level():
    """Noise on the left half only: told so, the right half stays as it is."""
    clean = datasets.photo("coffee")[:64, :96]
    noisy = clean.copy()
    noisy[:, :48] = degrade.gaussian_noise(clean[:, :48], SIGMA, np.random.default_rng(0))
    level = np.full((64, 96, 1), 1e-3, np.float32)
    level[:, :48] = SIGMA
    restored = numpy(shrinkage()(np.concatenate([noisy, level], -1)[None]))[0]
    assert np.abs(restored - clean)[:, 60:].max() < 0.01
    assert metrics.mse(clean[:, :40], restored[:, :40]) < 0.3 * metrics.mse(clean[:, :40], noisy[:, :40])


def test_a_saved_model_comes_back(tmp_path):
    model = shrinkage(1, depth=2, width=4)
    model.save(tmp_path / "m.keras")
    back = keras.saving.load_model(tmp_path / "m.keras")
    conditioned = np.random.default_rng(1).random((1, 16, 20, 2), dtype=np.float32)
    np.testing.assert_allclose(numpy(model(conditioned)), numpy(back(conditioned)), atol=1e-6)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="depth 1"):
        shrinkage(depth=1)
