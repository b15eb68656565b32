"""Network architectures, one module each, in the order of the book; `build` makes one by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import keras

KINDS = ("residual", "shrinkage", "spectral", "blind", "unet", "ridnet")


def function(kind: str) -> Callable[..., keras.Model]:
    """Return the function that builds an architecture.

    Parameters
    ----------
    kind : str
        One of `KINDS`.

    Returns
    -------
    callable
        The function of that name in the module of that name.

    Raises
    ------
    ValueError
        If the kind is unknown.

    Examples
    --------
    >>> from lessons_lib import models
    >>> models.function("unet").__name__
    'unet'
    """
    if kind not in KINDS:
        raise ValueError(f"model kind is {kind!r}: choose one of {', '.join(KINDS)}")
    return getattr(importlib.import_module(f"lessons_lib.models.{kind}"), kind)


def build(kind: str, **arguments) -> keras.Model:
    """Build an untrained network from the name of its architecture and plain arguments.

    Recipes and model cards describe a network in this way: two plain values, no code.

    Parameters
    ----------
    kind : str
        One of `KINDS`: the module of `lessons_lib.models`, and in it the function of the same name, that builds the
        network.
    **arguments
        Arguments of that function.

    Returns
    -------
    keras.Model
        The untrained network.

    Raises
    ------
    ValueError
        If the kind is unknown, or the function does not take the arguments or refuses their values.

    Examples
    --------
    >>> from lessons_lib import models
    >>> models.build("residual", channels=1, depth=2, width=4).count_params()
    77
    """
    try:
        return function(kind)(**arguments)
    except TypeError as error:
        raise ValueError(f"model {kind} with {arguments}: {error}") from error
