import io

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms

from lessons_lib import image_io
from lessons_lib.image_io import Photo
from lessons_lib.images import ImageError
from tests.lessons_lib.image_io.files import RAMP, smooth, written
from tests.lessons_lib.image_io.test_reading import saved

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def camera():
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    inner[ExifTags.Base.ExposureTime] = (1, 200)
    inner[ExifTags.Base.ExifImageWidth] = 7
    return exif.tobytes()


def photo(channels=3, dtype=np.uint8, alpha=False):
    rng = np.random.default_rng(0)
    if np.dtype(dtype).kind == "f":
        return Photo(rng.random((9, 7, channels), dtype=np.float32))
    pixels = rng.integers(0, np.iinfo(dtype).max, (9, 7, channels), dtype)
    return Photo(pixels, rng.integers(0, np.iinfo(dtype).max, (9, 7, 1), dtype) if alpha else None)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("alpha", [False, True])
def test_what_is_written_is_read_again(suffix, dtype, channels, alpha, tmp_path):
    before = photo(channels, dtype, alpha)
    before = Photo(before.pixels, before.alpha, camera(), SRGB)
    assert image_io.write(tmp_path / f"a{suffix}", before) == ()
    after = image_io.read(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(after.pixels, before.pixels)
    if alpha:
        np.testing.assert_array_equal(after.alpha, before.alpha)
    assert after.profile == SRGB
    kept = Image.Exif()
    kept.load(after.exif)
    assert kept[ExifTags.Base.Make] == "Camera"
    assert kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] == (1, 200)
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_the_quality_is_the_one_asked_for():
    """Pillow's own tables at that quality are the measure; formats without one take no notice."""
    asked, usual = (Image.open(io.BytesIO(image_io.encode(photo(), ".jpg", q)[0])).quantization for q in (70, None))
    for quality, found in ((70, asked), (95, usual)):
        buffer = io.BytesIO()
        Image.fromarray(photo().pixels).save(buffer, "JPEG", quality=quality)
        assert Image.open(buffer).quantization == found
    for suffix in (".webp", ".avif"):
        assert len(image_io.encode(photo(), suffix, 30)[0]) < len(image_io.encode(photo(), suffix)[0])
    assert image_io.encode(photo(), ".png", 30) == image_io.encode(photo(), ".png")


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif", ".bmp"])
def test_formats_of_8_bits_say_what_they_lose(suffix):
    deep = photo(3, np.uint16, alpha=True)
    data, notes = image_io.encode(Photo(deep.pixels, deep.alpha, camera(), SRGB), suffix)
    said = " ".join(notes)
    assert "holds 8 bits" in said
    assert ("no transparency" in said) == (suffix in (".jpg", ".bmp"))
    assert ("no camera data (EXIF) and no colour profile" in said) == (suffix == ".bmp")
    after = image_io.read(data)
    assert after.pixels.shape == (9, 7, 3)
    assert (after.profile == SRGB) == (suffix != ".bmp")
    assert (after.alpha is None) == (suffix in (".jpg", ".bmp"))


def test_floats_stay_floats_in_a_tiff_alone():
    gray = photo(1, np.float32)
    np.testing.assert_array_equal(image_io.read(image_io.encode(gray, ".tif")[0]).pixels, gray.pixels)
    data, notes = image_io.encode(gray, ".png")
    assert "16 bits" in notes[0]
    np.testing.assert_allclose(image_io.read(data).pixels / 65535, gray.pixels, atol=1e-5)


def test_transparency_over_white():
    clear = Photo(np.zeros((16, 16, 3), np.uint8), np.zeros((16, 16, 1), np.uint8))
    assert image_io.read(image_io.encode(clear, ".jpg")[0]).pixels.min() > 250


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pieces_make_a_photo_clipped_and_rounded(dtype):
    before = photo(3, dtype, alpha=True)
    values = np.linspace(-0.5, 1.5, 18 * 14 * 3, dtype=np.float32).reshape(18, 14, 3)
    pieces = [((slice(top, top + 9), slice(0, 14)), values[top : top + 9]) for top in (0, 9)]
    after = image_io.restored(Photo(before.pixels, before.alpha, camera(), SRGB), pieces, scale=2)
    top = np.iinfo(dtype).max
    np.testing.assert_allclose(after.pixels / top, values.clip(0, 1), atol=0.51 / top)
    assert after.alpha.shape == (18, 14, 1)
    assert after.alpha.dtype == dtype
    assert after.profile == SRGB
    kept = Image.Exif()
    kept.load(after.exif)
    assert kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageWidth] == 14


def test_alpha_of_the_same_size_is_untouched():
    before = photo(3, np.uint8, alpha=True)
    after = image_io.restored(before, [((slice(0, 9), slice(0, 7)), np.zeros((9, 7, 3), np.float32))])
    np.testing.assert_array_equal(after.alpha, before.alpha)


def test_refusals(tmp_path):
    with pytest.raises(ImageError, match=r"'\.xyz' cannot be written: use one of \.jpg"):
        image_io.write(tmp_path / "a.xyz", photo())
    long = Photo(np.zeros((1, 70_000, 3), np.uint8))
    with pytest.raises(ImageError, match="JPEG cannot hold 70000 x 1"):
        image_io.write(tmp_path / "a.jpg", long)
    with pytest.raises(ImageError, match="WEBP cannot hold 70000 x 1"):
        image_io.write(tmp_path / "a.webp", long)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_refuses_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.write_bytes", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space"):
        image_io.write(tmp_path / "a.png", photo())
    assert not list(tmp_path.iterdir())


def test_the_size_of_an_upright_picture_opens_everywhere():
    data, _ = image_io.encode(photo(), ".webp")
    assert Image.open(io.BytesIO(data)).size == (7, 9)


@pytest.mark.parametrize(("field", "word"), [("exif", "EXIF"), ("xmp", "XMP"), ("comment", "comment")])
def test_what_is_too_long_for_a_jpeg_is_left_out_and_said(field, word):
    data, notes = image_io.encode(Photo(photo().pixels, **{field: b"Exif\0\0II*\0" + b"x" * 70_000}), ".jpg")
    assert f"at most 64 kB of {word}" in notes[0] or f"({word}): left out" in notes[0]
    assert image_io.read(data).pixels.shape == (9, 7, 3)


def test_a_gray_profile_stays_with_gray_alone():
    gray = Photo(photo(1).pixels, profile=SRGB[:16] + b"GRAY" + SRGB[20:])
    for suffix in (".webp", ".avif"):
        data, notes = image_io.encode(gray, suffix)
        assert "for gray" in notes[0] and not Image.open(io.BytesIO(data)).info.get("icc_profile")


@pytest.mark.parametrize("stored", [smooth(), smooth()[..., 0], RAMP, RAMP[..., 0] / np.float32(65535)])
@pytest.mark.parametrize("packing", [None, "zlib"])
def test_a_tiff_stays_packed_or_unpacked(stored, packing):
    sense = "rgb" if stored.ndim == 3 else "minisblack"
    photo = image_io.read(written(stored, photometric=sense, compression=packing))
    data = image_io.encode(photo, ".tif")[0]
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.pages[0].compression == (8 if packing else 1)
        np.testing.assert_array_equal(file.pages[0].asarray(), stored)


def test_what_was_packed_in_another_way_is_packed_too():
    for data in (saved(smooth(), "TIFF", compression="tiff_lzw"), saved(smooth(), "PNG")):
        again = image_io.encode(image_io.read(data), ".tif")[0]
        with tifffile.TiffFile(io.BytesIO(again)) as file:
            assert file.pages[0].compression == 8
