"""RIDNet, the real image denoising network: dilated branches, residual blocks, and attention to features.

Its layers for half resolution and for attention within a window are here too, written with keras.ops only.
"""

from __future__ import annotations

import functools

import keras
from keras import layers, ops

from lessons_lib.layers import CropLike, PixelShuffle
from lessons_lib.models.spectral import framed

Tensor = keras.KerasTensor


@keras.saving.register_keras_serializable("lessons")
class SpaceToDepth(keras.layers.Layer):
    """What PixelShuffle(2) undoes: (N, H, W, C) -> (N, ceil(H / 2), ceil(W / 2), 4 C).

    Channel 4 c + 2 i + j is row i, column j of each 2 x 2 block in channel c. A last odd row or column is repeated.
    """

    def call(self, inputs):
        doubled = ops.concatenate([inputs, inputs[:, -1:]], 1)
        doubled = ops.concatenate([doubled, doubled[:, :, -1:]], 2)
        _, height, width, channels = ops.shape(inputs)
        height, width = (height + 1) // 2, (width + 1) // 2
        blocks = ops.reshape(doubled[:, : 2 * height, : 2 * width], (-1, height, 2, width, 2, channels))
        return ops.reshape(ops.transpose(blocks, (0, 1, 3, 5, 2, 4)), (-1, height, width, 4 * channels))

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        return batch, *(None if s is None else (s + 1) // 2 for s in sides), 4 * channels


@keras.saving.register_keras_serializable("lessons")
class LocalMean(keras.layers.Layer):
    """The mean of each channel over the window x window pixels around every pixel: (N, H, W, C) -> same.

    At the border, over the part of the window that lies inside. Computed in float32, along one axis after the other.
    It stands in for the mean over the whole map, which depends on what else is in the picture, so that tiles and the
    whole picture agree (Chu et al., 2022: Test-time Local Converter). Raises ValueError for an even window.
    """

    def __init__(self, window: int, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if window < 1 or window % 2 == 0:
            raise ValueError(f"window is {window}: give an odd number of pixels, so that one is the middle")
        self.window = window

    def call(self, inputs):
        tall = ops.average_pool(inputs, (self.window, 1), 1, "same", data_format="channels_last")
        return ops.average_pool(tall, (1, self.window), 1, "same", data_format="channels_last")

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "window": self.window}


def ridnet(
    channels: int = 3,
    width: int = 64,
    blocks: int = 4,
    *,
    reduction: int = 16,
    skip: bool = True,
    attention: bool = True,
    half: bool = False,
    cosines: bool = False,
    told: bool = False,
    pool: int | None = None,
) -> keras.Model:
    """RIDNet (Anwar and Barnes, 2019): (N, H, W, channels) -> same shape; the input plus what the network says.

    `blocks` enhancement attention modules of `width` features. The defaults are the paper's, whose figure has a short
    skip round each module and one round all; the released code has neither (skip=False, 1,499,347 weights). Unlike that
    code no mean colour is subtracted: images are in [0, 1] and the biases of the first layer take care of it.

    reduction: how many times fewer numbers the attention squeezes the features into.
    attention: False leaves the attention out.
    half:      work on blocks of 2 x 2 pixels, at a quarter of the cost.
    cosines:   work on 8 x 8 cosines, 2 pixels apart, between the ends of `spectral.framed`: at the cost of `half`, and
               with a head start. Then it has to be told.
    told:      the input has one channel more, the noise level of each pixel (`degrade.with_level`).
    pool:      None: attention looks at the mean over the whole map, as the paper's. An odd number: at the mean over a
               window of so many pixels (of blocks with `half`) around each, so that tiles agree with the whole picture.
               The weights are the same in number and kind.

    Any height and width. The last layer starts near zero and computes in float32; the end of each branch starts at a
    tenth, which learns faster and is not in the paper. One module sees 12 pixels (of blocks
    with `half`) to each side, and pool // 2 more with a window; the whole network `halo(...)`. Raises ValueError for
    numbers below 1, a reduction that leaves no feature, or an even pool.
    """
    if cosines and (half or not told):
        raise ValueError(f"cosines with half {half} and told {told}: give told and leave half out")
    if min(channels, width, blocks) < 1 or not 1 <= reduction <= width:
        raise ValueError(
            f"channels {channels}, width {width}, blocks {blocks}, reduction {reduction}: give 1 or more, and a "
            "reduction of at most the width"
        )

    def trunk(x):
        first = x = _conv(width, kernel_size=1 if cosines else 3, activation="relu")(x)
        for number in range(1, blocks + 1):
            before, x = x, _enhance(x, width)
            if attention:
                x = _attend(x, reduction, pool, f"attention_{number}")
            if skip:
                x = layers.Add()([before, x])
        return layers.Add()([first, x]) if skip else x

    if cosines:
        return framed(trunk, channels, name="ridnet")
    given = keras.Input((None, None, channels + told))
    noisy = given[..., :channels]
    x = trunk(SpaceToDepth()(given) if half else given)
    quiet = keras.initializers.RandomNormal(stddev=1e-3)
    change = _conv(channels * (4 if half else 1), kernel_initializer=quiet, dtype="float32")(x)
    if half:
        change = CropLike(dtype="float32")(PixelShuffle(2, dtype="float32")(change), like=noisy)
    return keras.Model(given, layers.Add(dtype="float32")([noisy, change]), name="ridnet")


def halo(blocks: int = 4, half: bool = False, attention: bool = True, pool: int | None = None) -> int | None:
    """How many pixels to each side decide about one pixel of `ridnet`, None if all of the picture does."""
    if attention and pool is None:
        return None
    around = 2 + blocks * (12 + (pool // 2 if attention else 0))
    return 2 * around + 1 if half else around


_conv = functools.partial(layers.Conv2D, kernel_size=3, padding="same", kernel_initializer="he_normal")


def _last(width: int, size: int = 3, **options) -> layers.Layer:
    """The convolution that ends a branch: a tenth as strong at the start, so that the sums do not grow."""
    quiet = keras.initializers.VarianceScaling(0.02, "fan_in", "truncated_normal")
    return layers.Conv2D(width, size, padding="same", kernel_initializer=quiet, **options)


def _enhance(x: Tensor, width: int) -> Tensor:
    """The module without its attention: two dilated branches, merged; a residual block; an enhanced one."""
    near = _conv(width, dilation_rate=2, activation="relu")(_conv(width, activation="relu")(x))
    far = _conv(width, dilation_rate=3, activation="relu")(x)
    far = _conv(width, dilation_rate=4, activation="relu")(far)
    merged = _last(width, activation="relu")(layers.Concatenate()([near, far]))
    x = layers.Add()([x, merged])
    change = _last(width)(_conv(width, activation="relu")(x))
    x = layers.ReLU()(layers.Add()([x, change]))
    change = _conv(width, activation="relu")(_conv(width, activation="relu")(x))
    change = _last(width, 1)(change)
    return layers.ReLU()(layers.Add()([x, change]))


def _attend(x: Tensor, reduction: int, pool: int | None, name: str) -> Tensor:
    """Weigh each feature by a number in [0, 1] that a small network draws from the means of all features."""
    # The mean in float32: bfloat16 cannot add up a large map.
    look = layers.GlobalAveragePooling2D(keepdims=True, dtype="float32") if pool is None else LocalMean(pool)
    width = x.shape[-1]
    squeezed = _conv(width // reduction, kernel_size=1, activation="relu")(look(x))
    weights = layers.Conv2D(width, 1, activation="sigmoid", name=name)(squeezed)
    return layers.Multiply()([x, weights])
