"""Blind denoiser in the DCT domain: it estimates the noise for each place and each frequency, then removes it."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import layers, ops

from lessons_lib.models.spectral import framed, near_zero, residual_trunk

LEAST = 5e-4  # noise level below which nothing is taken for noise: an eighth of a step of 8 bits
MEAN_LOG = -0.635  # mean of log |x| for x from the standard normal distribution: -(Euler's constant + log 2) / 2


def blind(
    channels: int = 3,
    blocks: int = 6,
    width: int = 64,
    *,
    estimator: int = 32,
    side: int = 8,
    strides: int = 2,
    threshold: float = 2.8,
) -> keras.Model:
    """Build a denoiser that is `spectral`, but estimates the noise level itself, for each place and each frequency.

    A small network, the estimator, sees the logarithms of the magnitudes of all coefficients. Where the noise is white,
    the mean over the high frequencies around a place is a good estimate, with which training starts; the estimator
    learns what to add for each coefficient. So noise may differ with brightness and place, and may be correlated, which
    a single level cannot say. The idea of an estimator before a denoiser, whose estimate the user may scale, is that of
    CBDNet [1]_.

    Parameters
    ----------
    channels : int, default 3
        Channels of the images, 1 or more.
    blocks : int, default 6
        Number of residual blocks, 1 or more, as for `spectral`.
    width : int, default 64
        Filters of each convolution in the blocks, 1 or more.
    estimator : int, default 32
        Filters of each convolution of the estimator, 1 or more.
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
        channel is the strength at each pixel: 1 takes the noise as estimated, 2 for twice as strong. The weights are
        those of the estimator, then those of `spectral`.

    Raises
    ------
    ValueError
        If a number is too small, or `strides` does not divide `side`.

    References
    ----------
    .. [1] S. Guo, Z. Yan, K. Zhang, W. Zuo and L. Zhang, "Toward Convolutional Blind Denoising of Real Photographs",
       2019.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.models.blind import blind
    >>> model = blind(channels=1, blocks=1, width=4, estimator=4)
    >>> model.predict_on_batch(np.ones((1, 16, 16, 2), np.float32)).shape
    (1, 16, 16, 1)
    """
    if estimator < 1:
        raise ValueError(f"estimator {estimator}: give 1 or more filters")

    def noise_level(coefficients, strength):
        return _estimated(coefficients, estimator, side, channels) * ops.maximum(strength, 1e-3)

    trunk = residual_trunk(blocks, width)
    return framed(
        trunk, channels, side=side, strides=strides, threshold=threshold, noise_level=noise_level, name="blind"
    )


def _estimated(coefficients, filters: int, side: int, channels: int):
    """The noise level of each coefficient (N, h, w, side ** 2 * channels), above 0."""
    log_magnitude = ops.log(ops.square(coefficients) + LEAST**2) / 2
    vertical, horizontal, _ = np.indices((side, side, channels))
    high = np.flatnonzero((vertical + horizontal >= side).ravel())
    white = ops.mean(ops.take(log_magnitude, high, axis=-1), axis=-1, keepdims=True) - MEAN_LOG
    white = layers.AveragePooling2D(9, 1, padding="same", dtype="float32")(white)
    x = layers.Conv2D(filters, 1, activation="relu", kernel_initializer="he_normal")(log_magnitude)
    for dilation in (1, 2, 4):
        x = layers.Conv2D(
            filters, 3, padding="same", dilation_rate=dilation, activation="relu", kernel_initializer="he_normal"
        )(x)
    learned = ops.cast(near_zero(side**2 * channels, "log_level")(x), "float32")
    return ops.exp(ops.clip(white + learned, math.log(LEAST), 0.0))
