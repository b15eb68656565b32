"""The denoiser that votes on cosines and corrects them: the shrinkage network, with a pen beside its scissors."""

from __future__ import annotations

import keras
from keras import layers, ops

from lessons_lib.cosines import BlockMean, Shrink, SlidingDCT, SlidingIDCT


def spectral(channels: int = 3, blocks: int = 6, width: int = 64, *, side: int = 4, strides: int = 2) -> keras.Model:
    """(N, H, W, channels + 1) -> (N, H, W, channels): the last input channel is the noise level of each pixel.

    As in `shrinkage`, the picture goes to overlapping cosines and each coefficient is kept or dropped by vote. Here the
    network also sees the signs, runs through `blocks` residual blocks (EDSR's: Lim et al., 2017) of `width` filters,
    and adds to each coefficient a correction of its own, in units of the noise. The grid is `strides` pixels wide, so
    its convolutions cost 1 / strides^2 of those at full size; small blocks of cosines (`side`) keep the rest cheap.
    Untrained it is the classical sliding filter. Sides must be `side` or more, levels above 0 (0 is taken as 0.001).

    Raises ValueError below 1 block, 1 filter or 1 channel, or if `strides` does not divide `side`.
    """
    if min(blocks, width, channels) < 1:
        raise ValueError(f"blocks {blocks}, width {width}, channels {channels}: give 1 or more of each")
    told = keras.Input((None, None, channels + 1))
    noisy, level = told[..., :channels], ops.maximum(BlockMean(side, strides)(told[..., channels:]), 1e-3)
    coefficients = SlidingDCT(side, strides)(noisy)
    relative = coefficients / level
    loud = ops.log1p(ops.square(relative)) / 2
    x = layers.Concatenate()([loud, ops.sign(relative) * loud])
    x = layers.Conv2D(width, 1, activation="relu", kernel_initializer="he_normal")(x)
    for _ in range(blocks):
        x = _block(x, width)
    x = layers.ReLU()(x)
    vote, change = (_quiet(side**2 * channels, name)(x) for name in ("vote", "change"))
    kept = Shrink()(coefficients, vote=vote, level=level) + change * level
    return keras.Model(told, SlidingIDCT(side, strides)(kept, like=noisy), name="spectral")


def _block(x, width: int):
    y = layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    soft = keras.initializers.VarianceScaling(0.2)  # so that a deep stack starts as a shallow one
    return layers.Add()([x, layers.Conv2D(width, 3, padding="same", kernel_initializer=soft)(y)])


def _quiet(filters: int, name: str) -> keras.layers.Layer:
    start = keras.initializers.RandomNormal(stddev=1e-3)
    return layers.Conv2D(filters, 1, kernel_initializer=start, dtype="float32", name=name)
