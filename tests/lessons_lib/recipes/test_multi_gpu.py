"""On one device nothing changes; on two, each takes half of a batch and the network learns the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from lessons_lib.recipes import multi_gpu

TRAIN = """
import keras, numpy as np, {backend_import}
from lessons_lib import training
from lessons_lib.recipes import multi_gpu
{two}

def learned():
    training.seed_everything(0)
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, padding="same", activation="relu"),
                              keras.layers.Conv2D(1, 3, padding="same")])
    model.compile(keras.optimizers.Adam(0.01, use_ema=True), "mse")
    x = np.random.default_rng(0).random((16, 8, 8, 1), dtype=np.float32)
    training.fit(model, (x, 1 - x), epochs=3, batch_size=8, quiet=True)
    return [float(np.abs(w).sum()) for w in model.get_weights()]

alone = learned()
with multi_gpu.scope():
    print("weights", [alone, learned()], "replicas", {replicas})
"""
TWO = {
    "tensorflow": {
        "backend_import": "tensorflow as tf",
        # A processor cut in two stands for two GPUs: the same strategy, asked of logical CPUs.
        "two": "tf.config.set_logical_device_configuration(tf.config.list_physical_devices('CPU')[0],"
        " [tf.config.LogicalDeviceConfiguration()] * 2)\n"
        "real = tf.config.list_logical_devices\n"
        "tf.config.list_logical_devices = lambda kind=None: real('CPU')\n"
        "mirrored = tf.distribute.MirroredStrategy\n"
        "tf.distribute.MirroredStrategy = lambda: mirrored(['CPU:%d' % k for k in range(2)])",
        "replicas": "tf.distribute.get_strategy().num_replicas_in_sync",
    },
    "jax": {
        "backend_import": "jax",
        "two": "",
        "replicas": "keras.distribution.distribution().device_mesh.devices.size",
    },
}


def test_with_one_device_the_scope_does_nothing():
    with multi_gpu.scope():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert model.predict_on_batch(np.zeros((1, 2))).shape == (1, 1)


def test_jax_is_not_asked_for_gpus_that_are_not_there():
    code = "from lessons_lib.recipes import multi_gpu\nwith multi_gpu.scope():\n    print('inside')"
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "inside\n"), done.stderr


@pytest.mark.prove
@pytest.mark.parametrize("backend", TWO)
def test_two_devices_learn_what_one_does(backend):
    pytest.importorskip(backend)

    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    code, root = TRAIN.format(**TWO[backend]), Path(multi_gpu.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("weights"))
    numbers, _, replicas = line.removeprefix("weights ").partition(" replicas ")
    assert int(replicas) == 2
    alone, together = json.loads(numbers)
    np.testing.assert_allclose(together, alone, rtol=1e-4)
