"""The residual network for denoising, deblurring and super-resolution: it learns what to add, not the picture."""

from __future__ import annotations

import keras
from keras import layers

from lessons_lib.layers import ICNR, PixelShuffle


def residual(
    channels: int = 3, depth: int = 8, width: int = 32, *, scale: int = 1, guess: keras.layers.Layer | None = None
) -> keras.Model:
    """`depth` 3 x 3 convolutions of `width` filters: (N, H, W, channels) -> (N, H * scale, W * scale, channels).

    The result is a first guess plus what the last convolution says. The guess is the input itself; its bicubic
    enlargement if `scale` is above 1, where the last convolution makes scale^2 values a pixel for `PixelShuffle`; or
    what a layer `guess` makes of the input, which the convolutions then see beside the input. After DnCNN (Zhang et
    al., 2017) without batch normalisation, VDSR (Kim et al., 2016) and ESPCN (Shi et al., 2016).

    Any height and width. The last layer starts near zero, so that an untrained network gives nearly its guess, and
    computes in float32. Train it with some 50 steps of warm-up: at a full learning rate from the first step all ReLUs
    may die. Raises ValueError below 2 layers, 1 filter, 1 channel or scale 1, or for a guess of another size.
    """
    if depth < 2 or min(width, channels, scale) < 1:
        raise ValueError(f"depth {depth}, width {width}, channels {channels}, scale {scale}: give 2, 1, 1, 1 or more")
    if guess is not None and scale > 1:
        raise ValueError(f"scale is {scale} and a guess is given: only the bicubic guess enlarges")
    degraded = x = first = keras.Input((None, None, channels))
    if guess is not None:
        first = guess(degraded)
        x = layers.Concatenate()([degraded, first])
    if scale > 1:
        first = layers.UpSampling2D(scale, interpolation="bicubic", dtype="float32")(degraded)
    for _ in range(depth - 1):
        x = layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    small = keras.initializers.RandomNormal(stddev=1e-3)
    if scale > 1:
        small = ICNR(scale, small)
    change = layers.Conv2D(channels * scale**2, 3, padding="same", kernel_initializer=small, dtype="float32")(x)
    if scale > 1:
        change = PixelShuffle(scale, dtype="float32")(change)
    return keras.Model(degraded, layers.Add(dtype="float32")([first, change]), name="residual")
