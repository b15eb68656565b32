"""What the chapter on the tool builds, against the library and scikit-image's definitions."""

import numpy as np
import pytest

from lessons_lib import degrade, restore
from lessons_lib.models.residual import residual
from lessons_lib.noise_estimation import estimate_sigma
from tests.book.chapter import defined


@pytest.fixture(scope="module")
def functions():
    return defined(
        "tool", "naive-function", "smooth-function", "immerkaer-function", "places", "tiled", "ensemble-function"
    )


@pytest.fixture(scope="module")
def network():
    """Three convolutions of random weights: a reach of 3."""
    model, rng = residual(3, 3, 4), np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.3, w.shape) for w in model.get_weights()])
    return restore.Network(model, halo=3)


@pytest.fixture
def asked(functions, network, monkeypatch):
    """The chapter's functions, asking that network."""
    monkeypatch.setitem(functions, "ask", lambda picture: network.model.predict_on_batch(picture[None])[0])
    return functions


@pytest.mark.parametrize(("length", "tile", "halo", "multiple"), [(384, 160, 40, 2), (100, 160, 40, 2), (90, 32, 7, 4)])
def test_the_places_of_tiles_are_the_librarys(functions, length, tile, halo, multiple):
    length -= length % multiple
    pieces = restore._pieces(length, tile, halo, multiple)
    assert functions["places"](length, tile, halo, multiple) == [(p.start, p.first, p.last) for p in pieces]


def test_tiles_are_the_librarys_and_the_whole_picture(asked, network):
    picture = np.random.default_rng(1).random((60, 84, 3), np.float32)
    ours = asked["tiled"](picture, 32, 3, 1)
    np.testing.assert_allclose(ours, restore.denoise(picture, model=network, tile=32), atol=1e-5)
    np.testing.assert_allclose(ours, asked["ask"](picture), atol=1e-5)
    assert np.abs(asked["pasted"](picture, 32) - ours).max() > 0.01


def test_the_ensemble_is_the_librarys(asked, network):
    picture = np.random.default_rng(2).random((20, 28, 3), np.float32)
    np.testing.assert_allclose(
        asked["eight"](picture), restore.denoise(picture, model=network, ensemble=True), atol=1e-5
    )


def test_the_noise_of_smooth_patches_is_nearly_the_librarys(functions):
    ramp = np.broadcast_to(np.linspace(0.2, 0.8, 200, dtype=np.float32)[:, None, None], (200, 200, 1))
    noisy = degrade.gaussian_noise(np.ascontiguousarray(ramp), 0.05, np.random.default_rng(3))
    assert functions["estimate"](noisy[..., 0]) == pytest.approx(estimate_sigma(noisy), rel=0.05)
    assert functions["immerkaer"](noisy) == pytest.approx(0.05, rel=0.03)
