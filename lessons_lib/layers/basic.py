"""Custom Keras layers, registered under "lessons" so that a saved model loads without this book's help.

Written with keras.ops only, so they run on TensorFlow, JAX and PyTorch. Feature maps are (batch, H, W, channels).
"""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("lessons")
class BlurPool2D(keras.layers.Layer):
    """Anti-aliased subsampling (Zhang, 2019): blur each channel with the binomial filter, then keep every n-th pixel.

    (N, H, W, C) -> (N, ceil(H / pool_size), ceil(W / pool_size), C). Anti-aliased max pooling is
    MaxPooling2D(2, strides=1, padding="same") followed by this layer. Borders repeat the image mirrored.
    """

    def __init__(self, pool_size: int = 2, filter_size: int = 3, **kwargs):
        super().__init__(**kwargs)
        if pool_size < 1 or filter_size < 1 or filter_size % 2 == 0:
            raise ValueError(f"BlurPool2D needs pool_size >= 1 and an odd filter_size, got {pool_size}, {filter_size}")
        self.pool_size, self.filter_size = pool_size, filter_size

    def build(self, input_shape):
        line = np.array([math.comb(self.filter_size - 1, k) for k in range(self.filter_size)], "float32")
        kernel = np.outer(line, line) / line.sum() ** 2
        self.kernel = np.repeat(kernel[:, :, None, None], input_shape[-1], axis=2)

    def call(self, inputs):
        pad = self.filter_size // 2
        padded = ops.pad(inputs, [[0, 0], [pad, pad], [pad, pad], [0, 0]], mode="reflect")
        kernel = ops.cast(self.kernel, padded.dtype)
        return ops.depthwise_conv(padded, kernel, strides=self.pool_size, data_format="channels_last")

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (None if s is None else math.ceil(s / self.pool_size) for s in (height, width))
        return batch, height, width, channels

    def get_config(self):
        return {**super().get_config(), "pool_size": self.pool_size, "filter_size": self.filter_size}


@keras.saving.register_keras_serializable("lessons")
class PixelShuffle(keras.layers.Layer):
    """Sub-pixel rearrangement (Shi et al., 2016): (N, H, W, C * f^2) -> (N, H * f, W * f, C).

    Channel c * f^2 + i * f + j of a pixel becomes row i, column j of its f x f block in channel c.
    """

    def __init__(self, factor: int = 2, **kwargs):
        super().__init__(**kwargs)
        if factor < 1:
            raise ValueError(f"PixelShuffle needs a factor of 1 or more, got {factor}")
        self.factor = factor

    def build(self, input_shape):
        if input_shape[-1] % self.factor**2:
            raise ValueError(
                f"PixelShuffle({self.factor}) needs a multiple of {self.factor**2} channels, got {input_shape[-1]}"
            )

    def call(self, inputs):
        f = self.factor
        _, height, width, channels = ops.shape(inputs)
        blocks = ops.reshape(inputs, (-1, height, width, channels // f**2, f, f))
        blocks = ops.transpose(blocks, (0, 1, 4, 2, 5, 3))
        return ops.reshape(blocks, (-1, height * f, width * f, channels // f**2))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (None if s is None else s * self.factor for s in (height, width))
        return batch, height, width, channels // self.factor**2

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable("lessons")
class CropLike(keras.layers.Layer):
    """call(inputs, like): the upper left part of `inputs` (N, h, w, C) that is as high and wide as `like`."""

    def call(self, inputs, like):
        _, height, width, _ = ops.shape(like)
        return inputs[:, :height, :width]

    def compute_output_shape(self, inputs_shape, like_shape):
        return inputs_shape[0], *like_shape[1:3], inputs_shape[-1]


@keras.saving.register_keras_serializable("lessons")
class ICNR(keras.initializers.Initializer):
    """Initialiser for the convolution before PixelShuffle(factor): all f^2 channels of a block start equal.

    The first output is then nearest-neighbour up-sampling, free of checkerboards (Aitken et al., 2017).
    """

    def __init__(self, factor: int = 2, initializer="glorot_uniform"):
        self.factor, self.initializer = factor, keras.initializers.get(initializer)

    def __call__(self, shape, dtype=None):
        *rest, channels = shape
        if channels % self.factor**2:
            raise ValueError(f"ICNR({self.factor}) needs a multiple of {self.factor**2} filters, got {channels}")
        small = self.initializer((*rest, channels // self.factor**2), dtype=dtype)
        return ops.repeat(small, self.factor**2, axis=-1)

    def get_config(self):
        return {"factor": self.factor, "initializer": keras.initializers.serialize(self.initializer)}
