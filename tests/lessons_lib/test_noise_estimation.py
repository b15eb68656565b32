import cv2
import numpy as np
import pytest
from skimage import restoration

from lessons_lib import datasets, degrade, images, noise_estimation
from lessons_lib.images import ImageError
from lessons_lib.noise_estimation import estimate_sigma, shows_blocks


@pytest.fixture(scope="module")
def clean():
    return [datasets.photo(name) for name in datasets.sample_names("validation")]


def found(clean, sigma, **options):
    rng = np.random.default_rng(0)
    return np.array([255 * estimate_sigma(degrade.gaussian_noise(p, sigma / 255, rng, **options)) for p in clean])


@pytest.mark.parametrize("sigma", [2, 5, 15, 25, 55])
def test_the_noise_of_colour_photographs(clean, sigma):
    assert np.abs(found(clean, sigma) - sigma).max() < 0.5 + 0.01 * sigma


@pytest.mark.parametrize("sigma", [2, 15, 55])
def test_the_noise_of_gray_ones_better_than_the_wavelets_tell_it(clean, sigma):
    gray = [images.to_gray(p) for p in clean]
    error = np.abs(found(gray, sigma) - sigma).mean()
    rng = np.random.default_rng(0)
    noisy = [degrade.gaussian_noise(p, sigma / 255, rng) for p in gray]
    theirs = np.abs([255 * restoration.estimate_sigma(p[..., 0]) - sigma for p in noisy]).mean()
    assert error < 0.5 + 0.02 * sigma
    assert sigma > 40 or error < theirs


def test_a_clean_photograph_has_little(clean):
    assert found(clean, 0).max() < 1


def test_clipping_misleads_only_where_it_takes_much_away(clean):
    assert np.abs(found(clean, 15, clip=True) - 15).max() < 0.8
    assert (found(clean, 55, clip=True) < 55).all()


def test_stored_values_tell_the_same(clean):
    noisy = degrade.gaussian_noise(clean[0], 0.1, np.random.default_rng(0), clip=True)
    eight = images.to_uint8(noisy)
    assert estimate_sigma(eight) == pytest.approx(estimate_sigma(images.to_float(eight)), abs=1e-6)
    assert estimate_sigma(eight.astype(np.uint16) * 257) == pytest.approx(estimate_sigma(eight), abs=1e-5)


def test_gray_stored_as_colour_has_all_its_noise_in_the_brightness(clean):
    noisy = degrade.gaussian_noise(images.to_gray(clean[0]), 0.1, np.random.default_rng(0))
    assert estimate_sigma(np.repeat(noisy, 3, -1)) == pytest.approx(3**0.5 * estimate_sigma(noisy), rel=1e-4)


@pytest.mark.parametrize("quality", [80, 92])
def test_a_jpeg_hides_its_noise_in_colour_but_not_in_brightness(clean, quality):
    for picture in clean:
        noisy = images.to_uint8(degrade.gaussian_noise(picture, 20 / 255, np.random.default_rng(0)))
        data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        assert 15 < 255 * estimate_sigma(cv2.imdecode(data, cv2.IMREAD_COLOR)) < 32


def test_pure_noise_is_told_exactly():
    noise = np.random.default_rng(0).normal(0.5, 0.1, (300, 300, 3)).astype(np.float32)
    assert estimate_sigma(noise) == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize("shape", [(1, 1, 3), (6, 400, 1), (7, 7, 3), (9, 9, 1), (20, 20, 3), (7, 5000, 1)])
def test_small_and_thin_pictures(shape):
    noise = np.random.default_rng(0).normal(0.5, 0.1, shape).astype(np.float32)
    assert 0 <= estimate_sigma(noise) < 0.2
    assert estimate_sigma(np.full(shape, 0.5, np.float32)) == 0
    assert estimate_sigma(np.zeros(shape, np.float32)) == 0


def test_what_is_no_picture():
    for shape in ((4, 4), (4, 4, 2), (0, 4, 3)):
        with pytest.raises(ImageError, match="shape"):
            estimate_sigma(np.zeros(shape, np.float32))


def test_noise_is_found_where_the_picture_is_smooth():
    """A denoiser that takes half of the texture for noise: its share in textured places is not believed."""
    rng, rows = np.random.default_rng(0), np.arange(200)[:, None, None]
    texture = np.where(rows < 100, rng.normal(0, 0.1, (200, 200, 1)), 0)
    noise = rng.normal(0, 4 / 255, (200, 200, 1)).astype(np.float32)
    tones = np.linspace(0.3, 0.7, 200)[None, :, None]
    image = (tones + texture + noise).astype(np.float32)
    claimed = (noise + texture / 2).astype(np.float32)
    found = noise_estimation.found_noise([(image, claimed)])
    assert found.sigma == pytest.approx(4 / 255, rel=0.3)
    limited = found.limited(image, claimed)
    assert limited[:80].std() < 0.5 * claimed[:80].std()
    np.testing.assert_allclose(limited[120:], claimed[120:], atol=0.005)


def test_noise_is_found_for_each_brightness_and_clipped_places_do_not_count():
    rng = np.random.default_rng(0)
    ramp = np.repeat(np.linspace(0, 1, 300, dtype=np.float32)[None, :, None], 200, 0)
    noise = (rng.normal(0, 1, ramp.shape) * (0.01 + 0.04 * (1 - ramp))).astype(np.float32)
    seen = np.clip(ramp + noise, 0, 1)
    found = noise_estimation.found_noise([(seen, seen - ramp)])
    assert np.all(np.diff(found.brightness) > 0)
    assert np.all(np.diff(found.levels) < 0.003) and found.levels[0] > 2 * found.levels[-1]
    black = np.zeros((64, 64, 3), np.float32)
    assert noise_estimation.found_noise([(black, black)]).share == 0


@pytest.mark.parametrize(
    ("least", "level", "share"),
    [(0.5, 2, 0), (0.5, 9, 0), (0.65, 2, 0), (0.885, 2, 0.5), (0.885, 9, 1), (1.12, 2, 1), (20, 20, 1)],
)
def test_of_very_little_noise_only_a_share_is_taken(least, level, share):
    found = noise_estimation.NoiseFound((0.5,), (level / 255,), least=least / 255, correlation=0.0)
    assert found.share == pytest.approx(share, abs=1e-6)


def test_correlated_noise_is_found_to_be():
    gray = np.full((128, 128, 3), 0.5, np.float32)
    for width, low, high in ((0.3, -0.1, 0.1), (1.0, 0.6, 0.9)):
        noisy = degrade.correlated_noise(gray, 0.05, np.random.default_rng(0), width)
        assert low < noise_estimation.found_noise([(noisy, noisy - gray)]).correlation < high


def test_where_the_picture_is_clipped_more_is_allowed_than_what_shows_but_not_all():
    found = noise_estimation.NoiseFound((0.5, 0.9), (0.02, 0.01), least=0.01, correlation=0.0)
    bright, noise = np.ones((40, 40, 3), np.float32), np.full((40, 40, 3), 0.1, np.float32)
    bright[:, 20:] = 0.9
    limited = found.limited(bright, noise)
    assert limited[:, :10].min() > 0.02 and limited[:, :10].max() < 0.04
    assert limited[:, 35:].max() < 0.015


@pytest.mark.parametrize("brightness", [0.02, 0.05])
def test_in_the_dark_the_noise_that_shows_has_to_do(brightness):
    """Not a place without clipped values: what is left of the noise is found, and that it was clipped."""
    rng = np.random.default_rng(0)
    clean = np.full((128, 128, 3), brightness, np.float32)
    dark = np.clip(clean + rng.normal(0, 20 / 255, clean.shape), 0, 1).astype(np.float32)
    found = noise_estimation.found_noise([(dark, dark - clean)])
    assert found.share == 1 and 8 < 255 * found.sigma < 20 and found.clipped > 0.2


def test_a_handful_of_places_is_no_error():
    """Where fewer places are left than ranges of brightness: it was an IndexError."""
    image = np.zeros((64, 64, 3), np.float32)
    image[30:33, 30:33] = np.random.default_rng(0).random((3, 3, 3), np.float32)
    found = noise_estimation.found_noise([(image, 0.1 * image)])
    assert len(found.levels) == len(found.brightness) >= 1
    with np.errstate(all="raise"):
        assert np.isfinite(found.limited(image, image)).all()


@pytest.mark.parametrize("blur", ["gaussian:1.2", "motion:15@30"])
@pytest.mark.parametrize("cut", [0, 3])
def test_the_blocks_of_a_jpeg_show_in_a_blurred_picture_even_cut(clean, blur, cut):
    degradation = degrade.Degradation(degrade.kernel_from(blur), level=1 / 255, quantise=True)
    blurred = [degradation(photo, np.random.default_rng(0)) for photo in clean]
    assert not any(shows_blocks(photo) for photo in clean + blurred)
    stored = [images.to_uint8(degrade.jpeg(photo, 80))[cut:, cut:] for photo in blurred]
    assert all(shows_blocks(photo) for photo in stored)
    resized = [cv2.resize(photo, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA) for photo in stored]
    assert not any(shows_blocks(photo) for photo in resized)


@pytest.mark.parametrize("image", [np.zeros((100, 100, 3)), np.zeros((8, 200, 1)), np.zeros((64, 64, 1), np.uint8)])
def test_where_nothing_is_there_are_no_blocks(image):
    assert not shows_blocks(image)
