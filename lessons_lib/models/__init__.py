"""One file an architecture, in the order the book meets them; `build` makes any of them from plain values."""

from __future__ import annotations

import importlib

import keras

KINDS = ("residual", "shrinkage", "spectral", "unet", "ridnet")


def build(kind: str, **arguments) -> keras.Model:
    """The untrained network that module `kind` describes, by its function of the same name.

    Recipes and model cards say in this way what they mean: two plain values, no code. Raises ValueError for another
    kind, and what the function itself raises for its arguments.
    """
    if kind not in KINDS:
        raise ValueError(f"model kind is {kind!r}: choose one of {', '.join(KINDS)}")
    function = getattr(importlib.import_module(f"lessons_lib.models.{kind}"), kind)
    try:
        return function(**arguments)
    except TypeError as error:
        raise ValueError(f"model {kind} with {arguments}: {error}") from error
