import itertools

import keras
import numpy as np
import pytest
from keras import layers

from lessons_lib import datasets, degrade, images, metrics, pretrained, restore
from lessons_lib.images import ImageError
from lessons_lib.models import residual, shrinkage
from lessons_lib.restore import Network
from tests.tiny_networks import fill

EIGHT = list(itertools.product((False, True), range(4)))


def loud(model, seed=0):
    """The model with weights that make it change its input visibly, and each place differently."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 0.3, w.shape) if w.ndim > 1 else w for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def plain():
    return Network(loud(residual.residual(3, 3, 4)), halo=3)


@pytest.fixture(scope="module")
def told():
    return Network(shrinkage.shrinkage(3, 2, 4), told=True, halo=9, multiple=2)


@pytest.fixture(scope="module")
def photo():
    return images.center_crop(datasets.photo(datasets.sample_names("validation")[0]), (120, 151))


def noisy(shape, seed=0):
    return np.random.default_rng(seed).normal(0.5, 0.3, shape).astype(np.float32)


def strided():
    """Halves and doubles again, and tells which of 4 x 4 pixels it is at: places that are no multiple would show."""
    given = x = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(x)
    x = layers.Conv2D(4, 2, strides=2)(x)
    x = layers.UpSampling2D(4)(x)
    return keras.Model(given, layers.Conv2D(3, 3, padding="same")(x))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 90, 3), (17, 16, 3), (64, 40, 3), (61, 67, 3), (33, 130, 3)])
def test_tiles_give_what_the_whole_picture_gives(plain, told, shape):
    picture = noisy(shape)
    for network, sigma in ((plain, None), (told, 0.1), (Network(loud(strided()), halo=12, multiple=4), None)):
        tiled = np.empty(shape, np.float32)
        for place, block in restore.blocks(network, picture, sigma, tile=32):
            tiled[place] = block
        whole = restore.denoise(picture, sigma, network, tile=1000)
        np.testing.assert_allclose(tiled, whole, atol=2e-5)


def test_the_whole_picture_is_what_the_model_says(plain):
    picture = noisy((40, 50, 3))
    np.testing.assert_allclose(
        restore.denoise(picture, model=plain, tile=24), plain.model.predict_on_batch(picture[None])[0], atol=1e-5
    )


def test_without_its_halo_a_tile_shows(plain):
    picture = noisy((64, 64, 3))
    blind = Network(plain.model, halo=0)
    seam = np.abs(restore.denoise(picture, model=blind, tile=32) - restore.denoise(picture, model=plain))
    seam = seam[:28].max((0, 2))
    assert seam[31:33].min() > 1e-2
    assert seam[:28].max() < 1e-5


@pytest.mark.parametrize("scale", [2, 3])
def test_upscale(scale):
    network = Network(loud(residual.residual(3, 3, 4, scale=scale)), scale=scale, halo=5)
    picture = noisy((40, 53, 3))
    tiled, whole = (restore.upscale(picture, scale, model=network, tile=tile) for tile in (24, 1000))
    assert tiled.shape == (40 * scale, 53 * scale, 3)
    np.testing.assert_allclose(tiled, whole, atol=2e-5)
    with pytest.raises(ImageError, match=f"scale is 4.*enlarges {scale} times"):
        restore.upscale(picture, 4, model=network)


@pytest.mark.parametrize(("mirror", "turns"), EIGHT)
def test_the_ensemble_does_not_care_how_a_picture_lies(plain, mirror, turns):
    picture = noisy((20, 26, 3))
    turned = np.rot90(picture[:, ::-1] if mirror else picture, turns)
    restored, other = (restore.denoise(p, model=plain, ensemble=True) for p in (picture, turned))
    np.testing.assert_allclose(other, np.rot90(restored[:, ::-1] if mirror else restored, turns), atol=1e-5)


def test_the_ensemble_turns_a_map_of_noise_too(told):
    picture, level = noisy((40, 48, 3)), np.full((40, 48), 0.02, np.float32)
    level[:, :20] = 0.3
    tiled, whole = (restore.denoise(picture, level, told, ensemble=True, tile=tile) for tile in (32, 1000))
    np.testing.assert_allclose(tiled, whole, atol=2e-5)
    assert tiled[:, :10].std() < 0.7 * tiled[:, -20:].std()


def test_a_gray_picture_goes_through_either_network(told):
    gray = noisy((32, 40, 1))
    replicated = restore.denoise(np.repeat(gray, 3, -1), 3**0.5 * 0.1, told)
    np.testing.assert_allclose(restore.denoise(gray, 0.1, told), replicated.mean(-1, keepdims=True), atol=1e-6)
    single = Network(shrinkage.shrinkage(1, 2, 4), told=True, channels=1, halo=9, multiple=2)
    colour = noisy((32, 40, 3))
    answer = restore.denoise(colour, 0.1, single)
    np.testing.assert_allclose(answer[..., 1:2], restore.denoise(colour[..., 1:2], 0.1, single), atol=1e-6)


def test_gray_noise_goes_as_well_through_a_colour_network(told, photo):
    gray = images.to_gray(photo)
    degraded = degrade.gaussian_noise(gray, 25 / 255, np.random.default_rng(0))
    restored = restore.denoise(degraded, 25 / 255, told)
    assert metrics.psnr(gray, restored, data_range=1.0) - metrics.psnr(gray, degraded, data_range=1.0) > 5


def test_stored_values_are_taken_as_they_are(told):
    stored = np.random.default_rng(1).integers(0, 65536, (50, 40, 3), np.uint16)
    expected = restore.denoise(images.to_float(stored), 0.1, told)
    for place, block in restore.blocks(told, stored, 0.1, tile=32):
        np.testing.assert_allclose(block, expected[place], atol=2e-5)


def test_an_untrained_denoiser_is_a_denoiser_and_finds_the_noise(told, photo):
    degraded = degrade.gaussian_noise(photo, 25 / 255, np.random.default_rng(0))
    found, given = restore.denoise(degraded, model=told), restore.denoise(degraded, 25 / 255, told)
    gain = metrics.psnr(photo, given, data_range=1.0) - metrics.psnr(photo, degraded, data_range=1.0)
    assert gain > 6
    assert abs(metrics.psnr(photo, found, data_range=1.0) - metrics.psnr(photo, given, data_range=1.0)) < 0.1


def test_progress_counts_the_tiles(plain):
    seen = []
    restore.denoise(noisy((64, 64, 3)), model=plain, tile=32, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, len(seen)) for n in range(1, len(seen) + 1)]
    assert len(seen) == 9


@pytest.mark.parametrize(
    ("image", "sigma", "options", "complaint"),
    [
        (np.zeros((8, 8)), 0.1, {}, "shape"),
        (np.zeros((2, 8, 8, 3), np.float32), 0.1, {}, "one image"),
        (np.zeros((8, 8, 4), np.float32), 0.1, {}, "shape"),
        (np.zeros((0, 8, 3), np.float32), 0.1, {}, "empty"),
        (np.zeros((8, 8, 3), np.uint8), 0.1, {}, "uint8"),
        (np.full((8, 8, 3), np.nan, np.float32), 0.1, {}, "NaN"),
        ([[0.0]], 0.1, {}, "list"),
        (np.zeros((8, 8, 3), np.float32), 25, {}, "25/255"),
        (np.zeros((8, 8, 3), np.float32), -0.1, {}, "sigma is -0.1"),
        (np.zeros((8, 8, 3), np.float32), float("nan"), {}, "sigma is nan"),
        (np.zeros((8, 8, 3), np.float32), np.zeros((4, 4)), {}, "sigma has shape"),
        (np.zeros((8, 8, 3), np.float32), 0.1, {"tile": 0}, "tile is 0"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(told, image, sigma, options, complaint):
    with pytest.raises(ImageError, match=complaint):
        restore.denoise(image, sigma, told, **options)


def test_a_network_that_is_not_told_takes_no_sigma(plain):
    with pytest.raises(ImageError, match="finds the noise itself"):
        restore.denoise(noisy((8, 8, 3)), 0.1, plain)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "FOLDER", fill(tmp_path))


def test_shipped_networks_are_found_by_short_and_long_names(shelf):
    assert restore.find("denoise", "medium") == restore.find("denoise", "denoise-medium") == "denoise-medium"
    assert restore.find("upscale", "2") == "upscale-2"
    with pytest.raises(ImageError, match="no network 'huge' to denoise: here are gray, medium"):
        restore.find("denoise", "huge")
    with pytest.raises(ImageError, match="here are none yet"):
        restore.deblur(noisy((8, 8, 3)))
    with pytest.raises(ImageError, match="no network '3' to upscale: here are 2"):
        restore.upscale(noisy((8, 8, 3)), 3)


def test_shipped_networks_restore(shelf):
    colour, gray = noisy((24, 30, 3)), noisy((24, 30, 1))
    assert restore.denoise(colour, 0.1).shape == colour.shape
    assert restore.upscale(colour).shape == (48, 60, 3)
    expected = restore.denoise(gray, 0.1, Network.load("denoise-gray"))
    np.testing.assert_array_equal(restore.denoise(gray, 0.1), expected)
