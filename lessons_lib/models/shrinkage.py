"""The denoiser that learns how much of each cosine to keep: the best classical method with a network as its rule."""

from __future__ import annotations

import keras
from keras import layers, ops

from lessons_lib.layers.dct import BlockMean, Shrink, SlidingDCT, SlidingIDCT


def shrinkage(channels: int = 3, depth: int = 6, width: int = 64) -> keras.Model:
    """(N, H, W, channels + 1) -> (N, H, W, channels): the last input channel is the noise level of each pixel.

    The picture goes to overlapping 8 x 8 cosines (`SlidingDCT`), a network of `depth` convolutions sees how loud each
    coefficient is among its neighbours and votes, `Shrink` keeps or drops, and the inverse averages the blocks. With
    all votes 0, where training starts, it is the sliding-window denoiser of Yu and Sapiro (2011) with a soft knee; the
    noise map is FFDNet's (Zhang et al., 2018). Sides must be 8 pixels or more, levels above 0 (0 is taken as 0.001).

    Raises ValueError below 2 layers, 1 filter or 1 channel.
    """
    if depth < 2 or min(width, channels) < 1:
        raise ValueError(f"depth {depth}, width {width}, channels {channels}: give 2, 1, 1 or more")
    told = keras.Input((None, None, channels + 1))
    noisy, level = told[..., :channels], ops.maximum(BlockMean()(told[..., channels:]), 1e-3)
    coefficients = SlidingDCT()(noisy)
    x = ops.log1p(ops.square(coefficients / level)) / 2  # how loud among the noise, without the sign
    for _ in range(depth - 1):
        x = layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    small = keras.initializers.RandomNormal(stddev=1e-3)
    vote = layers.Conv2D(64 * channels, 1, kernel_initializer=small, dtype="float32", name="vote")(x)
    kept = Shrink()(coefficients, vote=vote, level=level)
    return keras.Model(told, SlidingIDCT()(kept, like=noisy), name="shrinkage")
