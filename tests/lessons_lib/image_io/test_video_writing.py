from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorTrc
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.image_io import videos
from lessons_lib.image_io.video_reading import opened
from lessons_lib.image_io.video_writing import CODECS, VideoWriter, check_suffix
from lessons_lib.images import ImageError
from tests.lessons_lib.image_io.films import TIMES, film, packets, picture, starts, times

SECOND = [number / 25 for number in range(25)]
PLACES = {  # what phones write: Apple's keys, and those of others
    "com.apple.quicktime.location.ISO6709": "+48.2082+016.3738+171.000/",
    "com.apple.quicktime.make": "A maker",
    "creation_time": "2024-05-01T10:11:12.000000Z",
}
ANDROID = {"location": "+48.2082+016.3738/", "creation_time": "2024-05-01T10:11:12.000000Z", "title": "A walk"}


def written(source, target, function=lambda frame: frame):
    """Write a film again; returns what could not be kept."""
    return videos.map_frames(videos.open_video(source), target, function, lambda *_: None)


@pytest.mark.parametrize("suffix", CODECS)
def test_a_variable_rate_is_kept_to_the_last_frame(tmp_path, suffix):
    assert written(film(tmp_path / "a.mp4", TIMES), tmp_path / f"b{suffix}") == ()
    assert times(tmp_path / f"b{suffix}") == pytest.approx(TIMES, abs=5e-4)  # Matroska counts milliseconds
    with av.open(str(tmp_path / f"b{suffix}")) as again:
        assert again.duration / 1e6 == pytest.approx(5.04, abs=2e-3)
        assert [int(frame.to_ndarray(format="rgb24")[4, 4, 0]) for frame in again.decode(video=0)] == pytest.approx(
            [picture(number)[4, 4, 0] for number in range(7)], abs=6
        )


@settings(deadline=None, max_examples=30)
@given(gaps=st.lists(st.integers(1, 40_000), min_size=1, max_size=12))
def test_any_times_are_kept(tmp_path_factory, gaps):
    folder = tmp_path_factory.mktemp("times")
    stamps = [float(stamp) for stamp in np.cumsum([0, *gaps]) / 16000]
    written(film(folder / "a.mp4", stamps, (16, 16)), folder / "b.mp4")
    assert times(folder / "b.mp4") == pytest.approx(stamps, abs=1e-6)


@pytest.mark.parametrize(
    ("source", "sound", "target", "base"),
    [
        ("a.mp4", "aac", "b.mp4", Fraction(1, 16000)),
        ("a.mp4", "aac", "b.mov", Fraction(1, 16000)),
        ("a.mp4", "aac", "b.mkv", Fraction(1, 16000)),
        ("a.mkv", "libopus", "b.webm", Fraction(1, 1000)),
        ("a.webm", "libopus", "b.mp4", Fraction(1, 1000)),
        ("a.avi", "pcm_s16le", "b.mp4", Fraction(1, 25)),
        ("a.avi", "pcm_s16le", "b.mov", Fraction(1, 25)),
    ],
)
def test_sound_is_copied_and_stays_in_time(tmp_path, source, sound, target, base):
    encoder, layout = {".webm": ("libvpx-vp9", "yuv420p"), ".avi": ("mjpeg", "yuvj420p")}.get(
        Path(source).suffix, ("libx264", "yuv420p")
    )
    film(tmp_path / source, SECOND, encoder=encoder, layout=layout, sound=sound, base=base)
    assert written(tmp_path / source, tmp_path / target) == ()
    before, after = packets(tmp_path / source, "audio"), packets(tmp_path / target, "audio")
    assert b"".join(data for _, data in after) == b"".join(data for _, data in before)
    before, after = starts(tmp_path / source), starts(tmp_path / target)
    assert after[1] - after[0] == pytest.approx(before[1] - before[0], abs=2e-3)


@pytest.mark.parametrize(("target", "first"), [("b.mp4", 0), ("b.mkv", 10)])
def test_a_film_that_starts_late_shows_nothing_empty(tmp_path, target, first):
    film(tmp_path / "a.mkv", [10 + number / 25 for number in range(25)], sound="aac", base=Fraction(1, 1000))
    written(tmp_path / "a.mkv", tmp_path / target)
    assert times(tmp_path / target)[0] == pytest.approx(first, abs=0.03)  # the sound may start a packet earlier
    before, after = starts(tmp_path / "a.mkv"), starts(tmp_path / target)
    assert after[1] - after[0] == pytest.approx(before[1] - before[0], abs=2e-3)


def test_an_avi_has_the_times_in_which_it_is_shown(tmp_path):
    """Its frames come with no times but those of decoding, here in another order, as B-frames want it."""
    source = film(tmp_path / "a.avi", SECOND, encoder="mpeg4", context={"max_b_frames": 2}, base=Fraction(1, 25))
    with av.open(str(source)) as container:
        kinds = {frame.pict_type for frame in container.decode(video=0)}
    assert av.video.frame.PictureType.B in kinds
    assert written(source, tmp_path / "b.mp4") == ()
    assert times(tmp_path / "b.mp4") == pytest.approx(SECOND, abs=1e-4)


def test_what_an_edit_list_hides_stays_hidden(tmp_path):
    film(tmp_path / "a.mp4", [number / 25 - 0.2 for number in range(30)], sound="aac")
    written(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert times(tmp_path / "b.mp4") == pytest.approx([number / 25 for number in range(25)], abs=1e-4)
    assert times(tmp_path / "b.mp4", "audio") == pytest.approx(times(tmp_path / "a.mp4", "audio"), abs=1e-4)


def test_sound_that_a_format_cannot_hold_is_said(tmp_path):
    film(tmp_path / "a.mp4", SECOND, sound="aac")
    assert written(tmp_path / "a.mp4", tmp_path / "b.webm") == (".webm cannot hold its sound (aac): left out",)
    with av.open(str(tmp_path / "b.webm")) as again:
        assert [stream.type for stream in again.streams] == ["video"]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_the_shape_of_pixels_is_kept(tmp_path, suffix):
    film(tmp_path / "a.mp4", context={"sample_aspect_ratio": Fraction(4, 3)})
    written(tmp_path / "a.mp4", tmp_path / f"b{suffix}", lambda frame: frame.repeat(2, 0).repeat(2, 1))
    with av.open(str(tmp_path / f"b{suffix}")) as again:
        stream = again.streams.video[0]
        assert (stream.width, stream.height, stream.sample_aspect_ratio) == (128, 96, Fraction(4, 3))


@pytest.mark.parametrize(("aspect", "size"), [(Fraction(4, 3), (86, 48)), (Fraction(3, 4), (64, 64))])
def test_a_format_of_square_pixels_gets_them(tmp_path, aspect, size):
    film(tmp_path / "a.mp4", context={"sample_aspect_ratio": aspect})
    (note,) = written(tmp_path / "a.mp4", tmp_path / "b.webm")
    assert note == f"its pixels, {aspect} times as wide as high, become square, as .webm has them"
    with av.open(str(tmp_path / "b.webm")) as again:
        assert (again.streams.video[0].width, again.streams.video[0].height) == size


@pytest.mark.parametrize("suffix", CODECS)
def test_a_turned_film_is_written_upright(tmp_path, suffix):
    film(tmp_path / "a.mov", turn=(-90, False))
    written(tmp_path / "a.mov", tmp_path / f"b{suffix}")
    with av.open(str(tmp_path / f"b{suffix}")) as again:
        frame = next(again.decode(video=0))
        assert (frame.width, frame.height, frame.rotation) == (48, 64, 0)
        pixels = frame.to_ndarray(format="rgb24").astype(int)
    assert np.abs(pixels - np.rot90(picture(), -1)).mean() < 6


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize(("size", "matrix"), [((48, 64), 6), ((720, 1280), 1)])
def test_colours_are_named(tmp_path, suffix, size, matrix):
    """Named even where the source does not: a player guesses by the size, and upscaling changes that."""
    film(tmp_path / "a.mp4", (0,), size)
    written(tmp_path / "a.mp4", tmp_path / f"b{suffix}", lambda _: picture(0, size))
    with av.open(str(tmp_path / f"b{suffix}")) as again:
        found = again.streams.video[0].codec_context
        frame = next(again.decode(video=0))
    assert (found.pix_fmt, found.colorspace, found.color_range) == ("yuv420p", matrix, 1)
    assert (found.color_primaries, found.color_trc) == (matrix, matrix)
    kr, kb = {6: (0.299, 0.114), 1: (0.2126, 0.0722)}[matrix]
    bright = 16 + 219 / 255 * (picture(0, size) @ (kr, 1 - kr - kb, kb))
    luma = frame.to_ndarray()[: size[0]]
    quarter = np.s_[4 : size[0] // 2 - 4, 4 : size[1] // 2 - 4]
    assert np.abs(luma[quarter] - bright[quarter]).max() <= 4


def test_wide_colours_keep_their_names(tmp_path):
    context = {"color_primaries": ColorPrimaries.SMPTE432, "color_trc": ColorTrc.IEC61966_2_1, "colorspace": 1}
    film(tmp_path / "a.mp4", context=context)
    written(tmp_path / "a.mp4", tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as again:
        found = again.streams.video[0].codec_context
    assert (found.colorspace, found.color_primaries, found.color_trc) == (1, 12, 13)


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("texts", [PLACES, ANDROID], ids=["apple", "android"])
def test_date_place_and_title_are_kept(tmp_path, suffix, texts):
    film(tmp_path / "a.mov", texts=texts, options={"movflags": "use_metadata_tags"} if texts is PLACES else {})
    assert written(tmp_path / "a.mov", tmp_path / f"b{suffix}") == ()
    with av.open(str(tmp_path / f"b{suffix}")) as again:
        found = {key.lower(): text for key, text in again.metadata.items()}
    assert {key.lower(): text for key, text in texts.items()}.items() <= found.items()


def test_a_text_that_a_format_has_no_place_for_is_said(tmp_path):
    film(tmp_path / "a.mkv", texts={"weather": "fine", "title": "A walk"})
    assert written(tmp_path / "a.mkv", tmp_path / "b.mp4") == (".mp4 has no place for WEATHER: left out",)


def test_chapters_come_along(tmp_path):
    chapters = [
        {"id": number, "start": 400 * number, "end": 400 * (number + 1), "time_base": Fraction(1, 1000)}
        | {"metadata": {"title": title}}
        for number, title in enumerate(("out", "back"))
    ]
    film(tmp_path / "a.mp4", SECOND, chapters=chapters)
    assert written(tmp_path / "a.mp4", tmp_path / "b.mp4") == ()
    with av.open(str(tmp_path / "b.mp4")) as again:
        assert [(each["start"], each["end"], each["metadata"]["title"]) for each in again.chapters()] == [
            (0, 400, "out"),
            (400, 800, "back"),
        ]


def test_subtitles_are_copied_or_said(tmp_path):
    film(tmp_path / "plain.mkv", SECOND, base=Fraction(1, 1000))
    with av.open(str(tmp_path / "plain.mkv")) as source, av.open(str(tmp_path / "a.mkv"), "w") as made:
        pictures, words = made.add_stream_from_template(source.streams.video[0]), made.add_mux_stream("subrip")
        for packet in source.demux():
            if packet.size:
                packet.stream = pictures
                made.mux(packet)
        spoken = av.Packet(b"Hello")
        spoken.pts = spoken.dts = 200
        spoken.duration, spoken.time_base, spoken.stream = 400, Fraction(1, 1000), words
        made.mux(spoken)
    assert written(tmp_path / "a.mkv", tmp_path / "b.mkv") == ()
    with av.open(str(tmp_path / "b.mkv")) as again:
        (found,) = (packet for packet in again.demux(subtitles=0) if packet.size)
        assert (bytes(found), found.pts, found.duration) == (b"Hello", 200, 400)
    assert written(tmp_path / "a.mkv", tmp_path / "b.mp4") == (".mp4 cannot hold its subtitles (srt): left out",)


def test_other_data_is_said_and_tracks_are_counted(tmp_path):
    film(tmp_path / "plain.mp4", SECOND, sound="aac")
    with av.open(str(tmp_path / "plain.mp4")) as source, av.open(str(tmp_path / "a.mp4"), "w", "mpegts") as made:
        copies = [made.add_stream_from_template(stream) for stream in source.streams]
        more, data = made.add_stream_from_template(source.streams.audio[0]), made.add_data_stream("klv")
        for packet in source.demux():
            if packet.size:
                again = av.Packet(bytes(packet))
                again.pts, again.dts, again.time_base = packet.pts, packet.dts, packet.time_base
                packet.stream = copies[packet.stream_index]
                made.mux(packet)
                if packet.stream is copies[1]:
                    again.stream = more
                    made.mux(again)
        place = av.Packet(b"anything at all")
        place.pts = place.dts = 0
        place.time_base, place.stream = Fraction(1, 1000), data
        made.mux(place)
    assert written(tmp_path / "a.mp4", tmp_path / "b.webm") == (
        ".webm cannot hold its sound (aac, 2 tracks): left out",
        "its data (klv) is left out",
    )
    assert written(tmp_path / "a.mp4", tmp_path / "b.mp4") == ("its data (klv) is left out",)
    with av.open(str(tmp_path / "b.mp4")) as again:
        assert [stream.type for stream in again.streams] == ["video", "audio", "audio"]


def test_the_time_code_is_kept(tmp_path):
    film(tmp_path / "a.mov", SECOND, track_texts={"timecode": "01:02:03:04"})
    assert written(tmp_path / "a.mov", tmp_path / "b.mp4") == ()
    with av.open(str(tmp_path / "b.mp4")) as again:
        assert again.streams.video[0].metadata["timecode"] == "01:02:03:04"


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov"])
def test_the_table_comes_first_so_that_browsers_begin_at_once(tmp_path, suffix):
    written(film(tmp_path / "a.mkv"), tmp_path / f"b{suffix}")
    data = (tmp_path / f"b{suffix}").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_frames_without_a_time_follow_the_one_before(tmp_path):
    video = videos.open_video(film(tmp_path / "a.mp4"))
    stamps = [0, 640, None, 640, 2560, 3200]
    with (
        opened(video.path) as source,
        VideoWriter(tmp_path / "b.mp4", tmp_path / "b.mp4", video, source, (48, 64, 3)) as to,
    ):
        with opened(video.path) as film_again:
            for stamp, frame in zip(stamps, film_again.decode(video=0), strict=True):
                frame.pts = frame.dts = stamp
                to.add(frame, video.upright(frame))
        notes = to.finish()
    assert notes == ("frames without a time of their own, shown right after the one before: 2",)
    assert times(tmp_path / "b.mp4") == pytest.approx([0, 0.04, 0.08, 0.12, 0.16, 0.2], abs=1e-4)


@pytest.mark.parametrize("name", ["a.gif", "a.avi", "a"])
def test_another_suffix_is_refused_with_a_way_out(name):
    with pytest.raises(
        ImageError, match=rf"^{name}: videos ending in .* cannot be written.*: end it in one of \.mp4, "
    ):
        check_suffix(Path(name))


def test_a_film_that_changes_its_size_is_refused(tmp_path):
    video = videos.open_video(film(tmp_path / "a.mp4"))
    sizes = iter([48, 48, 32])
    with pytest.raises(ImageError, match=r"a\.mp4 changes its size after 2 frames: cut it into two there"):
        videos.map_frames(video, tmp_path / "b.mp4", lambda frame: frame[: next(sizes)], lambda *_: None)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_size_that_no_encoder_takes_is_said(tmp_path):
    video = videos.open_video(film(tmp_path / "a.mp4", (0,)))
    with pytest.raises(
        ImageError, match=r"b\.mp4 cannot be written \(.*, 20000 x 2 pixels\): try another format or size"
    ):
        videos.map_frames(video, tmp_path / "b.mp4", lambda _: np.zeros((2, 20_000, 3), np.uint8), lambda *_: None)
