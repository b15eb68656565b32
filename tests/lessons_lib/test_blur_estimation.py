import itertools

import cv2
import numpy as np
import pytest
from scipy import signal

from lessons_lib import blur_estimation, classical, datasets, degrade, images
from lessons_lib.blur_estimation import found_blur, shake
from lessons_lib.degrade import Degradation, DegradationInfo
from lessons_lib.images import ImageError

SHARP = datasets.photo("dogs")[:400, :400]


def denoiser(noisy, sigma):
    return classical.dct(noisy, DegradationInfo(sigma=sigma))


def none(noisy, sigma):
    raise AssertionError("only a shake needs a denoiser")


def blurred(text, level=2 / 255, **options):
    degradation = Degradation(degrade.kernel_from(text), level=level, quantise=True, **options)
    return degradation(SHARP, np.random.default_rng(0))


def alike(one, other):
    """Correlation of two kernels, 1 for the same, wherever their middles are."""
    products = signal.fftconvolve(np.pad(one, 8), other[::-1, ::-1])
    return products.max() / np.sqrt(np.square(one).sum() * np.square(other).sum())


@pytest.mark.parametrize(
    "text", ["gaussian:1.6", "defocus:3", "defocus:5", "motion:9@0", "motion:15@30", "motion:21@136"]
)
def test_kind_and_size_are_found(text):
    found = found_blur(blurred(text), none)
    assert found.text.partition(":")[0] == text.partition(":")[0]
    assert alike(found.kernel, degrade.kernel_from(text)) > 0.97
    assert found.sure > 0.5


@pytest.mark.parametrize("options", [{"jpeg": 85}, {"level": 5 / 255}])
@pytest.mark.parametrize("text", ["gaussian:1.6", "defocus:3", "motion:15@30"])
def test_a_jpeg_and_more_noise_do_not_hide_it(text, options):
    found = found_blur(blurred(text, **options), none, options.get("jpeg"))
    kind, _, size = text.partition(":")
    assert found.text.startswith(kind)
    assert float(found.text.split(":")[1].split("@")[0]) == pytest.approx(float(size.split("@")[0]), rel=0.25)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_stored_values_and_gray_ones_give_the_same(kind):
    image = blurred("motion:15@30", level=0)
    stored = np.round(image * np.iinfo(kind).max).astype(kind)
    assert found_blur(stored, none).text == found_blur(images.to_gray(image), none).text == "motion:15@30"


@pytest.mark.parametrize("name", datasets.sample_names("validation")[:4])
def test_sharp_photographs_are_left_alone(name):
    found = found_blur(datasets.photo(name), denoiser)
    assert found.kernel is None and found.text == "" and found.why_not.startswith("no blur found")


@pytest.mark.parametrize("image", [np.full((200, 200, 3), 0.5, np.float32), SHARP[:40], SHARP[:, :50]])
def test_too_little_to_tell_is_said(image):
    found = found_blur(image, none)
    assert found.kernel is None and found.why_not == "too small or too uniform to tell a blur"


@pytest.mark.parametrize("image", [np.zeros((100, 100)), np.zeros((100, 100, 2)), np.zeros((4, 100, 100, 3))])
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ImageError, match="give one image"):
        found_blur(image, none)


def test_a_shake_is_found_and_has_no_name():
    path = degrade.shake_kernel(17, np.random.default_rng(2))
    sharp = images.to_gray(datasets.photo("astronaut"))
    degraded = Degradation(path, level=1 / 255)(sharp, np.random.default_rng(0))
    found = found_blur(degraded, denoiser)
    assert found.text == "shake" and found.sure > 0.5 and found.why_not == ""
    dot = degrade.kernel_from("gaussian:0.5")
    assert alike(found.kernel, path) > 0.7 > alike(dot, path)
    assert found.kernel.sum() == pytest.approx(1, abs=1e-4) and found.kernel.min() >= 0


@pytest.mark.parametrize("degrees", [1.5, pytest.param(5, marks=pytest.mark.prove)])
def test_a_blur_that_differs_from_place_to_place_is_left_alone(degrees):
    """A camera that rolls: sharp in the middle, longer arcs farther out."""
    astronaut = images.to_gray(images.center_crop(datasets.photo("astronaut"), (250, 250)))
    angles = np.linspace(-degrees, degrees, 31)
    turned = [cv2.warpAffine(astronaut, cv2.getRotationMatrix2D((125, 125), angle, 1), (250, 250)) for angle in angles]
    found = found_blur(np.mean(turned, axis=0)[..., None], denoiser)
    assert found.kernel is None and found.why_not == "no blur found that is the same everywhere"


@pytest.mark.parametrize(
    ("image", "sides", "says"),
    [
        (SHARP[..., :1], [8], r"sides are \[8\]: give odd numbers"),
        (SHARP[..., :1], [3], r"sides are \[3\]: give odd numbers"),
        (SHARP[..., :1], [], r"sides are \[\]: give odd numbers"),
        (SHARP, [15], "give a gray one"),
        (SHARP[:20, :, :1], [9, 15], "with sides of 30 or more"),
    ],
)
def test_what_a_shake_cannot_be_found_in_is_refused(image, sides, says):
    with pytest.raises(ImageError, match=says):
        shake(image, none, sides)


def test_cells_hold_the_mean_of_their_frequencies():
    """Against the definition, pixel by pixel."""
    values = np.random.default_rng(0).random((64, 64))
    cells = blur_estimation._in_cells(values)
    found = np.zeros((blur_estimation.DIRECTIONS, blur_estimation.FREQUENCIES, 2))
    lowest, highest = blur_estimation.LOWEST, blur_estimation.HIGHEST
    for (row, down), (column, across) in itertools.product(enumerate(np.fft.fftfreq(64)), repeat=2):
        far = np.hypot(down, across)
        if lowest <= far < highest and min(abs(down), abs(across)) > 1.5 / 64:
            direction = int(np.arctan2(down, across) % np.pi / np.pi * blur_estimation.DIRECTIONS)
            place = min(direction, 23), int((far - lowest) / (highest - lowest) * blur_estimation.FREQUENCIES)
            found[place] += values[row, column], 1
    filled = found[..., 1] > 0
    np.testing.assert_allclose(cells[filled], (found[..., 0] / np.maximum(found[..., 1], 1))[filled])
    assert np.isfinite(cells).all()


@pytest.mark.parametrize("name", ["astronaut", "stream"])
def test_a_mild_blur_is_no_shake(name):
    """A kernel with a name that explains the picture is not outdone by a free one that explains less."""
    sharp = images.center_crop(datasets.photo(name), (250, 250))
    degradation = Degradation(degrade.kernel_from("gaussian:0.7"), level=2 / 255, quantise=True)
    found = found_blur(degradation(sharp, np.random.default_rng(0)), denoiser)
    assert found.text in ("", "gaussian:0.7", "gaussian:0.8")
