"""What the chapter on convolution writes from scratch, against SciPy and Keras, over many sizes."""

import itertools

import keras
import numpy as np
import pytest
from scipy import signal

from tests.book.chapter import defined

CELLS = ("correlate", "output-size", "matrix", "parameters", "receptive-field")


@pytest.fixture(scope="module")
def functions():
    return defined("convolution", *CELLS)


def picture(*shape, seed=0):
    return np.random.default_rng(seed).random(shape)


@pytest.mark.parametrize(("height", "width"), [(5, 5), (7, 12), (30, 9)])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (5, 2)])
def test_correlate_is_scipys(functions, height, width, kernel):
    image, weights = picture(height, width), picture(*kernel, seed=1)
    expected = signal.correlate2d(image, weights, mode="valid")
    np.testing.assert_allclose(functions["correlate"](image, weights), expected, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_stride_keeps_every_nth_and_dilation_is_a_kernel_with_holes(functions, stride, dilation):
    image, weights = picture(17, 14), picture(3, 3, seed=1)
    holes = np.zeros((2 * dilation + 1,) * 2)
    holes[::dilation, ::dilation] = weights
    expected = signal.correlate2d(image, holes, mode="valid")[::stride, ::stride]
    np.testing.assert_allclose(functions["correlate"](image, weights, stride, dilation), expected, atol=1e-12)


def test_the_output_size_is_keras_own(functions):
    tried = 0
    for n, k, p, s, d in itertools.product(range(1, 26), (1, 2, 3, 5), (0, 1, 2), (1, 2, 3), (1, 2, 3)):
        if n + 2 * p < d * (k - 1) + 1 or (s > 1 and d > 1):  # does not fit; Keras refuses both at once
            continue
        layer = keras.layers.Conv1D(1, k, strides=s, dilation_rate=d)
        assert functions["output_size"](n, k, p, s, d) == layer.compute_output_shape((1, n + 2 * p, 1))[1]
        tried += 1
    assert tried > 800


def test_stride_and_dilation_together_size_what_correlate_gives(functions):
    for n, k, s, d in itertools.product(range(7, 15), (1, 2, 3), (1, 2, 3), (1, 2, 3)):
        sides = functions["correlate"](picture(n, n), picture(k, k), s, d).shape
        assert sides == (functions["output_size"](n, k, 0, s, d),) * 2


@pytest.mark.parametrize("n", [3, 6, 20])
def test_the_matrix_slides(functions, n):
    weights, x = picture(3), picture(n, seed=1)
    expected = np.correlate(x, weights, mode="valid")
    np.testing.assert_allclose(functions["convolution_matrix"](weights, n) @ x, expected, atol=1e-12)


@pytest.mark.parametrize(("k", "channels", "filters"), [(1, 1, 1), (3, 3, 16), (5, 8, 2)])
def test_parameters_are_counted_as_keras_counts(functions, k, channels, filters):
    layer = keras.layers.Conv2D(filters, k)
    layer.build((None, 9, 9, channels))
    assert functions["parameters"](k, channels, filters) == layer.count_params()


@pytest.mark.parametrize(
    ("stack", "side"),
    [
        ([(3, 1, 1)], 3),
        ([(3, 1, 1)] * 4, 9),
        ([(3, 2, 1), (3, 2, 1)], 7),
        ([(3, 1, 1), (3, 2, 1), (3, 2, 1), (3, 1, 1)], 17),
    ],
)
def test_receptive_field(functions, stack, side):
    assert functions["receptive_field"](stack) == side
