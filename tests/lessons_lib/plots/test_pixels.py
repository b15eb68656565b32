"""Drawings of operations show the numbers that Keras and NumPy compute."""

import re
import xml.etree.ElementTree as ET

import keras
import numpy as np
import pytest
from keras import ops

from lessons_lib.plots import pixels

SVG = "{http://www.w3.org/2000/svg}"
RNG = np.random.default_rng(0)
COLOUR = RNG.random((3, 3, 3)).astype("float32")


def words(sheet):
    return [text.text for text in ET.fromstring(sheet.svg()).iter(f"{SVG}text")]


def test_a_pixel_grid_shows_each_channel_of_each_pixel():
    part = np.arange(12).reshape(2, 2, 3) / 255
    found = words(pixels.pixel_grid(part))
    assert found == [
        "all three channels",
        "red",
        "0",
        "3",
        "6",
        "9",
        "green",
        "1",
        "4",
        "7",
        "10",
        "blue",
        "2",
        "5",
        "8",
        "11",
    ]
    with pytest.raises(ValueError, match=r"\(9, 2, 3\)"):
        pixels.pixel_grid(np.zeros((9, 2, 3)))


def test_the_sum_of_a_kernel_step_is_what_keras_computes():
    part, kernel = RNG.random((6, 6)).astype("float32"), RNG.normal(size=(3, 3)).astype("float32")
    answer = ops.conv(part[None, ..., None], kernel[..., None, None], padding="valid")
    expected = float(ops.convert_to_numpy(answer)[0, 2, 1, 0])
    sheet = pixels.kernel_step(part, kernel, (2, 1))
    assert words(sheet)[-1] == f"sum of the products: {expected:.2f}"
    assert f"{expected:.2f}, is one pixel" in sheet.description


def test_the_total_over_channels_is_what_keras_computes():
    weights = RNG.normal(size=(3, 3, 3)).astype("float32")
    answer = ops.conv(COLOUR[None], weights[..., None], padding="valid")
    expected = float(ops.convert_to_numpy(answer).squeeze()) + 0.25
    assert words(pixels.channel_sum(COLOUR, weights, 0.25))[-1].endswith(f"= {expected:.2f}")
    with pytest.raises(ValueError, match="give"):
        pixels.channel_sum(COLOUR, weights[:2], 0)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("kernel", [2, 3, 5])
def test_outputs_are_as_many_as_keras_makes(kernel, padding, stride, dilation):
    layer = keras.layers.Conv1D(1, kernel, strides=stride, dilation_rate=dilation)
    made = layer.compute_output_shape((1, 12 + 2 * padding, 1))[1]
    assert pixels.outputs(12, kernel, padding, stride, dilation) == made
    setting = {"kernel": kernel, "padding": padding, "stride": stride, "dilation": dilation}
    sheet = pixels.geometry(12, [setting])
    assert words(sheet)[0].endswith(f"12 pixels in, {made} out")
    assert len(re.findall(r'class="[ab]"', sheet.svg())) == made
    assert len(re.findall(r'class="(wire|faint)"', sheet.svg())) == made * kernel


def test_pooling_shows_the_largest_and_the_mean():
    values = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]])
    assert words(pixels.pooling(values))[-6:] == [
        "largest of each window",
        "0.60",
        "0.80",
        "mean of each window",
        "0.35",
        "0.55",
    ]


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (4, 2), (3, 1)])
def test_overlaps_are_what_a_transposed_convolution_of_ones_adds_up(kernel, stride):
    layer = keras.layers.Conv1DTranspose(1, kernel, strides=stride, kernel_initializer="ones")
    expected = ops.convert_to_numpy(layer(np.ones((1, 5, 1), "float32"))).ravel()
    assert pixels.overlaps(kernel, stride, 5) == expected.tolist()
    sheet = pixels.transposed(kernel, stride, 5)
    assert [int(word) for word in words(sheet) if word.isdigit()] == expected.tolist()


@pytest.mark.parametrize("scale", [2, 3])
def test_a_shuffle_places_channels_as_depth_to_space_does(scale):
    size = 3
    channels = np.arange(scale**2)
    image = np.broadcast_to(channels, (size, size, scale**2)).reshape(size, size, scale, scale)
    expected = image.transpose(0, 2, 1, 3).reshape(size * scale, size * scale)  # TensorFlow's depth_to_space
    kinds = ["abcd"[n % 4] for n in channels]
    drawn = re.findall(r'class="([abcd])"', pixels.shuffle(scale, size).svg())[scale**2 * size**2 :]
    assert drawn == [kinds[n] for n in expected.ravel()]
    with pytest.raises(ValueError, match="scale is 4"):
        pixels.shuffle(4)


def test_tiles_are_counted():
    assert "in 3 by 4 tiles" in pixels.tiles(300, 400, 160, 20).description
    assert "middle 120 by 120" in pixels.tiles(300, 400, 160, 20).description


def test_a_threshold_keeps_what_reaches_it():
    block = np.zeros((8, 8))
    block[0, :3] = 4, -2, 0.5
    assert "The 2 that reach the threshold of 1.00" in pixels.shrinkage(block, 1.0).description
