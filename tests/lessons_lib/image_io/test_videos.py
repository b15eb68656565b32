import contextlib
import signal

import numpy as np
import pytest

from lessons_lib.image_io import videos
from lessons_lib.images import ImageError
from tests.lessons_lib.image_io.films import damaged, film, picture

resource = pytest.importorskip("resource")


def nothing(*_):
    """Progress that nobody looks at."""


def test_frames_are_rgb_and_all_there(tmp_path):
    video = videos.open_video(film(tmp_path / "a.mp4"))
    assert (video.count, video.rate) == (6, 25)
    found = list(video.frames())
    assert len(found) == 6
    for number, frame in enumerate(found):
        np.testing.assert_allclose(frame[4:20, 4:28].mean((0, 1)), picture(number)[4, 4], atol=4)


@pytest.mark.parametrize("suffix", videos.CODECS)
def test_a_video_is_written_whole(tmp_path, suffix):
    seen = []
    target = tmp_path / f"b{suffix}"
    video = videos.open_video(film(tmp_path / "a.mp4"))
    videos.map_frames(video, target, lambda f: np.repeat(np.repeat(f, 2, 0), 2, 1), lambda *at: seen.append(at))
    assert seen == [(number, 6) for number in range(1, 7)]
    again = videos.open_video(target)
    assert (again.count, again.rate) == (6, 25)
    assert next(again.frames()).shape == (96, 128, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", f"b{suffix}"]


def test_odd_sizes_become_even(tmp_path):
    video = videos.open_video(film(tmp_path / "a.mp4"))
    videos.map_frames(video, tmp_path / "b.mp4", lambda f: f[:31, :45], nothing)
    assert next(videos.open_video(tmp_path / "b.mp4").frames()).shape == (32, 46, 3)


def test_what_the_source_loses_is_said_too(tmp_path):
    video = videos.open_video(film(tmp_path / "a.mp4", sound="aac", again=1, layout="yuv420p10le"))
    notes = videos.map_frames(video, tmp_path / "b.webm", lambda f: f, nothing)
    assert notes == (
        "the first of its 2 video tracks is taken",
        "its 10 bits a value become 8",
        ".webm cannot hold its sound (aac): left out",
    )


def test_damaged_frames_are_counted(tmp_path):
    video = videos.open_video(damaged(tmp_path / "a.mov", 2))
    notes = videos.map_frames(video, tmp_path / "b.mp4", lambda f: f, nothing)
    assert "damaged frames of the source, left out or still to be seen: 2" in notes
    with pytest.raises(ImageError, match=r"a\.mov: 20 of 60 frames are damaged"):
        videos.map_frames(videos.open_video(damaged(tmp_path / "a.mov", 20)), tmp_path / "c.mp4", lambda f: f, nothing)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mov", "b.mp4"]


def test_a_failing_frame_and_a_bad_target_leave_nothing(tmp_path):
    video = videos.open_video(film(tmp_path / "a.mp4"))
    with pytest.raises(ZeroDivisionError):
        videos.map_frames(video, tmp_path / "b.mp4", lambda f: f // (1 if f[0, 0, 0] < 60 else 1 / 0), nothing)
    with pytest.raises(ImageError, match=r"'\.gif' cannot be written: end it in one of \.mp4"):
        videos.map_frames(video, tmp_path / "b.gif", lambda f: f, nothing)
    with pytest.raises(ImageError, match=r"b\.mp4 cannot be written: there is no folder"):
        videos.map_frames(video, tmp_path / "no folder" / "b.mp4", lambda f: f, nothing)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@contextlib.contextmanager
def small_files(size):
    """No file may grow beyond `size` bytes, as on a full disk."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("suffix", videos.CODECS)
@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_disk_that_is_full_is_noticed(tmp_path, suffix, share, capfd):
    """At the first byte, in the middle, and when the table is put in front."""
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(6)]
    video = videos.open_video(film(tmp_path / "a.mp4", sound="aac" if suffix != ".webm" else None))

    def write(name):
        pictures = iter(noise)
        videos.map_frames(video, tmp_path / name, lambda _: next(pictures), nothing)

    write(f"whole{suffix}")
    size = (tmp_path / f"whole{suffix}").stat().st_size
    with (
        small_files(int(share * size)),
        pytest.raises(ImageError, match=rf"b\{suffix} could not be .* is the disk full\?"),
    ):
        write(f"b{suffix}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", f"whole{suffix}"]
    assert capfd.readouterr() == ("", "")


def test_a_name_as_long_as_a_disk_takes(tmp_path):
    target = tmp_path / f"{251 * 'v'}.mp4"
    videos.map_frames(videos.open_video(film(tmp_path / "a.mp4", (0, 0.04))), target, lambda frame: frame, nothing)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", target.name]
