import keras
import numpy as np
import pytest

from lessons_lib import degrade
from lessons_lib.models.residual import residual

X = np.random.default_rng(2).random((2, 17, 22, 3), dtype=np.float32)


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def still(model):
    """The model with a last convolution of zero: it can say only its guess."""
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][-1]
    last.set_weights([np.zeros_like(w) for w in last.get_weights()])
    return model


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_the_guess_is_the_input_or_its_bicubic_enlargement(scale):
    model = still(residual(depth=3, width=4, scale=scale))
    guess = numpy(model(X))
    inside = slice(3 * scale, -3 * scale)  # at the border Keras and MATLAB differ
    expected = degrade.imresize(X, scale)
    assert guess.shape == expected.shape
    np.testing.assert_allclose(guess[:, inside, inside], expected[:, inside, inside], atol=1e-3)


def test_an_untrained_network_stays_near_its_guess():
    assert np.abs(numpy(residual()(X)) - X).max() < 0.1


def test_a_layer_may_guess():
    model = still(residual(depth=3, width=4, guess=keras.layers.Rescaling(0.5)))
    np.testing.assert_allclose(numpy(model(X)), X / 2, atol=1e-6)


@pytest.mark.parametrize("width", [8, 32])
def test_weights_are_counted_by_hand(width):
    between = 9 * width * width + width
    assert residual(3, 6, width).count_params() == 9 * 3 * width + width + 4 * between + 9 * width * 3 + 3


def test_one_channel_any_size_and_back_from_a_file(tmp_path):
    model = residual(1, depth=3, width=4, scale=2)
    model.save(tmp_path / "m.keras")
    back = keras.saving.load_model(tmp_path / "m.keras")
    for batch in (X[..., :1], X[:, :5, :9, :1]):
        np.testing.assert_allclose(numpy(model(batch)), numpy(back(batch)), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": 1}, "depth 1"),
        ({"width": 0}, "width 0"),
        ({"scale": 0}, "scale 0"),
        ({"scale": 2, "guess": keras.layers.Identity()}, "only the bicubic guess"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        residual(**arguments)
