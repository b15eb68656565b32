"""Residual network for denoising, deblurring and super-resolution: it learns a correction."""

from __future__ import annotations

import keras
from keras import layers

from lessons_lib.layers import ICNR, PixelShuffle


def residual(
    channels: int = 3, depth: int = 8, width: int = 32, *, scale: int = 1, guess: keras.layers.Layer | None = None
) -> keras.Model:
    """Build a residual network: its output is an initial guess plus a learned correction.

    The correction comes from `depth` convolutions of 3 x 3 pixels. The guess is the input itself. With `scale` above 1
    it is the bicubically upscaled input, and the last convolution makes scale ** 2 values per pixel for `PixelShuffle`.
    Or it is what the layer `guess` makes of the input; then the convolutions see it beside the input. The network
    follows DnCNN [1]_, without batch normalisation, VDSR [2]_ and ESPCN [3]_.

    The last layer starts near zero, so that an untrained network gives nearly its guess, and computes in float32. Train
    the network with about 50 steps of warm-up: at a full learning rate from the first step all ReLUs may die.

    Parameters
    ----------
    channels : int, default 3
        Channels of the images, 1 or more.
    depth : int, default 8
        Number of convolutions, 2 or more.
    width : int, default 32
        Filters of each convolution but the last, 1 or more.
    scale : int, default 1
        Upscaling factor, 1 or more.
    guess : keras.layers.Layer, optional
        Layer that makes the guess: (N, H, W, channels) -> same shape. Only for `scale` 1.

    Returns
    -------
    keras.Model
        The network: (N, H, W, channels) -> (N, H * scale, W * scale, channels), for any H and W.

    Raises
    ------
    ValueError
        If a number is too small, or a guess is given with `scale` above 1.

    References
    ----------
    .. [1] K. Zhang, W. Zuo, Y. Chen, D. Meng and L. Zhang, "Beyond a Gaussian Denoiser: Residual Learning of Deep CNN
       for Image Denoising", 2017.
    .. [2] J. Kim, J. K. Lee and K. M. Lee, "Accurate Image Super-Resolution Using Very Deep Convolutional Networks",
       2016.
    .. [3] W. Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
       Neural Network", 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.models.residual import residual
    >>> residual(depth=2, width=4).count_params()
    223
    >>> model = residual(depth=2, width=4, scale=2)
    >>> model.predict_on_batch(np.zeros((1, 16, 16, 3), np.float32)).shape
    (1, 32, 32, 3)
    """
    if depth < 2 or min(width, channels, scale) < 1:
        raise ValueError(f"depth {depth}, width {width}, channels {channels}, scale {scale}: give 2, 1, 1, 1 or more")
    if guess is not None and scale > 1:
        raise ValueError(f"scale is {scale} and a guess is given: only the bicubic guess upscales")
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
