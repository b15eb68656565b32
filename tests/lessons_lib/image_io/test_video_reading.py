import io
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorTrc
from PIL import Image

from lessons_lib.image_io import videos
from lessons_lib.images import ImageError
from tests.lessons_lib.image_io.films import TIMES, damaged, film, picture, speak

WEIGHTS = {1: (0.2126, 0.7152, 0.0722), 6: (0.299, 0.587, 0.114), 9: (0.2627, 0.678, 0.0593)}  # ITU-T H.273


def planes(rgb, matrix, full):
    """Brightness and two colours of a picture, after the formulas of ITU-T H.273, in 4:2:0."""
    red, green, blue = WEIGHTS[matrix]
    rgb = rgb.astype(float)
    luma = rgb @ (red, green, blue)
    blueness = ((rgb[..., 2] - luma) / (2 - 2 * blue))[::2, ::2]
    redness = ((rgb[..., 0] - luma) / (2 - 2 * red))[::2, ::2]
    luma, scale = (luma, 1) if full else (16 + luma * 219 / 255, 224 / 255)
    colours = [(128 + scale * plane).reshape(-1, rgb.shape[1]) for plane in (blueness, redness)]
    return np.concatenate([luma, *colours]).round().clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", WEIGHTS)
def test_colours_are_read_as_the_file_says(tmp_path, matrix, full):
    def stored(_):
        return av.VideoFrame.from_ndarray(planes(picture(), matrix, full), "yuv420p")

    context = {"colorspace": matrix, "color_range": 2 if full else 1}
    path = film(tmp_path / "a.mp4", (0, 0.04), context=context, frame=stored)
    video = videos.open_video(path)
    assert (video.colours.matrix, video.colours.span) == (matrix, 2 if full else 1)
    quarters = (slice(2, 22), slice(26, 46)), (slice(2, 30), slice(34, 62))  # away from edges, which 4:2:0 smears
    for frame in video.frames():
        for rows in quarters[0]:
            for columns in quarters[1]:
                assert np.abs(frame[rows, columns].astype(int) - picture()[rows, columns]).max() <= 2


@pytest.mark.parametrize(("size", "matrix"), [((48, 64), 6), ((576, 720), 6), ((720, 1280), 1)])
def test_colours_that_a_file_does_not_say_are_guessed_by_its_size(tmp_path, size, matrix):
    video = videos.open_video(film(tmp_path / "a.mp4", (0,), size))
    assert video.colours.matrix == matrix


def test_pixels_are_those_that_opencv_reads(tmp_path):
    path = film(tmp_path / "a.mp4", times=TIMES, context={"colorspace": 6})
    capture = cv2.VideoCapture(str(path))
    for frame in videos.open_video(path).frames():
        difference = np.abs(frame.astype(int) - capture.read()[1][..., ::-1])
        assert difference.mean() < 3 and difference[4:20, 4:28].max() <= 3  # edges of colour are smoothed otherwise
    assert not capture.read()[0]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_frames_are_upright(tmp_path, degrees, mirrored):
    path = film(tmp_path / "a.mp4", (0,), turn=(degrees, mirrored), context={"sample_aspect_ratio": Fraction(4, 3)})
    video = videos.open_video(path)
    frame = next(video.frames())
    expected = np.rot90(picture(), degrees // 90)  # counter-clockwise, both
    expected = expected[:, ::-1] if mirrored else expected
    assert frame.shape == expected.shape
    assert np.abs(frame.astype(int) - expected).mean() < 6
    assert video.aspect == (Fraction(4, 3) if degrees % 180 == 0 else Fraction(3, 4))
    if not mirrored:  # a second reader, which turns and does not mirror
        assert np.abs(frame.astype(int) - cv2.VideoCapture(str(path)).read()[1][..., ::-1]).mean() < 3


def test_an_odd_angle_is_said(tmp_path):
    video = videos.open_video(film(tmp_path / "a.mp4", (0,), turn=(80, False)))
    assert "it is turned by an angle that is no right one: it comes out at the nearest right one" in video.notes
    assert next(video.frames()).shape == (64, 48, 3)


@pytest.mark.parametrize("start", [0.5, 10.0])
def test_a_late_start_is_known(tmp_path, start):
    video = videos.open_video(film(tmp_path / "a.mkv", (start, start + 0.04)))
    assert (video.count, float(video.start)) == (2, start)


def test_an_edit_list_hides_frames_and_none_is_missed(tmp_path):
    path = film(tmp_path / "a.mp4", [number / 25 - 0.2 for number in range(40)])
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 40
    video = videos.open_video(path)
    assert video.count == 35
    brightness = [int(frame[4, 4, 0]) for frame in video.frames()]
    assert len(brightness) == 35
    assert abs(brightness[0] - int(picture(5)[4, 4, 0])) <= 4


@pytest.mark.parametrize(
    ("name", "how", "says"),
    [
        ("a.mp4", {"layout": "yuv420p10le"}, ["its 10 bits a value become 8"]),
        ("a.mp4", {"layout": "yuv444p"}, ["its colours are kept at half the resolution (4:2:0)"]),
        ("a.mp4", {"cover": True}, ["its cover picture is left out"]),
        ("a.mp4", {"again": 1}, ["the first of its 2 video tracks is taken"]),
        ("a.mp4", {"context": {"options": {"flags": "+ildct+ilme"}}}, ["it is interlaced: two half pictures make one"]),
        ("a.mov", {"encoder": "png", "layout": "rgba"}, ["its colours are", "its transparency is left out"]),
        ("a.mp4", {}, []),
    ],
)
def test_what_cannot_be_kept_is_said(tmp_path, name, how, says):
    notes = videos.open_video(film(tmp_path / name, **how)).notes
    assert len(notes) == len(says)
    for note, begins in zip(notes, says, strict=True):
        assert note.startswith(begins)


@pytest.mark.parametrize(("transfer", "name"), [(ColorTrc.SMPTE2084, "PQ"), (ColorTrc.ARIB_STD_B67, "HLG")])
def test_hdr_is_refused_by_name(tmp_path, transfer, name):
    context = {"color_trc": transfer, "color_primaries": ColorPrimaries.BT2020, "colorspace": 9}
    path = film(tmp_path / "a.mp4", layout="yuv420p10le", context=context)
    with pytest.raises(ImageError, match=rf"a\.mp4 is HDR \({name}\), which 8 bits would spoil: export it as SDR"):
        videos.open_video(path)


def test_colours_that_are_not_known_are_refused(tmp_path):
    path = film(tmp_path / "a.mp4", context={"colorspace": 8})
    with pytest.raises(ImageError, match=r"a\.mp4 stores its colours in a rare way \(matrix 8\): export it"):
        videos.open_video(path)


def test_a_film_that_is_encrypted_is_refused(tmp_path):
    key = "0123456789abcdef0123456789abcdef"
    options = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": key, "encryption_kid": key}
    with pytest.raises(ImageError, match=r"a\.mp4 is encrypted"):
        videos.open_video(film(tmp_path / "a.mp4", options=options))


def test_what_is_no_video(tmp_path, capfd):
    (tmp_path / "words.mp4").write_text("no film")
    (tmp_path / "empty.mp4").write_bytes(b"")
    whole = film(tmp_path / "whole.mp4", [number / 25 for number in range(60)]).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "list.mp4").write_text("#EXTM3U\n#EXTINF:1,\nwhole.mp4\n")
    film(tmp_path / "none.mp4", times=())
    for name in ("words", "empty", "cut", "none", "list"):
        with pytest.raises(ImageError, match=rf"{name}\.mp4 holds no (frame that can be read|moving pictures)"):
            videos.open_video(tmp_path / f"{name}.mp4")
    with pytest.raises(FileNotFoundError, match="no file"):
        videos.open_video(tmp_path / "nothing.mp4")
    assert capfd.readouterr() == ("", "")


def test_sound_alone_is_no_video(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as made:
        speak(made, made.add_stream("aac", 48000), 0, 0.2)
    with pytest.raises(ImageError, match=r"a\.mp4 holds no moving pictures, only sound"):
        videos.open_video(tmp_path / "a.mp4")


def test_a_codec_that_is_not_known_is_refused(tmp_path):
    data = film(tmp_path / "a.mkv", encoder="mjpeg", layout="yuvj420p").read_bytes()
    assert b"V_MJPEG" in data
    (tmp_path / "a.mkv").write_bytes(data.replace(b"V_MJPEG", b"V_OTHER"))
    with pytest.raises(ImageError, match=r"a\.mkv is packed in a way that is not known here: convert it to \.mp4"):
        videos.open_video(tmp_path / "a.mkv")


@pytest.mark.parametrize(
    ("name", "how", "says"),
    [
        ("a.avi", {"encoder": "mjpeg", "layout": "yuvj420p", "base": Fraction(1, 25)}, r"\d\.\d of 4\.0 seconds"),
        ("a.mp4", {"options": {"movflags": "+faststart"}}, r"\d+ of 100 frames"),
        ("a.mkv", {"encoder": "mjpeg", "layout": "yuvj420p"}, r"\d\.\d of 4\.0 seconds"),
    ],
)
def test_a_film_that_is_cut_short_is_refused(tmp_path, name, how, says):
    data = film(tmp_path / name, [number / 25 for number in range(100)], **how).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError, match=rf"{name} ends after {says}: copy or download it again"):
        videos.open_video(tmp_path / name)


def test_a_few_damaged_frames_are_left_out_and_many_refused(tmp_path):
    assert len(list(videos.open_video(damaged(tmp_path / "few.mov", 2)).frames())) == 58
    with pytest.raises(ImageError, match=r"many\.mov: 20 of 60 frames are damaged: copy or download it again"):
        list(videos.open_video(damaged(tmp_path / "many.mov", 20)).frames())


def test_an_avi_that_counts_pictures_it_does_not_hold_is_read(tmp_path):
    """As one with H.264 does: its clock runs twice as fast, and every other picture is empty."""
    video = videos.open_video(film(tmp_path / "a.avi", [number / 25 for number in range(100)], base=Fraction(1, 50)))
    assert video.count == len(list(video.frames())) == 100


def test_a_name_like_an_address_is_a_name(tmp_path, monkeypatch):
    film(tmp_path / "plain.mp4").rename(tmp_path / "http:a.mp4")
    monkeypatch.chdir(tmp_path)
    assert videos.open_video("http:a.mp4").count == 6


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF"])
def test_a_picture_by_the_name_of_a_video_makes_no_film_of_one_frame(tmp_path, kind):
    Image.fromarray(picture()).save(tmp_path / "a.mp4", kind)
    with pytest.raises(ImageError, match=r"a\.mp4 is a picture: give it a name"):
        videos.open_video(tmp_path / "a.mp4")


def test_moving_pictures_of_a_picture_format_are_a_film(tmp_path):
    frames = [Image.fromarray(picture(number)) for number in range(3)]
    frames[0].save(tmp_path / "a.mp4", "GIF", save_all=True, append_images=frames[1:], duration=100)
    assert videos.open_video(tmp_path / "a.mp4").count == 3


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_a_film_of_jpegs_with_camera_data(tmp_path, turn):
    camera, stored = Image.Exif(), io.BytesIO()
    camera[0x010F], camera[0x0112] = "Camera", turn
    Image.fromarray(picture()).save(stored, "JPEG", exif=camera)
    with av.open(str(tmp_path / "a.avi"), "w") as made:
        track = made.add_stream("mjpeg", 10, width=64, height=48, pix_fmt="yuvj420p")
        track.codec_context.open()
        for number in range(3):
            packet = av.Packet(stored.getvalue())
            packet.stream, packet.pts, packet.dts, packet.time_base = track, number, number, Fraction(1, 10)
            made.mux(packet)
    frame = next(videos.open_video(tmp_path / "a.avi").frames())
    upright = np.rot90(picture(), {3: 2, 6: -1, 8: 1}.get(turn, 0))
    assert frame.shape == upright.shape
    assert np.abs(frame.astype(int) - upright).mean() < 5
