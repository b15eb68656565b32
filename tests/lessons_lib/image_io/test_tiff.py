"""TIFF files whose pixels came out wrong without a word: each stands for a kind."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from lessons_lib import image_io
from lessons_lib.images import ImageError
from tests.lessons_lib.image_io.files import RAMP, smooth, written
from tests.lessons_lib.image_io.test_reading import saved


def test_planes_stored_apart():
    data = written(np.moveaxis(RAMP, -1, 0), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(image_io.read(data).pixels, RAMP)


def test_white_is_zero():
    data = written(65535 - RAMP[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(image_io.read(data).pixels, RAMP[..., :1])


def test_colour_multiplied_by_alpha():
    alpha = np.full((32, 48, 1), 32768, np.uint16)
    multiplied = np.rint(RAMP * (alpha / 65535)).astype(np.uint16)
    data = written(np.concatenate([multiplied, alpha], -1), photometric="rgb", extrasamples=["assocalpha"])
    photo = image_io.read(data)
    assert np.abs(photo.pixels.astype(int) - RAMP).max() <= 1
    np.testing.assert_array_equal(photo.alpha, alpha)
    assert "multiplied by its transparency" in photo.notes[0]


def test_half_floats():
    gray = (RAMP[..., 0] / 65535).astype(np.float16)
    np.testing.assert_array_equal(image_io.read(written(gray)).pixels[..., 0], gray.astype(np.float32))


def test_inks_of_16_bits():
    inks = np.concatenate([RAMP, np.zeros((32, 48, 1), np.uint16)], -1)
    photo = image_io.read(written(inks, photometric="separated"))
    np.testing.assert_array_equal(photo.pixels, 65535 - RAMP)
    assert "inks (CMYK, 16 bits)" in photo.notes[0]


def test_16_bits_packed_by_another_librarys_compression():
    data = saved(Image.fromarray(RAMP[..., 0]), "TIFF", compression="tiff_lzw")
    np.testing.assert_array_equal(image_io.read(data).pixels, RAMP[..., :1])


def test_16_bits_turned_upright():
    data = written(RAMP, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
    np.testing.assert_array_equal(image_io.read(data).pixels, np.rot90(RAMP, -1))


def test_a_thumbnail_behind_a_picture_is_no_second_picture():
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(smooth(), photometric="rgb")
        file.write(smooth()[::4, ::4], photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(image_io.read(buffer.getvalue()).pixels, smooth())
    with tifffile.TiffWriter(buffer := io.BytesIO()) as file:
        file.write(smooth(), photometric="rgb")
        file.write(smooth(), photometric="rgb")
    with pytest.raises(ImageError, match="holds 2 pictures"):
        image_io.read(buffer.getvalue())


def raw_dng():
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        tags = [(50706, "B", 4, (1, 4, 0, 0), True)]
        file.write(smooth()[::4, ::4], photometric="rgb", subfiletype=1, subifds=1, extratags=tags)
        file.write(RAMP[..., 0], photometric=32803, subfiletype=0)
    return buffer.getvalue()


def raw_by_its_mosaic():
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        tags = [(271, "s", 0, "NIKON CORPORATION", True)]
        file.write(smooth()[::4, ::4], photometric="rgb", subifds=1, subfiletype=1, extratags=tags)
        file.write(RAMP[..., 0], photometric=32803)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (raw_dng(), r"raw file \(DNG\): develop it"),
        (raw_by_its_mosaic(), r"raw file \(NEF\)"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(100), r"raw file \(CR2\)"),
        (b"FUJIFILMCCD-RAW " + bytes(100), r"raw file \(RAF\)"),
        (b"\0\0\0\x18ftypcrx " + bytes(100), r"raw file \(CR3\)"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC picture, as phones save them: export it as JPEG"),
        (b"\0\0\0\x18ftypmp42" + bytes(100), "is a video: give it a name"),
        (b"8BPS" + bytes(100), "Photoshop file: export it"),
        (b"%PDF-1.7" + bytes(100), "is a PDF"),
    ],
)
def test_what_is_no_picture_is_named_with_the_way_out(data, says):
    with pytest.raises(ImageError, match=says):
        image_io.read(data)
