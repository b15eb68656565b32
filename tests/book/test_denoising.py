"""What the chapter on denoising builds, against the library, SciPy and the definitions."""

import itertools

import numpy as np
import pytest
from keras import ops
from scipy import fft, spatial

from lessons_lib.models import residual, shrinkage
from tests.book.chapter import defined


@pytest.fixture(scope="module")
def functions():
    return defined("denoising", "article-model", "plain-model", "network", "leak", "nearest")


def numpy(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize(("depth", "width", "channels"), [(6, 64, 3), (3, 8, 1)])
def test_the_chapters_network_is_the_librarys(functions, depth, width, channels):
    own, shared = functions["shrinkage"](channels, depth, width), shrinkage.shrinkage(channels, depth, width)
    assert own.count_params() == shared.count_params()
    shared.set_weights(own.get_weights())
    conditioned = np.random.default_rng(0).random((1, 19, 24, channels + 1), np.float32)
    np.testing.assert_allclose(numpy(own(conditioned)), numpy(shared(conditioned)), atol=1e-5)


@pytest.mark.parametrize(("depth", "width", "channels"), [(6, 24, 3), (5, 16, 1)])
def test_the_plain_network_is_the_librarys_residual_one(functions, depth, width, channels):
    own, shared = functions["plain"](channels, depth, width), residual.residual(channels, depth, width)
    shared.set_weights(own.get_weights())
    batch = np.random.default_rng(1).random((2, 12, 15, channels), np.float32)
    np.testing.assert_allclose(numpy(own(batch)), numpy(shared(batch)), atol=1e-5)


def test_the_articles_network_has_the_articles_shape(functions):
    model = functions["article"]()
    shapes = [layer.output.shape[1:] for layer in model.layers]
    assert (4, 4, 8) in shapes
    assert model.output_shape == (None, 28, 28, 1)
    # 16, 8, 8 | 8, 8, 16, 1 filters of 3 x 3, counted by hand
    widths = (1, 16, 8, 8, 8, 8, 16, 1)
    assert model.count_params() == sum(9 * a * b + b for a, b in itertools.pairwise(widths))


def test_the_waves_are_scipys_cosines():
    waves = defined("denoising", "waves")["waves"]
    for u, v in ((0, 0), (0, 1), (3, 5), (7, 7)):
        impulse = np.zeros((8, 8))
        impulse[u, v] = 1
        np.testing.assert_allclose(waves[u, v], fft.idctn(impulse, norm="ortho"), atol=1e-9)


def test_nearest_is_the_nearest(functions):
    rng = np.random.default_rng(2)
    given, memory = rng.random((60, 5)), rng.random((200, 5))
    found, distance = functions["nearest"](given, memory)
    by_scipy, index = spatial.KDTree(memory).query(given)
    np.testing.assert_allclose(found, memory[index])
    np.testing.assert_allclose(distance, by_scipy**2 / 5)


def test_patches_are_cut_where_they_should_be(functions):
    picture = np.random.default_rng(3).random((20, 23, 3))
    rows = functions["patches"]([picture], side=8, step=3)
    assert rows.shape == (5 * 6, 64)
    np.testing.assert_allclose(rows[7], picture[3:11, 3:11].mean(-1).ravel())
