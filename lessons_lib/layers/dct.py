"""Keras layers for overlapping blocks in the DCT domain: transform, inverse and shrinkage.

They use keras.ops only, and are registered like those of `layers.basic`. Feature maps are (batch, H, W, channels).
"""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops


class _OfBlocks(keras.layers.Layer):
    """What the layers of overlapping blocks share: side and distance of the blocks, checked and saved."""

    def __init__(self, side: int = 8, strides: int = 2, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if side < 2 or strides < 1 or side % strides:
            raise ValueError(f"{type(self).__name__} needs strides that divide side, got {strides} and {side}")
        self.side, self.strides = side, strides

    def get_config(self):
        """Return the constructor's arguments for saving."""
        return {**super().get_config(), "side": self.side, "strides": self.strides}


@keras.saving.register_keras_serializable("lessons")
class SlidingDCT(_OfBlocks):
    """Layer that computes the DCT coefficients of overlapping blocks.

    `call(inputs)` maps (N, H, W, C) to (N, h, w, side ** 2 * C), with h = (H + side - strides - 1) // strides + 1, and
    w likewise. It is one convolution, without weights to train, whose filters are the orthonormal cosines over height,
    width and channels (`cosines`). The first coefficient is the mean of the block times side * sqrt(C). The image is
    mirrored at its borders so that every pixel lies in the same number of blocks. H or W below `side` raises ValueError
    in `call`.

    Parameters
    ----------
    side : int, default 8
        Side of a block in pixels, 2 or more.
    strides : int, default 2
        Distance between blocks in pixels; it divides `side`.
    **kwargs
        Further arguments of `keras.layers.Layer`. The layer computes in float32 unless `dtype` is given: bfloat16 would
        round away what the noise leaves.

    Raises
    ------
    ValueError
        If `side` is below 2, or `strides` is below 1 or does not divide `side`.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from lessons_lib.layers import SlidingDCT
    >>> flat = np.full((1, 16, 16, 1), 0.5, np.float32)
    >>> coefficients = keras.ops.convert_to_numpy(SlidingDCT(side=8, strides=2)(flat))
    >>> coefficients.shape
    (1, 11, 11, 64)
    >>> round(float(coefficients[0, 0, 0, 0]), 3), round(float(abs(coefficients[..., 1:]).max()), 3)
    (4.0, 0.0)
    """

    def build(self, input_shape):
        """Compute the fixed filters for the number of channels."""
        self.kernel = cosines(self.side, input_shape[-1])

    def call(self, inputs):
        """Map (N, H, W, C) to (N, h, w, side ** 2 * C)."""
        kernel = ops.cast(self.kernel, self.compute_dtype)
        return ops.conv(self._framed(inputs), kernel, self.strides, "valid", data_format="channels_last")

    def _framed(self, inputs):
        small = [s for s in inputs.shape[1:3] if s is not None and s < self.side]
        if small:
            raise ValueError(f"{type(self).__name__} needs sides of {self.side} pixels or more, got {small[0]}")
        first, last = self.side - self.strides, self.side - 1
        return ops.pad(inputs, [[0, 0], [first, last], [first, last], [0, 0]], mode="symmetric")

    def compute_output_shape(self, input_shape):
        """Return the shape of the output."""
        batch, *sides, channels = input_shape
        sides = (None if s is None else (s + self.side - self.strides - 1) // self.strides + 1 for s in sides)
        return batch, *sides, self.side**2 * channels


@keras.saving.register_keras_serializable("lessons")
class SlidingIDCT(_OfBlocks):
    """Layer that inverts `SlidingDCT`: blocks from their coefficients, averaged where they overlap.

    `call(coefficients, like)` maps (N, h, w, side ** 2 * C) to (N, H, W, C); `like` (N, H, W, any) gives the size. It
    is a transposed convolution with the same cosines, which are orthonormal, divided by the number of blocks over a
    pixel, so unchanged coefficients give back the image exactly, up to rounding.

    Parameters
    ----------
    side : int, default 8
        Side of a block in pixels, as in `SlidingDCT`.
    strides : int, default 2
        Distance between blocks in pixels, as in `SlidingDCT`.
    **kwargs
        Further arguments of `keras.layers.Layer`. The layer computes in float32 unless `dtype` is given.

    Raises
    ------
    ValueError
        If `side` is below 2, or `strides` is below 1 or does not divide `side`.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from lessons_lib.layers import SlidingDCT, SlidingIDCT
    >>> image = np.random.default_rng(0).random((1, 16, 16, 3), dtype=np.float32)
    >>> back = keras.ops.convert_to_numpy(SlidingIDCT()(SlidingDCT()(image), like=image))
    >>> bool(np.allclose(back, image, atol=1e-4))
    True
    """

    def build(self, coefficients_shape, like_shape):
        """Compute the fixed filters for the number of channels."""
        self.kernel = cosines(self.side, coefficients_shape[-1] // self.side**2) / (self.side / self.strides) ** 2

    def call(self, coefficients, like):
        """Map (N, h, w, side ** 2 * C) and `like` (N, H, W, any) to (N, H, W, C)."""
        kernel = ops.cast(self.kernel, self.compute_dtype)
        drawn = ops.conv_transpose(coefficients, kernel, self.strides, "valid", data_format="channels_last")
        _, height, width, _ = ops.shape(like)
        first = self.side - self.strides
        return drawn[:, first : first + height, first : first + width]

    def compute_output_shape(self, coefficients_shape, like_shape):
        """Return the shape of the output."""
        return *like_shape[:3], coefficients_shape[-1] // self.side**2


@keras.saving.register_keras_serializable("lessons")
class BlockMean(SlidingDCT):
    """Layer that averages over each block of `SlidingDCT`, on the same grid.

    `call(inputs)` maps (N, H, W, C) to (N, h, w, C), with h and w as for `SlidingDCT`.

    Parameters
    ----------
    side : int, default 8
        Side of a block in pixels, as in `SlidingDCT`.
    strides : int, default 2
        Distance between blocks in pixels, as in `SlidingDCT`.
    **kwargs
        Further arguments of `keras.layers.Layer`. The layer computes in float32 unless `dtype` is given.

    Raises
    ------
    ValueError
        If `side` is below 2, or `strides` is below 1 or does not divide `side`.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from lessons_lib.layers import BlockMean
    >>> keras.ops.convert_to_numpy(BlockMean()(np.ones((1, 16, 16, 1), np.float32))).shape
    (1, 11, 11, 1)
    """

    def build(self, input_shape):
        """Do nothing: a mean needs no filters."""

    def call(self, inputs):
        """Map (N, H, W, C) to (N, h, w, C)."""
        return ops.average_pool(self._framed(inputs), self.side, self.strides, "valid", data_format="channels_last")

    def compute_output_shape(self, input_shape):
        """Return the shape of the output."""
        return *super().compute_output_shape(input_shape)[:3], input_shape[-1]


def cosines(side: int, channels: int) -> np.ndarray:
    """Compute the orthonormal cosines (DCT-II) over blocks and channels, as filters of a convolution.

    Parameters
    ----------
    side : int
        Side of a block in pixels.
    channels : int
        Number of channels.

    Returns
    -------
    ndarray
        The filters (side, side, channels, side ** 2 * channels), float32. The last axis runs over vertical, then
        horizontal, then channel frequency.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.layers import cosines
    >>> filters = cosines(4, 3)
    >>> filters.shape
    (4, 4, 3, 48)
    >>> flat = filters.reshape(48, 48)
    >>> bool(np.allclose(flat.T @ flat, np.eye(48), atol=1e-5))
    True
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
    """Layer that applies a soft shrinkage mask to DCT coefficients and keeps the first one as it is.

    `call(z, mask_logits, level)` computes z * sigmoid(4 log(z ** 2 / (t * level) ** 2) + mask_logits) for coefficients
    and mask logits (N, h, w, K) and noise levels (N, h, w, 1) above 0; the result is (N, h, w, K). With mask logits of
    0 this is hard thresholding at t times the noise level with a smooth transition. The thresholds t are trained, one
    for each of the K coefficients.

    Parameters
    ----------
    threshold : float, default 2.8
        Initial value of all t, in units of the noise level, above 0.
    **kwargs
        Further arguments of `keras.layers.Layer`. The layer computes in float32 unless `dtype` is given.

    Raises
    ------
    ValueError
        If `threshold` is not above 0.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from lessons_lib.layers import Shrink
    >>> z = np.array([0.1, 0.1, 1.0], np.float32).reshape(1, 1, 1, 3)
    >>> kept = Shrink()(z, mask_logits=np.zeros_like(z), level=np.full((1, 1, 1, 1), 0.1, np.float32))
    >>> [round(float(value), 3) for value in keras.ops.convert_to_numpy(kept).ravel()]
    [0.1, 0.0, 1.0]
    """

    def __init__(self, threshold: float = 2.8, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if not threshold > 0:
            raise ValueError(f"threshold is {threshold}: give a number of noise levels above 0")
        self.threshold = threshold

    def build(self, z_shape, mask_logits_shape, level_shape):
        """Create the trained thresholds, one for each coefficient."""
        start = keras.initializers.Constant(math.log(self.threshold))
        self.log_t = self.add_weight(shape=(z_shape[-1],), initializer=start, name="log_t")

    def call(self, z, mask_logits, level):
        """Map coefficients and mask logits (N, h, w, K) and noise levels (N, h, w, 1) to (N, h, w, K)."""
        above = ops.log(ops.square(z / level) + 1e-4) - 2 * self.log_t
        kept = z * ops.sigmoid(4 * above + mask_logits)
        return ops.concatenate([z[..., :1], kept[..., 1:]], axis=-1)

    def get_config(self):
        """Return the constructor's arguments for saving."""
        return {**super().get_config(), "threshold": self.threshold}
