"""Basic Keras layers: anti-aliased pooling, pixel shuffle, cropping, and an initialiser.

They are registered under "lessons", so that Keras loads a saved model without `custom_objects` once this module is
imported. They use keras.ops only, so they run on TensorFlow, JAX and PyTorch. Feature maps are (batch, H, W, channels).
"""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("lessons")
class BlurPool2D(keras.layers.Layer):
    """Layer for anti-aliased subsampling [1]_: a binomial blur of each channel, then every n-th pixel.

    `call(inputs)` maps (N, H, W, C) to (N, ceil(H / pool_size), ceil(W / pool_size), C). Borders are mirrored.
    Anti-aliased max pooling is `MaxPooling2D(2, strides=1, padding="same")` followed by this layer.

    Parameters
    ----------
    pool_size : int, default 2
        Distance in pixels between the pixels that are kept, 1 or more.
    filter_size : int, default 3
        Side of the binomial filter in pixels, odd.
    **kwargs
        Further arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If `pool_size` is below 1, or `filter_size` is even or below 1.

    References
    ----------
    .. [1] R. Zhang, "Making Convolutional Networks Shift-Invariant Again", 2019.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from lessons_lib.layers import BlurPool2D
    >>> stripes = np.tile(np.array([0, 1], np.float32), 8).reshape(1, 1, 16, 1).repeat(16, axis=1)
    >>> pooled = keras.ops.convert_to_numpy(BlurPool2D(2)(stripes))
    >>> pooled.shape, float(pooled.min()), float(pooled.max())
    ((1, 8, 8, 1), 0.5, 0.5)
    """

    def __init__(self, pool_size: int = 2, filter_size: int = 3, **kwargs):
        super().__init__(**kwargs)
        if pool_size < 1 or filter_size < 1 or filter_size % 2 == 0:
            raise ValueError(f"BlurPool2D needs pool_size >= 1 and an odd filter_size, got {pool_size}, {filter_size}")
        self.pool_size, self.filter_size = pool_size, filter_size

    def build(self, input_shape):
        """Compute the fixed filter for the number of channels."""
        line = np.array([math.comb(self.filter_size - 1, k) for k in range(self.filter_size)], "float32")
        kernel = np.outer(line, line) / line.sum() ** 2
        self.kernel = np.repeat(kernel[:, :, None, None], input_shape[-1], axis=2)

    def call(self, inputs):
        """Map (N, H, W, C) to (N, ceil(H / pool_size), ceil(W / pool_size), C)."""
        pad = self.filter_size // 2
        padded = ops.pad(inputs, [[0, 0], [pad, pad], [pad, pad], [0, 0]], mode="reflect")
        kernel = ops.cast(self.kernel, padded.dtype)
        return ops.depthwise_conv(padded, kernel, strides=self.pool_size, data_format="channels_last")

    def compute_output_shape(self, input_shape):
        """Return the shape of the output."""
        batch, height, width, channels = input_shape
        height, width = (None if s is None else math.ceil(s / self.pool_size) for s in (height, width))
        return batch, height, width, channels

    def get_config(self):
        """Return the constructor's arguments for saving."""
        return {**super().get_config(), "pool_size": self.pool_size, "filter_size": self.filter_size}


@keras.saving.register_keras_serializable("lessons")
class PixelShuffle(keras.layers.Layer):
    """Layer for sub-pixel rearrangement [1]_: channels become blocks of pixels.

    `call(inputs)` maps (N, H, W, C * f ** 2) to (N, H * f, W * f, C), with f = `factor`. Channel c * f ** 2 + i * f + j
    of a pixel becomes row i, column j of its f x f block in channel c. Another number of channels raises ValueError
    when the layer is built.

    Parameters
    ----------
    factor : int, default 2
        Upscaling factor, 1 or more.
    **kwargs
        Further arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If `factor` is below 1.

    References
    ----------
    .. [1] W. Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
       Neural Network", 2016.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from lessons_lib.layers import PixelShuffle
    >>> pixel = np.array([0, 1, 2, 3], np.float32).reshape(1, 1, 1, 4)
    >>> keras.ops.convert_to_numpy(PixelShuffle(2)(pixel))[0, :, :, 0].tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """

    def __init__(self, factor: int = 2, **kwargs):
        super().__init__(**kwargs)
        if factor < 1:
            raise ValueError(f"PixelShuffle needs a factor of 1 or more, got {factor}")
        self.factor = factor

    def build(self, input_shape):
        """Check the number of channels."""
        if input_shape[-1] % self.factor**2:
            raise ValueError(
                f"PixelShuffle({self.factor}) needs a multiple of {self.factor**2} channels, got {input_shape[-1]}"
            )

    def call(self, inputs):
        """Map (N, H, W, C * factor ** 2) to (N, H * factor, W * factor, C)."""
        f = self.factor
        _, height, width, channels = ops.shape(inputs)
        blocks = ops.reshape(inputs, (-1, height, width, channels // f**2, f, f))
        blocks = ops.transpose(blocks, (0, 1, 4, 2, 5, 3))
        return ops.reshape(blocks, (-1, height * f, width * f, channels // f**2))

    def compute_output_shape(self, input_shape):
        """Return the shape of the output."""
        batch, height, width, channels = input_shape
        height, width = (None if s is None else s * self.factor for s in (height, width))
        return batch, height, width, channels // self.factor**2

    def get_config(self):
        """Return the constructor's arguments for saving."""
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable("lessons")
class CropLike(keras.layers.Layer):
    """Layer that crops maps to the height and width of other maps, from the upper left corner.

    `call(inputs, like)` maps (N, h, w, C) and (N, H, W, any) to (N, H, W, C); it takes h >= H and w >= W.

    Parameters
    ----------
    *args, **kwargs
        Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from lessons_lib.layers import CropLike
    >>> cropped = CropLike()(np.zeros((1, 16, 16, 2)), like=np.zeros((1, 13, 15, 3)))
    >>> keras.ops.convert_to_numpy(cropped).shape
    (1, 13, 15, 2)
    """

    def call(self, inputs, like):
        """Map (N, h, w, C) and `like` (N, H, W, any) to (N, H, W, C)."""
        _, height, width, _ = ops.shape(like)
        return inputs[:, :height, :width]

    def compute_output_shape(self, inputs_shape, like_shape):
        """Return the shape of the output."""
        return inputs_shape[0], *like_shape[1:3], inputs_shape[-1]


@keras.saving.register_keras_serializable("lessons")
class ICNR(keras.initializers.Initializer):
    """Initialiser for the convolution before `PixelShuffle(factor)`: the channels of each block start equal.

    The first output of the two layers is then nearest-neighbour upsampling, free of checkerboard artefacts [1]_. A
    number of filters that is no multiple of factor ** 2 raises ValueError when the initialiser is called.

    Parameters
    ----------
    factor : int, default 2
        Factor of the `PixelShuffle` layer.
    initializer : str or keras.initializers.Initializer, default "glorot_uniform"
        Initialiser of the channels that are then repeated factor ** 2 times.

    References
    ----------
    .. [1] A. Aitken, C. Ledig, L. Theis, J. Caballero, Z. Wang and W. Shi, "Checkerboard Artifact Free Sub-Pixel
       Convolution", 2017.

    Examples
    --------
    >>> import keras
    >>> from lessons_lib.layers import ICNR
    >>> kernel = keras.ops.convert_to_numpy(ICNR(2)((3, 3, 4, 8)))
    >>> kernel.shape, bool((kernel[..., :4] == kernel[..., :1]).all())
    ((3, 3, 4, 8), True)
    """

    def __init__(self, factor: int = 2, initializer="glorot_uniform"):
        self.factor, self.initializer = factor, keras.initializers.get(initializer)

    def __call__(self, shape, dtype=None):
        """Return the initial kernel of this shape; its last axis counts the filters."""
        *rest, channels = shape
        if channels % self.factor**2:
            raise ValueError(f"ICNR({self.factor}) needs a multiple of {self.factor**2} filters, got {channels}")
        small = self.initializer((*rest, channels // self.factor**2), dtype=dtype)
        return ops.repeat(small, self.factor**2, axis=-1)

    def get_config(self):
        """Return the constructor's arguments for saving."""
        return {"factor": self.factor, "initializer": keras.initializers.serialize(self.initializer)}
