"""What the chapter on U-Net builds in view, against the library, and its arithmetic against real layers."""

import keras
import numpy as np
import pytest

from lessons_lib.models import unet as library
from tests.book.chapter import defined

ODD = np.random.default_rng(1).random((2, 13, 22, 4), np.float32)


@pytest.fixture(scope="module")
def functions():
    plumbing = ("sizes", "mirror", "crop-like", "parts", "enlarge", "joins", "walk", "change")
    return defined("unet", "paper-parts", "paper-network", *plumbing, "unet", "tiled")


def numpy(x):
    return keras.ops.convert_to_numpy(x)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"skip": "add"},
        {"skip": "none", "up": "resize"},
        {"up": "resize", "channels": 4, "depth": 2},
        {"scale": 2, "noise_conditioned": True},
        {"scale": 3, "channels": 1, "depth": 1},
    ],
)
def test_the_notebooks_network_is_the_librarys(functions, options):
    mine, theirs = functions["unet"](width=4, **options), library.unet(width=4, **options)
    kinds = [[type(layer).__name__ for layer in net.layers] for net in (mine, theirs)]
    shapes = [[w.shape for w in net.get_weights()] for net in (mine, theirs)]
    assert kinds[0] == kinds[1]
    assert shapes[0] == shapes[1]
    theirs.set_weights(mine.get_weights())
    degraded = ODD[..., : mine.input_shape[-1]]
    np.testing.assert_allclose(numpy(mine(degraded)), numpy(theirs(degraded)), atol=1e-6)


def test_the_papers_network_has_23_convolutions(functions):
    network = functions["paper"](width=2)
    kinds = keras.layers.Conv2D | keras.layers.Conv2DTranspose
    assert sum(isinstance(layer, kinds) for layer in network.layers) == 23
    assert network.input_shape[1:3] == (572, 572)
    assert network.output_shape[1:3] == (388, 388)


def test_sizes_say_what_can_be_built(functions):
    for side in range(170, 240):
        found = functions["sizes"](side)
        if found:
            assert functions["paper"](side, width=1).output_shape[1] == found[2][0][1]
    assert [side for side in range(170, 240) if functions["sizes"](side)] == [188, 204, 220, 236]


@pytest.mark.parametrize(("tile", "halo"), [(4, 0), (5, 3), (100, 7)])
def test_tiles_lose_and_double_nothing(functions, tile, halo):
    picture = ODD[0, :, :, :3]
    np.testing.assert_array_equal(functions["tiled"](lambda x: x, picture, tile, halo), picture)


def test_a_halo_as_wide_as_the_reach_leaves_no_seam(functions):
    def run(picture):  # looks one pixel far, zeros beyond the border as a network has them
        padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)))
        return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]

    picture = ODD[0]
    np.testing.assert_allclose(functions["tiled"](run, picture, 5, 1), run(picture), atol=1e-6)
    assert np.abs(functions["tiled"](run, picture, 5, 0) - run(picture)).max() > 0.1
