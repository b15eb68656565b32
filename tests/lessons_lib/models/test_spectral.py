import keras
import numpy as np
import pytest

from lessons_lib import datasets, degrade, metrics
from lessons_lib.models.spectral import spectral

SIGMA = 25 / 255


@pytest.mark.parametrize(
    ("height", "width", "channels", "side", "strides"), [(8, 9, 1, 8, 2), (31, 40, 3, 4, 2), (9, 4, 3, 4, 4)]
)
def test_any_size_comes_back_and_the_level_does_not(height, width, channels, side, strides):
    model = spectral(channels, blocks=1, width=8, side=side, strides=strides)
    conditioned = degrade.with_level(np.zeros((2, height, width, channels), np.float32), 0.1)
    assert model.predict_on_batch(conditioned).shape == (2, height, width, channels)


def test_untrained_it_is_a_filter_that_helps():
    clean = datasets.photo("coffee")[:96, :96]
    noisy = degrade.gaussian_noise(clean, SIGMA, np.random.default_rng(0))
    restored = spectral(blocks=2, width=8, side=8).predict_on_batch(degrade.with_level(noisy, SIGMA)[None])[0]
    scores = [metrics.psnr(clean, picture, data_range=1.0) for picture in (noisy, restored)]
    assert scores[1] > scores[0] + 5


def test_its_context_is_as_wide_as_its_blocks_say():
    """A changed pixel is felt 2 convolutions a block and one block of cosines away on each side, and no further."""
    model = spectral(1, blocks=2, width=4)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.2, array.shape) for array in model.get_weights()])
    conditioned = np.concatenate([rng.random((1, 64, 64, 1)), np.full((1, 64, 64, 1), 0.1)], -1).astype(np.float32)
    changed = conditioned.copy()
    changed[0, 32, 32, 0] += 1
    felt = np.abs(model.predict_on_batch(changed) - model.predict_on_batch(conditioned))[0, ..., 0].max(0) > 1e-6
    reach = 32 - np.flatnonzero(felt)[0]
    assert 2 * 2 * 2 <= reach <= 2 * 2 * 2 + 2 * 4


def test_a_saved_model_comes_back(tmp_path):
    model = spectral(1, blocks=1, width=4)
    model.save(tmp_path / "m.keras")
    back = keras.saving.load_model(tmp_path / "m.keras")
    conditioned = np.random.default_rng(1).random((1, 16, 20, 2), dtype=np.float32)
    np.testing.assert_allclose(model.predict_on_batch(conditioned), back.predict_on_batch(conditioned), atol=1e-6)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="blocks 0"):
        spectral(blocks=0)
    with pytest.raises(ValueError, match="strides that divide side"):
        spectral(side=4, strides=3)
