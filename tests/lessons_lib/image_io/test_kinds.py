"""A file that is no picture is called what it is, with the way out; what a picture may be passes."""

import pytest
from PIL import Image

from lessons_lib import image_io
from lessons_lib.image_io import kinds
from lessons_lib.images import ImageError
from tests.lessons_lib.image_io.files import smooth
from tests.lessons_lib.image_io.test_reading import saved

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\n<!DOCTYPE html><html><body>404</body></html>", "a web page, not a picture: the download failed"),
        (b'{"error": "not found"}', "is text, not a picture"),
        ("nur ein paar Wörter".encode(), "is text, not a picture"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "is text"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", r"drawing \(SVG\)"),
        (b"PK\3\4" + bytes(200), "ZIP archive: unpack it"),
        (bytes(4000), "nothing but zeros"),
        (LFS, "run git lfs pull"),
        (b"\0\5\x16\7\0\2\0\0Mac OS X", "AppleDouble"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(9), "JPEG 2000 picture: export it"),
        (b"\xff\x4f\xff\x51" + bytes(9), "JPEG 2000"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "drawing .*EPS.*: export it"),
        (saved(smooth(), "ICO", sizes=[(48, 48)]), r"icon \(ICO\)"),
        (saved(smooth(), "TGA"), "TGA"),
        (saved(smooth(), "DDS"), "DDS"),
        (bytes(128) + b"DICM" + bytes(20), "DICOM"),
        (b"SIMPLE  =                    T".ljust(2880), "FITS"),
        (b"II\x1a\0\0\0HEAPCCDR" + bytes(90), r"raw file \(CRW\): develop it"),
        (b"\0MRM" + bytes(90), r"raw file \(MRW\): develop it"),
        (b"gimp xcf v011\0" + bytes(20), "XCF"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", "Radiance"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\4CgBI\x50\0\x20\2" + bytes(40), "iPhone apps"),
        (b"P7\nWIDTH 9\n", "PAM"),
        (saved(smooth(), "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"), "a JPEG of 12 bits: export it"),
        (saved(smooth(), "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc3\0\x11\x08"), "a JPEG without loss"),
        (b"RIFF\0\1\0\0AVI LIST", "is a video"),
        ((b"G" + bytes(187)) * 3, "is a video"),
        (b"\0\0\0\x18ftypiso5\0\0\0\0dash" + bytes(9), "is a video"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(9), "HEIC"),
    ],
)
def test_it_is_named(data, says):
    with pytest.raises(ImageError, match=f"the picture .*{says}"):
        image_io.read(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "PPM"])
def test_pictures_pass(kind):
    assert kinds.no_picture(saved(smooth(), kind)) == ""
    assert kinds.no_picture(saved(Image.new("L", (2, 2)), kind)) == ""


def test_an_avif_that_calls_itself_by_its_family_name():
    data = saved(smooth(), "AVIF")
    assert image_io.read(data[:8] + b"mif1" + data[12:]).pixels.shape == (64, 80, 3)
