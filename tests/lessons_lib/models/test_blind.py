import keras
import numpy as np
import pytest

from lessons_lib import datasets, degrade, metrics, models, pretrained
from lessons_lib.models.blind import blind
from lessons_lib.recipes import run


@pytest.mark.parametrize(("height", "width", "channels"), [(8, 9, 1), (31, 40, 3)])
def test_any_size_comes_back_and_the_strength_does_not(height, width, channels):
    model = blind(channels, blocks=1, width=4, estimator=4)
    given = degrade.with_level(np.zeros((2, height, width, channels), np.float32), 1.0)
    assert model.predict_on_batch(given).shape == (2, height, width, channels)


@pytest.mark.parametrize("sigma", [10, 40])
def test_untrained_it_finds_the_strength_of_white_noise(sigma):
    """Without a single step, it is nearly the classical filter that was told the level, at any level."""
    clean = datasets.photo("coffee")[:128, :128]
    noisy = degrade.gaussian_noise(clean, sigma / 255, np.random.default_rng(0))
    model = blind(blocks=1, width=4, estimator=4)
    scores = []
    for strength in (0.1, 1.0):
        restored = model.predict_on_batch(degrade.with_level(noisy, strength)[None])[0]
        scores.append(metrics.psnr(clean, restored, data_range=1.0))
    before = metrics.psnr(clean, noisy, data_range=1.0)
    assert scores[1] > before + {10: 1.5, 40: 6}[sigma]
    assert scores[0] < before + 1  # a tenth of the strength hardly does anything


def test_it_starts_from_a_trained_network_and_a_new_estimator():
    trained = pretrained.load("denoise-small")
    kind = pretrained.card("denoise-small")["model"]
    assert kind["kind"] == "spectral"
    model = models.build("blind", **kind["arguments"])
    fresh = [array.copy() for array in model.get_weights()]
    run._start_from(model, trained.get_weights())
    count = len(trained.get_weights())
    for mine, given in zip(model.get_weights()[-count:], trained.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, given)
    for mine, before in zip(model.get_weights()[:-count], fresh, strict=False):
        np.testing.assert_array_equal(mine, before)


def test_its_context_is_as_wide_as_its_layers_say():
    model = blind(1, blocks=2, width=4, estimator=4)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.2, array.shape) for array in model.get_weights()])
    given = degrade.with_level(rng.random((1, 96, 96, 1)).astype(np.float32), 1.0)
    changed = given.copy()
    changed[0, 48, 48, 0] += 1
    felt = np.abs(model.predict_on_batch(changed) - model.predict_on_batch(given))[0, ..., 0].max(0) > 1e-6
    reach = 48 - np.flatnonzero(felt)[0]
    blocks, trunk, estimator = 2 * 4 + 6, 2 * 2 * 2, 2 * (1 + 2 + 4)
    assert trunk + estimator <= reach <= blocks + trunk + estimator


def test_a_saved_model_comes_back(tmp_path):
    model = blind(1, blocks=1, width=4, estimator=4)
    model.save(tmp_path / "m.keras")
    back = keras.saving.load_model(tmp_path / "m.keras")
    given = np.random.default_rng(1).random((1, 16, 20, 2), dtype=np.float32)
    np.testing.assert_allclose(model.predict_on_batch(given), back.predict_on_batch(given), atol=1e-6)


@pytest.mark.parametrize("arguments", [{"estimator": 0}, {"blocks": 0}, {"channels": 0}])
def test_bad_arguments_are_named(arguments):
    with pytest.raises(ValueError, match=f"{next(iter(arguments))} 0"):
        blind(**arguments)
