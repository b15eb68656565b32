"""U-Net for restoration: encoder, decoder and skip connections; the output is a correction."""

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
    noise_conditioned: bool = False,
) -> keras.Model:
    """Build a U-Net for restoration: its output is an initial guess plus a learned correction.

    The encoder has `depth` levels of two 3 x 3 convolutions and max pooling, the bottom two convolutions. Each level of
    the decoder upsamples, merges the maps of the encoder that have the same size, and applies two convolutions. This
    follows [1]_, with "same" borders and with what changes for restoration: the last layer predicts a correction of the
    input, or of the bicubically upscaled input if `scale` is above 1.

    The image is padded on the right and at the bottom, by mirroring, to a multiple of 2 ** depth, and the output is
    cropped. The last layer starts near zero, so that an untrained network gives nearly its guess, and computes in
    float32. Train the network with a warm-up, as `residual`.

    Parameters
    ----------
    channels : int, default 3
        Channels of the images, 1 or more.
    width : int, default 24
        Filters at full resolution, 1 or more; twice as many at each level below.
    depth : int, default 3
        Number of levels below full resolution, 1 or more.
    skip : str, default "concatenate"
        How the maps of the encoder are merged: "concatenate", "add", or "none" to leave them out.
    up : str, default "transposed"
        How the decoder upsamples: "transposed" (a transposed 2 x 2 convolution), or "resize" (pixels are repeated, then
        convolved with 3 x 3).
    scale : int, default 1
        Upscaling factor, 1 or more.
    noise_conditioned : bool, default False
        Whether the input has one channel more, the noise level of each pixel (`degrade.with_level`).

    Returns
    -------
    keras.Model
        The network: (N, H, W, channels) -> (N, H * scale, W * scale, channels), for any H and W. If it is
        noise-conditioned, the input is (N, H, W, channels + 1).

    Raises
    ------
    ValueError
        If a number is below 1, or `skip` or `up` is unknown.

    References
    ----------
    .. [1] O. Ronneberger, P. Fischer and T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
       2015.

    Examples
    --------
    >>> import numpy as np
    >>> from lessons_lib.models.unet import unet
    >>> model = unet(width=4, depth=2)
    >>> model.count_params()
    7479
    >>> model.predict_on_batch(np.zeros((1, 16, 17, 3), np.float32)).shape
    (1, 16, 17, 3)
    """
    if min(channels, width, depth, scale) < 1:
        raise ValueError(f"channels {channels}, width {width}, depth {depth}, scale {scale}: give 1 or more")
    if skip not in SKIPS or up not in UPS:
        raise ValueError(f"skip {skip!r} and up {up!r}: choose of {', '.join(SKIPS)}, and of {', '.join(UPS)}")
    degraded = keras.Input((None, None, channels + noise_conditioned))
    picture = degraded[..., :channels] if noise_conditioned else degraded
    x, carried = _encode(Mirror(2**depth)(degraded), width, depth)
    x = _decode(_pair(x, width * 2**depth), carried, width, skip, up)
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
    """Compute how far the receptive field of `unet` reaches: the halo that a tile needs on each side.

    It is an upper bound, rounded up to a multiple of 2 ** depth, so that tiles may start there. Two convolutions reach
    2 pixels, at each level on the way down and up, where pixels are 2 ** level apart; a coarse cell ends up to 2 **
    depth - 1 pixels further out.

    Parameters
    ----------
    depth : int, default 3
        Number of levels below full resolution.
    up : str, default "transposed"
        How the decoder upsamples: "transposed" or "resize".

    Returns
    -------
    int
        Pixels of the input to each side.

    Examples
    --------
    >>> from lessons_lib.models.unet import halo
    >>> halo(), halo(up="resize")
    (56, 64)
    """
    below = 2**depth
    reach = 4 * (below - 1) + 2 * below + below - 1
    if up == "resize":
        reach += below - 1  # one 3 x 3 convolution more after each upsampling
    return -(-reach // below) * below


def _encode(x, width: int, depth: int):
    """Apply the levels of the encoder: what goes to the bottom, and the maps of each level, the finest first."""
    carried = []
    for level in range(depth):
        x = _pair(x, width * 2**level)
        carried.append(x)
        x = layers.MaxPooling2D()(x)
    return x, carried


def _decode(x, carried: list, width: int, skip: str, up: str):
    """Apply the levels of the decoder to the bottom's maps, and merge those carried over from the encoder."""
    for level in reversed(range(len(carried))):
        if up == "resize":
            x = layers.Conv2D(width * 2**level, 3, padding="same")(layers.UpSampling2D()(x))
        else:
            x = layers.Conv2DTranspose(width * 2**level, 2, strides=2)(x)
        if skip == "concatenate":
            x = layers.Concatenate()([carried[level], x])
        elif skip == "add":
            x = layers.Add()([carried[level], x])
        x = _pair(x, width * 2**level)
    return x


def _pair(x, width: int):
    for _ in range(2):
        x = layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    return x


@keras.saving.register_keras_serializable("lessons")
class Mirror(keras.layers.Layer):
    """Layer that pads maps on the right and at the bottom, by mirroring, to a multiple of a number of pixels.

    `call(inputs)` maps (N, H, W, C) to (N, h, w, C), where h and w are the next multiples of `multiple`. It takes any H
    and W: an image far smaller than `multiple` is mirrored several times.

    Parameters
    ----------
    multiple : int
        Number of pixels that divides the sides of the output, 1 or more.
    **kwargs
        Further arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If `multiple` is below 1.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from lessons_lib.models.unet import Mirror
    >>> row = np.array([0, 1, 2], np.float32).reshape(1, 1, 3, 1)
    >>> padded = keras.ops.convert_to_numpy(Mirror(4)(row))
    >>> padded.shape, padded[0, 0, :, 0].tolist()
    ((1, 4, 4, 1), [0.0, 1.0, 2.0, 2.0])
    """

    def __init__(self, multiple: int, **kwargs):
        super().__init__(**kwargs)
        if multiple < 1:
            raise ValueError(f"Mirror needs a multiple of 1 or more, got {multiple}")
        self.multiple = multiple

    def call(self, inputs):
        """Map (N, H, W, C) to the next multiples of `multiple` in H and W."""
        for axis in (1, 2):
            inputs = ops.take(inputs, self._places(ops.shape(inputs)[axis]), axis=axis)
        return inputs

    def _places(self, side):
        """0 1 2 3 3 2 1 0 0 1 ..., as many as wanted: a picture far smaller than the multiple is mirrored often."""
        places = ops.arange(-(-side // self.multiple) * self.multiple, dtype="int32") % (2 * side)
        return ops.minimum(places, 2 * side - 1 - places)

    def compute_output_shape(self, input_shape):
        """Return the shape of the output."""
        batch, *sides, channels = input_shape
        sides = (None if s is None else -(-s // self.multiple) * self.multiple for s in sides)
        return batch, *sides, channels

    def get_config(self):
        """Return the constructor's arguments for saving."""
        return {**super().get_config(), "multiple": self.multiple}
