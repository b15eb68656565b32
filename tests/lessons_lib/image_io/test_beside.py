"""What stands beside the pixels is kept where the format can, and said where it cannot."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from lessons_lib import image_io
from lessons_lib.image_io import beside
from tests.lessons_lib.image_io.files import RAMP, smooth, written
from tests.lessons_lib.image_io.test_reading import png16, saved, tiff


def exif_of(artist):
    """EXIF with a text of these bytes, a picture turned right, its size, and a thumbnail's directory behind."""
    first = struct.pack("<H", 3) + struct.pack("<HHIHxx", 0x0112, 3, 1, 6)
    first += struct.pack("<HHII", 0x013B, 2, len(artist), 100) + struct.pack("<HHII", 0x8769, 4, 1, 60)
    first += struct.pack("<I", 90)
    inner = struct.pack("<H", 2) + struct.pack("<HHIHxx", 0xA002, 3, 1, 80) + struct.pack("<HHIHxx", 0xA003, 3, 1, 64)
    body = b"II*\0\x08\0\0\0" + first
    body = body.ljust(60, b"\0") + inner + struct.pack("<I", 0)
    return b"Exif\0\0" + body.ljust(100, b"\0") + artist


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif"])
@pytest.mark.parametrize("artist", ["Jürgen\0".encode(), "© Зоя\0".encode(), "J\xfcrgen\0".encode("latin-1")])
def test_names_keep_their_letters(suffix, artist):
    photo = image_io.read(saved(smooth(), "JPEG", exif=exif_of(artist)))
    assert photo.pixels.shape == (80, 64, 3)
    data, notes = image_io.encode(photo, suffix)
    assert notes == ()
    again = image_io.read(data)
    assert artist in again.exif
    assert again.pixels.shape == (80, 64, 3), "turned once, and not again"
    assert Image.open(io.BytesIO(data)).getexif().get(ExifTags.Base.Orientation, 1) == 1


def test_names_in_a_tiff_keep_their_letters():
    for stored in (smooth(), RAMP):
        artist = "Jürgen".encode()
        data = written(stored, photometric="rgb", extratags=[(315, "s", 0, artist, True)])
        again = image_io.encode(image_io.read(data), ".tif")[0]
        with tifffile.TiffFile(io.BytesIO(again)) as file:
            assert artist in again, file.pages[0].tags[315].value


def test_a_larger_result_says_its_size():
    exif = beside.mended_exif(exif_of(b"x\0"), (70_000, 128), upright=False)
    data = Image.Exif()
    data.load(exif)
    inner = data.get_ifd(ExifTags.IFD.Exif)
    assert (inner[ExifTags.Base.ExifImageWidth], inner[ExifTags.Base.ExifImageHeight]) == (70_000, 128)
    with pytest.raises(ValueError, match=r"outside|short"):
        beside.mended_exif(exif_of(b"x\0")[:40])


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="a"/></x:xmpmeta>'
IPTC = beside.IPTC_HEAD + b"8BIM\x04\x04\0\0\0\0\0\x0a\x1c\x02\x50\0\x05Zo\xc3\xab!"


def test_captions_and_comments_of_a_jpeg():
    data = beside.with_iptc(saved(smooth(), "JPEG", xmp=XMP, comment=b"by hand"), IPTC)
    photo = image_io.read(data)
    assert (photo.xmp, photo.iptc, photo.comment) == (XMP, IPTC, b"by hand")
    again, notes = image_io.encode(photo, ".jpg")
    assert notes == ()
    back = image_io.read(again)
    assert (back.xmp, back.iptc, back.comment) == (XMP, IPTC, b"by hand")
    as_png, notes = image_io.encode(photo, ".png")
    assert notes == ("PNG holds no captions (IPTC): left out",)
    assert Image.open(io.BytesIO(as_png)).info["xmp"] == XMP
    assert image_io.encode(photo, ".webp")[1] == ("WEBP holds no captions (IPTC) and no comment: left out",)
    as_tiff, notes = image_io.encode(photo, ".tif")
    assert notes == ("TIFF holds no comment: left out",)
    assert (image_io.read(as_tiff).xmp, image_io.read(as_tiff).iptc) == (XMP, IPTC)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    "chunk", [(b"cICP", b"\x0c\x0d\x00\x01"), (b"gAMA", struct.pack(">I", 100_000)), (b"tEXt", b"Author\0Zo\xeb")]
)
def test_marks_of_colour_and_texts_of_a_png(deep, chunk):
    plain = png16(RAMP) if deep else saved(smooth(), "PNG")
    photo = image_io.read(beside.with_png_chunks(plain, (chunk,)))
    data, notes = image_io.encode(photo, ".png")
    assert notes == ()
    assert chunk in list(beside.png_chunks(data))
    np.testing.assert_array_equal(image_io.read(data).pixels, photo.pixels)
    assert "no marks of colour" in image_io.encode(photo, ".jpg")[1][-1]


def test_the_marks_of_plain_srgb_are_no_loss():
    plain = beside.with_png_chunks(saved(smooth()), ((b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 45455))))
    assert image_io.encode(image_io.read(plain), ".jpg")[1] == ()


def test_resolution_of_16_bits():
    photo = image_io.read(tiff(RAMP, resolution=(300, 300), resolutionunit="inch"))
    for suffix in (".png", ".tif"):
        again = image_io.read(image_io.encode(photo, suffix)[0])
        assert again.dpi == pytest.approx((300, 300), abs=0.1)


def turned(value):
    return XMP.replace(b"rdf:RDF", b'rdf:Description tiff:Orientation="%d"/><rdf:RDF' % value, 1)


RAW_EXIF = b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n%8d\n" % 100 + exif_of(b"x\0").hex().encode() + b"\n")
SIDEWAYS = {
    "JPEG": saved(smooth(), "JPEG", exif=exif_of(b"x\0"), xmp=turned(6)),
    "JPEG by XMP alone": saved(smooth(), "JPEG", xmp=turned(6)),
    "WEBP": saved(smooth(), "WEBP", exif=exif_of(b"x\0"), xmp=turned(6)),
    "PNG by XMP alone": beside.with_png_chunks(
        saved(smooth()), ((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + turned(6)),)
    ),
    "PNG by ImageMagick": beside.with_png_chunks(saved(smooth()), ((b"zTXt", RAW_EXIF),)),
    "TIFF": tiff(smooth(), extratags=[(274, 3, 1, 6, True), (700, 1, len(turned(6)), turned(6), True)]),
    "TIFF of 16 bits by XMP alone": written(
        np.ascontiguousarray(smooth().astype(np.uint16) * 257),
        photometric="rgb",
        extratags=[(700, 1, len(turned(6)), turned(6), True)],
    ),
}


@pytest.mark.parametrize("kind", SIDEWAYS)
def test_no_mark_is_left_that_would_turn_an_upright_picture_again(kind):
    photo = image_io.read(SIDEWAYS[kind])
    assert photo.pixels.shape == (80, 64, 3)
    for suffix in (".jpg", ".png", ".webp", ".tif"):
        data, _ = image_io.encode(photo, suffix)
        assert b'Orientation="6"' not in data and b"Raw profile" not in data
        assert image_io.read(data).pixels.shape == (80, 64, 3)


@pytest.mark.parametrize(("kind", "value"), [(1, b"\x40"), (2, b"64\0"), (5, bytes(8)), (9, b"\x40\0\0\0")])
def test_a_side_written_as_another_type_is_put_right(kind, value):
    """Some write the picture's sides as bytes, texts, fractions or signed numbers."""
    inner = struct.pack("<HHHII", 1, 0xA002, kind, 1, 100 if len(value) > 4 else int.from_bytes(value, "little"))
    first = struct.pack("<HHHIII", 1, 0x8769, 4, 1, 40, 0)
    exif = (b"II*\0\x08\0\0\0" + first).ljust(40, b"\0") + inner + bytes(4)
    data = Image.Exif()
    data.load(beside.mended_exif(exif.ljust(100, b"\0") + value, (128, 96), upright=False))
    assert data.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageWidth] == 128


def test_chunks_that_count_as_the_pixels_are_stored_stay_with_pixels_stored_so():
    chunks = ((b"sBIT", b"\5\6\5"), (b"bKGD", bytes(6)), (b"pHYs", struct.pack(">IIB", 2, 1, 0)))
    data, _ = image_io.encode(image_io.read(beside.with_png_chunks(saved(smooth()), chunks)), ".png")
    assert set(chunks) <= set(beside.png_chunks(data))
    palette = beside.with_png_chunks(saved(Image.fromarray(smooth()).quantize(8)), ((b"bKGD", b"\1"),))
    assert "background" in image_io.read(palette).notes[0]


def test_content_credentials_are_left_out_and_said():
    jumbf = b"JP\0\1\0\0\0\1\0\0\0\x0cjumbc2pa"
    jpeg = saved(smooth(), "JPEG")
    jpeg = jpeg[:2] + b"\xff\xeb" + struct.pack(">H", len(jumbf) + 2) + jumbf + jpeg[2:]
    for data in (jpeg, beside.with_png_chunks(saved(smooth()), ((b"caBX", b"c2pa"),))):
        assert "content credentials" in image_io.read(data).notes[0]


def test_xmp_of_a_png_goes_into_other_formats():
    data = beside.with_png_chunks(saved(smooth()), ((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),))
    data, notes = image_io.encode(image_io.read(data), ".jpg")
    assert notes == () and image_io.read(data).xmp == XMP


def test_captions_of_many_segments():
    iptc = beside.IPTC_HEAD + beside.photoshop_resource(b"\x1c\x02\x19" + bytes(range(256)) * 300)
    data, notes = image_io.encode(image_io.Photo(smooth(), iptc=iptc), ".jpg")
    assert notes == () and image_io.read(data).iptc == iptc


def test_the_meaning_of_the_colours_of_an_avif():
    """P3 with the curve of sRGB, and colours for HDR screens, kept where a format can say so."""
    plain = saved(smooth(), "AVIF")
    photo = image_io.read(beside.with_nclx(plain, 12, 13))
    assert photo.chunks == ((b"cICP", b"\x0c\x0d\0\1"),)
    data, notes = image_io.encode(photo, ".avif")
    assert notes == () and beside.nclx(data) == (12, 13)
    assert image_io.encode(photo, ".jpg")[1] == ("JPEG holds no marks of colour (CICP): left out",)
    assert "HDR screens (PQ)" in image_io.read(beside.with_nclx(plain, 9, 16)).notes[0]
    assert image_io.read(plain).chunks == ()
