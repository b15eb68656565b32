import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

from lessons_lib import training
from lessons_lib.batches import PairStream
from lessons_lib.training import GateError, History

RNG = np.random.default_rng(8)
X = RNG.random((64, 6, 6, 1), dtype=np.float32)
Y = 1 - X


def small_model(learning_rate=0.02):
    training.seed_everything(0)
    layers = [keras.layers.Conv2D(4, 3, padding="same", activation="relu"), keras.layers.Conv2D(1, 3, padding="same")]
    model = keras.Sequential([keras.Input((6, 6, 1)), *layers])
    model.compile(keras.optimizers.Adam(learning_rate), "mse", metrics=["mae"])
    return model


def test_fit_learns_prints_a_line_an_epoch_and_records(capsys):
    history = training.fit(small_model(), (X, Y), validation=(X, Y), epochs=10, batch_size=16)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == history.epochs == 10
    assert lines[0] == f"epoch  1/10  loss {history.loss[0]:.5f}  val_loss {history.val_loss[0]:.5f}"
    assert history.val_loss[-1] < history.val_loss[0] / 2
    assert len(history.metrics["mae"]) == len(history.metrics["val_mae"]) == 10


def test_fit_ends_with_the_best_weights_and_stops_early(capsys):
    model = small_model(learning_rate=3.0)  # bounces about
    history = training.fit(model, (X, Y), validation=(X, Y), epochs=40, patience=3, batch_size=16, quiet=True)
    assert history.epochs < 40
    assert history.epochs == history.best_epoch + 3
    assert model.evaluate(X, Y, verbose=0)[0] == pytest.approx(min(history.val_loss), rel=1e-4)
    assert capsys.readouterr().out == ""


def test_the_seed_decides():
    losses = [training.fit(small_model(), (X, Y), epochs=2, seed=s, quiet=True).loss for s in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]


def test_fit_takes_a_stream_and_gives_it_new_noise_each_epoch():
    seen = []

    def degrade(clean, rng):
        seen.append(rng.random())
        return clean

    stream = PairStream(X, degrade, batch_size=32)
    history = training.fit(small_model(), stream, validation=(X, X), epochs=3, quiet=True)
    assert history.epochs == 3
    assert len(set(seen)) == 3 * 64  # a backend may look at a batch twice, but each epoch has noise of its own


def test_nan_stops_at_once():
    with pytest.raises(GateError, match="epoch 1: the loss is nan"):
        training.fit(small_model(), (X, Y * np.nan), epochs=5, quiet=True)


@pytest.mark.parametrize("options", [{"epochs": 0}, {"epochs": 3, "patience": 0}])
def test_bad_numbers_are_refused(options):
    with pytest.raises(ValueError, match="must be 1 or more"):
        training.fit(small_model(), (X, Y), **options)


KILLED = """
import os, sys
sys.path.insert(0, {tests!r})
import keras
from tests.lessons_lib import test_training as t
stop = int(sys.argv[2])
add = t.History._add
def add_and_die(self, logs):
    if self.epochs == stop:
        os._exit(9)  # as kill -9 would: nothing is flushed or cleaned up
    add(self, logs)
t.History._add = add_and_die
t.training.fit(t.small_model(), (t.X, t.Y), validation=(t.X, t.Y), epochs=4, resume=sys.argv[1], quiet=True)
"""


@pytest.mark.prove
def test_a_killed_run_goes_on_where_it_was(tmp_path):
    script = KILLED.format(tests=str(Path(__file__).parents[2]))
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "run"), "2"], check=False, cwd=tmp_path)
    assert killed.returncode == 9
    (tmp_path / "run" / "writing.part").mkdir()  # what a kill in the middle of saving leaves behind
    (tmp_path / "run" / "writing.part" / "last.keras").write_bytes(b"half a file")
    model = small_model()
    options = {"validation": (X, Y), "epochs": 4, "quiet": True, "resume": tmp_path / "run"}
    resumed = training.fit(model, (X, Y), **options)
    straight = training.fit(small_model(), (X, Y), **{**options, "resume": None})
    assert resumed.epochs == 4
    np.testing.assert_allclose(resumed.loss[:2], straight.loss[:2], rtol=1e-5)
    np.testing.assert_allclose(resumed.loss[2:], straight.loss[2:], rtol=0.2)  # shuffled otherwise, as good
    before = model.get_weights()
    again = training.fit(small_model(), (X, Y), **options)  # a finished run is not run again
    assert again == resumed
    best = small_model()
    training.fit(best, (X, Y), **options)
    np.testing.assert_equal(best.get_weights(), before)
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["epoch-000004"]


def test_gate(capsys):
    training.gate(30.126, 29, "PSNR")
    assert capsys.readouterr().out == "PSNR: 30.13 dB, at least 29.00 dB: passed\n"
    for value in (28.9, float("nan")):
        with pytest.raises(GateError, match=r"below the floor of 29\.00 dB"):
            training.gate(value, 29, "PSNR")


def test_best_epoch():
    assert History([3, 2, 1], [1, 0.5, 2]).best_epoch == 2
    assert History([3, 2, 1]).best_epoch == 3


@pytest.fixture
def float32_afterwards():
    yield
    keras.mixed_precision.set_dtype_policy("float32")


@pytest.mark.usefixtures("float32_afterwards")
@pytest.mark.parametrize(("gain", "expected"), [(3.0, "mixed_bfloat16"), (1.1, "float32"), (0.3, "float32")])
def test_auto_precision_takes_what_measures_faster(monkeypatch, gain, expected):
    monkeypatch.setattr(training, "bfloat16_gain", lambda: gain)
    assert training.set_precision() == expected
    assert keras.mixed_precision.dtype_policy().name == expected


@pytest.mark.usefixtures("float32_afterwards")
def test_precision_can_be_overridden(monkeypatch):
    monkeypatch.setenv("LESSONS_PRECISION", "mixed_bfloat16")
    assert training.set_precision("float32") == "mixed_bfloat16"
    history = training.fit(small_model(), (X, Y), epochs=3, quiet=True)
    assert history.loss[-1] < history.loss[0]
    monkeypatch.setenv("LESSONS_PRECISION", "float8")
    with pytest.raises(ValueError, match="LESSONS_PRECISION"):
        training.set_precision()


def test_the_gain_is_the_ratio_of_two_measured_speeds(monkeypatch):
    now = [0.0]

    def step(model, x, y):  # a machine that takes four times as long in float32, by a clock of its own
        now[0] += 1 / 64 if model.layers[0].compute_dtype == "bfloat16" else 1 / 16

    monkeypatch.setattr(keras.Sequential, "train_on_batch", step)
    monkeypatch.setattr(training.time, "perf_counter", lambda: now[0])
    assert training.bfloat16_gain.__wrapped__() == pytest.approx(4.0)


BACKEND = """
import sys
sys.path.insert(0, {tests!r})
import numpy as np, keras
from tests.lessons_lib import test_training as t
from lessons_lib import layers
model = t.small_model()
start = np.random.default_rng(0)
model.set_weights([start.normal(0, 0.2, w.shape) for w in model.get_weights()])
stream = t.PairStream(t.X, lambda clean, rng: 1 - clean, batch_size=16)
history = t.training.fit(model, stream, epochs=3, quiet=True)
pooled = layers.BlurPool2D(2)(layers.PixelShuffle(2)(np.tile(t.X, (1, 1, 1, 4))))
print(keras.backend.backend(), *history.loss, float(keras.ops.sum(pooled)))
"""


def installed_backends():
    return [name for name in ("tensorflow", "jax", "torch") if find_spec(name)]


@pytest.mark.prove
def test_every_installed_backend_trains_to_the_same_losses(tmp_path):
    assert len(installed_backends()) >= 2, "the test extra brings JAX beside TensorFlow"
    losses = {}
    for backend in installed_backends():
        done = subprocess.run(
            [sys.executable, "-c", BACKEND.format(tests=str(Path(__file__).parents[2]))],
            env={**os.environ, "KERAS_BACKEND": backend, "CUDA_VISIBLE_DEVICES": ""},
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        name, *numbers = done.stdout.split()
        assert name == backend
        losses[backend] = np.array(numbers, float)
    for backend, numbers in losses.items():
        np.testing.assert_allclose(numbers, losses["tensorflow"], rtol=1e-3, err_msg=backend)


def test_a_stream_for_validation_shows_the_same_pictures_after_every_epoch():
    model = keras.Sequential([keras.Input(X.shape[1:]), keras.layers.Rescaling(0.5)])
    model.compile("sgd", "mse")
    noisy = lambda clean, rng: clean + rng.normal(size=clean.shape).astype(np.float32)  # noqa: E731
    train, validation = (PairStream(X, noisy, batch_size=16, seed=seed) for seed in (0, 1))
    history = training.fit(model, train, validation=validation, epochs=3, quiet=True)
    assert len(set(history.val_loss)) == 1
    assert len(set(history.loss)) == 3
