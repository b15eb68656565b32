"""The autoencoders that the chapter on them builds: one of dense layers, one of convolutions."""

from __future__ import annotations

import math

import keras
from keras import layers


def dense_linear(code: int, shape: tuple[int, int, int] = (28, 28, 1)) -> keras.Model:
    """Linear autoencoder (N, H, W, C) -> same: one matrix down to `code` numbers, one back up, no activation.

    Trained with the squared error it spans the subspace of the first `code` principal components (Bourlard & Kamp,
    1988; Baldi & Hornik, 1989).
    """
    _check_code(code)
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Flatten(),
            layers.Dense(code, name="code"),
            layers.Dense(math.prod(shape)),
            layers.Reshape(shape),
        ],
        name="linear_autoencoder",
    )


def convolutional(
    code: int = 10, shape: tuple[int, int, int] = (28, 28, 1), widths: tuple[int, ...] = (16, 32)
) -> keras.Model:
    """Convolutional autoencoder (N, H, W, C) -> same, in [0, 1], through a `code` of that many numbers.

    Each width halves the sides with a strided convolution; transposed convolutions double them again. The last layer
    is a sigmoid, computed in float32. H and W must be multiples of 2 ** len(widths). `model.get_layer("code")` gives
    the code, `encoder` and `decoder` below split the model there.
    """
    _check_code(code)
    height, width, channels = shape
    factor = 2 ** len(widths)
    if height % factor or width % factor:
        raise ValueError(f"shape is {shape}: height and width must be multiples of {factor} for {len(widths)} widths")
    small = (height // factor, width // factor, widths[-1])
    image = x = keras.Input(shape)
    for filters in widths:
        x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Dense(code, name="code")(layers.Flatten()(x))
    x = layers.Dense(math.prod(small), activation="relu", name="decode")(x)
    x = layers.Reshape(small)(x)
    for filters in reversed(widths[:-1]):
        x = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(channels, 4, strides=2, padding="same", activation="sigmoid", dtype="float32")(x)
    return keras.Model(image, x, name="convolutional_autoencoder")


def encoder(model: keras.Model) -> keras.Model:
    """The half of an autoencoder from image to code; it shares the weights of `model`."""
    return keras.Model(model.input, model.get_layer("code").output, name="encoder")


def decoder(model: keras.Model) -> keras.Model:
    """The half of an autoencoder from code to image; it shares the weights of `model`."""
    after = model.layers.index(model.get_layer("code")) + 1
    code = x = keras.Input((model.get_layer("code").units,))
    for layer in model.layers[after:]:
        x = layer(x)
    return keras.Model(code, x, name="decoder")


def _check_code(code: int) -> None:
    if code < 1:
        raise ValueError(f"code is {code}: an autoencoder keeps at least one number")
