"""Values of TIFF and EXIF go from file to file as they stand."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from lessons_lib import image_io
from lessons_lib.image_io import directories
from tests.lessons_lib.image_io.files import RAMP, smooth, written
from tests.lessons_lib.image_io.test_beside import saved

TEXTS = {36867: b"2024:01:02 03:04:05\0", 36881: b"+02:00\0", 37521: b"07\0", 42036: "50mm Zoë\0".encode()}


def camera(order="<"):
    """EXIF with texts, and with values of types that nobody expects."""
    inner = {tag: (2, len(text), text) for tag, text in TEXTS.items()}
    inner |= {0x829A: (2, 6, b"1/200\0"), 0x9286: (2, 4, b"abc\0"), 0x8827: (8, 1, struct.pack(order + "h", -1))}
    rows, behind, start = b"", b"", 26 + 2 + 12 * len(inner) + 4
    for tag, (kind, count, value) in sorted(inner.items()):
        place = value.ljust(4, b"\0") if len(value) < 5 else struct.pack(order + "I", start + len(behind))
        rows += struct.pack(order + "HHI", tag, kind, count) + place
        behind += value if len(value) > 4 else b""
    first = struct.pack(order + "HHHIII", 1, 0x8769, 4, 1, 26, 0)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return b"Exif\0\0" + head + first + struct.pack(order + "H", len(inner)) + rows + bytes(4) + behind


def inner_of(data):
    exif = image_io.read(data).exif
    entries, whole = directories.tree(exif.removeprefix(b"Exif\0\0"))
    assert whole
    return entries[directories.EXIF]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_texts_stay_texts_through_a_tiff(order, dtype, suffix):
    photo = image_io.Photo(smooth().astype(dtype), exif=camera(order))
    first, notes = image_io.encode(photo, ".tif")
    second, _ = image_io.encode(image_io.read(first), suffix)
    assert notes == ()
    for data in (first, second):
        inner = inner_of(data)
        assert {tag: inner[tag].value for tag in TEXTS} == TEXTS
        assert {inner[tag].kind for tag in TEXTS} == {2}
        assert inner[0x829A] == (2, 6, b"1/200\0") and inner[0x8827] == (8, 1, struct.pack("<h", -1))
    with tifffile.TiffFile(io.BytesIO(first)) as file:
        assert file.pages[0].tags[34665].value["DateTimeOriginal"] == "2024:01:02 03:04:05"
    assert Image.open(io.BytesIO(first)).getexif().get_ifd(ExifTags.IFD.Exif)[36867] == "2024:01:02 03:04:05"


@pytest.mark.parametrize("options", [{"byteorder": ">"}, {"bigtiff": True}, {"bigtiff": True, "byteorder": ">"}])
def test_every_layout_of_a_tiff(options):
    tags = [(315, "s", 0, "Zoe", True), (274, "H", 1, 6, True)]
    for stored in (smooth(), RAMP):
        photo = image_io.read(written(stored, photometric="rgb", extratags=tags, resolution=(300, 300), **options))
        np.testing.assert_array_equal(photo.pixels, np.rot90(stored, -1))
        assert b"Zoe" in photo.exif and photo.dpi == (300, 300)


def test_entries_join_a_bigtiff():
    data = directories.with_entries(written(smooth(), bigtiff=True), {315: directories.Entry(2, 12, b"Zoe Zoe Zoe\0")})
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.pages[0].tags[315].value == "Zoe Zoe Zoe"
        np.testing.assert_array_equal(file.pages[0].asarray(), smooth())


def test_what_points_outside_is_passed_over_and_said():
    data = written(smooth(), photometric="rgb", extratags=[(50000, 4, 1, 0xFFFFFF, True), (315, "s", 0, "Zoe", True)])
    data = data.replace(struct.pack("<HHI", 50000, 4, 1), struct.pack("<HHI", 34665, 4, 1))
    photo = image_io.read(data)
    assert "damaged in part" in photo.notes[0] and b"Zoe" in photo.exif
    with pytest.raises(ValueError, match="byte order"):
        directories.layout(b"nothing of it")
    with pytest.raises(ValueError, match=r"cut short|outside"):
        directories.chain(data[:8])


def test_a_text_of_a_jpeg_that_lies_outside_is_no_traceback(capfd):
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 271, 2, 5000, 0xF0F0) + bytes(4)
    photo = image_io.read(saved(smooth(), "JPEG", exif=exif))
    for suffix in (".tif", ".jpg"):
        image_io.encode(photo, suffix)
    assert capfd.readouterr().err == ""
