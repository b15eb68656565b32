"""The denoiser that votes on cosines and corrects them: the shrinkage network, with a pen beside its scissors."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
from keras import layers, ops

from lessons_lib.layers.dct import BlockMean, SlidingDCT, SlidingIDCT

Trunk = Callable[[keras.KerasTensor], keras.KerasTensor]


def spectral(
    channels: int = 3, blocks: int = 6, width: int = 64, *, side: int = 8, strides: int = 2, threshold: float = 2.8
) -> keras.Model:
    """(N, H, W, channels + 1) -> (N, H, W, channels): the last input channel is the noise level of each pixel.

    As in `shrinkage`, the picture goes to overlapping cosines and a network says how much of each coefficient is noise,
    by a vote. Here it runs through `blocks` residual blocks (EDSR's: Lim et al., 2017) of `width` filters, and corrects
    beside voting: see `framed`. Raises ValueError below 1 block or 1 filter, and what `framed` raises.
    """
    if min(blocks, width) < 1:
        raise ValueError(f"blocks {blocks}, width {width}: give 1 or more of each")

    def trunk(x):
        x = layers.Conv2D(width, 1, activation="relu", kernel_initializer="he_normal")(x)
        for _ in range(blocks):
            x = _block(x, width)
        return layers.ReLU()(x)

    return framed(trunk, channels, side=side, strides=strides, threshold=threshold, name="spectral")


def framed(
    trunk: Trunk, channels: int = 3, *, side: int = 8, strides: int = 2, threshold: float = 2.8, name: str | None = None
) -> keras.Model:
    """A denoiser that works on cosines, told the noise level, with any network `trunk` between its ends.

    The trunk gets (N, h, w, 2 * side^2 * channels): how loud each coefficient is, as the logarithm of its square in
    units of the noise, and its value, cut at 4 times the noise. From its answer (N, h, w, any) come a vote on how much
    of each coefficient is noise, and a correction, in units of the noise. What is called noise goes back to pixels and
    is taken off the picture. The grid is `strides` pixels wide, so convolutions on it cost 1 / strides^2 of those at
    full size. Untrained this is the classical sliding filter with a soft knee at `threshold` times the noise. Sides of
    a picture must be `side` or more, levels above 0 (0 is taken as 0.001).

    Raises ValueError below 1 channel, or if `strides` does not divide `side`.
    """
    if channels < 1:
        raise ValueError(f"channels {channels}: give 1 or more")
    told = keras.Input((None, None, channels + 1))
    noisy, level = told[..., :channels], ops.maximum(BlockMean(side, strides)(told[..., channels:]), 1e-3)
    relative = SlidingDCT(side, strides)(noisy) / level
    loud = ops.log(ops.square(relative) + 1e-4)
    x = trunk(layers.Concatenate()([loud, ops.clip(relative, -4, 4)]))
    vote = _quiet(side**2 * channels, "vote", 8 * math.log(threshold))(x)
    change = _quiet(side**2 * channels, "change")(x)
    share = ops.sigmoid(ops.cast(vote, "float32") - 4 * loud)  # of noise in each coefficient
    noise = (relative * share + ops.cast(change, "float32")) * level
    # The noise is small, so bfloat16 is fine enough for its way back; for the picture's own way it would not be.
    back = SlidingIDCT(side, strides, dtype=keras.mixed_precision.dtype_policy())
    return keras.Model(told, layers.Subtract(dtype="float32")([noisy, back(noise, like=noisy)]), name=name)


def _block(x, width: int):
    y = layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    soft = keras.initializers.VarianceScaling(0.2)  # so that a deep stack starts as a shallow one
    return layers.Add()([x, layers.Conv2D(width, 3, padding="same", kernel_initializer=soft)(y)])


def _quiet(filters: int, name: str, bias: float = 0.0) -> keras.layers.Layer:
    start, bias = keras.initializers.RandomNormal(stddev=1e-3), keras.initializers.Constant(bias)
    return layers.Conv2D(filters, 1, kernel_initializer=start, bias_initializer=bias, name=name)
