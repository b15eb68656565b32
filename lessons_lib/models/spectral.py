"""Denoiser in the DCT domain with a shrinkage mask and additive corrections of the coefficients.

It extends the shrinkage network: besides suppressing coefficients it can correct their values.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
from keras import layers, ops

from lessons_lib.layers.dct import BlockMean, SlidingDCT, SlidingIDCT

Trunk = Callable[[keras.KerasTensor], keras.KerasTensor]
Level = Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]


def spectral(
    channels: int = 3, blocks: int = 6, width: int = 64, *, side: int = 8, strides: int = 2, threshold: float = 2.8
) -> keras.Model:
    """Build a noise-conditioned denoiser that shrinks and corrects sliding DCT coefficients.

    As in `shrinkage`, the image is transformed to the coefficients of overlapping blocks, and a network computes mask
    logits: how much of each coefficient is noise. Here the network consists of residual blocks as in EDSR [1]_, and it
    predicts an additive correction beside the mask; see `framed`.

    Parameters
    ----------
    channels : int, default 3
        Channels of the images, 1 or more.
    blocks : int, default 6
        Number of residual blocks, 1 or more.
    width : int, default 64
        Filters of each convolution in the blocks, 1 or more.
    side : int, default 8
        Side of a DCT block in pixels, 2 or more.
    strides : int, default 2
        Distance between DCT blocks in pixels; it divides `side`.
    threshold : float, default 2.8
        Threshold of the untrained network, in units of the noise level, above 0.

    Returns
    -------
    keras.Model
        The network: (N, H, W, channels + 1) -> (N, H, W, channels), with H and W of `side` or more. The last input
        channel is the noise level of each pixel in [0, 1] (`degrade.with_level`); levels below 0.001 are taken as
        0.001.

    Raises
    ------
    ValueError
        If a number is too small, or `strides` does not divide `side`.

    References
    ----------
    .. [1] B. Lim, S. Son, H. Kim, S. Nah and K. M. Lee, "Enhanced Deep Residual Networks for Single Image
       Super-Resolution", 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.models.spectral import spectral
    >>> model = spectral(channels=1, blocks=1, width=4)
    >>> model.count_params()
    1452
    >>> model.predict_on_batch(np.full((1, 16, 16, 2), 0.1, np.float32)).shape
    (1, 16, 16, 1)
    """
    return framed(
        residual_trunk(blocks, width), channels, side=side, strides=strides, threshold=threshold, name="spectral"
    )


def framed(
    trunk: Trunk,
    channels: int = 3,
    *,
    side: int = 8,
    strides: int = 2,
    threshold: float = 2.8,
    noise_level: Level | None = None,
    name: str | None = None,
) -> keras.Model:
    """Build a noise-conditioned denoiser in the DCT domain round any network `trunk`.

    The trunk sees, for each coefficient in units of the noise level, the logarithm of its square (log-magnitude) and
    its value, clipped to [-4, 4]. Two 1 x 1 convolutions of the trunk's output give the mask logits, which say how much
    of each coefficient is noise, and an additive correction in units of the noise level. What is noise is transformed
    back to pixels and subtracted from the image. The grid of blocks is `strides` pixels wide, so convolutions on it
    cost 1 / strides ** 2 of those at full resolution. Untrained, this is the classical sliding filter with a smooth
    threshold.

    Parameters
    ----------
    trunk : callable
        Function of tensors (N, h, w, 2 * side ** 2 * channels) -> (N, h, w, any number of features), built of Keras
        layers.
    channels : int, default 3
        Channels of the images, 1 or more.
    side : int, default 8
        Side of a DCT block in pixels, 2 or more.
    strides : int, default 2
        Distance between DCT blocks in pixels; it divides `side`.
    threshold : float, default 2.8
        Threshold of the untrained network, in units of the noise level, above 0.
    noise_level : callable, optional
        Function (coefficients, given) that returns the noise level at each place, above 0, for the coefficients
        (N, h, w, side ** 2 * channels) and the means of the last input channel over the blocks (N, h, w, 1). None takes
        the last channel itself, levels below 0.001 as 0.001.
    name : str, optional
        Name of the network.

    Returns
    -------
    keras.Model
        The network: (N, H, W, channels + 1) -> (N, H, W, channels), with H and W of `side` or more. The last input
        channel is the noise level of each pixel in [0, 1] (`degrade.with_level`); levels below 0.001 are taken as
        0.001.

    Raises
    ------
    ValueError
        If `channels` is below 1, or `strides` does not divide `side`.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from lessons_lib.models.spectral import framed
    >>> model = framed(keras.layers.Conv2D(4, 3, padding="same"), channels=1, side=4)
    >>> model.count_params()
    1316
    >>> model.predict_on_batch(np.full((1, 16, 16, 2), 0.1, np.float32)).shape
    (1, 16, 16, 1)
    """
    if channels < 1:
        raise ValueError(f"channels {channels}: give 1 or more")
    conditioned = keras.Input((None, None, channels + 1))
    noisy, given = conditioned[..., :channels], BlockMean(side, strides)(conditioned[..., channels:])
    coefficients = SlidingDCT(side, strides)(noisy)
    level = (noise_level or _given)(coefficients, given)
    relative = coefficients / level
    log_magnitude = ops.log(ops.square(relative) + 1e-4)
    x = trunk(layers.Concatenate()([log_magnitude, ops.clip(relative, -4, 4)]))
    mask_logits = near_zero(side**2 * channels, "mask_logits", 8 * math.log(threshold))(x)
    change = near_zero(side**2 * channels, "change")(x)
    share = ops.sigmoid(ops.cast(mask_logits, "float32") - 4 * log_magnitude)  # of noise in each coefficient
    noise = (relative * share + ops.cast(change, "float32")) * level
    # The noise is small, so bfloat16 is fine enough for its way back; for the picture's own way it would not be.
    back = SlidingIDCT(side, strides, dtype=keras.mixed_precision.dtype_policy())
    return keras.Model(conditioned, layers.Subtract(dtype="float32")([noisy, back(noise, like=noisy)]), name=name)


def _given(coefficients, given):
    """The noise level as it was given."""
    return ops.maximum(given, 1e-3)


def residual_trunk(blocks: int, width: int) -> Trunk:
    """Build the trunk of `spectral`: a 1 x 1 convolution, then residual blocks.

    Parameters
    ----------
    blocks : int
        Number of residual blocks, 1 or more.
    width : int
        Filters of each convolution, 1 or more.

    Returns
    -------
    callable
        Function of tensors (N, h, w, any number of features) -> (N, h, w, width), as `framed` takes it.

    Raises
    ------
    ValueError
        If a number is too small.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.models.spectral import residual_trunk
    >>> residual_trunk(blocks=1, width=4)(np.zeros((1, 5, 6, 8), np.float32)).shape.as_list()
    [1, 5, 6, 4]
    """
    if min(blocks, width) < 1:
        raise ValueError(f"blocks {blocks}, width {width}: give 1 or more of each")

    def trunk(x):
        x = layers.Conv2D(width, 1, activation="relu", kernel_initializer="he_normal")(x)
        for _ in range(blocks):
            x = _block(x, width)
        return layers.ReLU()(x)

    return trunk


def _block(x, width: int):
    y = layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    soft = keras.initializers.VarianceScaling(0.2)  # so that a deep stack starts as a shallow one
    return layers.Add()([x, layers.Conv2D(width, 3, padding="same", kernel_initializer=soft)(y)])


def near_zero(filters: int, name: str, bias: float = 0.0) -> keras.layers.Layer:
    """Build a 1 x 1 convolution that starts close to a constant.

    Parameters
    ----------
    filters : int
        Number of filters.
    name : str
        Name of the layer.
    bias : float, default 0.0
        The constant.

    Returns
    -------
    keras.layers.Layer
        The convolution, with weights drawn with a standard deviation of 0.001.

    Examples
    --------
    >>> from lessons_lib.models.spectral import near_zero
    >>> near_zero(4, "logits", bias=2.0).filters
    4
    """
    start, bias = keras.initializers.RandomNormal(stddev=1e-3), keras.initializers.Constant(bias)
    return layers.Conv2D(filters, 1, kernel_initializer=start, bias_initializer=bias, name=name)
