"""Bitmaps of 16 bits a colour, and several pictures in one file."""

import numpy as np
import pytest

from lessons_lib import image_io
from lessons_lib.images import ImageError
from tests.lessons_lib.image_io.files import RAMP, smooth


def test_16_bits_in_digits_need_no_line_end_at_the_end():
    digits = " ".join(map(str, RAMP.ravel())).encode()
    np.testing.assert_array_equal(image_io.read(b"P3\n48 32\n65535\n" + digits).pixels, RAMP)


def test_a_second_picture_is_not_passed_over():
    one = b"P6\n80 64\n255\n" + smooth().tobytes()
    with pytest.raises(ImageError, match="more than one picture: save them"):
        image_io.read(one + one)
    assert image_io.read(one + b"\n").pixels.shape == (64, 80, 3)


def test_a_cut_one():
    with pytest.raises(ImageError, match="cut short"):
        image_io.read(b"P6 48 32 65535\n" + RAMP.astype(">u2").tobytes()[:-9])


def test_floats():
    gray = (RAMP[..., 0] / 65535).astype("<f4")
    photo = image_io.read(b"Pf\n48 32\n-1.0\n" + gray[::-1].tobytes())
    np.testing.assert_array_equal(photo.pixels[..., 0], gray)
