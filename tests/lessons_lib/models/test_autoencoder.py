import keras
import numpy as np
import pytest

from lessons_lib.models import autoencoder

X = np.random.default_rng(9).random((5, 28, 28, 1), dtype=np.float32)


@pytest.mark.parametrize(
    "model",
    [
        autoencoder.dense_linear(3),
        autoencoder.convolutional(10),
        autoencoder.convolutional(4, (32, 48, 3), (8, 8, 16)),
        autoencoder.convolutional(2, (6, 4, 16), (16,)),
    ],
)
def test_shape_comes_back_through_a_code_of_that_size(model):
    batch = np.zeros((2, *model.input_shape[1:]), np.float32)
    assert model(batch).shape == batch.shape
    code = model.get_layer("code")
    assert code.output.shape == (None, code.units)


def test_the_linear_one_is_linear():
    model = autoencoder.dense_linear(3)
    f = lambda x: keras.ops.convert_to_numpy(model(x))  # noqa: E731
    np.testing.assert_allclose(f(2 * X[:1] + X[1:2]), 2 * f(X[:1]) + f(X[1:2]) - 2 * f(0 * X[:1]), atol=1e-4)
    assert model.count_params() == 784 * 3 + 3 + 3 * 784 + 784


def test_the_halves_make_the_whole():
    model = autoencoder.convolutional(10)
    encode, decode = autoencoder.encoder(model), autoencoder.decoder(model)
    assert encode.output_shape == (None, 10)
    np.testing.assert_allclose(*(keras.ops.convert_to_numpy(y) for y in (decode(encode(X)), model(X))), atol=1e-6)
    whole = keras.ops.convert_to_numpy(model(X))
    assert whole.min() >= 0
    assert whole.max() <= 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: autoencoder.dense_linear(0), "code is 0"),
        (lambda: autoencoder.convolutional(-1), "code is -1"),
        (lambda: autoencoder.convolutional(3, (30, 28, 1)), "multiples of 4"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
