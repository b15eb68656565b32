import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms

from lessons_lib import image_io, images
from lessons_lib.image_io import beside
from lessons_lib.images import ImageError
from tests.lessons_lib.image_io.files import RAMP, smooth

ORIENTATION = ExifTags.Base.Orientation
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def values(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype)


def saved(picture, kind="PNG", **options):
    buffer = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(buffer, kind, **options)
    return buffer.getvalue()


def png16(stored):
    """A PNG of 16 bits, by hand: no library here writes gray with alpha."""
    kinds = {1: 0, 2: 4, 3: 2, 4: 6}
    height, width, channels = stored.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in stored)
    head = struct.pack(">IIBBBBB", width, height, 16, kinds[channels], 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    chunks = (struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def tiff(stored, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, stored, photometric="rgb" if stored.ndim == 3 else "minisblack", **options)
    return buffer.getvalue()


FILES = [(kind, channels) for kind in ("PNG", "TIFF", "PNG16") for channels in (1, 2, 3, 4)]


@pytest.mark.parametrize(("kind", "channels"), [*FILES, ("WEBP", 3), ("WEBP", 4)])  # WebP knows no gray
def test_the_pixels_are_the_files(kind, channels):
    deep = kind == "PNG16"
    stored = values(9, 7, channels, dtype=np.uint16 if deep else np.uint8)
    squeezed = stored[..., 0] if channels == 1 else stored
    data = (
        png16(stored)
        if deep
        else saved(squeezed, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
    )
    photo = image_io.read(data)
    colours = 1 if channels < 3 else 3
    np.testing.assert_array_equal(photo.pixels, stored[..., :colours])
    assert photo.pixels.dtype == stored.dtype
    assert (photo.alpha is None) == (channels in (1, 3))
    if photo.alpha is not None:
        np.testing.assert_array_equal(photo.alpha, stored[..., colours:])
    assert photo.notes == ()


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3)])
def test_a_tiff_of_16_bits(shape):
    stored = values(*shape, dtype=np.uint16)
    np.testing.assert_array_equal(image_io.read(tiff(stored)).pixels.squeeze(), stored)


def test_a_tiff_of_floats_is_taken_if_it_is_a_picture():
    stored = np.linspace(-0.1, 1.2, 63, dtype=np.float32).reshape(9, 7)
    photo = image_io.read(tiff(stored))
    assert photo.pixels.dtype == np.float32
    np.testing.assert_array_equal(photo.pixels[..., 0], stored)
    for wrong, complaint in ((np.nan, "1 values that are NaN"), (400, "scale them")):
        bad = stored.copy()
        bad[3, 3] = wrong
        with pytest.raises(ImageError, match=complaint):
            image_io.read(tiff(bad))


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "PNG16", "TIFF16"])
def test_a_picture_that_lies_on_its_side_is_turned_upright(turn, kind):
    """A square picture: its shape cannot tell whether some library has turned it already."""
    upright = np.zeros((32, 32, 3), np.uint8)
    upright[:16, :16], upright[:16, 16:], upright[16:, :16] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
    mirror, turns = {1: (0, 0), 2: (1, 0), 3: (0, 2), 4: (1, 2), 5: (1, -1), 6: (0, 1), 7: (1, 1), 8: (0, -1)}[turn]
    lying = np.ascontiguousarray(np.rot90(upright, turns)[:, :: -1 if mirror else 1])
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    if kind == "PNG16":
        raw = np.frombuffer(exif.tobytes().removeprefix(b"Exif\0\0"), np.uint8)
        deep = lying[..., ::-1].astype(np.uint16) * 257
        data = cv2.imencodeWithMetadata(".png", deep, [cv2.IMAGE_METADATA_EXIF], [raw])[1].tobytes()
    elif kind == "TIFF16":
        data = tiff(lying.astype(np.uint16) * 257, extratags=[(ORIENTATION, 3, 1, turn, True)])
    else:
        data = saved(lying, kind, exif=exif)
    photo = image_io.read(data)
    found = images.to_uint8(image_io.as_float(photo.pixels)).astype(int)
    assert np.abs(found[4:12, 4:12] - (250, 0, 0)).mean() < 20
    assert np.abs(found[4:12, 20:28] - (0, 250, 0)).mean() < 20
    assert np.abs(found[20:28, 4:12] - (0, 0, 250)).mean() < 20
    assert Image.open(io.BytesIO(image_io.encode(photo, ".png")[0])).getexif().get(ORIENTATION, 1) == 1


def test_camera_data_are_kept_and_the_thumbnail_is_not():
    exif = Image.Exif()
    exif[ORIENTATION], exif[ExifTags.Base.Make], exif[ExifTags.Base.Compression] = 6, "Camera", 6
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] = (1, 200)
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    photo = image_io.read(saved(values(8, 12, 3), "JPEG", exif=exif, icc_profile=SRGB, dpi=(300, 300)))
    assert photo.pixels.shape == (12, 8, 3)
    assert photo.profile == SRGB
    assert photo.dpi == (300, 300)
    kept = Image.Exif()
    kept.load(photo.exif)
    assert kept[ExifTags.Base.Make] == "Camera" and ORIENTATION not in kept
    assert dict(kept).keys() >= {ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo}
    assert kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] == (1, 200)
    assert kept.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"


@pytest.mark.parametrize(
    ("mode", "channels", "clear"),
    [("1", 1, False), ("P", 3, False), ("P", 3, True), ("CMYK", 3, False), ("L", 1, True), ("RGB", 3, True)],
)
def test_other_kinds_of_pixels_become_gray_or_rgb(mode, channels, clear):
    picture = Image.fromarray(values(9, 7, 3)).convert(mode)
    options = {"transparency": (0, 0, 0) if mode == "RGB" else 0} if clear else {}
    photo = image_io.read(saved(picture, "TIFF" if mode == "CMYK" else "PNG", **options))
    assert photo.pixels.shape == (9, 7, channels)
    assert photo.pixels.dtype == np.uint8
    assert (photo.alpha is not None) == clear
    assert any("inks" in note for note in photo.notes) == (mode == "CMYK")


def test_a_bitmap_of_16_bits_pgm():
    stored = values(5, 6, dtype=np.uint16)
    photo = image_io.read(b"P5 6 5 65535\n" + stored.astype(">u2").tobytes())
    np.testing.assert_array_equal(photo.pixels[..., 0], stored)


def test_damaged_camera_data_and_profile_are_left_out_and_said():
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    raw = exif.tobytes()
    photo = image_io.read(saved(values(8, 8, 3), "JPEG", exif=raw[:14] + b"\xff" * (len(raw) - 14), icc_profile=b"no"))
    assert photo.pixels.shape == (8, 8, 3)
    assert photo.profile == b""
    assert any("colour profile is damaged" in note for note in photo.notes)
    photo = image_io.read(saved(values(8, 8, 3), "JPEG", exif=b"Exif\0\0not a tiff header"))
    assert photo.exif == b""


JPEG = saved(np.kron(values(12, 12, 3), np.ones((8, 8, 1), np.uint8)), "JPEG")
ANIMATED = saved(Image.new("L", (8, 8)), "GIF", save_all=True, append_images=[Image.new("L", (8, 8), 200)])


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "empty"),
        (b"just words, and more of them", "not a picture"),
        (JPEG[: len(JPEG) // 2], "cut short"),
        (png16(values(30, 30, 3, dtype=np.uint16))[:900], "cut short"),
        (saved(values(30, 30, 3), "TIFF")[:-900], "cut short"),
        (saved(values(64, 64, 3), "WEBP")[:500], "cut short|not a picture"),
        (ANIMATED, "holds 2 pictures"),
        (b"P5 40000 40000 255\n", "too large"),
        (tiff(values(5, 5, dtype=np.uint16).astype(np.int32)), "32-bit integers"),
        (tiff(np.zeros((5, 5, 3), np.float64)), "floats of 64 bits"),
        (bytes(range(1, 250)), "not a picture"),
    ],
)
def test_what_is_no_photograph_is_refused_in_a_sentence(data, complaint, tmp_path):
    with pytest.raises(ImageError, match=complaint):
        image_io.read(data)
    path = tmp_path / "it.jpg"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=f"it.jpg.*({complaint})"):
        image_io.read(path)


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        image_io.read(tmp_path / "nothing.png")
    with pytest.raises(ImageError, match="is a folder"):
        image_io.read(tmp_path)


def test_one_clear_colour_of_16_bits():
    stored = values(6, 5, 3, dtype=np.uint16)
    key = struct.pack(">3H", *stored[2, 3])
    photo = image_io.read(beside.with_png_chunks(png16(stored), ((b"tRNS", key),)))
    assert photo.alpha[2, 3, 0] == 0 and (photo.alpha == 0).sum() == 1


@pytest.mark.parametrize("largest", [65535, 4095])
def test_a_ppm_of_16_bits(largest):
    stored = (RAMP.astype(int) * largest // 65535).astype(np.uint16)
    data = b"P6\n# a comment\n48 32\n%d\n" % largest + stored.astype(">u2").tobytes()
    pixels = image_io.read(data).pixels
    assert pixels.dtype == np.uint16
    assert np.abs(pixels.astype(int) - RAMP).max() <= 65535 / largest + 1


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_lacks_only_its_end(progressive):
    noise = np.random.default_rng(0).normal(0, 20, (64, 80, 3))
    picture = np.clip(smooth() + noise, 0, 255).astype(np.uint8)
    data = saved(picture, "JPEG", quality=90, progressive=progressive)
    whole = image_io.read(data).pixels
    photo = image_io.read(data[:-2])
    np.testing.assert_array_equal(photo.pixels, whole)
    assert "its end is missing" in photo.notes[0]
    if not progressive:  # of which each scan holds the whole picture
        for length in (len(data) // 2, len(data) * 3 // 4):
            with pytest.raises(ImageError, match="cut short"):
                image_io.read(data[:length])


def test_what_a_phone_adds_is_left_out_and_said():
    for mark, said in ((b"hdrgm:Version", "gain map"), (b"GCamera:MotionPhoto", "short video")):
        photo = image_io.read(saved(smooth(), "JPEG", xmp=b"<x:xmpmeta/>" + mark))
        assert said in photo.notes[0] and photo.xmp == b""


@pytest.mark.parametrize("quality", [10, 30, 50, 60, 75, 85, 90, 95, 100])
def test_the_quality_of_a_jpeg_is_read_from_its_tables(quality):
    assert image_io.read(saved(smooth(), "JPEG", quality=quality)).jpeg == quality
    assert image_io.read(saved(smooth()[..., 0], "JPEG", quality=quality)).jpeg == quality
    assert image_io.read(saved(smooth(), "PNG")).jpeg is None


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_one_clear_value_of_few_bits(bits):
    """Pillow stretches the values to 8 bits, and not the one that is clear."""
    top = 2**bits - 1
    stored = np.arange(64).reshape(8, 8) % (top + 1)
    rows = b"".join(b"\0" + np.packbits((row[:, None] >> np.arange(bits)[::-1]) & 1).tobytes() for row in stored)
    head = struct.pack(">IIBBBBB", 8, 8, bits, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"tRNS", struct.pack(">H", top // 2)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    photo = image_io.read(beside.PNG + b"".join(beside._packed(*part) for part in parts))
    np.testing.assert_array_equal(photo.alpha[..., 0] == 0, stored == top // 2)
    np.testing.assert_array_equal(photo.pixels[..., 0], stored * (255 // top))


@pytest.mark.parametrize("deep", [False, True])
def test_a_damaged_profile_of_a_png_is_said(deep):
    plain = png16(RAMP) if deep else saved(smooth())
    photo = image_io.read(beside.with_png_chunks(plain, ((b"iCCP", b"p3\0\0garbage"),)))
    assert photo.notes == ("its colour profile is damaged and was left out",)


def test_a_profile_for_another_kind_of_picture_is_left_out():
    photo = image_io.read(saved(smooth(), "JPEG", icc_profile=SRGB[:16] + b"GRAY" + SRGB[20:]))
    assert photo.profile == b"" and "is for GRAY" in photo.notes[0]


def test_a_picture_too_large_is_refused_in_our_words():
    with pytest.raises(
        ImageError, match=r"too large \(1600 megapixels, and 179 can be read\): cut it into parts first$"
    ):
        image_io.read(b"P5 40000 40000 255\n")


def test_what_a_library_raises_unforeseen_is_a_plain_line(monkeypatch, tmp_path):
    monkeypatch.setattr(beside, "iptc_of_jpeg", lambda _: {}["missing"])
    (tmp_path / "a.jpg").write_bytes(JPEG)
    with pytest.raises(ImageError, match=r"a\.jpg is damaged or cut short: copy"):
        image_io.read(tmp_path / "a.jpg")


@pytest.mark.parametrize("deep", [False, True])
def test_a_png_that_lacks_only_its_end(deep):
    data = png16(RAMP) if deep else saved(smooth())
    photo = image_io.read(data[:-12])
    np.testing.assert_array_equal(photo.pixels, RAMP if deep else smooth())
    assert "its end is missing" in photo.notes[0]
