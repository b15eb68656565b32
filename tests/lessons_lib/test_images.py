import io
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from lessons_lib import images
from lessons_lib.images import ImageError

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (12, 17, 3), dtype=np.uint8)


def stored(path, array):
    """Write with OpenCV, which wants BGR, so that reading is tested against another's writing."""
    assert cv2.imwrite(str(path), array[..., ::-1] if array.ndim == 3 and array.shape[2] == 3 else array)
    return path


def test_reads_rgb_in_the_right_order(tmp_path):
    np.testing.assert_array_equal(images.read(stored(tmp_path / "a.png", RGB)), RGB.astype(np.float32) / 255)


def test_reads_the_bytes_of_a_file_like_the_file(tmp_path):
    images.write(tmp_path / "a.png", np.random.default_rng(0).random((4, 5, 3), np.float32))
    np.testing.assert_array_equal(images.read((tmp_path / "a.png").read_bytes()), images.read(tmp_path / "a.png"))
    with pytest.raises(images.ImageError, match="the picture is empty"):
        images.read(b"")


def test_reads_sixteen_bits_without_losing_them(tmp_path):
    deep = RNG.integers(0, 65536, (5, 6, 3), dtype=np.uint16)
    np.testing.assert_allclose(images.read(stored(tmp_path / "a.png", deep)), deep / 65535, atol=1e-7)


def test_gray_files_come_as_either_mode(tmp_path):
    path = stored(tmp_path / "gray.png", RGB[..., 0])
    assert images.read(path).shape == (12, 17, 3)
    np.testing.assert_allclose(images.read(path, "gray")[..., 0], RGB[..., 0] / 255, atol=1e-6)


def test_alpha_is_laid_over_white(tmp_path):
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0, 3] = 255
    image = images.read(stored(tmp_path / "alpha.png", rgba))
    assert image[0, 0].tolist() == [0, 0, 0]
    assert image[1, 1].tolist() == [1, 1, 1]


def test_pictures_stand_upright_as_exif_says(tmp_path):
    done, data = cv2.imencode(".jpg", RGB)
    assert done
    # an EXIF block that says orientation 6: turn by 90 degrees clockwise
    tiff = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
    block = b"Exif\x00\x00" + tiff
    jpeg = data.tobytes()
    path = tmp_path / "turned.jpg"
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + jpeg[2:])
    assert images.read(path).shape == (17, 12, 3)


def test_non_ascii_paths(tmp_path):
    path = tmp_path / "Grüße 照片.png"
    images.write(path, RGB / np.float32(255))
    np.testing.assert_array_equal(images.read(path), RGB.astype(np.float32) / 255)


def test_missing_file_names_the_path(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.png"):
        images.read(tmp_path / "nothing.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_cut_files_are_refused(tmp_path, suffix):
    path = stored(tmp_path / f"cut{suffix}", RGB)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ImageError, match="cut short"):
        images.read(path)


@pytest.mark.parametrize(("content", "message"), [(b"", "empty"), (b"hello, I am text", "not an image")])
def test_files_that_are_no_images(tmp_path, content, message):
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=message):
        images.read(path)


def test_unknown_mode():
    with pytest.raises(ImageError, match="'rgb', 'gray' or 'stored'"):
        images.read("a.png", "bgr")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([[0.5]], "not a NumPy array"),
        (RGB, "to_float"),
        (np.zeros((4, 4), np.float32), "last axis"),
        (np.zeros((4, 4, 4), np.float32), "drop alpha"),
        (np.zeros((0, 4, 3), np.float32), "empty"),
        (np.full((2, 2, 1), np.nan, np.float32), "4 values that are NaN"),
    ],
)
def test_check_says_what_is_wrong(bad, message):
    with pytest.raises(ImageError, match=message):
        images.check(bad)


def test_check_lets_noise_outside_the_range_pass():
    noisy = np.full((1, 1, 1), 1.7, np.float32)
    assert images.check(noisy) is noisy


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))))
def test_uint8_survives_the_round_trip(array):
    np.testing.assert_array_equal(images.to_uint8(images.to_float(array)), array)


def test_to_uint8_clips_and_rounds():
    assert images.to_uint8(np.array([[[-0.2], [0.5], [1.3]]], np.float32)).ravel().tolist() == [0, 128, 255]


def test_write_leaves_nothing_behind_when_it_fails(tmp_path):
    with pytest.raises(ImageError, match="NaN"):
        images.write(tmp_path / "a.png", np.full((2, 2, 3), np.nan, np.float32))
    with pytest.raises(ImageError, match=r"\.png, \.jpg"):
        images.write(tmp_path / "a.nonsense", np.zeros((2, 2, 3), np.float32))
    assert list(tmp_path.iterdir()) == []


def test_write_keeps_the_old_file_when_the_disk_is_full(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    images.write(path, np.zeros((2, 2, 3), np.float32))
    before = path.read_bytes()

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="No space"):
        images.write(path, np.ones((2, 2, 3), np.float32))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_gray_and_luma_agree_with_opencv_and_the_standard():
    rgb = RGB.astype(np.float32) / 255
    np.testing.assert_allclose(images.to_gray(rgb)[..., 0], cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), atol=1e-5)
    black_and_white = np.array([[[0, 0, 0], [1, 1, 1]]], np.float32)
    np.testing.assert_allclose(images.luma(black_and_white).ravel() * 255, [16, 235], atol=1e-4)


@pytest.mark.parametrize("method", images.METHODS)
@pytest.mark.parametrize("channels", [1, 3])
def test_resize_keeps_a_flat_image_flat(method, channels):
    flat = np.full((9, 7, channels), 0.4, np.float32)
    resized = images.resize(flat, (5, 20), method)
    assert resized.shape == (5, 20, channels)
    np.testing.assert_allclose(resized, 0.4, atol=1e-5)


def test_area_is_the_mean_of_each_block():
    image = RNG.random((6, 8, 3), dtype=np.float32)
    blocks = image.reshape(3, 2, 4, 2, 3).mean((1, 3))
    np.testing.assert_allclose(images.resize(image, (3, 4), "area"), blocks, atol=1e-6)


@pytest.mark.parametrize(("size", "method"), [((0, 4), "area"), ((4, 4), "cubic")])
def test_resize_refuses(size, method):
    with pytest.raises(ImageError):
        images.resize(np.zeros((4, 4, 1), np.float32), size, method)


def test_crops():
    image = np.arange(7 * 9, dtype=np.float32).reshape(7, 9, 1)
    assert images.crop_to_multiple(image, 4).shape == (4, 8, 1)
    np.testing.assert_array_equal(images.center_crop(image, (3, 3)), image[2:5, 3:6])
    with pytest.raises(ImageError):
        images.center_crop(image, (8, 3))
    with pytest.raises(ImageError):
        images.crop_to_multiple(image, 8)


def test_a_single_pixel_is_an_image(tmp_path):
    pixel = np.full((1, 1, 3), 0.2, np.float32)
    images.write(tmp_path / "p.png", pixel)
    np.testing.assert_allclose(images.read(tmp_path / "p.png"), pixel, atol=1e-6)


@pytest.mark.parametrize(("stored", "channels"), [(np.eye(8, dtype=np.uint8), 1), (np.zeros((8, 8, 3), np.uint8), 3)])
def test_a_file_can_be_read_with_the_channels_it_has(tmp_path, stored, channels):
    cv2.imwrite(str(tmp_path / "a.png"), 255 * stored)
    image = images.read(tmp_path / "a.png", "stored")
    assert image.shape == (8, 8, channels)
    assert np.array_equal(np.repeat(image, 3 // channels, -1), images.read(tmp_path / "a.png"))


def test_a_jpeg_with_a_film_behind_it_is_whole(tmp_path):
    """Phones append one; and the EXIF of many holds a thumbnail with an end mark of its own."""
    data = cv2.imencode(".jpg", np.full((40, 50, 3), 90, np.uint8))[1].tobytes()
    thumbnail = b"\xff\xe1" + (2 + len(data)).to_bytes(2, "big") + data
    whole = data[:2] + thumbnail + data[2:] + b"\x00film" * 20_000
    (tmp_path / "phone.jpg").write_bytes(whole)
    assert images.read(tmp_path / "phone.jpg").shape == (40, 50, 3)
    (tmp_path / "cut.jpg").write_bytes(data[:2] + thumbnail + data[2:-20])
    with pytest.raises(ImageError, match="cut short"):
        images.read(tmp_path / "cut.jpg")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_others_may_read_what_is_written(tmp_path):
    images.write(tmp_path / "a.png", np.zeros((4, 4, 3), np.float32))
    (tmp_path / "plain").touch()
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


def saved(stored, kind="PNG", **options):
    (picture := io.BytesIO())
    (stored if isinstance(stored, Image.Image) else Image.fromarray(stored)).save(picture, kind, **options)
    return picture.getvalue()


def tiff(stored, **options):
    tifffile.imwrite(picture := io.BytesIO(), stored, metadata=None, **options)
    return picture.getvalue()


def bomb():
    """24 kB that unpack into 196 megapixels."""
    packed = zlib.compress(bytes(14000 * 14001), 9)
    parts = ((b"IHDR", struct.pack(">IIBBBBB", 14000, 14000, 8, 0, 0, 0, 0)), (b"IDAT", packed), (b"IEND", b""))
    chunks = (struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


DEEP = RGB.astype(np.uint16) * 257
SIDEWAYS = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
JPEG = saved(np.kron(RGB, np.ones((8, 8, 1), np.uint8)), "JPEG")
MISREAD = {
    "too large": (bomb, "more than 178 megapixels: cut it"),
    "planes apart": (
        lambda: tiff(np.moveaxis(DEEP, -1, 0), photometric="rgb", planarconfig="separate"),
        "OpenCV misreads",
    ),
    "white is zero": (lambda: tiff(DEEP[..., 0], photometric="miniswhite"), "OpenCV misreads"),
    "alpha multiplied in": (
        lambda: tiff(np.dstack([DEEP, DEEP[..., 0]]), photometric="rgb", extrasamples=["assocalpha"]),
        "OpenCV misreads",
    ),
    "gray with alpha": (
        lambda: tiff(RGB[..., :2], photometric="minisblack", planarconfig="contig", extrasamples=["unassalpha"]),
        "OpenCV misreads",
    ),
    "deep gray with alpha": (
        lambda: tiff(DEEP[..., :2], photometric="minisblack", planarconfig="contig", extrasamples=["unassalpha"]),
        "OpenCV reads wrongly",
    ),
    "several pages": (lambda: tiff(np.stack([RGB, RGB]), photometric="rgb"), "holds 2 images: save the one"),
    "a thumbnail": (lambda: tiff(RGB, photometric="rgb", subfiletype=1), "OpenCV misreads"),
    "floats": (lambda: tiff(RGB / np.float32(255), photometric="rgb"), "image_io.read"),
    "turned by XMP alone": (lambda: saved(RGB, "JPEG", xmp=SIDEWAYS), "lies on its side.*image_io.read"),
    "one clear gray": (lambda: saved(RGB[..., 0], transparency=3), "transparent in a way"),
    "another white": (lambda: b"P5 2 2 100\n" + bytes(4), "a white that OpenCV does not know"),
    "damage inside": (lambda: JPEG[: len(JPEG) // 2] + b"\xff\xd9" + JPEG[len(JPEG) // 2 :], "damaged inside: copy"),
    "a checksum that is wrong": (
        lambda: (data := saved(RGB))[:60] + bytes([data[60] ^ 255]) + data[61:],
        "damaged, or",
    ),
}


@pytest.mark.parametrize("kind", MISREAD)
def test_what_opencv_misreads_is_refused_in_one_line_with_the_way_out(kind, tmp_path, capfd):
    make, says = MISREAD[kind]
    (tmp_path / "odd.img").write_bytes(make())
    with pytest.raises(ImageError, match=rf"odd\.img .*{says}"):
        images.read(tmp_path / "odd.img")
    assert capfd.readouterr().err == ""


def test_remarks_of_libraries_are_not_seen(tmp_path, capfd):
    data = saved(RGB)
    chunk = b"iCCP" + b"p3\0\0garbage"
    chunk = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "a.png").write_bytes(data[:33] + chunk + data[33:])
    np.testing.assert_array_equal(images.read(tmp_path / "a.png"), images.to_float(RGB))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["a" * 240 + ".png", "漢" * 80 + ".png"])
def test_names_as_long_as_a_disk_allows(name, tmp_path):
    images.write_atomic(tmp_path / name, b"whole")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert images.part_of(tmp_path / name) != images.part_of(tmp_path / name.replace("png", "jpg"))
    assert images.part_of(tmp_path / "a.png").name == f".a.png.{os.getpid()}.part"
