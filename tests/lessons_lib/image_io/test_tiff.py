"""TIFF files whose pixels came out wrong without a word: each stands for a kind."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from lessons_lib import image_io
from lessons_lib.image_io import beside
from lessons_lib.images import ImageError
from tests.lessons_lib.image_io.files import RAMP, smooth, written
from tests.lessons_lib.image_io.test_reading import SRGB, saved


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


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("below", [False, True])
def test_the_picture_is_taken_and_not_the_thumbnail_before_it(dtype, below):
    picture, small = smooth().astype(dtype), smooth()[::4, ::4].astype(dtype)
    with tifffile.TiffWriter(buffer := io.BytesIO()) as file:
        file.write(small, photometric="rgb", subfiletype=1, subifds=int(below), extratags=[(315, "s", 0, "Zoe", True)])
        file.write(picture, photometric="rgb")
    photo = image_io.read(buffer.getvalue())
    np.testing.assert_array_equal(photo.pixels, picture)
    assert b"Zoe" in photo.exif


def test_a_directory_that_leads_back_to_itself():
    data = written(smooth(), photometric="rgb", metadata=None)
    at = struct.unpack_from("<I", data, 4)[0]
    end = at + 2 + 12 * struct.unpack_from("<H", data, at)[0]
    with pytest.raises(ImageError, match=r"run in a circle.*copy or download"):
        image_io.read(data[:end] + struct.pack("<I", at) + data[end + 4 :])


def half(change=lambda stored: stored, **options):
    return written(change(RAMP / 65535).astype(np.float16), photometric="rgb", **options)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (half(lambda x: np.where(x > 0.5, np.nan, x)), "NaN or infinite"),
        (half(lambda x: 400 * x), "scale them"),
        (half(lambda x: np.stack([x, x])), "holds 2 pictures"),
        (written((smooth()[..., 0].astype(int) - 128).astype(np.int8)), "signed 8-bit integers: save it"),
        (written(RAMP[..., 0].astype(np.int16)), "signed 16-bit integers"),
        (written(RAMP[..., 0].astype(np.uint32)), "32-bit integers: save it with 16 bits"),
        (written(RAMP, photometric="rgb", rowsperstrip=4)[:4000], "lacks .* of its 8 parts"),
        (
            written(RAMP[..., 0]).replace(struct.pack("<HHII", 279, 4, 1, 3072), struct.pack("<HHII", 279, 4, 1, 0)),
            "parts",
        ),
    ],
)
def test_values_that_are_no_picture_are_named(data, says):
    with pytest.raises(ImageError, match=says):
        image_io.read(data)


@pytest.mark.parametrize("deep", [False, True])
def test_a_packing_that_nobody_here_knows_is_named(deep):
    data = written(RAMP if deep else smooth(), photometric="rgb")
    odd = data.replace(struct.pack("<HHIH", 259, 3, 1, 1), struct.pack("<HHIH", 259, 3, 1, 50002))
    with pytest.raises(ImageError, match=r"packed \(JPEG XL, (8|16) bits\) .*: save it unpacked"):
        image_io.read(odd)


@pytest.mark.parametrize("options", [{}, {"rowsperstrip": 4}, {"tile": (16, 16)}, {"compression": "zlib"}])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_rows_that_a_file_promises_and_lacks(options, dtype):
    data = written(RAMP.astype(dtype) % 2, photometric="rgb", **options)
    assert image_io.read(data).pixels.shape == (32, 48, 3)
    height = struct.pack("<HHII", 257, 4, 1, 32), struct.pack("<HHII", 257, 4, 1, 300)
    assert height[0] in data
    with pytest.raises(ImageError, match=r"it lacks .* parts\): copy"):
        image_io.read(data.replace(*height))


def test_half_floats_turned_upright_with_what_stands_beside_them():
    photo = image_io.read(half(extratags=[(274, "H", 1, 6, True), (315, "s", 0, "Zoe", True)]))
    assert photo.pixels.shape == (48, 32, 3) and b"Zoe" in photo.exif and photo.notes == ()


def test_floats_whose_white_is_zero():
    gray = np.linspace(0, 1, 63, dtype=np.float32).reshape(9, 7)
    np.testing.assert_allclose(
        image_io.read(written(1 - gray, photometric="miniswhite")).pixels[..., 0], gray, atol=1e-6
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_channels_beside_colour_are_said(dtype):
    stored = np.concatenate([RAMP, RAMP], -1)[..., :5].astype(dtype)
    data = written(stored, photometric="rgb", extrasamples=["unassalpha", "unspecified"])
    photo = image_io.read(data)
    np.testing.assert_array_equal(photo.pixels, stored[..., :3])
    np.testing.assert_array_equal(photo.alpha, stored[..., 3:4])
    assert photo.notes == ("its channels beside colour were left out",)


def test_the_profile_of_inks_goes_with_them():
    inks = np.concatenate([RAMP, np.zeros((32, 48, 1), np.uint16)], -1)
    profile = SRGB[:16] + b"CMYK" + SRGB[20:]
    assert image_io.read(written(inks, photometric="separated", iccprofile=profile)).profile == b""


def test_captions_and_titles_of_a_tiff():
    press = b"\x1c\x02\x50\0\x05Zo\xc3\xab!"
    tags = [(33723, "B", len(press), press, True), (269, "s", 0, "scan 7", True), (18246, "H", 1, 4, True)]
    for stored in (smooth(), RAMP):
        again = image_io.encode(image_io.read(written(stored, photometric="rgb", extratags=tags)), ".tif")[0]
        with tifffile.TiffFile(io.BytesIO(again)) as file:
            found = file.pages[0].tags
            assert (found[269].value, found[18246].value) == ("scan 7", 4) and press in found[34377].value


def test_libraries_are_silent(capfd):
    zipped = saved(smooth(), "TIFF", compression="tiff_lzw")
    broken = zipped[:2000] + b"\xff" * 60 + zipped[2060:]
    with pytest.raises(ImageError, match="damaged or cut short: copy"):
        image_io.read(broken)
    data = written(smooth(), photometric="rgb", extratags=[(50000, 4, 1, 0xFFFFFF, True)])
    image_io.read(data.replace(struct.pack("<HHI", 50000, 4, 1), struct.pack("<HHI", 34665, 4, 1)))
    image_io.read(beside.with_png_chunks(saved(smooth()), ((b"iCCP", b"p\0\0no"),)))
    assert capfd.readouterr().err == ""
