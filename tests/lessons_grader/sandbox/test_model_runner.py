import io
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers, ops

from lessons_grader.sandbox import model_runner
from lessons_grader.sandbox.model_runner import ModelError

PICTURES = np.random.default_rng(1).random((3, 8, 8, 1)).astype(np.float32)


def saved(model, tmp_path):
    """The bytes of a .keras file, as the sandbox hands them over."""
    model.save(tmp_path / "model.keras")
    return np.frombuffer((tmp_path / "model.keras").read_bytes(), np.uint8)


def small(*last):
    inner = layers.Conv2D(2, 3, padding="same", activation=layers.LeakyReLU(), kernel_regularizer="l2")
    return keras.Sequential([keras.Input((8, 8, 1)), inner, layers.BatchNormalization(), *last])


def own_loss(a, b):
    return ops.mean((a - b) ** 2)


def packed(parts, **options):
    """A zip of these names and contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as file:
        for name, content in parts:
            file.writestr(name, content)
    return np.frombuffer(buffer.getvalue(), np.uint8)


def parts_of(data):
    with zipfile.ZipFile(io.BytesIO(data.tobytes())) as file:
        return [(entry.filename, file.read(entry)) for entry in file.infolist()]


def with_config(data, change):
    """The same file with another config."""
    parts = dict(parts_of(data))
    config = json.loads(parts["config.json"])
    change(config)
    return packed((parts | {"config.json": json.dumps(config)}).items())


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return saved(small(), tmp_path_factory.mktemp("plain"))


def test_a_plain_model_answers_as_it_did_where_it_was_trained(tmp_path):
    noisy = keras.Input((None, None, 1))
    noise = layers.Conv2D(1, 3, padding="same", kernel_initializer=keras.initializers.HeNormal(seed=1))(noisy)
    model = keras.Model(noisy, ops.clip(noisy - 0.5 * noise, 0.0, 1.0))
    model.compile("adam", own_loss)  # it is of no use where training is over
    model.fit(PICTURES, PICTURES, batch_size=1, verbose=0)
    data = saved(model, tmp_path)
    np.testing.assert_allclose(model_runner.answer(PICTURES, 0, 0, data), model(PICTURES), atol=1e-6)
    assert model_runner.answer(None, 0, 0, data).tolist() == [10, 10, 3]


def test_a_card_counts_weights_those_that_learn_and_steps(plain):
    assert model_runner.answer(None, 0, 0, plain).tolist() == [20 + 8, 20 + 4, -1]
    assert model_runner.answer(None, 28, 0, plain)[0] == 28
    with pytest.raises(ModelError, match="it has 28 weights, and 27 are the most"):
        model_runner.answer(None, 27, 0, plain)


def test_between_two_models_passes_a_code_of_16_bits_and_no_more(tmp_path):
    encoder = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Rescaling(1.0)])
    decoder = keras.Sequential([keras.Input((64,)), layers.Reshape((8, 8, 1))])
    chain = [saved(encoder, tmp_path), saved(decoder, tmp_path)]
    made = model_runner.answer(PICTURES, 0, 64, *chain)
    np.testing.assert_array_equal(made, PICTURES.astype(np.float16).astype(np.float32))
    with pytest.raises(ModelError, match="it sends 64 numbers a picture to the next, and 63 are the most"):
        model_runner.answer(PICTURES, 0, 63, *chain)
    with pytest.raises(ModelError, match="it is one model, and two are asked for"):
        model_runner.answer(PICTURES, 0, 64, chain[0])
    with pytest.raises(ModelError, match="it is 3 models, and 2 are the most"):
        model_runner.answer(PICTURES, 0, 0, *chain, chain[0])


def test_what_a_model_cannot_be_called_on_is_said(tmp_path):
    plain = saved(small(layers.Flatten(), layers.Dense(1)), tmp_path)
    with pytest.raises(ModelError, match=r"cannot be called on pictures of shape \(9, 9, 1\)"):
        model_runner.answer(np.zeros((2, 9, 9, 1)), 0, 0, plain)
    mixes = keras.Sequential([keras.Input((8, 8, 1)), layers.Reshape((4, 16)), layers.Rescaling(1.0)])
    assert model_runner.answer(PICTURES, 0, 0, saved(mixes, tmp_path)).shape == (3, 4, 16)


@keras.saving.register_keras_serializable("tests")
class Own(layers.Layer):
    def call(self, x):
        return x


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (lambda: layers.Lambda(lambda x: x), "`Lambda`"),
        (Own, "`tests>Own`"),
        (lambda: layers.Activation(Own()), "`tests>Own`"),
        (lambda: layers.TorchModuleWrapper, "`TorchModuleWrapper`"),
        (lambda: layers.Conv2D(1, 1, kernel_initializer=lambda shape, dtype: ops.ones(shape)), "`__lambda__`"),
    ],
)
def test_what_brings_code_along_is_refused_by_name(layer, named, tmp_path):
    if named == "`TorchModuleWrapper`":  # it needs torch to be built, and a hostile config needs nothing
        data = with_config(saved(small(), tmp_path), lambda c: c["config"]["layers"][1].update(class_name=named[1:-1]))
    else:
        data = saved(small(layer()), tmp_path)
    with pytest.raises(ModelError, match=f"^{named} is not one of Keras's plain layers"):
        model_runner.answer(PICTURES, 0, 0, data)


@pytest.mark.parametrize(
    "hostile",
    [
        {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"},
        {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "http://127.0.0.1/x"}},
        {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
        {"module": "os", "class_name": "system", "config": "true", "registered_name": "system"},
        {"class_name": "__lambda__", "config": {"value": "4wAAAAA="}},
        {"module": "keras.layers", "class_name": "Dense", "config": {}, "registered_name": "tests>Own"},
    ],
)
def test_a_config_written_by_hand_is_refused(hostile, plain):
    def at_top(config):
        config["config"]["layers"].append(hostile)

    def deep(config):
        config["config"]["layers"][1]["config"]["activation"] = {"any": [hostile]}

    for change in (at_top, deep):
        with pytest.raises(ModelError, match="is not one of Keras's plain layers"):
            model_runner.answer(PICTURES, 0, 0, with_config(plain, change))


def linked():
    """A weights' file that points to another one."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["layers"] = h5py.ExternalLink("/etc/passwd", "/")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda parts: [], "other things than a model"),
        (lambda parts: [*parts, ("../../escaped", "x")], "other things than a model"),
        (lambda parts: [*parts, ("assets/x", "x")], "other things than a model"),
        (lambda parts: [*parts, parts[1]], "other things than a model"),
        (lambda parts: [(n, bytes(9 << 20) if n == "model.weights.h5" else c) for n, c in parts], "larger than 8 MB"),
        (lambda parts: [(n, b"/etc/passwd" if n == "config.json" else c) for n, c in parts], "config cannot be read"),
        (lambda parts: [(n, b"[" * 99_999 if n == "config.json" else c) for n, c in parts], "config cannot be read"),
        (lambda parts: [(n, b"3" if n == "config.json" else c) for n, c in parts], "config cannot be read"),
        (lambda parts: [(n, b"{}" if n == "config.json" else c) for n, c in parts], "Keras cannot load it"),
        (lambda parts: [(n, b"" if n == "model.weights.h5" else c) for n, c in parts], "Keras cannot load it"),
        (lambda parts: [(n, linked() if n == "model.weights.h5" else c) for n, c in parts], "Keras cannot load it"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_more_or_less_than_a_saved_model_is_refused(change, said, plain):
    with pytest.raises(ModelError, match=said):
        model_runner.answer(PICTURES, 0, 0, packed(change(parts_of(plain))))


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_a_zip_bomb_is_not_unpacked_to_its_end(name, plain):
    parts = dict(parts_of(plain)) | {name: bytes(200 << 20)}
    bomb = packed(parts.items(), compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1 << 20
    with pytest.raises(ModelError, match="unpacks to more than 8 MB"):
        model_runner.answer(PICTURES, 0, 0, bomb)


@pytest.mark.parametrize("data", [b"", b"PK", b"x" * 999])
def test_bytes_that_are_no_file_are_refused(data):
    with pytest.raises(ModelError, match=r"no \.keras file"):
        model_runner.answer(PICTURES, 0, 0, np.frombuffer(data, np.uint8))


def test_weights_of_another_model_are_refused(plain, tmp_path):
    other = dict(parts_of(saved(keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(3, 5)]), tmp_path)))
    mixed = dict(parts_of(plain)) | {"model.weights.h5": other["model.weights.h5"]}
    with pytest.raises(ModelError, match="Keras cannot load it"):
        model_runner.answer(PICTURES, 0, 0, packed(mixed.items()))
