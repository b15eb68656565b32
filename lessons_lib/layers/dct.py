"""Pictures as overlapping blocks of cosines: Keras layers there, back, and for the choice of what to keep.

Written with keras.ops only, and registered like those of `layers`. Feature maps are (batch, H, W, channels).
"""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("lessons")
class SlidingDCT(keras.layers.Layer):
    """Cosine coefficients of every side x side block, `strides` pixels apart: (N, H, W, C) -> (N, h, w, side^2 * C).

    One convolution whose filters are the orthonormal cosines over height, width and channels; the first coefficient is
    the block's mean times side * sqrt(C). The mirrored frame around the image lets every pixel lie in as many blocks,
    so h is (H + side - strides - 1) // strides + 1. Raises ValueError for H or W below `side`. Fixed, and in float32 by
    default: bfloat16 rounds away what noise leaves.
    """

    def __init__(self, side: int = 8, strides: int = 2, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if side < 2 or strides < 1 or side % strides:
            raise ValueError(f"{type(self).__name__} needs strides that divide side, got {strides} and {side}")
        self.side, self.strides = side, strides

    def build(self, input_shape):
        self.kernel = cosines(self.side, input_shape[-1])

    def call(self, inputs):
        kernel = ops.cast(self.kernel, self.compute_dtype)
        return ops.conv(self._framed(inputs), kernel, self.strides, "valid", data_format="channels_last")

    def _framed(self, inputs):
        small = [s for s in inputs.shape[1:3] if s is not None and s < self.side]
        if small:
            raise ValueError(f"{type(self).__name__} needs sides of {self.side} pixels or more, got {small[0]}")
        first, last = self.side - self.strides, self.side - 1
        return ops.pad(inputs, [[0, 0], [first, last], [first, last], [0, 0]], mode="symmetric")

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = (None if s is None else (s + self.side - self.strides - 1) // self.strides + 1 for s in sides)
        return batch, *sides, self.side**2 * channels

    def get_config(self):
        return {**super().get_config(), "side": self.side, "strides": self.strides}


@keras.saving.register_keras_serializable("lessons")
class SlidingIDCT(SlidingDCT):
    """Back from SlidingDCT: each block drawn from its coefficients, overlapping blocks averaged.

    call(coefficients, like): `like` (N, H, W, C) gives the size. It undoes SlidingDCT exactly: a transposed convolution
    with the same cosines, which are orthonormal, divided by the number of blocks over a pixel.
    """

    def build(self, coefficients_shape, like_shape):
        self.kernel = cosines(self.side, coefficients_shape[-1] // self.side**2) / (self.side / self.strides) ** 2

    def call(self, coefficients, like):
        kernel = ops.cast(self.kernel, self.compute_dtype)
        drawn = ops.conv_transpose(coefficients, kernel, self.strides, "valid", data_format="channels_last")
        _, height, width, _ = ops.shape(like)
        first = self.side - self.strides
        return drawn[:, first : first + height, first : first + width]

    def compute_output_shape(self, coefficients_shape, like_shape):
        return *like_shape[:3], coefficients_shape[-1] // self.side**2


@keras.saving.register_keras_serializable("lessons")
class BlockMean(SlidingDCT):
    """The mean over each block that SlidingDCT sees: (N, H, W, C) -> (N, h, w, C), on the same grid."""

    def build(self, input_shape):
        pass

    def call(self, inputs):
        return ops.average_pool(self._framed(inputs), self.side, self.strides, "valid", data_format="channels_last")

    def compute_output_shape(self, input_shape):
        return *super().compute_output_shape(input_shape)[:3], input_shape[-1]


def cosines(side: int, channels: int) -> np.ndarray:
    """Orthonormal cosines (DCT-II) over side x side x channels, as filters (side, side, channels, side^2 * channels).

    The last axis runs over vertical, then horizontal, then channel frequency.
    """
    rows, colours = _cosine_rows(side), _cosine_rows(channels)
    filters = np.einsum("ui,vj,wc->ijcuvw", rows, rows, colours)
    return filters.reshape(side, side, channels, -1).astype(np.float32)


def _cosine_rows(length: int) -> np.ndarray:
    """Row k: the k-th cosine sampled at `length` points, of length 1 (Ahmed et al., 1974)."""
    k, n = np.arange(length)[:, None], np.arange(length)
    rows = np.sqrt(2 / length) * np.cos(np.pi * k * (2 * n + 1) / (2 * length))
    rows[0] /= np.sqrt(2)
    return rows


@keras.saving.register_keras_serializable("lessons")
class Shrink(keras.layers.Layer):
    """Keep or drop each coefficient: z * sigmoid(4 log(z^2 / (t * level)^2) + vote), the first one always kept.

    call(z, vote, level): z and vote (N, h, w, K), level (N, h, w, 1) the noise. With a vote of 0 this is hard
    thresholding with a soft knee at t times the noise; t is learned for each of the K coefficients, from `threshold`.
    """

    def __init__(self, threshold: float = 2.8, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if not threshold > 0:
            raise ValueError(f"threshold is {threshold}: give a number of noise levels above 0")
        self.threshold = threshold

    def build(self, z_shape, vote_shape, level_shape):
        start = keras.initializers.Constant(math.log(self.threshold))
        self.log_t = self.add_weight(shape=(z_shape[-1],), initializer=start, name="log_t")

    def call(self, z, vote, level):
        above = ops.log(ops.square(z / level) + 1e-4) - 2 * self.log_t
        kept = z * ops.sigmoid(4 * above + vote)
        return ops.concatenate([z[..., :1], kept[..., 1:]], axis=-1)

    def get_config(self):
        return {**super().get_config(), "threshold": self.threshold}
