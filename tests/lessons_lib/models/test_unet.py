import itertools

import keras
import numpy as np
import pytest

from lessons_lib import degrade
from lessons_lib.models.unet import Mirror, halo, unet

X = np.random.default_rng(2).random((2, 17, 22, 3), dtype=np.float32)


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def still(model):
    """The model with a last convolution of zero: it can say only its guess."""
    last = model.get_layer("change")
    last.set_weights([np.zeros_like(w) for w in last.get_weights()])
    return model


@pytest.mark.parametrize("skip", ["concatenate", "add", "none"])
@pytest.mark.parametrize("up", ["transposed", "resize"])
def test_an_untrained_network_stays_near_its_input_at_any_size(skip, up):
    model = unet(width=4, skip=skip, up=up)
    for batch in (X, X[:, :1, :1], X[:1, :16, :8]):
        answer = numpy(model(batch))
        assert answer.shape == batch.shape
        assert np.abs(answer - batch).max() < 0.1


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_guess_is_the_bicubic_enlargement(scale):
    guess = numpy(still(unet(width=2, depth=2, scale=scale))(X))
    inside = slice(3 * scale, -3 * scale)  # at the border Keras and MATLAB differ
    expected = degrade.imresize(X, scale)
    assert guess.shape == expected.shape
    np.testing.assert_allclose(guess[:, inside, inside], expected[:, inside, inside], atol=1e-3)


def test_the_level_is_read_and_not_answered():
    model = unet(1, width=4, depth=1, noise_conditioned=True)
    quiet, with_large_weights = (numpy(model(degrade.with_level(X[..., :1], sigma))) for sigma in (0.0, 0.5))
    assert quiet.shape == (*X.shape[:3], 1)
    assert np.abs(quiet - with_large_weights).max() > 0
    np.testing.assert_array_equal(numpy(still(model)(degrade.with_level(X[..., :1], 0.5))), X[..., :1])


@pytest.mark.parametrize("skip", ["concatenate", "add", "none"])
@pytest.mark.parametrize("up", ["transposed", "resize"])
def test_weights_are_counted_by_hand(skip, up):
    def conv(side, before, after):
        return side * side * before * after + after

    joined = 2 if skip == "concatenate" else 1
    upscaling = conv(2 if up == "transposed" else 3, 16, 8)
    by_hand = (
        conv(3, 3, 8) + conv(3, 8, 8)  # down
        + conv(3, 8, 16) + conv(3, 16, 16)  # the bottom
        + upscaling + conv(3, 8 * joined, 8) + conv(3, 8, 8)  # up
        + conv(1, 8, 3)
    )  # fmt: skip
    assert unet(width=8, depth=1, skip=skip, up=up).count_params() == by_hand


def test_it_comes_back_from_a_file(tmp_path):
    model = unet(1, width=2, depth=2, scale=2, noise_conditioned=True)
    model.save(tmp_path / "m.keras")
    back = keras.saving.load_model(tmp_path / "m.keras")
    for batch in (X[..., :2], X[:, :5, :9, :2]):
        np.testing.assert_allclose(numpy(model(batch)), numpy(back(batch)), atol=1e-6)


@pytest.mark.parametrize("up", ["transposed", "resize"])
@pytest.mark.parametrize("depth", [1, 2])
def test_the_halo_is_as_far_as_a_pixel_is_seen(depth, up):
    """A change of one pixel must not reach beyond the halo, and somewhere must come close to it."""
    model, middle, farthest = unet(1, 2, depth, up=up), 48, 0
    for weight in model.trainable_variables:  # positive weights: nothing cancels, no ReLU is shut
        weight.assign(np.abs(numpy(weight)) + 0.01)
    gray = np.full((1, 96, 96, 1), 0.5, np.float32)
    for down, right in itertools.product(range(2**depth), repeat=2):
        changed = gray.copy()
        changed[0, middle + down, middle + right] += 5
        rows = np.flatnonzero(np.abs(numpy(model(changed)) - numpy(model(gray))).max((0, 2, 3)))
        farthest = max(farthest, middle + down - rows[0], rows[-1] - middle - down)
    assert halo(depth, up) - 2**depth - 2 < farthest <= halo(depth, up)
    assert halo(depth, up) % 2**depth == 0


def test_tiles_with_the_halo_are_the_whole():
    model = unet(1, width=4, depth=2)
    model.get_layer("change").kernel.assign(np.ones((1, 1, 4, 1)))
    picture = np.random.default_rng(3).random((1, 96, 75, 1), np.float32)
    whole, reach = numpy(model(picture)), halo(2)
    tile = numpy(model(picture[:, 32 - reach : 64 + reach, 32 - reach :]))
    np.testing.assert_allclose(tile[:, reach : reach + 32, reach:], whole[:, 32:64, 32:], atol=1e-4)


@pytest.mark.parametrize("side", [1, 3, 8, 11])
@pytest.mark.parametrize("multiple", [1, 4, 8])
def test_mirror_is_numpys_symmetric(side, multiple):
    row = np.arange(side, dtype=np.float32).reshape(1, side, 1, 1)
    missing = -side % multiple
    wide = numpy(Mirror(multiple)(row))
    np.testing.assert_array_equal(wide[:, :, :1], np.pad(row, [(0, 0), (0, missing), (0, 0), (0, 0)], "symmetric"))
    assert wide.shape[2] == multiple
    assert Mirror(multiple).compute_output_shape((None, side, None, 1)) == (None, side + missing, None, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": 0}, "depth 0"),
        ({"width": 0}, "width 0"),
        ({"scale": 0}, "scale 0"),
        ({"skip": "cat"}, "skip 'cat'"),
        ({"up": "nearest"}, "up 'nearest'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        unet(**arguments)


def test_a_multiple_below_one_is_named():
    with pytest.raises(ValueError, match="got 0"):
        Mirror(0)
