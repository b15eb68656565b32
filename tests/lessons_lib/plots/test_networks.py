"""A network's drawing follows the network: another model, another drawing."""

import re
import xml.etree.ElementTree as ET

import keras
import numpy as np
import pytest
from keras import layers

from lessons_lib.models.unet import unet
from lessons_lib.plots import networks

SVG = "{http://www.w3.org/2000/svg}"


def sized(model, side=64):
    return keras.models.clone_model(model, input_tensors=keras.Input((side, side, model.input.shape[-1])))


def words(sheet):
    return [text.text for text in ET.fromstring(sheet.svg()).iter(f"{SVG}text")]


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("width", [8, 24])
def test_a_unet_has_its_sizes_channels_and_skips(depth, width):
    sheet = networks.shapes(sized(unet(width=width, depth=depth)), "a U-Net")
    found = words(sheet)
    for level in range(depth + 1):
        assert str(64 // 2**level) in found
        assert str(width * 2**level) in found
    assert len(re.findall('class="bypass"', sheet.svg())) >= depth
    assert sheet.description.startswith("Height, width and channels from the input to the output: 64 by 64 by 3,")


def test_a_plain_network_has_no_skips():
    model = keras.Sequential([keras.Input((32, 32, 1)), layers.Conv2D(8, 3, padding="same"), layers.MaxPooling2D(2)])
    sheet = networks.shapes(model, "two layers")
    assert "bypass" not in re.sub("<style>.*?</style>", "", sheet.svg(), flags=re.DOTALL)
    assert "32 by 32 by 8, 16 by 16 by 8" in sheet.description


def test_a_size_that_is_not_known_is_asked_for():
    with pytest.raises(ValueError, match="give it one first"):
        networks.shapes(keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(8, 3)]), "x")


@pytest.mark.parametrize(
    ("stack", "field"),
    [
        ([layers.Conv2D(1, 3)], 3),
        ([layers.Conv2D(1, 3), layers.Conv2D(1, 3)], 5),
        ([layers.Conv2D(1, 3), layers.MaxPooling2D(2), layers.Conv2D(1, 3)], 8),
        ([layers.Conv2D(1, 3, dilation_rate=2), layers.Conv2D(1, 3, strides=2)], 7),
    ],
)
def test_a_receptive_field_is_where_a_changed_pixel_is_noticed(stack, field):
    model = keras.Sequential([keras.Input((1, 41, 1)), *[_one_row(layer) for layer in stack]])
    zeros = np.zeros((1, 1, 41, 1), "float32")
    still = np.asarray(model(zeros))
    middle = still.shape[2] // 2
    noticed = 0
    for place in range(41):
        changed = zeros.copy()
        changed[0, 0, place, 0] = 1
        noticed += bool(np.asarray(model(changed))[0, 0, middle, 0] != still[0, 0, middle, 0])
    sheet = networks.receptive_field(stack, "a stack")
    assert words(sheet)[0] == f"input: {noticed}"
    assert f"{field} pixels of the input" in sheet.description


def _one_row(layer):
    """The layer along one axis only."""
    if isinstance(layer, layers.MaxPooling2D):
        return layers.MaxPooling2D((1, layer.pool_size[1]))
    return layers.Conv2D(
        1, (1, layer.kernel_size[1]), strides=layer.strides,
        dilation_rate=(1, layer.dilation_rate[1]), kernel_initializer="ones",
    )  # fmt: skip


def test_flows_have_their_boxes_and_one_bypass():
    boxes = ["noisy", "`3×3", "+", "clean"]
    sheet = networks.flow([("direct", ["noisy", "`3×3", "clean"], ""), ("residual", boxes, "+")], "t", "d")
    assert words(sheet) == ["direct", "noisy", "3×3", "clean", "residual", "noisy", "3×3", "+", "clean"]
    assert len(re.findall('class="bypass"', sheet.svg())) == 1


@pytest.mark.parametrize(("channels", "reduced"), [(64, 4), (32, 8)])
def test_blocks_show_their_channels(channels, reduced):
    for sheet in (networks.attention_block(channels, reduced), networks.eam(channels, reduced, (1, 2, 3, 4))):
        assert any(f"{channels} → {reduced}" in word for word in words(sheet))
    assert "EAM 3" in words(networks.ridnet(3, channels))
    assert "EAM 4" not in words(networks.ridnet(3, channels))
