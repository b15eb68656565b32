"""What the chapter on autoencoders builds, against the library's models, linear algebra and Keras."""

import keras
import numpy as np
import pytest
from keras import ops

from lessons_lib.models import autoencoder as library
from tests.book.chapter import defined


@pytest.fixture(scope="module")
def functions():
    return defined("autoencoder", "conv-model", "gather", "scatter")


@pytest.mark.parametrize("code", [1, 10, 32])
def test_the_chapters_autoencoder_is_the_librarys(functions, code):
    own, shared = functions["convolutional_autoencoder"](code), library.convolutional(code)
    assert [type(layer) for layer in own.layers] == [type(layer) for layer in shared.layers]
    assert own.count_params() == shared.count_params()
    shared.set_weights(own.get_weights())
    batch = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    np.testing.assert_allclose(*(ops.convert_to_numpy(model(batch)) for model in (own, shared)), atol=1e-6)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("outputs", [1, 3, 8])
def test_scatter_is_the_transpose_of_gather_and_keras_transposed_convolution(functions, stride, k, outputs):
    rng = np.random.default_rng(0)
    n = (outputs - 1) * stride + k
    weights, x, y = (rng.standard_normal(size) for size in (k, n, outputs))
    down, up = functions["gather"](x, weights, stride), functions["scatter"](y, weights, stride)
    assert len(up) == n
    assert down @ y == pytest.approx(x @ up)
    by_keras = ops.conv_transpose(np.float32(y)[None, :, None], np.float32(weights)[:, None, None], stride, "valid")
    # Where the stride is larger than the kernel, Keras appends the zeros that no weight reaches.
    np.testing.assert_allclose(ops.convert_to_numpy(by_keras)[0, :n, 0], up, atol=1e-5)


def test_the_halves_that_the_walk_uses_make_the_whole(functions):
    model = functions["convolutional_autoencoder"](10)
    batch = np.random.default_rng(1).random((2, 28, 28, 1), np.float32)
    halves = library.decoder(model)(library.encoder(model)(batch))
    np.testing.assert_allclose(ops.convert_to_numpy(halves), ops.convert_to_numpy(model(batch)), atol=1e-6)
    assert isinstance(model, keras.Model)
