"""RIDNet, the real image denoising network: dilated branches, residual blocks, feature attention.

Its layers for half resolution and for attention within a window are here too, written with keras.ops only.
"""

from __future__ import annotations

import functools
from typing import TypeAlias

import keras
from keras import layers, ops

from lessons_lib.layers import CropLike, PixelShuffle
from lessons_lib.models.spectral import framed

Tensor: TypeAlias = keras.KerasTensor


@keras.saving.register_keras_serializable("lessons")
class SpaceToDepth(keras.layers.Layer):
    """Layer that folds blocks of 2 x 2 pixels into channels; `PixelShuffle(2)` is its inverse.

    `call(inputs)` maps (N, H, W, C) to (N, ceil(H / 2), ceil(W / 2), 4 C). Output channel 4 c + 2 i + j is row i,
    column j of each block in channel c. An odd last row or column is repeated.

    Parameters
    ----------
    *args, **kwargs
        Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from lessons_lib.models.ridnet import SpaceToDepth
    >>> block = np.array([[0, 1], [2, 3]], np.float32).reshape(1, 2, 2, 1)
    >>> keras.ops.convert_to_numpy(SpaceToDepth()(block)).tolist()
    [[[[0.0, 1.0, 2.0, 3.0]]]]
    """

    def call(self, inputs):
        """Map (N, H, W, C) to (N, ceil(H / 2), ceil(W / 2), 4 C)."""
        doubled = ops.concatenate([inputs, inputs[:, -1:]], 1)
        doubled = ops.concatenate([doubled, doubled[:, :, -1:]], 2)
        _, height, width, channels = ops.shape(inputs)
        height, width = (height + 1) // 2, (width + 1) // 2
        blocks = ops.reshape(doubled[:, : 2 * height, : 2 * width], (-1, height, 2, width, 2, channels))
        return ops.reshape(ops.transpose(blocks, (0, 1, 3, 5, 2, 4)), (-1, height, width, 4 * channels))

    def compute_output_shape(self, input_shape):
        """Return the shape of the output."""
        batch, *sides, channels = input_shape
        return batch, *(None if s is None else (s + 1) // 2 for s in sides), 4 * channels


@keras.saving.register_keras_serializable("lessons")
class LocalMean(keras.layers.Layer):
    """Layer that averages each channel over a square window around every pixel.

    `call(inputs)` maps (N, H, W, C) to the same shape. At the border it averages over the part of the window that lies
    inside. The layer stands in for the mean over the whole map, which depends on the rest of the image, so that tiles
    and the whole image give the same result [1]_ ("Test-time Local Converter").

    Parameters
    ----------
    window : int
        Side of the window in pixels, odd.
    **kwargs
        Further arguments of `keras.layers.Layer`. The layer computes in float32 unless `dtype` is given.

    Raises
    ------
    ValueError
        If the window is even, or below 1.

    References
    ----------
    .. [1] X. Chu, L. Chen, C. Chen and X. Lu, "Improving Image Restoration by Revisiting Global Information
       Aggregation", 2022.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from lessons_lib.models.ridnet import LocalMean
    >>> row = np.array([0, 3, 6], np.float32).reshape(1, 1, 3, 1)
    >>> keras.ops.convert_to_numpy(LocalMean(3)(row)).ravel().tolist()
    [1.5, 3.0, 4.5]
    """

    def __init__(self, window: int, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if window < 1 or window % 2 == 0:
            raise ValueError(f"window is {window}: give an odd number of pixels, so that one is the middle")
        self.window = window

    def call(self, inputs):
        """Map (N, H, W, C) to the same shape, averaging along one axis after the other."""
        tall = ops.average_pool(inputs, (self.window, 1), 1, "same", data_format="channels_last")
        return ops.average_pool(tall, (1, self.window), 1, "same", data_format="channels_last")

    def compute_output_shape(self, input_shape):
        """Return the shape of the output."""
        return input_shape

    def get_config(self):
        """Return the constructor's arguments for saving."""
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
    noise_conditioned: bool = False,
    pool: int | None = None,
) -> keras.Model:
    """Build RIDNet, the real image denoising network: its output is the input plus a learned correction.

    The defaults are those of the paper [1]_, whose figure has a short skip connection round each module and one round
    all of them. The released code has neither (`skip=False`; 1,499,347 weights). Unlike in that code no mean colour is
    subtracted: images are in [0, 1], and the biases of the first layer take care of it.

    The last layer starts near zero and computes in float32. The end of each branch starts at a tenth of the usual
    standard deviation, which learns faster and is not in the paper. One module has a receptive field of 12 pixels to
    each side (blocks of 2 x 2 pixels with `half`), and pool // 2 more with a window; `halo` gives that of the whole
    network.

    Parameters
    ----------
    channels : int, default 3
        Channels of the images, 1 or more.
    width : int, default 64
        Features of each module, 1 or more.
    blocks : int, default 4
        Number of enhancement attention modules, 1 or more.
    reduction : int, default 16
        Factor by which the attention reduces the number of features, from 1 to `width`.
    skip : bool, default True
        Whether the skip connections are there.
    attention : bool, default True
        Whether the modules have their attention to features.
    half : bool, default False
        Whether the network works on blocks of 2 x 2 pixels, at a quarter of the cost.
    cosines : bool, default False
        Whether the network works on the coefficients of 8 x 8 DCT blocks, 2 pixels apart, as the trunk of
        `spectral.framed`: at the cost of `half`, and starting as a classical filter. It needs `noise_conditioned`, and
        excludes `half`.
    noise_conditioned : bool, default False
        Whether the input has one channel more, the noise level of each pixel (`degrade.with_level`).
    pool : int, optional
        Side of the window over which the attention averages, odd, in pixels (blocks with `half`), so that tiles give
        the same result as the whole image. None averages over the whole map, as the paper does. Number and shapes of
        the weights are the same.

    Returns
    -------
    keras.Model
        The network: (N, H, W, channels) -> same shape, for any H and W, with `cosines` from 8 pixels. If it is
        noise-conditioned, the input is (N, H, W, channels + 1).

    Raises
    ------
    ValueError
        If a number is below 1, `reduction` is above `width`, a `pool` that the attention uses is even, or `cosines`
        does not fit `half` and `noise_conditioned`.

    References
    ----------
    .. [1] S. Anwar and N. Barnes, "Real Image Denoising with Feature Attention", 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.models.ridnet import ridnet
    >>> model = ridnet(width=4, blocks=1, reduction=2)
    >>> model.count_params()
    1741
    >>> model.predict_on_batch(np.zeros((1, 16, 16, 3), np.float32)).shape
    (1, 16, 16, 3)
    """
    if cosines and (half or not noise_conditioned):
        raise ValueError(
            f"cosines with half {half} and noise_conditioned {noise_conditioned}: give noise_conditioned and leave "
            "half out"
        )
    if min(channels, width, blocks) < 1 or not 1 <= reduction <= width:
        raise ValueError(
            f"channels {channels}, width {width}, blocks {blocks}, reduction {reduction}: give 1 or more, and a "
            "reduction of at most the width"
        )
    first_kernel, factor = 1 if cosines else 3, reduction if attention else None
    trunk = functools.partial(
        _trunk, width=width, blocks=blocks, first_kernel=first_kernel, skip=skip, reduction=factor, pool=pool
    )
    if cosines:
        return framed(trunk, channels, name="ridnet")
    given = keras.Input((None, None, channels + noise_conditioned))
    noisy = given[..., :channels]
    x = trunk(SpaceToDepth()(given) if half else given)
    return keras.Model(given, _corrected(noisy, x, half), name="ridnet")


def halo(blocks: int = 4, half: bool = False, attention: bool = True, pool: int | None = None) -> int | None:
    """Compute the receptive field of `ridnet`: how many pixels to each side influence an output pixel.

    It does not hold for networks with `cosines`.

    Parameters
    ----------
    blocks : int, default 4
        Number of modules.
    half : bool, default False
        Whether the network works on blocks of 2 x 2 pixels.
    attention : bool, default True
        Whether the modules have attention.
    pool : int, optional
        Side of the window of the attention; None stands for the whole map.

    Returns
    -------
    int or None
        Pixels to each side, or None if the whole image has influence.

    Examples
    --------
    >>> from lessons_lib.models.ridnet import halo
    >>> halo(attention=False), halo(pool=65), halo()
    (50, 178, None)
    """
    if attention and pool is None:
        return None
    around = 2 + blocks * (12 + (pool // 2 if attention and pool is not None else 0))
    return 2 * around + 1 if half else around


_conv = functools.partial(layers.Conv2D, kernel_size=3, padding="same", kernel_initializer="he_normal")


def _last(width: int, size: int = 3, **options) -> layers.Layer:
    """Return the convolution that ends a branch: a tenth as strong at the start, so that the sums do not grow."""
    quiet = keras.initializers.VarianceScaling(0.02, "fan_in", "truncated_normal")
    return layers.Conv2D(width, size, padding="same", kernel_initializer=quiet, **options)


def _trunk(
    x: Tensor, *, width: int, blocks: int, first_kernel: int, skip: bool, reduction: int | None, pool: int | None
) -> Tensor:
    """Apply the first convolution and all modules; `reduction` None leaves the attention out."""
    first = x = _conv(width, kernel_size=first_kernel, activation="relu")(x)
    for number in range(1, blocks + 1):
        before, x = x, _enhance(x, width)
        if reduction is not None:
            x = _attend(x, reduction, pool, f"attention_{number}")
        if skip:
            x = layers.Add()([before, x])
    return layers.Add()([first, x]) if skip else x


def _corrected(noisy: Tensor, x: Tensor, half: bool) -> Tensor:
    """Add to the noisy image the correction that the last convolution makes of the features; it starts near zero."""
    quiet = keras.initializers.RandomNormal(stddev=1e-3)
    change = _conv(noisy.shape[-1] * (4 if half else 1), kernel_initializer=quiet, dtype="float32")(x)
    if half:
        change = CropLike(dtype="float32")(PixelShuffle(2, dtype="float32")(change), like=noisy)
    return layers.Add(dtype="float32")([noisy, change])


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
    """Multiply each feature by a weight in [0, 1] that a small network computes from the means of all features."""
    # The mean in float32: bfloat16 cannot add up a large map.
    look = layers.GlobalAveragePooling2D(keepdims=True, dtype="float32") if pool is None else LocalMean(pool)
    width = x.shape[-1]
    squeezed = _conv(width // reduction, kernel_size=1, activation="relu")(look(x))
    weights = layers.Conv2D(width, 1, activation="sigmoid", name=name)(squeezed)
    return layers.Multiply()([x, weights])
