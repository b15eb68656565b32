"""U-Net for restoration: down to see far, up again with the fine maps carried across, and what it says is added."""

from __future__ import annotations

import keras
from keras import layers, ops

from lessons_lib.layers import ICNR, CropLike, PixelShuffle

SKIPS = ("concatenate", "add", "none")
UPS = ("transposed", "resize")


def unet(
    channels: int = 3,
    width: int = 24,
    depth: int = 3,
    *,
    skip: str = "concatenate",
    up: str = "transposed",
    scale: int = 1,
    told: bool = False,
) -> keras.Model:
    """(N, H, W, channels) -> (N, H * scale, W * scale, channels); with `told` the input has a noise level more.

    `depth` times two 3 x 3 convolutions and max pooling, then two convolutions at the bottom, then up again: a
    transposed 2 x 2 convolution (or, `up` "resize", repeated pixels and a 3 x 3 one), the fine maps of the same size
    concatenated, added or left out, two convolutions. `width` filters at the top, twice as many at each level below.
    After Ronneberger et al. (2015), with "same" borders, and with what changes for restoration: the last layer says
    what to add to the input, or to its bicubic enlargement if `scale` is above 1.

    Any height and width: the picture is mirrored to the right and below up to a multiple of 2^depth, and the answer is
    cut back. The last layer starts near zero, so that an untrained network gives nearly its input, and computes in
    float32. Warm up as for `residual`. Raises ValueError for numbers below 1, or another skip or up.
    """
    if min(channels, width, depth, scale) < 1:
        raise ValueError(f"channels {channels}, width {width}, depth {depth}, scale {scale}: give 1 or more")
    if skip not in SKIPS or up not in UPS:
        raise ValueError(f"skip {skip!r} and up {up!r}: choose of {', '.join(SKIPS)}, and of {', '.join(UPS)}")
    degraded = keras.Input((None, None, channels + told))
    picture = degraded[..., :channels] if told else degraded
    x, carried = Mirror(2**depth)(degraded), []
    for level in range(depth):
        x = _pair(x, width * 2**level)
        carried.append(x)
        x = layers.MaxPooling2D()(x)
    x = _pair(x, width * 2**depth)
    for level in reversed(range(depth)):
        if up == "resize":
            x = layers.Conv2D(width * 2**level, 3, padding="same")(layers.UpSampling2D()(x))
        else:
            x = layers.Conv2DTranspose(width * 2**level, 2, strides=2)(x)
        if skip == "concatenate":
            x = layers.Concatenate()([carried[level], x])
        elif skip == "add":
            x = layers.Add()([carried[level], x])
        x = _pair(x, width * 2**level)
    small = keras.initializers.RandomNormal(stddev=1e-3)
    if scale > 1:
        small = ICNR(scale, small)
    x = layers.Conv2D(channels * scale**2, 1, kernel_initializer=small, dtype="float32", name="change")(x)
    if scale > 1:
        x = PixelShuffle(scale, dtype="float32")(x)
        picture = layers.UpSampling2D(scale, interpolation="bicubic", dtype="float32")(picture)
    x = CropLike(dtype="float32")(x, like=picture)
    return keras.Model(degraded, layers.Add(dtype="float32")([picture, x]), name="unet")


def halo(depth: int = 3, up: str = "transposed") -> int:
    """How far a pixel of `unet`'s answer looks, in pixels of the input, at most: a tile needs so many on each side.

    Rounded up to a multiple of 2^depth, so that tiles may start there. Two convolutions reach 2 pixels, at each level
    on the way down and up, and pixels are 2^level apart; a coarse cell ends up to 2^depth - 1 pixels further out.
    """
    below = 2**depth
    reach = 4 * (below - 1) + 2 * below + below - 1
    if up == "resize":
        reach += below - 1  # one 3 x 3 convolution more after each enlargement
    return -(-reach // below) * below


def _pair(x, width: int):
    for _ in range(2):
        x = layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    return x


@keras.saving.register_keras_serializable("lessons")
class Mirror(keras.layers.Layer):
    """Enlarge (N, H, W, C) to the right and below, mirrored, to the next multiple of `multiple`; any H and W."""

    def __init__(self, multiple: int, **kwargs):
        super().__init__(**kwargs)
        if multiple < 1:
            raise ValueError(f"Mirror needs a multiple of 1 or more, got {multiple}")
        self.multiple = multiple

    def call(self, inputs):
        for axis in (1, 2):
            inputs = ops.take(inputs, self._places(ops.shape(inputs)[axis]), axis=axis)
        return inputs

    def _places(self, side):
        """0 1 2 3 3 2 1 0 0 1 ..., as many as wanted: a picture far smaller than the multiple is mirrored often."""
        places = ops.arange(-(-side // self.multiple) * self.multiple, dtype="int32") % (2 * side)
        return ops.minimum(places, 2 * side - 1 - places)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = (None if s is None else -(-s // self.multiple) * self.multiple for s in sides)
        return batch, *sides, channels

    def get_config(self):
        return {**super().get_config(), "multiple": self.multiple}
