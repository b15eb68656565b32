"""What a file is that is no picture to restore, told by its first bytes, and the way out."""

from __future__ import annotations

import re
import struct

from lessons_lib.image_io import beside, tiff

RAW = (
    "a camera's raw file ({}): develop it first, with darktable, RawTherapee or the camera's own program, and save it "
    "as TIFF of 16 bits"
)
HEIC = "a HEIC picture, as phones save them: export it as JPEG, or set the camera to 'most compatible'"
VIDEO = "a video: give it a name that ends as videos do, such as .mp4"
JPEG_XL = "a JPEG XL picture: export it as PNG or JPEG"
JPEG_2000 = "a JPEG 2000 picture: export it as PNG or TIFF"
DRAWING = "a drawing ({}), not pixels: export it as PNG in the size you need"
HEICS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
AVIFS = {b"avif", b"avis"}
PICTURES = {b"mif1", b"msf1", b"miaf", b"jxl "} | HEICS | AVIFS  # other brands of this kind of file are videos
STARTS = (
    (b"\x1aE\xdf\xa3", VIDEO),
    (b"FUJIFILMCCD-RAW", RAW.format("RAF")),
    (b"IIRO", RAW.format("ORF")),
    (b"IIU\0", RAW.format("RW2")),
    (b"FOVb", RAW.format("X3F")),
    (b"II\x1a\0\0\0HEAPCCDR", RAW.format("CRW")),
    (b"\0MRM", RAW.format("MRW")),
    (b"\xff\x0a", JPEG_XL),
    (b"\0\0\0\x0cJXL ", JPEG_XL),
    (b"\0\0\0\x0cjP  ", JPEG_2000),
    (b"\xff\x4f\xff\x51", JPEG_2000),
    (b"8BPS", "a Photoshop file: export it as TIFF or PNG"),
    (b"gimp xcf", "a GIMP file (XCF): export it as TIFF or PNG"),
    (b"v/1\x01", "an OpenEXR picture: export it as TIFF of floats"),
    (b"#?R", "a Radiance HDR picture: export it as TIFF of floats"),
    (b"%PDF", "a PDF: export its pictures, one file each"),
    (b"%!PS", DRAWING.format("PostScript or EPS")),
    (b"\xc5\xd0\xd3\xc6", DRAWING.format("EPS")),
    (b"\0\0\1\0", "an icon (ICO): export it as PNG"),
    (b"P7\n", "a PAM bitmap: export it as PNG"),
    (b"PF\n", "a PFM of colour: export it as TIFF of floats"),
    (b"DDS ", "a texture (DDS): export it as PNG"),
    (b"SIMPLE  =", "an astronomical picture (FITS): export it as TIFF of 16 bits"),
    (b"PK\3\4", "a ZIP archive: unpack it first"),
    (b"\x1f\x8b", "a packed file (gzip): unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it first"),
    (b"\0\5\x16\7", "macOS's notes on another file (AppleDouble): take the file whose name lacks the ._"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the picture itself: run git lfs pull"),
)
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # markers of a JPEG that say how its pixels are stored
DOWNLOAD = "the download failed, so try it again"


def no_picture(data: bytes) -> str:
    """What a file is that cannot be read here, and the way out; "" for what may be a picture."""
    if not data:
        return "empty (0 bytes): copy or download it again"
    for magic, what in STARTS:
        if data.startswith(magic):
            return what
    if data[4:8] == b"ftyp":
        return _boxed(data)
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return VIDEO
    if data[:1] == b"G" and data[188:189] == b"G" and data[376:377] == b"G":  # MPEG's packets of 188 bytes
        return VIDEO
    if data[:3] == b"\xff\xd8\xff" and (kind := _odd_jpeg(data)):
        return kind
    if data[128:132] == b"DICM":
        return "a medical picture (DICOM): export it as PNG or TIFF"
    if data[12:16] == b"CgBI":
        return "a PNG changed for iPhone apps (CgBI): export it as PNG again, or take it from before the app was built"
    if _is_tga(data):
        return "a Targa picture (TGA): export it as PNG"
    if tiff.is_tiff(data) and (kind := tiff.is_raw(data)):
        return RAW.format(kind)
    return _text(data)


def _boxed(data: bytes) -> str:
    """What a file of boxes is (ISO base media): a phone's picture, a camera's raw file, or a video."""
    length = min(struct.unpack_from(">I", data)[0], 4096)
    brands = {data[at : at + 4] for at in (8, *range(16, min(length, len(data)), 4))}
    if data[8:12] == b"crx ":
        return RAW.format("CR3")
    if brands & AVIFS:
        return ""
    return HEIC if brands & PICTURES else VIDEO


def _odd_jpeg(data: bytes) -> str:
    """What a JPEG is that common decoders refuse, as the head of its frame says; "" for a common one."""
    for marker, body in beside.jpeg_segments(data):
        if marker in FRAMES and body and body[0] != 8:
            return f"a JPEG of {body[0]} bits: export it with 8 bits, or as TIFF or PNG of 16 bits"
        if marker in (0xC3, 0xC7, 0xCB, 0xCF):
            return "a JPEG without loss, of a kind that hardly any program reads: export it as PNG or TIFF"
    return ""


def _is_tga(data: bytes) -> bool:
    """Whether this is a Targa file by its footer, or, as it has no start of its own, by a head that makes sense."""
    if data[-18:-1] == b"TRUEVISION-XFILE.":
        return True
    if len(data) < 18 or data[1] > 1 or data[2] not in (1, 2, 3, 9, 10, 11):
        return False
    width, height, bits = struct.unpack_from("<HHB", data, 12)
    return bool(width and height) and bits in (8, 16, 24, 32) and data[3:8] == bytes(5)


def _text(data: bytes) -> str:
    if not data.strip(b"\0"):
        return "nothing but zeros, as a copy that failed leaves: copy or download it again"
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if re.match(rb"P[1-7fF]\s", start) or b"\0" in start:
        return ""
    try:
        words = start.decode()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:
            return ""
        words = start[: error.start].decode()
    if not all(letter.isprintable() or letter.isspace() for letter in words):
        return ""
    if "<svg" in words:
        return DRAWING.format("SVG")
    if re.match(r"<(!doctype )?html", words, re.IGNORECASE):
        return f"a web page, not a picture: {DOWNLOAD}"
    return f"text, not a picture: if it was downloaded, {DOWNLOAD}"
