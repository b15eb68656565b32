import cv2
import numpy as np
import pytest

from lessons_lib.image_io import videos
from lessons_lib.images import ImageError


def film(path, count=6, size=(48, 64), code="mp4v"):
    """A gray ramp that gets brighter from frame to frame; returns the path."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 12.5, size[::-1])
    for number in range(count):
        writer.write(np.full((*size, 3), (10, 60, 20 * number + 20), np.uint8))  # BGR
    writer.release()
    return path


def test_frames_are_rgb_and_all_there(tmp_path):
    video = videos.open_video(film(tmp_path / "a.mp4"))
    assert (video.count, video.rate) == (6, 12.5)
    found = list(video.frames())
    assert len(found) == 6
    for number, frame in enumerate(found):
        np.testing.assert_allclose(frame.mean((0, 1)), (20 * number + 20, 60, 10), atol=6)


@pytest.mark.parametrize("suffix", videos.CODECS)
def test_a_video_is_written_whole(tmp_path, suffix):
    seen = []
    target = tmp_path / f"b{suffix}"
    video = videos.open_video(film(tmp_path / "a.avi", code="MJPG"))
    videos.map_frames(video, target, lambda f: np.repeat(np.repeat(f, 2, 0), 2, 1), lambda *at: seen.append(at))
    assert seen[-1] == (6, 6)
    again = videos.open_video(target)
    assert (again.count, again.rate) == (6, 12.5)
    assert next(again.frames()).shape == (96, 128, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.avi", f"b{suffix}"]


def test_odd_sizes_become_even(tmp_path):
    video = videos.open_video(film(tmp_path / "a.mp4"))
    videos.map_frames(video, tmp_path / "b.mp4", lambda f: f[:31, :45], lambda *_: None)
    assert next(videos.open_video(tmp_path / "b.mp4").frames()).shape == (32, 46, 3)


def test_what_is_no_video(tmp_path, capfd):
    (tmp_path / "words.mp4").write_text("no film")
    (tmp_path / "empty.mp4").write_bytes(b"")
    whole = film(tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    film(tmp_path / "none.mp4", count=0)
    for name in ("words", "empty", "cut", "none"):
        with pytest.raises((ImageError, FileNotFoundError), match=name):
            videos.open_video(tmp_path / f"{name}.mp4")
    with pytest.raises(FileNotFoundError, match="no file"):
        videos.open_video(tmp_path / "nothing.mp4")
    assert capfd.readouterr().err == ""


def test_a_video_cut_short_leaves_nothing(tmp_path):
    whole = film(tmp_path / "a.avi", count=60, code="MJPG").read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match=r"ends after \d+ of 60 frames"):
        videos.map_frames(videos.open_video(tmp_path / "cut.avi"), tmp_path / "b.mp4", lambda f: f, lambda *_: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.avi", "cut.avi"]


def test_a_failing_frame_and_a_bad_suffix_leave_nothing(tmp_path):
    video = videos.open_video(film(tmp_path / "a.mp4"))
    with pytest.raises(ZeroDivisionError):
        videos.map_frames(video, tmp_path / "b.mp4", lambda f: f // (1 if f[0, 0, 0] < 60 else 1 / 0), print)
    with pytest.raises(ImageError, match=r"'\.gif' cannot be written: use one of \.mp4"):
        videos.map_frames(video, tmp_path / "b.gif", lambda f: f, print)
    with pytest.raises(ImageError, match="cannot be written"):
        videos.map_frames(video, tmp_path / "no folder" / "b.mp4", lambda f: f, print)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_disk_that_is_full_is_noticed(tmp_path, monkeypatch):
    video = videos.open_video(film(tmp_path / "a.mp4"))

    class Full:  # what OpenCV's writer does when nothing can be written: it says nothing
        def __init__(self, path, *_):
            self.path = path

        isOpened = lambda self: True  # noqa: E731
        write = lambda self, frame: None  # noqa: E731
        release = lambda self: open(self.path, "wb").close()  # noqa: E731, PTH123

        fourcc = staticmethod(lambda *_: 0)

    monkeypatch.setattr(cv2, "VideoWriter", Full)
    with pytest.raises(ImageError):
        videos.map_frames(video, tmp_path / "b.mp4", lambda f: f, lambda *_: None)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
