"""Several GPUs: each takes its share of every batch. The one place where a backend is asked for by name."""

from __future__ import annotations

import contextlib

import keras


def scope() -> contextlib.AbstractContextManager:
    """Build and fit a network inside this, and it trains on all GPUs there are; with one or none nothing changes.

    TensorFlow mirrors the network (MirroredStrategy), JAX splits the batch (keras.distribution.DataParallel); PyTorch
    uses one. The batch size is the whole one, and has to be a multiple of the number of GPUs.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        if len(tf.config.list_logical_devices("GPU")) > 1:
            return tf.distribute.MirroredStrategy().scope()
    elif backend == "jax":
        devices = keras.distribution.list_devices()  # of the best kind there is; to ask for GPUs fails without one
        if len(devices) > 1:
            return keras.distribution.DataParallel(devices=devices).scope()
    return contextlib.nullcontext()
