"""Autoencoders of the chapter on them: one of dense layers, one of convolutions."""

from __future__ import annotations

import math

import keras
from keras import layers


def dense_linear(code: int, shape: tuple[int, int, int] = (28, 28, 1)) -> keras.Model:
    """Build a linear autoencoder: one dense layer down to the code, one back up, no activation.

    Trained with the squared error it spans the subspace of the first `code` principal components [1]_ [2]_.

    Parameters
    ----------
    code : int
        Length of the code, 1 or more.
    shape : tuple of int, default (28, 28, 1)
        Shape (H, W, C) of an image.

    Returns
    -------
    keras.Model
        The autoencoder: (N, H, W, C) -> same shape. Its layer "code" gives the code.

    Raises
    ------
    ValueError
        If `code` is below 1.

    References
    ----------
    .. [1] H. Bourlard and Y. Kamp, "Auto-Association by Multilayer Perceptrons and Singular Value Decomposition", 1988.
    .. [2] P. Baldi and K. Hornik, "Neural Networks and Principal Component Analysis: Learning from Examples without
       Local Minima", 1989.

    Examples
    --------
    >>> from lessons_lib.models import autoencoder
    >>> model = autoencoder.dense_linear(3, (16, 16, 1))
    >>> model.output_shape, model.count_params()
    ((None, 16, 16, 1), 1795)
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
    """Build a convolutional autoencoder whose output lies in [0, 1].

    Each width halves the sides with a strided convolution; transposed convolutions double them again. The last layer is
    a sigmoid, computed in float32. `encoder` and `decoder` split the model at its code.

    Parameters
    ----------
    code : int, default 10
        Length of the code, 1 or more.
    shape : tuple of int, default (28, 28, 1)
        Shape (H, W, C) of an image. H and W must be multiples of 2 ** len(widths).
    widths : tuple of int, default (16, 32)
        Numbers of filters, from the first convolution of the encoder to its last.

    Returns
    -------
    keras.Model
        The autoencoder: (N, H, W, C) -> same shape, float32. Its layer "code" gives the code.

    Raises
    ------
    ValueError
        If `code` is below 1, or H or W is not such a multiple.

    Examples
    --------
    >>> from lessons_lib.models import autoencoder
    >>> model = autoencoder.convolutional(code=5, shape=(16, 16, 1), widths=(2, 4))
    >>> model.output_shape, model.get_layer("code").units
    ((None, 16, 16, 1), 5)
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
    """Return the part of an autoencoder from the image to the code.

    Parameters
    ----------
    model : keras.Model
        Autoencoder from `dense_linear` or `convolutional`.

    Returns
    -------
    keras.Model
        The encoder: (N, H, W, C) -> (N, code). It shares the weights of `model`.

    Raises
    ------
    ValueError
        If `model` has no layer "code".

    Examples
    --------
    >>> from lessons_lib.models import autoencoder
    >>> model = autoencoder.convolutional(code=5, shape=(16, 16, 1), widths=(2, 4))
    >>> autoencoder.encoder(model).output_shape
    (None, 5)
    """
    return keras.Model(model.input, model.get_layer("code").output, name="encoder")


def decoder(model: keras.Model) -> keras.Model:
    """Return the part of an autoencoder from the code to the image.

    Parameters
    ----------
    model : keras.Model
        Autoencoder from `dense_linear` or `convolutional`.

    Returns
    -------
    keras.Model
        The decoder: (N, code) -> (N, H, W, C). It shares the weights of `model`.

    Raises
    ------
    ValueError
        If `model` has no layer "code".

    Examples
    --------
    >>> from lessons_lib.models import autoencoder
    >>> model = autoencoder.convolutional(code=5, shape=(16, 16, 1), widths=(2, 4))
    >>> half = autoencoder.decoder(model)
    >>> half.input_shape, half.output_shape
    ((None, 5), (None, 16, 16, 1))
    """
    after = model.layers.index(model.get_layer("code")) + 1
    code = x = keras.Input((model.get_layer("code").units,))
    for layer in model.layers[after:]:
        x = layer(x)
    return keras.Model(code, x, name="decoder")


def _check_code(code: int) -> None:
    if code < 1:
        raise ValueError(f"code is {code}: an autoencoder keeps at least one number")
