"""What the chapter on RIDNet builds, against the library and by counting."""

import keras
import numpy as np
import pytest
from keras import ops

from lessons_lib import datasets
from lessons_lib.models import ridnet
from tests.book.chapter import defined
from tools.measure import ridnet as measure

BLOCKS = ("conv", "last", "branch", "merge-and-run", "residual-blocks", "attention", "network")


@pytest.fixture(scope="module")
def functions():
    return defined(
        "ridnet", "camera", *BLOCKS, "attention-by-hand", "paths", "weights", "frozen", "restored", "tiles-cut"
    )


@pytest.fixture(autouse=True)
def same_weights_each_time():
    """Else some day all few ReLUs of a squeeze are dead, and attention says the same of every picture."""
    keras.utils.set_random_seed(0)


def numpy(x):
    return ops.convert_to_numpy(x)


def with_large_weights(model, rng):
    """The model with all weights moved, so that no part of it is silent."""
    model.set_weights([w + 0.1 * rng.standard_normal(w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("settings", [{}, {"skip": False}, {"attention": False}, {"blocks": 1, "channels": 1}])
def test_the_chapters_network_is_the_librarys(functions, settings):
    small = {"width": 8, "blocks": 2, "reduction": 4} | settings
    own = with_large_weights(functions["ridnet"](**small), np.random.default_rng(0))
    shared = ridnet.ridnet(**small)
    shared.set_weights(own.get_weights())
    batch = np.random.default_rng(1).random((2, 19, 24, small.get("channels", 3)), np.float32)
    np.testing.assert_allclose(numpy(own(batch)), numpy(shared(batch)), rtol=1e-4, atol=1e-4)


def test_attention_by_hand_is_keras(functions):
    rng = np.random.default_rng(2)
    model = with_large_weights(functions["model"](functions["feature_attention"], 2), rng)
    features = rng.random((6, 5, 8))
    squeeze, expand = ((w.reshape(w.shape[-2:]), b) for w, b in zip(*[iter(model.get_weights())] * 2, strict=True))
    by_hand = functions["attend_by_hand"](features, squeeze, expand)
    np.testing.assert_allclose(numpy(model(features[None].astype(np.float32)))[0], by_hand, atol=1e-5)


def test_the_far_branch_looks_through_a_sieve(functions):
    """Dilations 3 and 4 reach the offsets a + b with a in -3, 0, 3 and b in -4, 0, 4."""
    answer = functions["paths"](functions["model"](functions["branch"], 8, 3, 4), 19)
    offsets = {a + b for a in (-3, 0, 3) for b in (-4, 0, 4)}
    assert {int(n) - 9 for n in np.flatnonzero(answer.any(0))} == offsets
    assert (answer > 0).sum() == len(offsets) ** 2


def test_frozen_attention_says_the_same_of_every_picture(functions):
    rng = np.random.default_rng(3)
    model = with_large_weights(functions["ridnet"](width=8, blocks=2, reduction=4), rng)
    pictures = list(rng.random((5, 12, 12, 3), np.float32) * np.linspace(0.2, 1, 5)[:, None, None, None])
    fixed, said = functions["frozen"](model, pictures), functions["weights_of"](model, pictures)
    for name, weights in functions["weights_of"](fixed, pictures).items():
        np.testing.assert_allclose(weights, np.tile(said[name].mean(0), (5, 1)), atol=1e-3)
    assert max(weights.std(0).max() for weights in said.values()) > 1e-3


@pytest.mark.parametrize("halo", [0, 26])
def test_tiles_with_a_frame_are_the_whole(functions, halo):
    """Without attention, a frame of 26 pixels is enough for two modules, and none is not."""
    model = with_large_weights(ridnet.ridnet(width=8, blocks=2, attention=False, reduction=4), np.random.default_rng(4))
    picture = np.random.default_rng(5).random((12, 80, 3), np.float32)
    gap = np.abs(functions["in_two"](model, picture, halo) - functions["restored"](model, picture)).max()
    assert (gap < 1e-3) == (halo == 26), gap


def test_the_tool_makes_the_same_camera_noise(functions):
    clean = datasets.photo("coffee")[:40, :50]
    made = [camera(clean, np.random.default_rng(6)) for camera in (functions["camera"], measure.camera)]
    np.testing.assert_array_equal(*made)
    assert made[0].dtype == np.float32
    assert 0 < np.abs(made[0] - clean).mean() < 0.1
