import itertools
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers

from lessons_lib import datasets, degrade, image_io, images, metrics, pretrained, restore
from lessons_lib.blur_estimation import BlurFound
from lessons_lib.image_io import Photo
from lessons_lib.images import ImageError
from lessons_lib.models import residual, shrinkage
from lessons_lib.noise_estimation import NoiseFound
from lessons_lib.restore import Network, RestoreOptions
from tests.tiny_networks import fill, fill_auto

EIGHT = list(itertools.product((False, True), range(4)))


def with_large_weights(model, seed=0):
    """The model with weights that make it change its input visibly, and each place differently."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 0.3, w.shape) if w.ndim > 1 else w for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def plain():
    return Network(with_large_weights(residual.residual(3, 3, 4)), halo=3)


@pytest.fixture(scope="module")
def conditioned():
    return Network(shrinkage.shrinkage(3, 2, 4), noise_conditioned=True, halo=9, multiple=2)


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
def test_tiles_give_what_the_whole_picture_gives(plain, conditioned, shape):
    picture = noisy(shape)
    for network, sigma in (
        (plain, None),
        (conditioned, 0.1),
        (Network(with_large_weights(strided()), halo=12, multiple=4), None),
    ):
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
    network = Network(with_large_weights(residual.residual(3, 3, 4, scale=scale)), scale=scale, halo=5)
    picture = noisy((40, 53, 3))
    tiled, whole = (restore.upscale(picture, scale, model=network, tile=tile) for tile in (24, 1000))
    assert tiled.shape == (40 * scale, 53 * scale, 3)
    np.testing.assert_allclose(tiled, whole, atol=2e-5)
    with pytest.raises(ImageError, match=f"scale is 4.*upscales {scale} times"):
        restore.upscale(picture, 4, model=network)


@pytest.mark.parametrize(("mirror", "turns"), EIGHT)
def test_the_ensemble_does_not_care_how_a_picture_lies(plain, mirror, turns):
    picture = noisy((20, 26, 3))
    turned = np.rot90(picture[:, ::-1] if mirror else picture, turns)
    restored, other = (restore.denoise(p, model=plain, ensemble=True) for p in (picture, turned))
    np.testing.assert_allclose(other, np.rot90(restored[:, ::-1] if mirror else restored, turns), atol=1e-5)


def test_the_ensemble_turns_a_map_of_noise_too(conditioned):
    picture, level = noisy((40, 48, 3)), np.full((40, 48), 0.02, np.float32)
    level[:, :20] = 0.3
    tiled, whole = (restore.denoise(picture, level, conditioned, ensemble=True, tile=tile) for tile in (32, 1000))
    np.testing.assert_allclose(tiled, whole, atol=2e-5)
    assert tiled[:, :10].std() < 0.7 * tiled[:, -20:].std()


def test_a_gray_picture_goes_through_either_network(conditioned):
    gray = noisy((32, 40, 1))
    replicated = restore.denoise(np.repeat(gray, 3, -1), 3**0.5 * 0.1, conditioned)
    np.testing.assert_allclose(restore.denoise(gray, 0.1, conditioned), replicated.mean(-1, keepdims=True), atol=1e-6)
    single = Network(shrinkage.shrinkage(1, 2, 4), noise_conditioned=True, channels=1, halo=9, multiple=2)
    colour = noisy((32, 40, 3))
    answer = restore.denoise(colour, 0.1, single)
    np.testing.assert_allclose(answer[..., 1:2], restore.denoise(colour[..., 1:2], 0.1, single), atol=1e-6)


def test_gray_noise_goes_as_well_through_a_colour_network(conditioned, photo):
    gray = images.to_gray(photo)
    degraded = degrade.gaussian_noise(gray, 25 / 255, np.random.default_rng(0))
    restored = restore.denoise(degraded, 25 / 255, conditioned)
    assert metrics.psnr(gray, restored, data_range=1.0) - metrics.psnr(gray, degraded, data_range=1.0) > 5


def test_stored_values_are_taken_as_they_are(conditioned):
    stored = np.random.default_rng(1).integers(0, 65536, (50, 40, 3), np.uint16)
    expected = restore.denoise(images.to_float(stored), 0.1, conditioned)
    for place, block in restore.blocks(conditioned, stored, 0.1, tile=32):
        np.testing.assert_allclose(block, expected[place], atol=2e-5)


def test_an_untrained_denoiser_is_a_denoiser_and_finds_the_noise(conditioned, photo):
    degraded = degrade.gaussian_noise(photo, 25 / 255, np.random.default_rng(0))
    found, given = restore.denoise(degraded, model=conditioned), restore.denoise(degraded, 25 / 255, conditioned)
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
def test_what_is_no_picture_is_refused_in_a_sentence(conditioned, image, sigma, options, complaint):
    with pytest.raises(ImageError, match=complaint):
        restore.denoise(image, sigma, conditioned, **options)


def test_a_network_that_is_not_told_takes_no_sigma(plain):
    with pytest.raises(ImageError, match="finds the noise itself"):
        restore.denoise(noisy((8, 8, 3)), 0.1, plain)


@pytest.fixture
def tiny_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "FOLDER", fill(tmp_path))


def test_shipped_networks_are_found_by_short_and_long_names(tiny_weights):
    assert (
        restore.network_name("denoise", "medium")
        == restore.network_name("denoise", "denoise-medium")
        == "denoise-medium"
    )
    assert restore.network_name("upscale", "2") == "upscale-2"
    with pytest.raises(ImageError, match="no network 'huge' to denoise: here are gray, medium"):
        restore.network_name("denoise", "huge")
    with pytest.raises(ImageError, match="here are none yet"):
        restore.deblur(noisy((8, 8, 3)))
    with pytest.raises(ImageError, match="no network '3' to upscale: here are 2"):
        restore.upscale(noisy((8, 8, 3)), 3)


def test_shipped_networks_restore(tiny_weights):
    colour, gray = noisy((24, 30, 3)), noisy((24, 30, 1))
    assert restore.denoise(colour, 0.1).shape == colour.shape
    assert restore.upscale(colour).shape == (48, 60, 3)
    expected = restore.denoise(gray, 0.1, Network.load("denoise-gray"))
    np.testing.assert_array_equal(restore.denoise(gray, 0.1), expected)


# The service of command line, web app and videos


def test_the_service_is_the_function_on_the_stored_pixels(conditioned):
    stored = images.to_uint8(noisy((40, 50, 3)))
    seen = []
    result = restore.restore_image(
        Photo(stored), RestoreOptions(sigma=0.1), conditioned, progress=lambda done, total: seen.append((done, total))
    )
    expected = restore.denoise(images.to_float(stored), 0.1, conditioned)
    np.testing.assert_array_equal(result.photo.pixels, images.to_uint8(expected))
    assert (result.sigma, result.estimated) == (0.1, False)
    assert seen == [(1, 1)]


def test_the_service_estimates_what_it_is_not_told(conditioned):
    stored = images.to_uint8(noisy((40, 50, 3)))
    result = restore.restore_image(Photo(stored), RestoreOptions(), conditioned)
    assert result.estimated and result.sigma == restore.estimate_sigma(stored)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_known_blur_is_undone(photo, channels):
    network = restore.Network(shrinkage.shrinkage(depth=2, width=4), noise_conditioned=True, halo=9, multiple=2)
    clean = photo if channels == 3 else images.to_gray(photo)
    blurred = degrade.Degradation(degrade.motion_kernel(9, 30), level=1 / 255)(clean, np.random.default_rng(0))
    steps = []
    result = restore.restore_image(
        Photo(images.to_uint8(blurred)),
        RestoreOptions("deblur", blur="motion:9@30"),
        network,
        progress=lambda *step: steps.append(step),
    )
    before, after = (
        metrics.psnr(clean, images.to_float(stored), data_range=1.0)
        for stored in (images.to_uint8(blurred), result.photo.pixels)
    )
    assert after > before + 3
    assert steps == [(number, 8) for number in range(1, 9)]
    assert result.sigma >= 1 / 255 and result.estimated


@pytest.mark.usefixtures("with_auto")
@pytest.mark.parametrize("known", [True, False])
def test_what_a_jpeg_lost_is_not_taken_for_detail(photo, known):
    """Its errors stand far above the estimate of noise: undone without regard to them, a blur leaves worse."""
    kernel, quality = degrade.kernel_from("gaussian:1.6"), 50
    blurred = degrade.Degradation(kernel, level=1 / 255, jpeg=quality, quantise=True)(photo, np.random.default_rng(0))
    file = Photo(images.to_uint8(blurred), jpeg=quality if known else None)
    options = RestoreOptions("deblur", blur="gaussian:1.6")
    careful = restore.restore_image(file, options)
    careless = restore.restore_image(file, RestoreOptions("deblur", blur="gaussian:1.6", sigma=1 / 255))
    before, after, worse = (
        metrics.psnr(photo, images.to_float(pixels), data_range=1.0)
        for pixels in (file.pixels, careful.photo.pixels, careless.photo.pixels)
    )
    assert after > before + 0.5 and worse < before
    assert careful.sigma > 2.5 / 255 and careless.sigma == 1 / 255
    assert careful.found == "what a JPEG changed counts as noise" and careless.found == ""


@pytest.mark.usefixtures("with_auto")
def test_without_a_word_the_blur_is_found_and_said(photo):
    kernel = degrade.defocus_kernel(3)
    blurred = stored(degrade.Degradation(kernel, level=1 / 255)(photo, np.random.default_rng(0)))
    found = restore.restore_image(blurred, RestoreOptions("deblur"))
    assert found.found.startswith("blur found: defocus:3, which explains ")
    told = restore.restore_image(blurred, RestoreOptions("deblur", blur="defocus:3"))
    np.testing.assert_array_equal(found.photo.pixels, told.photo.pixels)
    assert told.found == ""


@pytest.mark.usefixtures("with_auto")
def test_a_shake_is_undone_with_caution_and_a_sharp_picture_not_at_all(photo, conditioned, monkeypatch):
    path, levels = degrade.shake_kernel(9, np.random.default_rng(0)), []
    monkeypatch.setattr(
        restore, "_deblurred", lambda network, image, kernel, sigma, *_: levels.append((kernel, sigma)) or []
    )
    monkeypatch.setattr(restore, "found_blur", lambda *_: BlurFound(path, "shake", misfit=0.2, sharp=1.0))
    shaken = stored(degrade.blur(photo, path))
    result = restore.restore_image(shaken, RestoreOptions("deblur", sigma=3 / 255), conditioned)
    assert result.found == "blur found: shake, which explains 80 % of what the spectrum lacks"
    assert levels == [(path, 6 / 255)]
    monkeypatch.setattr(restore, "found_blur", lambda *_: BlurFound(None, "", misfit=0.2, sharp=0.2))
    sharp = stored(photo)
    result = restore.restore_image(sharp, RestoreOptions("deblur"))
    assert result.photo is sharp and result.found.startswith("no blur found, left as it is")


@pytest.mark.usefixtures("with_auto")
def test_what_rings_is_tried_with_more_caution_and_then_left_alone(photo, monkeypatch):
    """The answer passes white where the photo does not; nobody counts what was white before."""
    path, levels, left = degrade.shake_kernel(9, np.random.default_rng(0)), [], 16 / 255
    dim = stored(0.8 * photo)

    def deblur(part, kernel, sigma, denoiser):
        levels.append(sigma)
        return part + (sigma < left)

    monkeypatch.setattr(restore.priors, "deblur", deblur)
    monkeypatch.setattr(restore, "_deblurred", lambda *_: [])
    monkeypatch.setattr(restore, "found_blur", lambda *_: BlurFound(path, "shake", misfit=0.2, sharp=1.0))
    result = restore.restore_image(dim, RestoreOptions("deblur", sigma=2 / 255))
    assert levels == [4 / 255, 8 / 255, 16 / 255] and result.sigma == 16 / 255
    left = 1
    result = restore.restore_image(dim, RestoreOptions("deblur", sigma=2 / 255))
    assert result.photo is dim and "made the picture ring, left as it is" in result.found
    with pytest.raises(restore.CancelledError, match="while a camera shake was tried out"):
        restore.restore_image(dim, RestoreOptions("deblur", sigma=2 / 255), cancelled=lambda: True)
    white = stored(np.ones_like(photo))
    assert restore.restore_image(white, RestoreOptions("deblur", sigma=2 / 255)).sigma == 4 / 255


def test_the_blur_of_a_video_has_to_be_named(conditioned, tmp_path):
    with pytest.raises(ImageError, match="the blur of a video is not looked for: name it"):
        restore.restore_video(SimpleNamespace(), tmp_path / "out.mp4", RestoreOptions("deblur"), conditioned)


def test_jpeg_is_removed_as_strongly_as_asked(photo, tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "FOLDER", fill_auto(tmp_path / "weights"))
    data = image_io.encode(stored(photo), ".jpg", quality=30)[0]
    removed = []
    for strength in (None, 2.0):
        result = restore.restore_image(image_io.read(data), RestoreOptions("dejpeg", strength=strength))
        assert result.found == "JPEG of quality 30" and result.sigma is None
        removed.append(float(np.std(result.photo.pixels.astype(float) - image_io.read(data).pixels)))
    assert 0 < removed[0] < removed[1]
    whole = restore.dejpeg(images.to_float(image_io.read(data).pixels))
    np.testing.assert_array_equal(
        images.to_uint8(whole), restore.restore_image(image_io.read(data), RestoreOptions("dejpeg")).photo.pixels
    )


def test_parts_that_are_deblurred_apart_show_no_seam(photo, monkeypatch):
    """With a part for every 24 pixels; what differs is the kernel's far tail, and the borders' share of it."""
    network = restore.Network(shrinkage.shrinkage(depth=2, width=4), noise_conditioned=True, halo=9, multiple=2)
    blurred = degrade.Degradation(degrade.gaussian_kernel(7, 1.2), level=2 / 255)(photo, np.random.default_rng(0))
    options = RestoreOptions("deblur", sigma=2 / 255, blur="gaussian:1.2")
    whole = restore.restore_image(Photo(blurred), options, network).photo.pixels
    monkeypatch.setattr(restore, "DEBLUR_TILE", 96)
    parts = restore.restore_image(Photo(blurred), options, network).photo.pixels
    difference = np.abs(parts - whole)
    assert difference.max() < 0.05 and np.percentile(difference, 99) < 0.02


def test_a_restoration_is_cancelled_before_the_next_tile(conditioned, monkeypatch):
    monkeypatch.setattr(restore, "TILE", 32)
    seen = []
    blocks = restore.blocks(conditioned, noisy((64, 64, 3)), 0.1, tile=32, cancelled=lambda: len(seen) == 2)
    with pytest.raises(restore.CancelledError, match="cancelled after 2 of"):
        for place, _ in blocks:
            seen.append(place)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"task": "paint"}, "task is 'paint': choose one of denoise, dejpeg, deblur, upscale"),
        ({"task": "dejpeg", "sigma": 5 / 255}, "sigma is 5, but task dejpeg removes no noise"),
        ({"sigma": 300 / 255}, "sigma is 300: give the noise as papers write it, 0 to 255"),
        ({"sigma": -1 / 255}, "sigma is -1"),
        ({"blur": "gaussian:1.6"}, "blur is 'gaussian:1.6', but task denoise undoes none"),
        ({"task": "deblur", "blur": "shake"}, "blur is 'shake': write gaussian:1.6"),
        ({"task": "deblur", "blur": "defocus:3", "ensemble": True}, "leave the ensemble out"),
        ({"scale": 2}, "scale is 2, but task denoise keeps the size"),
        ({"task": "upscale", "scale": 5}, "scale is 5: choose 2, 3 or 4"),
    ],
)
def test_options_that_cannot_be_are_refused_in_the_users_units(options, says):
    with pytest.raises(ImageError, match=says):
        RestoreOptions(**options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"task": "upscale", "model": "2", "scale": 3}, "scale is 3, but upscale-2 upscales 2 times"),
        ({"task": "upscale", "scale": 3}, "no network '3' to upscale"),
        ({"task": "upscale", "sigma": 10 / 255}, "sigma is 10, but upscale-2 takes no noise level"),
        ({"model": "auto", "sigma": 5 / 255}, "sigma is 5, but denoise-auto finds the noise itself"),
        ({"task": "deblur", "model": "auto", "blur": "defocus:3"}, "denoise-auto takes no noise level"),
    ],
)
@pytest.mark.usefixtures("with_auto")
def test_a_network_that_does_not_take_what_is_given_is_refused_before_it_is_loaded(options, says, monkeypatch):
    monkeypatch.setattr(pretrained, "load", lambda name: pytest.fail(f"{name} was loaded"))
    for asked in (RestoreOptions(**options).check, lambda: RestoreOptions(**options).network(3)):
        with pytest.raises(ImageError, match=says):
            asked()


def mapped(video, target, function, progress):
    """In the place of `videos.map_frames`: the function of every frame, and no file."""
    for frame in video.frames():
        function(frame)
    return ("a note",)


def test_every_frame_of_a_video_gets_one_noise_level(conditioned, monkeypatch, tmp_path):
    frames = [images.to_uint8(noisy((32, 32, 3)) * share) for share in (0.2, 0.9, 0.5, 0.7)]
    video = SimpleNamespace(frames=lambda: iter(frames))
    given = []
    monkeypatch.setattr(restore, "blocks", lambda *words, **_: given.append(words[2]) or [])
    monkeypatch.setattr(restore.videos, "map_frames", mapped)
    result = restore.restore_video(video, tmp_path / "out.mp4", RestoreOptions(), conditioned)
    assert result.estimated and given == [result.sigma] * len(frames)
    assert (result.found, result.notes) == ("", ("a note",))
    assert result.sigma == sorted(restore.estimate_sigma(frame) for frame in frames[:3])[1]


@pytest.fixture
def with_auto(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "FOLDER", fill_auto(tmp_path / "weights"))


def stored(image):
    return Photo(images.to_uint8(np.clip(image, 0, 1)))


@pytest.mark.usefixtures("with_auto")
def test_by_default_the_noise_is_found_and_said(photo, monkeypatch):
    """Correlated noise, which the estimate of white noise misses, found by a look that stands in for a trained one."""
    noisy = degrade.correlated_noise(photo, 20 / 255, np.random.default_rng(0), 1.0)
    seen = NoiseFound((0.2, 0.5, 0.8), (0.1, 0.06, 0.05), least=0.05, correlation=0.7)
    monkeypatch.setattr(restore, "look", lambda network, image: seen)
    data = image_io.encode(stored(noisy), ".jpg")[0]
    for given, more in ((stored(noisy), ""), (image_io.read(data), ", JPEG of quality 95")):
        result = restore.restore_image(given, RestoreOptions())
        assert result.found == f"noise of sigma 18.7 found, correlated, stronger in the dark{more}"
        assert result.sigma == seen.sigma and result.estimated


@pytest.mark.usefixtures("with_auto")
def test_a_coarse_jpeg_without_noise_goes_to_the_network_for_jpeg(photo, monkeypatch):
    monkeypatch.setattr(
        restore, "look", lambda network, image: NoiseFound((0.5,), (0.01,), least=0.001, correlation=0.0)
    )
    for quality, says in (
        (40, "JPEG of quality 40 found, and hardly any other noise"),
        (95, "no noise to speak of found"),
    ):
        given = image_io.read(image_io.encode(stored(photo), ".jpg", quality=quality)[0])
        result = restore.restore_image(given, RestoreOptions())
        assert result.found.startswith(says)
    coarse = image_io.read(image_io.encode(stored(photo), ".jpg", quality=40)[0])
    told = restore.restore_image(coarse, RestoreOptions("dejpeg")).photo.pixels
    np.testing.assert_array_equal(restore.restore_image(coarse, RestoreOptions()).photo.pixels, told)


@pytest.mark.usefixtures("with_auto")
def test_of_very_little_noise_a_share_is_removed_and_all_if_asked(photo, monkeypatch):
    weak = NoiseFound((0.5,), (2 / 255,), least=1 / 255, correlation=0.3)
    monkeypatch.setattr(restore, "look", lambda network, image: weak)
    given = stored(degrade.correlated_noise(photo, 2 / 255, np.random.default_rng(0), 1.0))
    some, whole = (restore.restore_image(given, RestoreOptions(strength=strength)) for strength in (None, 1))
    assert some.found.endswith("so weak that only 74 % of it was removed; --strength 1 removes all")
    assert "so weak" not in whole.found
    changed = [np.abs(result.photo.pixels - given.pixels.astype(float)).mean() for result in (some, whole)]
    assert 0 < changed[0] < changed[1]


@pytest.mark.usefixtures("with_auto")
def test_white_noise_goes_to_the_network_that_is_told_its_level(photo):
    noisy = degrade.gaussian_noise(photo, 20 / 255, np.random.default_rng(0))
    result = restore.restore_image(stored(noisy), RestoreOptions())
    told = restore.restore_image(stored(noisy), RestoreOptions(sigma=result.sigma))
    assert result.estimated and 15 < 255 * result.sigma < 22
    assert result.found == f"white noise of sigma {255 * result.sigma:.1f} found"
    np.testing.assert_array_equal(result.photo.pixels, told.photo.pixels)
    named = restore.restore_image(stored(noisy), RestoreOptions(model="auto"))
    assert named.found.startswith("noise of sigma"), "who names the network gets it"


@pytest.mark.usefixtures("with_auto")
@pytest.mark.parametrize(("brightness", "network"), [(1, "white noise of"), (0.1, "noise of")])
def test_clipped_noise_stays_with_the_network_that_was_trained_on_it(photo, brightness, network):
    """In a picture of the night it was "no noise to speak of": no place was left without black."""
    noisy = degrade.Degradation(level=20 / 255, clip=True)(brightness * photo, np.random.default_rng(0))
    assert restore.restore_image(stored(noisy), RestoreOptions()).found.startswith(network)


@pytest.mark.usefixtures("with_auto")
@pytest.mark.parametrize("channels", [1, 3])
def test_a_clean_picture_is_left_alone_unless_asked(channels):
    rows, columns = np.mgrid[:96, :110]
    smooth = np.repeat(((rows + columns) / 300)[..., None], channels, -1).astype(np.float32)
    result = restore.restore_image(stored(smooth), RestoreOptions())
    np.testing.assert_array_equal(result.photo.pixels, stored(smooth).pixels)
    assert "no noise to speak of found, left as it is; --strength 1" in result.found
    asked = restore.restore_image(stored(smooth), RestoreOptions(strength=1))
    assert "left as it is" not in asked.found


@pytest.mark.usefixtures("with_auto")
def test_more_strength_removes_more(photo):
    noisy = stored(degrade.correlated_noise(photo, 20 / 255, np.random.default_rng(0), 0.6))
    removed = []
    for strength in (0.3, 1, 2.5):
        restored = restore.restore_image(noisy, RestoreOptions(strength=strength)).photo.pixels
        removed.append(float(np.std(restored.astype(float) - noisy.pixels)))
    assert removed[0] < removed[1] - 0.5 < removed[2] - 1
    estimated = [restore.restore_image(noisy, RestoreOptions(model="medium", strength=s)).sigma for s in (1, 2)]
    assert estimated[1] == pytest.approx(2 * estimated[0])


@pytest.mark.usefixtures("with_auto")
@pytest.mark.parametrize("shape", [(9, 40, 3), (5, 7, 1), (260, 700, 3)])
def test_any_size_is_looked_at(shape):
    noisy = np.random.default_rng(0).normal(0.5, 0.1, shape).astype(np.float32)
    result = restore.restore_image(Photo(noisy), RestoreOptions(model="auto", strength=1))
    assert result.photo.pixels.shape == shape
    assert result.sigma > 0.03 or shape[0] < 16  # too few pixels to tell


@pytest.mark.usefixtures("with_auto")
def test_tiles_of_what_was_found_give_the_whole(photo):
    network, noisy = Network.load("denoise-auto"), degrade.gaussian_noise(photo, 0.1, np.random.default_rng(0))
    found = restore.look(network, noisy)
    whole, parts = (np.empty_like(noisy) for _ in range(2))
    for picture, tile in ((whole, 512), (parts, 128)):
        for place, piece in restore.blocks(network, noisy, tile=tile, found=found):
            picture[place] = piece
    assert np.abs(whole - parts).max() < 1e-3


@pytest.mark.usefixtures("with_auto")
def test_all_frames_of_a_video_are_limited_by_one_look(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    frames = [images.to_uint8(rng.normal(0.5, 0.05, (96, 96, 3)).astype(np.float32)) for _ in range(4)]
    video = SimpleNamespace(frames=lambda: iter(frames))
    used = []
    blocks = restore.blocks
    monkeypatch.setattr(restore, "blocks", lambda *words, **how: used.append(how["found"]) or blocks(*words, **how))
    monkeypatch.setattr(restore.videos, "map_frames", mapped)
    result = restore.restore_video(video, tmp_path / "out.mp4", RestoreOptions())
    assert result.estimated and len(used) == 4 and {found.sigma for found in used} == {result.sigma}
    assert result.found.startswith(f"noise of sigma {255 * result.sigma:.1f} found")
    assert result.notes == ("a note",)


@pytest.mark.usefixtures("with_auto")
def test_a_clean_video_is_said_to_be_clean(monkeypatch, tmp_path):
    rows, columns = np.mgrid[:96, :110]
    smooth = np.repeat((rows + columns).astype(np.uint8)[..., None], 3, -1)
    video, seen = SimpleNamespace(frames=lambda: iter([smooth] * 4)), []
    monkeypatch.setattr(
        restore.videos, "map_frames", lambda v, t, function, p: mapped(v, t, lambda f: seen.append(function(f)), p)
    )
    result = restore.restore_video(video, tmp_path / "out.mp4", RestoreOptions())
    assert "no noise to speak of found, left as it is; --strength 1" in result.found
    assert result.notes == ("a note", "its frames are packed anew all the same")
    assert all((frame == smooth).all() for frame in seen) and len(seen) == 4
    asked = restore.restore_video(video, tmp_path / "out.mp4", RestoreOptions(strength=1))
    assert "left as it is" not in asked.found and asked.notes == ("a note",)


@pytest.mark.usefixtures("with_auto")
def test_a_known_blur_needs_a_denoiser_that_is_told_a_level():
    with pytest.raises(ImageError, match="denoise-auto takes no noise level"):
        restore.restore_image(
            Photo(np.zeros((16, 16, 3), np.uint8)), RestoreOptions("deblur", "auto", blur="gaussian:1")
        )


@pytest.mark.usefixtures("with_auto")
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"strength": 9}, "strength is 9: give 0.1 to 4"),
        ({"task": "upscale", "strength": 1}, "task upscale removes no noise"),
        ({"strength": 1, "sigma": 0.1}, "give one of the two"),
        ({"model": "auto", "sigma": 0.1}, "finds the noise itself"),
    ],
)
def test_strength_and_sigma_are_told_apart(options, says):
    with pytest.raises(ImageError, match=says):
        restore.restore_image(Photo(np.zeros((16, 16, 3), np.uint8)), RestoreOptions(**options))
