"""Camera data of an AVIF come out as they stand in it, whichever way the file and they call the picture turned."""

import io
import struct

import pytest
from PIL import Image

from lessons_lib import image_io
from lessons_lib.image_io import boxes
from tests.lessons_lib.image_io.files import smooth
from tests.lessons_lib.image_io.test_beside import exif_of
from tests.lessons_lib.image_io.test_reading import saved

ARTIST = "Jürgen 李\0".encode()
TURNED_IN_XMP = b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'


def box(kind, *content):
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def with_exif(data, exif):
    """An AVIF that holds these camera data, which its boxes, and so its readers, do not believe about the turn."""
    filler = b"II*\0\x08\0\0\0" + bytes(len(exif) - 14)
    written = io.BytesIO()
    Image.open(io.BytesIO(data)).save(written, "AVIF", exif=b"Exif\0\0" + filler)
    assert written.getvalue().count(filler) == 1
    return written.getvalue().replace(filler, exif[6:])


def test_names_keep_their_letters_though_the_file_and_exif_disagree_on_the_turn():
    data = with_exif(saved(smooth(), "AVIF"), exif_of(ARTIST))
    photo = image_io.read(data)
    assert photo.pixels.shape == (64, 80, 3), "readers go by the boxes, and these turn nothing"
    assert ARTIST in photo.exif
    again = image_io.read(image_io.encode(photo, ".jpg")[0])
    assert again.pixels.shape == (64, 80, 3)
    assert ARTIST in again.exif


def test_xmp_turns_no_avif():
    assert image_io.read(saved(smooth(), "AVIF", xmp=TURNED_IN_XMP)).pixels.shape == (64, 80, 3)


def test_boxes_turn_an_avif():
    turned = Image.Exif()
    turned[0x0112] = 6
    photo = image_io.read(saved(smooth(), "AVIF", exif=turned))
    assert photo.pixels.shape == (80, 64, 3)


def avif(version, start):
    """The boxes of a file whose camera data lie in two parts, the first at `start`: in the file, or in these boxes."""
    stored = struct.pack(">I", 6) + b"Exif\0\0" + b"II*\0 camera"
    wide = ">I" if version == 2 else ">H"
    entry = box(b"infe", bytes([3 if version == 2 else 2, 0, 0, 0]), struct.pack(wide, 7), bytes(2), b"Exif\0")
    listed = box(b"iinf", b"\1\0\0\0\0\0\0\1" if version == 2 else b"\0\0\0\0\0\1", entry)
    parts = struct.pack(">IIII", start, 9, start + 9, len(stored) - 9)
    method = b"\0\1" if version else b""
    item = struct.pack(wide, 7) + method + bytes(2) + b"\0\2" + parts
    places = box(b"iloc", bytes([version, 0, 0, 0, 0x44, 0]), struct.pack(wide, 1), item)
    inside = box(b"idat", stored) if version else b""
    return box(b"meta", bytes(4), listed, places, inside) + (b"" if version else stored), len(stored)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_every_way_to_say_where_they_lie(version):
    whole, length = avif(version, 0)
    data, _ = avif(version, 0 if version else len(whole) - length)
    assert boxes.exif(data) == b"Exif\0\0II*\0 camera"


def test_wild_bytes_hold_none():
    data = with_exif(saved(smooth(), "AVIF"), exif_of(ARTIST))
    assert boxes.exif(b"") == boxes.exif(bytes(40)) == boxes.exif(data[:120]) == b""
    for at in range(0, 400, 3):
        assert isinstance(boxes.exif(data[:at] + b"\xff\xff\xff" + data[at + 3 :]), bytes)
