"""Denoiser in the DCT domain with a learned shrinkage mask: which coefficients are kept."""

from __future__ import annotations

import keras
from keras import layers, ops

from lessons_lib.layers.dct import BlockMean, Shrink, SlidingDCT, SlidingIDCT


def shrinkage(channels: int = 3, depth: int = 6, width: int = 64) -> keras.Model:
    """Build a noise-conditioned denoiser that predicts a shrinkage mask for sliding DCT coefficients.

    `SlidingDCT` transforms the image to the coefficients of overlapping 8 x 8 blocks. A network of `depth` convolutions
    sees the magnitude of each coefficient, relative to the noise, among its neighbours and computes mask logits.
    `Shrink` keeps or suppresses the coefficients accordingly, and `SlidingIDCT` transforms back and averages the
    blocks. With mask logits of 0, near which training starts, this is the sliding-window denoiser of [1]_, the best
    classical denoiser of the book on white noise, with a smooth threshold. The noise map is that of FFDNet [2]_.

    Parameters
    ----------
    channels : int, default 3
        Channels of the images, 1 or more.
    depth : int, default 6
        Number of convolutions, 2 or more.
    width : int, default 64
        Filters of each convolution but the last, 1 or more.

    Returns
    -------
    keras.Model
        The network: (N, H, W, channels + 1) -> (N, H, W, channels), with H and W of 8 or more. The last input channel
        is the noise level of each pixel in [0, 1] (`degrade.with_level`); levels below 0.001 are taken as 0.001.

    Raises
    ------
    ValueError
        If a number is too small.

    References
    ----------
    .. [1] G. Yu and G. Sapiro, "DCT Image Denoising: A Simple and Effective Image Denoising Algorithm", 2011.
    .. [2] K. Zhang, W. Zuo and L. Zhang, "FFDNet: Toward a Fast and Flexible Solution for CNN-Based Image Denoising",
       2018.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.models.shrinkage import shrinkage
    >>> model = shrinkage(channels=1, depth=2, width=4)
    >>> model.count_params()
    2692
    >>> model.predict_on_batch(np.full((1, 16, 16, 2), 0.1, np.float32)).shape
    (1, 16, 16, 1)
    """
    if depth < 2 or min(width, channels) < 1:
        raise ValueError(f"depth {depth}, width {width}, channels {channels}: give 2, 1, 1 or more")
    conditioned = keras.Input((None, None, channels + 1))
    noisy, level = conditioned[..., :channels], ops.maximum(BlockMean()(conditioned[..., channels:]), 1e-3)
    coefficients = SlidingDCT()(noisy)
    x = ops.log1p(ops.square(coefficients / level)) / 2  # magnitude relative to the noise, without the sign
    for _ in range(depth - 1):
        x = layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    small = keras.initializers.RandomNormal(stddev=1e-3)
    mask_logits = layers.Conv2D(64 * channels, 1, kernel_initializer=small, dtype="float32", name="mask_logits")(x)
    kept = Shrink()(coefficients, mask_logits=mask_logits, level=level)
    return keras.Model(conditioned, SlidingIDCT()(kept, like=noisy), name="shrinkage")
