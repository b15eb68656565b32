import keras
import numpy as np
import pytest
from scipy import ndimage

from lessons_lib.layers import ICNR, BlurPool2D, CropLike, PixelShuffle

X = np.random.default_rng(5).random((2, 8, 10, 4), dtype=np.float32)


@pytest.mark.parametrize("pool_size", [1, 2, 3])
def test_blur_pool_is_a_blur_then_every_nth_pixel(pool_size):
    line = np.array([1, 2, 1]) / 4
    kernel = np.outer(line, line)[None, :, :, None]
    expected = ndimage.convolve(X, kernel, mode="mirror")[:, ::pool_size, ::pool_size]
    layer = BlurPool2D(pool_size)
    pooled = keras.ops.convert_to_numpy(layer(X))
    np.testing.assert_allclose(pooled, expected, atol=1e-6)
    assert layer.compute_output_shape(X.shape) == pooled.shape


def test_pixel_shuffle_places_each_channel():
    blocks = np.arange(8, dtype=np.float32).reshape(1, 1, 1, 8)
    shuffled = keras.ops.convert_to_numpy(PixelShuffle(2)(blocks))
    np.testing.assert_array_equal(shuffled[0, :, :, 0], [[0, 1], [2, 3]])
    np.testing.assert_array_equal(shuffled[0, :, :, 1], [[4, 5], [6, 7]])


def test_icnr_starts_as_nearest_neighbour():
    layers = [keras.layers.Conv2D(12, 3, padding="same", kernel_initializer=ICNR(2)), PixelShuffle(2)]
    image = keras.ops.convert_to_numpy(keras.Sequential([keras.Input((8, 10, 4)), *layers])(X))
    assert image.shape == (2, 16, 20, 3)
    np.testing.assert_allclose(image, image[:, ::2, ::2].repeat(2, 1).repeat(2, 2), atol=1e-6)


def test_crop_keeps_the_upper_left():
    big = np.arange(24.0, dtype=np.float32).reshape(1, 4, 6, 1)
    like = np.zeros((1, 3, 5, 7), np.float32)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(CropLike()(big, like=like)), big[:, :3, :5])
    assert CropLike().compute_output_shape((1, 4, 6, 1), (1, 3, 5, 7)) == (1, 3, 5, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BlurPool2D(0), "pool_size"),
        (lambda: BlurPool2D(2, 4), "odd filter_size"),
        (lambda: PixelShuffle(0), "factor"),
        (lambda: PixelShuffle(3)(X), "multiple of 9"),
        (lambda: ICNR(2)((3, 3, 4, 6)), "multiple of 4"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_saved_model_comes_back_and_takes_any_size(tmp_path):
    stack = [keras.layers.Conv2D(4, 3, kernel_initializer=ICNR(2), padding="same"), PixelShuffle(2), BlurPool2D(2, 5)]
    model = keras.Sequential([keras.Input((None, None, 4)), *stack])
    model.save(tmp_path / "m.keras")
    back = keras.saving.load_model(tmp_path / "m.keras")
    for batch in (X, X[:, :6, :6]):
        np.testing.assert_allclose(*(keras.ops.convert_to_numpy(m(batch)) for m in (model, back)), atol=1e-6)
    assert back.output_shape == (None, None, None, 1)
