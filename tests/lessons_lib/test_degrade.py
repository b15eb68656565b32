import io
import re
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from lessons_lib import degrade, images
from lessons_lib.images import ImageError

GRAY = np.full((120, 150, 3), 0.5, np.float32)
PICTURE = np.random.default_rng(3).random((20, 23, 3), dtype=np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_gaussian_noise_has_the_sigma_it_says_and_the_seed_decides():
    noisy = degrade.gaussian_noise(GRAY, 25 / 255, rng())
    assert noisy.dtype == np.float32
    assert (noisy - GRAY).std() == pytest.approx(25 / 255, rel=0.02)
    assert (noisy - GRAY).mean() == pytest.approx(0, abs=0.002)
    np.testing.assert_array_equal(noisy, degrade.gaussian_noise(GRAY, 25 / 255, rng()))
    assert (noisy != degrade.gaussian_noise(GRAY, 25 / 255, rng(1))).any()


def test_clipping_is_asked_for():
    assert degrade.gaussian_noise(GRAY, 0.5, rng()).max() > 1
    assert degrade.gaussian_noise(GRAY, 0.5, rng(), clip=True).max() == 1


def test_region_noise_stays_in_its_box():
    noisy = degrade.region_noise(GRAY, 0.1, rng(), (10, 20, 30, 40))
    changed = (noisy != GRAY).any(-1)
    assert changed[10:40, 20:60].mean() > 0.99
    assert changed.sum() == changed[10:40, 20:60].sum()


@pytest.mark.parametrize("fraction", [0.1, 0.25, 1.0])
def test_partial_noise_covers_its_share(fraction):
    changed = (degrade.partial_noise(GRAY, 0.1, rng(), fraction) != GRAY).any(-1)
    assert changed.mean() == pytest.approx(fraction, abs=0.01)


def test_salt_and_pepper_share_and_whole_pixels():
    noisy = degrade.salt_and_pepper(GRAY, 0.2, rng())
    assert (noisy == 0).all(-1).mean() == pytest.approx(0.1, abs=0.01)
    assert (noisy == 1).all(-1).mean() == pytest.approx(0.1, abs=0.01)
    assert ((noisy == GRAY).all(-1) | (noisy == 0).all(-1) | (noisy == 1).all(-1)).all()


@pytest.mark.parametrize("brightness", [0.1, 0.8])
def test_poisson_gaussian_variance_grows_with_brightness(brightness):
    image = np.full((300, 300, 1), brightness, np.float32)
    noisy = degrade.poisson_gaussian(image, rng(), photons=100, read_sigma=0.05)
    assert noisy.mean() == pytest.approx(brightness, abs=0.002)
    assert noisy.var() == pytest.approx(brightness / 100 + 0.05**2, rel=0.03)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (degrade.gaussian_noise, (GRAY, -0.1, rng()), "sigma is -0.1"),
        (degrade.gaussian_noise, (GRAY, 25, rng()), "25/255"),
        (degrade.gaussian_noise, (GRAY, float("nan"), rng()), "sigma is nan"),
        (degrade.region_noise, (GRAY, 0.1, rng(), (100, 0, 30, 10)), "does not fit"),
        (degrade.partial_noise, (GRAY, 0.1, rng(), 0), "fraction is 0"),
        (degrade.salt_and_pepper, (GRAY, 1.5, rng()), "amount is 1.5"),
        (degrade.poisson_gaussian, (GRAY, rng(), 0), "photons is 0"),
        (degrade.correlated_noise, (GRAY, 0.1, rng(), 0), "sigma is 0"),
        (degrade.camera_noise, (GRAY[:3], 0.1, rng()), "sides of 4 or more"),
        (degrade.gaussian_kernel, (4, 1.0), "odd"),
        (degrade.gaussian_kernel, (3, 0), "sigma is 0"),
        (degrade.motion_kernel, (8, 30), "odd"),
        (degrade.defocus_kernel, (-1,), "radius is -1"),
        (degrade.shake_kernel, (8, rng()), "odd"),
        (degrade.shake_kernel, (3, rng()), "size 3"),
        (degrade.blur, (GRAY, np.ones((2, 3))), "odd"),
        (degrade.blur, (GRAY, np.ones(3)), "2-D"),
        (degrade.blur, (GRAY, np.ones((3, 3)), "mirror"), "reflect, edge"),
        (degrade.downscale_area, (GRAY, 2), "scale is 2"),
        (degrade.imresize, (GRAY,), "either scale or size"),
        (degrade.imresize, (GRAY, -1), "scale is -1"),
        (degrade.imresize, (GRAY, None, (0, 5)), r"size is \(0, 5\)"),
        (degrade.gaussian_noise, (GRAY.astype(np.uint8), 0.1, rng()), "to_float"),
    ],
)
def test_bad_input_is_named(function, arguments, message):
    with pytest.raises(ImageError, match=message):
        function(*arguments)


@pytest.mark.parametrize("width", [0.5, 1.0, 1.6])
def test_correlated_noise_has_the_correlation_of_its_blur(width):
    noise = degrade.correlated_noise(np.full((512, 512, 1), 0.5), 0.1, rng(), width) - 0.5
    assert noise.std() == pytest.approx(0.1, rel=0.02)
    neighbours = np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]
    line = cv2.getGaussianKernel(15, width)[:, 0]
    assert neighbours == pytest.approx((line[1:] * line[:-1]).sum() / (line**2).sum(), abs=0.02)


def test_camera_noise_is_strong_in_the_dark_correlated_and_without_bias():
    """Means over cameras, for each camera is another one."""
    levels = (0.1, 0.5, 0.9)
    spread, neighbours = [], []
    for seed in range(12):
        noises = []
        for level in levels:
            gray = np.full((96, 96, 3), level, np.float32)
            noises.append(degrade.camera_noise(gray, 10 / 255, np.random.default_rng(seed)) - gray)
        spread.append([noise.std() * 255 for noise in noises])
        neighbours.append(np.corrcoef(noises[1][:, :-1].ravel(), noises[1][:, 1:].ravel())[0, 1])
        assert abs(noises[1].mean()) < 2 / 255  # the tone curve bends it a little towards the dark
    dark, middle, bright = np.mean(spread, 0)
    assert dark > middle > bright > 0
    assert 5 < middle < 15  # what is asked for, but for demosaicing, white balance and processing
    assert np.mean(neighbours) > 0.3


def test_camera_noise_of_a_gray_image_is_gray_and_none_is_none():
    gray = np.full((32, 32, 1), 0.5, np.float32)
    assert degrade.camera_noise(gray, 0.1, rng()).shape == gray.shape
    np.testing.assert_allclose(degrade.camera_noise(gray, 0.0, rng()), gray, atol=1e-4)


def test_a_kernel_is_built_from_what_people_type(tmp_path):
    for text, kernel in (
        ("gaussian:1.6", degrade.gaussian_kernel(11, 1.6)),
        ("defocus:3", degrade.defocus_kernel(3)),
        ("motion:15@30", degrade.motion_kernel(15, 30)),
        ("motion:9", degrade.motion_kernel(9, 0)),
    ):
        np.testing.assert_array_equal(degrade.kernel_from(text), kernel)
    drawn = np.zeros((4, 6, 1), np.float32)
    drawn[1, 2:4] = 1
    images.write(tmp_path / "kernel.png", drawn)
    read = degrade.kernel_from(str(tmp_path / "kernel.png"))
    assert read.shape == (5, 7) and read.sum() == pytest.approx(1) and read[1, 2] == 0.5
    np.testing.assert_array_equal(degrade.kernel_from((tmp_path / "kernel.png").read_bytes()), read)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gaussian:much", "write gaussian:1.6, defocus:3"),
        ("gaussian", "write gaussian:1.6"),
        ("shake", "write gaussian:1.6"),
        ("motion:14@30", "blur is 'motion:14@30': its length is 14: give an odd number of pixels, 1 to 301"),
        ("motion:999999", "its length is 999999: give an odd number of pixels, 1 to 301"),
        ("motion:-3", "its length is -3: give an odd"),
        ("motion:15@", "blur is 'motion:15@': write gaussian:1.6"),
        ("motion:15@nan", "its direction is nan: give degrees"),
        ("defocus:-1", "blur is 'defocus:-1': its radius is -1: give a number of pixels above 0, at most 150"),
        ("defocus:0", "its radius is 0: give"),
        ("defocus:151", "its radius is 151: give"),
        ("gaussian:-1", "blur is 'gaussian:-1': its standard deviation is -1: give a number of pixels above 0"),
        ("gaussian:100000", "its standard deviation is 100000: give a number of pixels above 0, at most 50"),
        ("gaussian:nan", "its standard deviation is nan: give"),
    ],
)
def test_a_wrong_kernel_is_named_as_it_was_typed(text, says):
    with pytest.raises(ImageError, match=says):
        degrade.kernel_from(text)


def test_a_black_picture_is_no_kernel(tmp_path):
    images.write(tmp_path / "black.png", np.zeros((5, 5, 1), np.float32))
    with pytest.raises(ImageError, match=r"black.png is black"):
        degrade.kernel_from(str(tmp_path / "black.png"))
    with pytest.raises(ImageError, match=r"the picture is black"):
        degrade.kernel_from((tmp_path / "black.png").read_bytes())
    with pytest.raises(ImageError, match=r"the picture is damaged, or not an image"):
        degrade.kernel_from(b"gaussian:1.6")
    with pytest.raises(FileNotFoundError):
        degrade.kernel_from(str(tmp_path / "none.png"))


def test_a_picture_that_is_no_kernel_is_refused_in_plain_words(tmp_path, capfd):
    tifffile.imwrite(tmp_path / "float.tif", np.full((9, 9), 0.5, np.float32))
    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    chunks = [struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts]
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    images.write(tmp_path / "wide.png", np.ones((9, 303, 1), np.float32))
    for name, says in (("float.tif", ""), ("bomb.png", "megapixels"), ("wide.png", "303 x 9 pixels")):
        with pytest.raises(ImageError, match=f"{name}.*{says}") as refused:
            degrade.kernel_from(str(tmp_path / name))
        assert "OpenCV(" not in str(refused.value) and "Assertion" not in str(refused.value)
    assert capfd.readouterr().err == ""


def test_a_level_is_one_more_channel():
    image = np.zeros((2, 5, 6, 3), np.float32)
    conditioned = degrade.with_level(image, 0.1)
    assert conditioned.shape == (2, 5, 6, 4)
    assert conditioned.dtype == np.float32
    np.testing.assert_allclose(conditioned[..., 3], 0.1)
    with pytest.raises(ImageError, match="25/255"):
        degrade.with_level(image, 25)


@pytest.mark.parametrize(
    "kernel",
    [
        degrade.gaussian_kernel(7, 1.2),
        degrade.motion_kernel(9, 30),
        degrade.defocus_kernel(2.5),
        degrade.shake_kernel(11, np.random.default_rng(0)),
    ],
    ids=["gaussian", "motion", "defocus", "shake"],
)
def test_kernels_sum_to_one_and_keep_a_flat_image(kernel):
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert (kernel >= 0).all()
    np.testing.assert_allclose(degrade.blur(GRAY, kernel), GRAY, atol=1e-5)


def test_kernel_shapes_are_what_they_claim():
    np.testing.assert_allclose(
        degrade.gaussian_kernel(3, 0.85)[1, 1], 1 / (1 + 2 * np.exp(-1 / (2 * 0.85**2))) ** 2, 1e-5
    )
    assert (degrade.motion_kernel(5, 0)[2] > 0.19).all()
    np.testing.assert_allclose(degrade.motion_kernel(5, 90), degrade.motion_kernel(5, 0).T, atol=1e-6)
    upwards = degrade.motion_kernel(9, 45)
    assert upwards[0:3, 6:9].sum() > 0.1 > upwards[0:3, 0:3].sum()
    disc = degrade.defocus_kernel(3.0)
    assert disc[3, 3] == pytest.approx(1 / (np.pi * 9), rel=0.02)


SCIPY_NAMES = {"reflect": "mirror", "edge": "nearest", "zero": "constant", "wrap": "wrap"}


@pytest.mark.parametrize("border", degrade.BORDERS)
def test_blur_is_scipys_convolution(border):
    kernel = np.random.default_rng(4).random((3, 5), dtype=np.float32)
    expected = np.stack([ndimage.convolve(PICTURE[..., c], kernel, mode=SCIPY_NAMES[border]) for c in range(3)], -1)
    np.testing.assert_allclose(degrade.blur(PICTURE, kernel, border), expected, atol=1e-5)


def test_blur_takes_batches_and_images_smaller_than_the_kernel():
    kernel = degrade.gaussian_kernel(13, 2.0)
    batch = np.stack([PICTURE, PICTURE[::-1]])
    np.testing.assert_array_equal(degrade.blur(batch, kernel)[1], degrade.blur(PICTURE[::-1], kernel))
    assert degrade.blur(PICTURE[:3, :1], kernel).shape == (3, 1, 3)


def test_downscale_area_of_the_articles():
    assert degrade.downscale_area(np.zeros((80, 80, 3), np.float32), 0.4).shape == (32, 32, 3)


def test_imresize_weights_by_hand():
    line = np.zeros((1, 8, 1), np.float32)
    line[0, 4] = 1
    # Output pixel k sits at input 2 k + 0.5; the cubic is stretched twofold, so weight(d) = cubic(d / 2) / 2. Input
    # pixel 4 is 3.5, 1.5, 0.5 and 2.5 away; cubic(1.75), cubic(0.75), cubic(0.25), cubic(1.25) in exact fractions:
    expected = [-3 / 128, 29 / 128, 111 / 128, -9 / 128]
    np.testing.assert_allclose(degrade.imresize(line, size=(1, 4))[0, :, 0] * 2, expected, atol=1e-6)


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.floats(0.2, 4))
def test_imresize_keeps_flat_images_and_rounds_sizes_up(height, width, scale):
    flat = np.full((height, width, 1), 0.3, np.float32)
    resized = degrade.imresize(flat, scale)
    assert resized.shape == (int(np.ceil(height * scale - 1e-9)), int(np.ceil(width * scale - 1e-9)), 1)
    np.testing.assert_allclose(resized, 0.3, atol=1e-5)


def test_imresize_keeps_a_ramp_a_ramp_inside():
    ramp = np.tile(np.linspace(0, 1, 40, dtype=np.float32)[None, :, None], (40, 1, 1))
    small = degrade.imresize(ramp, 0.5)[10, 4:-4, 0]
    np.testing.assert_allclose(np.diff(small), 2 / 39, atol=1e-5)


def test_imresize_takes_batches():
    batch = np.stack([PICTURE, PICTURE * 0.5])
    np.testing.assert_allclose(degrade.imresize(batch, 0.5)[1], degrade.imresize(PICTURE * 0.5, 0.5), atol=1e-6)


def test_imresize_antialiases_where_opencv_does_not():
    stripes = np.zeros((64, 64, 1), np.float32)
    stripes[:, ::2] = 1
    assert degrade.imresize(stripes, 0.25)[4:-4, 4:-4].std() < 0.01
    aliased = cv2.resize(stripes, (16, 16), interpolation=cv2.INTER_NEAREST)
    assert abs(float(aliased.mean()) - 0.5) > 0.4


# One degradation


def test_a_degradation_is_its_steps_in_the_order_of_a_camera():
    clean, kernel = np.random.default_rng(0).random((24, 30, 3), dtype=np.float32), degrade.gaussian_kernel(5, 1.0)
    whole = degrade.Degradation(kernel, 2, "gaussian", 0.2, clip=True, quantise=True, jpeg=80)
    small = images.to_float(images.to_uint8(degrade.imresize(degrade.blur(clean, kernel), 1 / 2)))
    noisy = degrade.gaussian_noise(small, 0.2, np.random.default_rng(5), clip=True)
    expected = degrade.jpeg(images.to_float(images.to_uint8(noisy)), 80)
    degraded = whole(clean, np.random.default_rng(5))
    np.testing.assert_array_equal(degraded, expected)
    assert degraded.dtype == np.float32 and degraded.shape == (12, 15, 3)
    assert (whole.info.sigma, whole.info.scale) == (0.2, 2) and whole.info.kernel is kernel


def test_no_degradation_is_the_image_and_nothing_is_clipped_unasked():
    clean = np.random.default_rng(0).random((6, 7, 1), dtype=np.float32)
    np.testing.assert_array_equal(degrade.Degradation()(clean, np.random.default_rng(0)), clean)
    noisy = degrade.Degradation(level=1.0)(clean, np.random.default_rng(0))
    assert noisy.min() < 0 and noisy.max() > 1
    assert degrade.Degradation().info == degrade.DegradationInfo()


@pytest.mark.parametrize("kind", degrade.NOISES)
def test_each_kind_of_noise_has_the_strength_that_a_method_is_told(kind):
    level = degrade.NOISES[kind].level(0.1)
    gray = np.full((400, 400, 1), 0.5, np.float32)
    degradation = degrade.Degradation(noise=kind, level=level)
    noise = degradation(gray, np.random.default_rng(1)) - gray
    np.testing.assert_array_equal(degradation(gray, np.random.default_rng(1)) - gray, noise)
    measured = noise[noise != 0].std() if kind == "partial" else noise.std()
    assert degradation.info.sigma == pytest.approx(0.1)
    assert measured == pytest.approx(0.1, rel=0.5 if kind == "camera" else 0.03)  # before a camera mixes neighbours


def test_a_new_kind_of_noise_is_a_row_of_the_table(monkeypatch):
    row = degrade.NoiseKind(lambda image, level, rng: image + np.float32(level), float, float, "gray levels")
    monkeypatch.setitem(degrade.NOISES, "drift", row)
    drifted = degrade.Degradation(noise="drift", level=0.25)(np.zeros((2, 2, 1), np.float32), np.random.default_rng(0))
    np.testing.assert_array_equal(drifted, np.float32(0.25))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"noise": "fog"}, "noise is 'fog': choose one of gaussian"),
        ({"scale": 0}, "scale is 0"),
        ({"scale": 1.5}, "scale is 1.5"),
        ({"level": -0.1}, "level is -0.1: give the standard deviation"),
        ({"level": np.nan}, "level is nan"),
        ({"jpeg": 101}, "quality is 101: give a whole number from 1 to 100"),
    ],
)
def test_a_degradation_that_cannot_be_is_refused(options, says):
    with pytest.raises(ImageError, match=re.escape(says)):
        degrade.Degradation(**options)(np.zeros((8, 8, 3), np.float32), np.random.default_rng(0))


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_what_pillow_reads_of_it_and_worse_at_lower_quality(channels):
    image = cv2.GaussianBlur(np.random.default_rng(2).random((40, 56, channels), dtype=np.float32), (0, 0), 2)
    image = image.reshape(40, 56, channels)
    errors = [np.abs(degrade.jpeg(image, quality) - image).mean() for quality in (20, 60, 95)]
    assert errors[0] > errors[1] > errors[2] > 0
    _, data = cv2.imencode(".jpg", images.to_uint8(image)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60])
    by_pillow = np.asarray(Image.open(io.BytesIO(data.tobytes()))).reshape(40, 56, channels) / 255
    assert np.abs(degrade.jpeg(image, 60) - by_pillow).max() < 0.02


@pytest.mark.parametrize("kernels", [degrade.KERNELS, degrade.RANDOM_KERNELS])
def test_named_blurs_keep_the_brightness_and_have_a_middle(kernels):
    for make in kernels.values():
        kernel = make(np.random.default_rng(3)) if kernels is degrade.RANDOM_KERNELS else make()
        assert kernel.sum() == pytest.approx(1, abs=1e-5) and kernel.min() >= 0
        assert all(side % 2 for side in kernel.shape)
