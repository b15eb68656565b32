"""What the chapter on image basics writes from scratch, against OpenCV, Matplotlib and the library, over many sizes."""

import cv2
import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib import images, metrics
from tests.book.chapter import defined


def given_many(*strategies):
    """Hypothesis's `given`, without its clock: the machine may be busy."""
    return lambda test: settings(deadline=None)(given(*strategies)(test))


@pytest.fixture(scope="module")
def functions():
    pixels = ("load-coffee", "hex", "convert", "memory", "mse", "gray", "ycrcb", "srgb", "shrink")
    return defined("image-basics", *pixels, "augment", "flatten", "shuffled-how")


def picture(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).random((height, width, channels), np.float32)


SIDE = st.integers(1, 40)


@given_many(st.lists(st.integers(0, 255), min_size=3, max_size=3))
def test_hex_is_matplotlibs_and_comes_back(functions, pixel):
    text = functions["to_hex"](pixel)
    assert text == mpl.colors.to_hex(np.array(pixel) / 255)
    assert functions["from_hex"](text).tolist() == pixel


@given_many(st.lists(st.floats(-0.5, 1.5, width=32), min_size=1, max_size=20))
def test_bytes_and_floats_are_the_librarys(functions, values):
    image = np.array(values, np.float32)[None, :, None]
    stored = functions["to_uint8"](image)
    assert np.array_equal(stored, images.to_uint8(image))
    assert np.array_equal(functions["to_float"](stored), images.to_float(stored))


@given_many(SIDE, SIDE, st.sampled_from((1, 3, 64)), st.sampled_from((np.uint8, np.float32, np.float64)))
def test_megabytes_are_what_numpy_allocates(functions, height, width, channels, dtype):
    whole = np.empty((height, width, channels), dtype)
    assert functions["megabytes"](height, width, channels, dtype) == pytest.approx(whole.nbytes / 1e6)


@given_many(SIDE, SIDE, st.sampled_from((1, 3)))
def test_mse_is_the_librarys(functions, height, width, channels):
    clean, restored = picture(height, width, channels), picture(height, width, channels, seed=1)
    assert functions["mse"](clean, restored) == pytest.approx(metrics.mse(clean, restored), rel=1e-5)


@given_many(SIDE, SIDE)
def test_gray_and_ycrcb_are_opencvs(functions, height, width):
    image = picture(height, width)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    assert functions["gray"](image)[..., 0] == pytest.approx(gray, abs=1e-6)
    split = functions["to_ycrcb"](image)
    assert split == pytest.approx(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb), abs=1e-5)
    assert functions["from_ycrcb"](split) == pytest.approx(image, abs=1e-5)


def test_the_srgb_curve_is_the_standards_and_its_own_inverse(functions):
    value = np.linspace(0, 1, 256)
    light = functions["to_light"](value)
    assert functions["from_light"](light) == pytest.approx(value, abs=1e-6)
    assert light[[0, 255]] == pytest.approx([0, 1])
    assert functions["to_light"](188 / 255) == pytest.approx(0.503, abs=1e-3)  # IEC 61966-2-1
    assert (np.diff(light) > 0).all()


@given_many(st.integers(1, 9), st.integers(1, 9), st.integers(1, 7), st.sampled_from((1, 3)))
def test_shrinking_is_opencvs(functions, rows, columns, factor, channels):
    image = picture(rows * factor, columns * factor, channels)
    mean = functions["keep_mean"](image, factor)
    assert mean == pytest.approx(images.resize(image, (rows, columns), "area"), abs=1e-5)
    assert np.array_equal(functions["keep_one"](image, factor), images.resize(image, (rows, columns), "nearest"))


@given_many(SIDE, SIDE, st.sampled_from((1, 3)), st.data())
def test_place_finds_each_number_of_the_flat_image(functions, height, width, channels, data):
    image = picture(height, width, channels)
    y, x, c = (data.draw(st.integers(0, side - 1)) for side in image.shape)
    assert image.reshape(-1)[functions["place"](y, x, c, image.shape)] == image[y, x, c]


@given_many(st.integers(1, 5), SIDE, SIDE, st.integers(0, 99))
def test_shuffling_keeps_every_number_and_can_be_undone(functions, count, height, width, seed):
    shuffle = functions["shuffle"]
    pictures = np.random.default_rng(seed).random((count, height, width, 1))
    order = np.random.default_rng(seed + 1).permutation(height * width)
    mixed = shuffle(pictures, order)
    assert np.array_equal(np.sort(mixed.reshape(count, -1)), np.sort(pictures.reshape(count, -1)))
    assert np.array_equal(shuffle(mixed, np.argsort(order)), pictures)


@given_many(st.integers(2, 40), st.integers(2, 40), st.integers(0, 10))
def test_a_move_by_whole_pixels_keeps_the_true_ones(functions, height, width, right):
    move = functions["move"]
    image = picture(height, width)
    right = min(right, width - 1)
    assert move(image, right)[:, right:] == pytest.approx(image[:, : width - right], abs=1e-6)


@pytest.mark.parametrize("factor", [1.0, 1.1, 1.5, 3.0])
def test_zoom_keeps_the_shape(functions, factor):
    zoom = functions["zoom"]
    assert zoom(picture(30, 40), factor).shape == (30, 40, 3)


def test_a_full_turn_is_no_turn(functions):
    turn = functions["turn"]
    assert turn(picture(31, 31), 360) == pytest.approx(picture(31, 31), abs=1e-5)
    assert turn(picture(31, 31), 90)[1:-1, 1:-1] == pytest.approx(np.rot90(picture(31, 31))[1:-1, 1:-1], abs=1e-3)
