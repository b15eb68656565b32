"""What the pooling chapter writes from scratch, held against Keras, OpenCV, SciPy and scikit-image over many sizes."""

import math

import cv2
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import block_reduce

from tests.book.chapter import defined

CHAPTER = defined(
    "pooling",
    *("pool", "edge", "pool-windows", "pooled-side", "line-weights", "bilinear", "lanczos", "strided", "blur-pool"),
    *("unchanged", "expected-largest"),
)
sides = st.integers(1, 13)
REDUCERS = {np.nanmax: "max_pool", np.nanmean: "average_pool"}


def image(height, width, channels=2):
    return np.random.default_rng(height * 97 + width).standard_normal((height, width, channels)).astype(np.float32)


@pytest.mark.parametrize("reduce", [np.max, np.mean, np.sum, np.min, np.median])
@given(sides, sides, st.integers(1, 5))
@settings(deadline=None, max_examples=30)
def test_pool_reduces_blocks(reduce, rows, columns, size):
    x = image(rows * size, columns * size)
    np.testing.assert_allclose(CHAPTER["pool"](x, size, reduce), block_reduce(x, (size, size, 1), reduce), atol=1e-6)


@pytest.mark.parametrize("reduce", REDUCERS)
@given(sides, sides, st.integers(1, 5), st.integers(1, 4), st.sampled_from(["valid", "same"]))
@settings(deadline=None, max_examples=40)
def test_pool_windows_is_what_keras_does(reduce, height, width, size, stride, padding):
    height, width = (max(side, size) for side in (height, width))
    x = image(height, width)
    layer = getattr(keras.ops, REDUCERS[reduce])
    expected = keras.ops.convert_to_numpy(layer(x[None], size, stride, padding, data_format="channels_last")[0])
    pooled = CHAPTER["pool_windows"](x, size, stride, padding, reduce)
    np.testing.assert_allclose(pooled, expected, atol=1e-5)
    assert pooled.shape[:2] == tuple(CHAPTER["pooled_side"](side, size, stride, padding) for side in (height, width))


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5])
@given(st.integers(2, 12), st.integers(2, 12))
@settings(deadline=None, max_examples=20)
def test_bilinear_is_what_opencv_does(factor, height, width):
    x = image(height, width)
    expected = cv2.resize(x, (width * factor, height * factor), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(CHAPTER["bilinear"](x, factor), expected, atol=1e-5)


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("first", [0, 0.5, 1])
def test_enlarging_returns_the_values_where_they_lie(factor, first):
    weights = CHAPTER["line_weights"](9, factor, first)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(
        (weights @ np.arange(9) * factor + first)[factor:-factor], np.arange(9 * factor)[factor:-factor]
    )
    if first != 0.5:
        x = image(9, 7)
        for enlarge in (CHAPTER["bilinear"], CHAPTER["lanczos"]):
            np.testing.assert_allclose(enlarge(x, factor, first)[first::factor, first::factor], x, atol=1e-5)


def test_lanczos_places_blocks_as_resize_does():
    x = image(20, 16)
    expected = cv2.resize(x, (32, 40), interpolation=cv2.INTER_LANCZOS4)
    np.testing.assert_allclose(CHAPTER["lanczos"](x, 2, 0.5)[8:-8, 8:-8], expected[8:-8, 8:-8], atol=1e-3)


@pytest.mark.parametrize("weights", [(0.25,) * 4, (1, 0, 0, 0), (1, -2, 3, 0.5)])
def test_strided_is_a_weighted_sum_of_each_block(weights):
    x = image(8, 6)
    blocks = x.reshape(4, 2, 3, 2, 2).transpose(0, 2, 4, 1, 3).reshape(4, 3, 2, 4)
    np.testing.assert_allclose(CHAPTER["strided"](x, weights), blocks @ np.float32(weights), atol=1e-5)


@given(st.integers(7, 15), st.integers(7, 15), st.integers(1, 4), st.sampled_from([1, 3, 5, 7]))
@settings(deadline=None, max_examples=40)
def test_blur_pool_is_a_binomial_blur_then_every_nth(height, width, stride, taps):
    x = image(height, width)
    line = np.array([math.comb(taps - 1, k) for k in range(taps)]) / 2 ** (taps - 1)
    blurred = ndimage.convolve(x, np.outer(line, line)[..., None], mode="mirror")
    np.testing.assert_allclose(CHAPTER["blur_pool"](x, stride, taps), blurred[::stride, ::stride], atol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6, 8])
def test_a_lone_pixel_stays_in_its_window_as_often_as_the_text_says(size):
    assert CHAPTER["unchanged"](size) == pytest.approx((size - 1) / size)


def test_the_largest_of_normal_numbers_is_as_large_as_tables_say():
    closed = {1: 0.0, 2: 1 / math.sqrt(math.pi), 3: 1.5 / math.sqrt(math.pi)}
    closed[4] = closed[3] * (1 + 2 / math.pi * math.asin(1 / 3))  # the form that the text gives
    for count, mean in closed.items():
        assert CHAPTER["expected_largest"](count) == pytest.approx(mean, abs=1e-6)
    drawn = np.random.default_rng(0).standard_normal((200_000, 16)).max(axis=1).mean()
    assert CHAPTER["expected_largest"](16) == pytest.approx(drawn, abs=0.01)
