import contextlib
import io
import os
import re
import signal
import struct
import subprocess
import sys
import time
import warnings
import zlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
import typer
from PIL import Image
from typer.testing import CliRunner

from lessons_lib import image_io, pretrained
from lessons_lib.cli import restore
from tests.lessons_lib.image_io import films
from tests.tiny_networks import fill, fill_auto

app = typer.Typer()
app.command()(restore.restore)


@pytest.fixture(scope="module")
def tiny_weights(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def run(tiny_weights, tmp_path, monkeypatch):
    """Run `lessons restore` in an empty folder."""
    monkeypatch.setattr(pretrained, "FOLDER", tiny_weights)
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def picture(shape=(24, 30, 3), dtype=np.uint8):
    smooth = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) / sum(shape[:2])
    noisy = smooth.reshape(*shape[:2], *[1] * (len(shape) - 2)) + np.random.default_rng(0).normal(0, 0.05, shape)
    return image_io.as_stored(noisy.clip(0, 1), dtype)


def saved(stored=None, kind="PNG", **options):
    buffer = io.BytesIO()
    stored = picture() if stored is None else stored
    (stored if isinstance(stored, Image.Image) else Image.fromarray(stored)).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(stored, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, stored, photometric="rgb" if stored.shape[-1] == 3 else "minisblack", **options)
    return buffer.getvalue()


def png(width, height, data=b"", chunk_sum=None):
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(data))]
    parts.append((b"IEND", b""))
    sums = (zlib.crc32(t + d) if chunk_sum is None else chunk_sum for t, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + t + d + struct.pack(">I", s) for (t, d), s in zip(parts, sums, strict=True)
    )


def frames(kind):
    rest = [Image.fromarray(picture()[..., ::-1]).convert("P" if kind == "GIF" else "RGB")]
    return saved(kind=kind, save_all=True, append_images=rest)


def film(count=40, suffix=".mp4", **how):
    """A video's bytes."""
    path = Path(f"made{suffix}")
    films.film(path, [number / 10 for number in range(count)], (32, 48), **how)
    data = path.read_bytes()
    path.unlink()
    return data


def half(data):
    return data[: len(data) // 2]


def floats(value):
    stored = np.full((9, 7), 0.5, np.float32)
    stored[2, 3] = value
    return tiff(stored)


BAD_FILES = {
    "empty.jpg": lambda: b"",
    "empty.png": lambda: b"",
    "cut.jpg": lambda: half(saved(picture((200, 200, 3)), "JPEG")),
    "cut.png": lambda: half(saved()),
    "cut16.png": lambda: half(cv2.imencode(".png", picture((60, 60, 3), np.uint16))[1].tobytes()),
    "cut.tif": lambda: half(saved(kind="TIFF")),
    "cut16.tif": lambda: half(tiff(picture((60, 60, 3), np.uint16))),
    "cut.webp": lambda: half(saved(kind="WEBP")),
    "cut.gif": lambda: half(saved(picture((200, 200)), "GIF")),
    "cut.bmp": lambda: half(saved(kind="BMP")),
    "words.jpg": lambda: b"this is no picture",
    "words.tif": lambda: b"this is no picture",
    "page.png": lambda: b"<!doctype html><html><body>404</body></html>",
    "archive.jpg": lambda: b"PK\x03\x04" + bytes(200),
    "zeros.png": lambda: bytes(5000),
    "head.png": lambda: b"\x89PNG\r\n\x1a\n",
    "head.jpg": lambda: b"\xff\xd8\xff\xe0",
    "no-scan.jpg": lambda: b"\xff\xd8" + saved(kind="JPEG")[2:20] + b"\xff\xd9",
    "sums.png": lambda: png(4, 4, bytes(13 * 4), chunk_sum=1),
    "no-size.png": lambda: png(0, 0),
    "no-height.pgm": lambda: b"P5 7 0 255\n",
    "no-pixels.png": lambda: png(40, 40),
    "bomb.png": lambda: png(60_000, 60_000, bytes(1000)),
    "bomb.pgm": lambda: b"P5 60000 60000 255\n" + bytes(1000),
    "bomb.bmp": lambda: saved(kind="BMP")[:18] + struct.pack("<ii", 60_000, 60_000) + saved(kind="BMP")[26:],
    "animated.gif": lambda: frames("GIF"),
    "animated.png": lambda: frames("PNG"),
    "animated.webp": lambda: frames("WEBP"),
    "pages.tif": lambda: frames("TIFF"),
    "nan.tif": lambda: floats(np.nan),
    "infinite.tif": lambda: floats(np.inf),
    "physical.tif": lambda: floats(400),
    "integers.tif": lambda: tiff(picture((9, 7)).astype(np.int32)),
    "doubles.tif": lambda: tiff(np.zeros((9, 7))),
    "drawing.eps": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "drawing.svg": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "paper.pdf": lambda: b"%PDF-1.4\n",
    "empty.mp4": lambda: b"",
    "words.mp4": lambda: b"this is no film",
    "no-frames.mp4": lambda: film(0),
    "cut.mp4": lambda: half(film()),
    "cut.avi": lambda: half(film(40, ".avi", encoder="mjpeg", layout="yuvj420p", base=Fraction(1, 10))),
    "hdr.mp4": lambda: film(2, layout="yuv420p10le", context={"color_trc": 16, "colorspace": 9}),
    "tones.mp4": lambda: film(1, again=-1, sound="aac"),
    "picture.mp4": lambda: saved(kind="TIFF")[:100],
}


def refused(result, folder, left):
    """One line that says what is wrong, exit code not 0, and no file that was not there before."""
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    lines = [line for line in result.stderr.splitlines() if line.strip() and "Usage" not in line]
    assert lines
    assert result.exit_code == 2 or (len(lines) == 1 and lines[0].startswith("error: ")), lines
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == left


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file(run, tmp_path, name, capfd, monkeypatch):
    (tmp_path / name).write_bytes(BAD_FILES[name]())
    monkeypatch.setattr(sys, "warnoptions", ["error"])  # or the command would keep warnings to itself
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = run(name, "-o", "out")
    refused(result, tmp_path, [name])
    assert name in result.stderr
    assert "unforeseen" not in result.stderr
    assert capfd.readouterr().err == ""  # no library speaks in between


BAD_WORDS = {
    "no input": ("-o", "out"),
    "no output": ("a.png",),
    "no such file": ("b.png", "-o", "out"),
    "a broken link": ("link.png", "-o", "out"),
    "an empty folder": ("empty", "-o", "out"),
    "a folder without pictures": ("words", "-o", "out"),
    "a pattern that nothing matches": ("*.jpg", "-o", "out"),
    "sigma is no number": ("a.png", "-o", "b.png", "--sigma", "nan"),
    "sigma is infinite": ("a.png", "-o", "b.png", "--sigma", "inf"),
    "sigma is a word": ("a.png", "-o", "b.png", "--sigma", "much"),
    "sigma 300": ("a.png", "-o", "b.png", "--sigma", "300"),
    "sigma -1": ("a.png", "-o", "b.png", "--sigma", "-1"),
    "an unknown task": ("a.png", "-o", "b.png", "--task", "colourise"),
    "an unknown model": ("a.png", "-o", "b.png", "--model", "huge"),
    "a path as a model": ("a.png", "-o", "b.png", "--model", "../medium"),
    "a model of another task": ("a.png", "-o", "b.png", "--model", "upscale-2"),
    "a task without weights": ("a.png", "-o", "b.png", "--task", "dejpeg"),
    "a scale without weights": ("a.png", "-o", "b.png", "--task", "upscale", "--scale", "3"),
    "scale 5": ("a.png", "-o", "b.png", "--task", "upscale", "--scale", "5"),
    "scale to denoise": ("a.png", "-o", "b.png", "--scale", "2"),
    "sigma for who finds it": ("a.png", "-o", "b.png", "--task", "upscale", "--sigma", "10"),
    "the output is there": ("a.png", "-o", "there.png"),
    "the output is a folder": ("a.png", "-o", "out", "--overwrite"),
    "the output is the input": ("a.png", "-o", "a.png", "--overwrite"),
    "the output is the input's folder": ("a.png", "-o", ".", "--overwrite"),
    "the output links to the input": ("a.png", "-o", "same.png", "--overwrite"),
    "the output is the input, through a folder that is not there": ("a.png", "-o", "gone/../a.png", "--overwrite"),
    "the output is the input's folder, through such a one": ("a.png", "-o", "gone/../", "--overwrite"),
    "the output is there, through such a one": ("a.png", "-o", "gone/../there.png"),
    "the standard output": ("a.png", "-o", "-"),
    "the output has no format": ("a.png", "-o", "b.xyz"),
    "the output is a text": ("a.png", "-o", "b.txt"),
    "a picture as a video": ("a.png", "-o", "b.mp4"),
    "many into a file": ("a.png", "there.png", "-o", "note.txt"),
    "many into a picture": ("a.png", "there.png", "-o", "b.png/../c.png"),
    "no output's name": ("a.png", "-o", ""),
    "no input's name": ("", "-o", "out"),
    "a pipe": ("pipe", "-o", "out"),
    "the output is the folder that is read": ("more", "-o", "more/../more"),
    "the output is the pattern's folder": ("more/*", "-o", "more", "--overwrite"),
    "the output is a link to nothing": ("a.png", "-o", "link.png", "--overwrite"),
    "the output is a device": ("a.png", "-o", os.devnull),
    "an input's name that no disk takes": ("x" * 5000, "-o", "out"),
    "an output's name that no disk takes": ("a.png", "-o", "x" * 5000 + ".png"),
    "a folder below a file": ("a.png", "-o", "note.txt/b.png"),
    "a folder that takes none": ("a.png", "-o", "/proc/none/b.png"),
    "an option that is none": ("a.png", "-o", "b.png", "--softness", "3"),
}


@pytest.mark.parametrize("case", BAD_WORDS)
def test_bad_words(run, tmp_path, case):
    for folder in ("empty", "words", "more"):
        (tmp_path / folder).mkdir()
    if case == "the output is a folder":
        (tmp_path / "out" / "a.png").mkdir(parents=True)
    for name in ("a.png", "there.png", "more/a.png"):
        (tmp_path / name).write_bytes(saved())
    (tmp_path / "words" / "readme.md").write_text("no picture")
    (tmp_path / "note.txt").write_text("no picture")
    (tmp_path / "link.png").symlink_to("nothing.png")
    (tmp_path / "same.png").symlink_to("a.png")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    left = ["a.png", "more/a.png", "note.txt", "same.png", "there.png", "words/readme.md"]
    found = run(*BAD_WORDS[case])
    refused(found, tmp_path, left)
    assert "Errno" not in found.output and "unforeseen" not in found.output
    assert not (tmp_path / "gone").exists()
    assert (tmp_path / "a.png").read_bytes() == saved()
    assert (tmp_path / "there.png").read_bytes() == saved()


@contextlib.contextmanager
def small_files(size):
    """No file may grow beyond `size` bytes, as on a full disk."""
    resource = pytest.importorskip("resource")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("name", ["a.png", "a.mp4"])
def test_a_full_disk(run, tmp_path, name):
    (tmp_path / name).write_bytes(saved() if name == "a.png" else film())
    with small_files(1000):
        result = run(name, "-o", f"out/{name}")
    refused(result, tmp_path, [name])


GOOD_FILES = {
    "one-pixel.png": lambda: saved(picture((1, 1, 3))),
    "line.png": lambda: saved(picture((1, 50_000))),
    "column.png": lambda: saved(picture((50_000, 1))),
    "tiny.bmp": lambda: saved(picture((3, 5, 3)), "BMP"),
    "inks.jpg": lambda: saved(Image.fromarray(picture()).convert("CMYK"), "JPEG"),
    "inks.tif": lambda: saved(Image.fromarray(picture()).convert("CMYK"), "TIFF"),
    "palette.png": lambda: saved(Image.fromarray(picture()).convert("P")),
    "still.gif": lambda: saved(Image.fromarray(picture()).convert("P"), "GIF"),
    "one-bit.png": lambda: saved(Image.fromarray(picture()).convert("1")),
    "gray-alpha.png": lambda: saved(Image.fromarray(picture()).convert("LA")),
    "alpha.webp": lambda: saved(picture((24, 30, 4)), "WEBP"),
    "sixteen.png": lambda: cv2.imencode(".png", picture((24, 30, 3), np.uint16))[1].tobytes(),
    "sixteen.tif": lambda: tiff(picture((24, 30), np.uint16)),
    "floats.tif": lambda: floats(0.7),
    "camera.jpg": lambda: saved(kind="JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xee" * 40),
    "profile.jpg": lambda: saved(kind="JPEG", icc_profile=b"no profile"),
    "two-views.jpg": lambda: saved(
        Image.fromarray(picture()), "MPO", save_all=True, append_images=[Image.new("RGB", (9, 9))]
    ),
    "more-behind.jpg": lambda: saved(kind="JPEG") + b"a film of a phone" * 50,
    "black.png": lambda: saved(np.zeros((20, 20, 3), np.uint8)),
    "wrong-suffix.jpg": lambda: saved(),
    "CAPITALS.JPG": lambda: saved(kind="JPEG"),
    "two words, ä.png": lambda: saved(),
    "brackets[1].png": lambda: saved(),
}


@pytest.mark.parametrize("name", GOOD_FILES)
def test_what_is_unusual_but_a_picture_works(run, tmp_path, name):
    (tmp_path / name).write_bytes(GOOD_FILES[name]())
    result = run(name, "-o", "out")
    assert result.exit_code == 0, result.output
    made = [path for path in (tmp_path / "out").iterdir()]
    assert [path.stem for path in made] == [name.rsplit(".", 1)[0]]
    before, after = image_io.read(tmp_path / name), image_io.read(made[0])
    assert after.pixels.shape[:2] == before.pixels.shape[:2]
    assert (after.alpha is None) == (before.alpha is None)


def test_noise_goes_and_the_word_is_kept(run, tmp_path):
    (tmp_path / "a.png").write_bytes(saved(picture((64, 64, 3))))
    result = run("a.png", "-o", "b.png")
    assert "noise estimated at sigma 1" in result.output  # 0.05 is 12.75 of 255
    before, after = (image_io.read(tmp_path / name).pixels.astype(int) for name in ("a.png", "b.png"))
    rough = [np.diff(pixels, axis=0).std() for pixels in (before, after)]
    assert rough[1] < 0.4 * rough[0]


def test_strength_is_told_apart_from_what_was_estimated(run, tmp_path):
    (tmp_path / "a.png").write_bytes(saved(picture((64, 64, 3))))
    runs = {"b.png": (), "c.png": ("--strength", "2")}
    found = [run("a.png", "-o", target, *words).output for target, words in runs.items()]
    once, twice = (re.search(r"noise estimated at sigma ([\d.]+)(.*)", line) for line in found)
    assert once[1] == twice[1] and once[2] == ""
    assert re.fullmatch(r" and taken for ([\d.]+), by the strength of 2", twice[2])


def test_a_folder_goes_on_after_a_bad_file_and_resumes(run, tmp_path):
    for name in ("in/a.png", "in/deep/b.jpg", "in/c.gif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(saved(kind="JPEG" if name.endswith("jpg") else name[-3:].upper()))
    (tmp_path / "in" / "bad.png").write_bytes(b"words")
    (tmp_path / "in" / ".hidden.png").write_bytes(saved())
    first = run("in", "-o", "in/out")
    assert first.exit_code == 1
    assert "3 restored, 0 there already, 1 failed" in first.output
    made = sorted(path.relative_to(tmp_path / "in/out").as_posix() for path in (tmp_path / "in/out").rglob("*.*"))
    assert made == ["a.png", "c.png", "deep/b.jpg"]
    (tmp_path / "in" / "bad.png").unlink()
    (tmp_path / "in/out/c.png").unlink()
    again = run("in", "-o", "in/out", "--resume")
    assert again.exit_code == 0
    assert "1 restored, 2 there already, 0 failed" in again.output
    assert run("in", "-o", "in/out").exit_code == 1  # nothing is overwritten untold
    assert run("in", "-o", "in/out", "--overwrite").exit_code == 0


def test_patterns_and_upscaling(run, tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(saved())
    result = run("[ab].png", "-o", "out", "--task", "upscale")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]
    assert image_io.read(tmp_path / "out" / "a.png").pixels.shape == (48, 60, 3)


def test_pictures_of_many_sizes_are_upscaled_without_a_word_of_tensorflow(run, tmp_path, caplog):
    (tmp_path / "in").mkdir()
    for side in range(20, 30):
        (tmp_path / "in" / f"{side}.png").write_bytes(saved(picture((side, side, 3))))
    found = run("in", "-o", "out", "--task", "upscale")
    assert found.exit_code == 0 and found.stderr == ""
    assert not caplog.records  # not capfd: its logger may hold on to the stderr of an earlier test


def test_a_result_too_large_to_read_again_is_refused(run, tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(saved())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 800)
    result = run("a.png", "-o", "b.png", "--task", "upscale")
    refused(result, tmp_path, ["a.png"])
    assert "megapixels" in result.stderr


def test_a_picture_left_alone_keeps_its_bytes(tmp_path, monkeypatch):
    """Another compression of a JPEG would lose more than nothing; in another format it has to be written anew."""
    monkeypatch.setattr(pretrained, "FOLDER", fill_auto(tmp_path / "weights"))
    monkeypatch.chdir(tmp_path)
    smooth = np.repeat(np.linspace(0, 255, 96).astype(np.uint8)[None, :, None], 80, 0).repeat(3, -1)
    (tmp_path / "a.jpg").write_bytes(saved(smooth, "JPEG", quality=90) + b"what a phone puts behind")
    for target in ("b.jpg", "b.png"):
        found = CliRunner().invoke(app, ["a.jpg", "-o", target])
        assert found.exit_code == 0 and "left as it is" in found.output
    assert (tmp_path / "b.jpg").read_bytes() == (tmp_path / "a.jpg").read_bytes()
    np.testing.assert_array_equal(Image.open("b.png"), Image.open("a.jpg"))


def test_a_video_keeps_one_level_of_noise(run, tmp_path):
    (tmp_path / "a.mp4").write_bytes(film(5, sound="aac"))
    result = run("a.mp4", "-o", "b.mp4", "--ensemble")
    assert result.exit_code == 0, result.output
    assert re.fullmatch(r"a\.mp4 -> b\.mp4: noise estimated at sigma \d+\.\d\n", result.output)
    assert films.times("b.mp4") == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=1e-4)
    assert films.packets("b.mp4", "audio") == films.packets("a.mp4", "audio")


def test_what_a_video_loses_is_said(run, tmp_path):
    (tmp_path / "a.mp4").write_bytes(film(2, sound="aac", layout="yuv420p10le", texts={"title": "A walk"}))
    result = run("a.mp4", "-o", "b.webm")
    assert result.exit_code == 0, result.output
    assert "; its 10 bits a value become 8; .webm cannot hold its sound (aac): left out\n" in result.output


def test_a_video_of_a_format_without_times_goes_to_another(run, tmp_path):
    (tmp_path / "a.avi").write_bytes(film(2, ".avi", encoder="mjpeg", layout="yuvj420p", base=Fraction(1, 10)))
    refusal = run("a.avi", "-o", "b.avi")
    refused(refusal, tmp_path, ["a.avi"])
    assert "b.avi: videos ending in '.avi' cannot be written" in refusal.stderr and ".mp4" in refusal.stderr
    assert run("a.avi", "-o", "out").exit_code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.mp4"]


def test_the_remains_of_a_killed_run_are_cleared(run, tmp_path):
    (tmp_path / "a.png").write_bytes(saved())
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    stale = tmp_path / f".b.png.{gone.stdout.strip()}.part"
    other = tmp_path / f".b.png.{os.getppid()}.part"
    for path in (stale, other):
        path.write_bytes(b"half")
    assert run("a.png", "-o", "b.png").exit_code == 0
    assert not stale.exists()
    assert other.exists()  # its owner lives


WRITER = """
import itertools, pathlib, sys
import numpy as np
from lessons_lib import image_io
photo = image_io.Photo(np.random.default_rng(0).integers(0, 255, (500, 600, 3), np.uint8))
for number in itertools.count():
    image_io.write(pathlib.Path(sys.argv[1]) / f"{number % 5}.png", photo)
    print("written", flush=True)
"""


def test_a_kill_at_any_moment_leaves_whole_files(tmp_path):
    rng = np.random.default_rng(0)
    for _ in range(10):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(rng.uniform(0.02, 0.3))
            process.kill()
        for path in tmp_path.glob("*.png"):
            assert image_io.read(path).pixels.shape == (500, 600, 3)
    assert (tmp_path / "0.png").exists()


@pytest.mark.parametrize(
    ("sigma", "says"),
    [
        ("0.098", "sigma 0.098 is next to nothing: it counts from 0 to 255, and 0.098 of 1 is 25"),
        ("25", None),
        ("200", "sigma 200 is more than this network was trained for, 55"),
    ],
)
def test_an_odd_noise_level_is_doubted_and_taken(run, tmp_path, monkeypatch, sigma, says):
    card = pretrained.card("denoise-medium") | {"recipe": {"degradation": {"sigma": [0, 55]}}}
    monkeypatch.setattr(restore.pretrained, "card", lambda name: card)
    (tmp_path / "a.png").write_bytes(saved())
    found = run("a.png", "-o", "b.png", "--sigma", sigma)
    assert found.exit_code == 0 and (tmp_path / "b.png").exists()
    assert (says in found.output) if says else ("trained for" not in found.output and "nothing" not in found.output)


def test_what_is_passed_over_is_counted_and_named(run, tmp_path):
    for name in ("a.png", "b/c.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(saved())
    (tmp_path / "in" / "notes.txt").write_text("x")
    found = run("in", "-o", "out")
    assert found.exit_code == 0 and "1 passed over: 1 .txt" in found.output
    for name in ("one.HEIC", "b/two.heic", "raw.dng"):
        (tmp_path / "in" / name).write_bytes(b"x")
    found = run("in", "-o", "out", "--overwrite")
    assert found.exit_code == 1 and "4 passed over: 2 .heic, 1 .txt, 1 .dng" in found.output
    only = tmp_path / "only"
    only.mkdir()
    (only / "x.heic").write_bytes(b"x")
    found = run("only", "-o", "out2")
    assert found.exit_code == 1 and "no picture or video in only (but 1 .heic)" in found.output


def test_ctrl_c_says_what_is_done_and_how_to_go_on(run, tmp_path, monkeypatch):
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(saved())
    read = image_io.read

    def stopped(path):
        if Path(path).name == "b.png":
            raise KeyboardInterrupt
        return read(path)

    monkeypatch.setattr(image_io, "read", stopped)
    found = run("a.png", "b.png", "c.png", "-o", "out")
    assert found.exit_code == 130
    assert found.stderr.startswith("stopped: 1 restored, 2 not; nothing is half-written: the same command with")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]


def test_a_link_stays_one_and_its_file_is_written(run, tmp_path):
    for name in ("a.png", "other.png"):
        (tmp_path / name).write_bytes(saved())
    (tmp_path / "link.png").symlink_to("other.png")
    assert run("a.png", "-o", "link.png").exit_code == 1
    found = run("a.png", "-o", "link.png", "--overwrite")
    assert found.exit_code == 0 and "link.png is a link: " in found.output and "other.png was written" in found.output
    assert (tmp_path / "link.png").is_symlink() and (tmp_path / "other.png").read_bytes() != saved()


def test_files_of_one_name_keep_their_folders(run, tmp_path):
    for name in ("monday/a.png", "tuesday/a.png", "tuesday/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(saved())
    assert run("monday/a.png", "tuesday/a.png", "tuesday/b.png", "-o", "out").exit_code == 0
    assert {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")} == {
        "monday/a.png",
        "tuesday/a.png",
        "b.png",
    }
    assert run("*/a.png", "-o", "out3").exit_code == 0
    assert (tmp_path / "out3" / "monday" / "a.png").is_file()


def test_what_cannot_be_done_is_said_and_the_rest_is_done(run, tmp_path):
    for name in ("a.png", "more/a.png", "deep/more/a.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(saved())
    found = run("a.png", "missing.png", "*.jpg", "more/a.png", "deep/more/a.png", "-o", "out")
    assert found.exit_code == 1
    lines = found.stderr.splitlines()
    assert len(lines) == 3
    assert "no file or folder at missing.png" in lines[0] and "nothing matches *.jpg" in lines[1]
    assert "would become" in lines[2] and str(Path("deep/more/a.png")) in lines[2]
    assert "2 restored, 0 there already, 3 failed" in found.output
    assert (tmp_path / "out" / "more" / "a.png").is_file()


def test_a_slash_at_the_end_makes_a_folder(run, tmp_path):
    (tmp_path / "a.png").write_bytes(saved())
    assert run("a.png", "-o", "holiday.2024/").exit_code == 0
    assert (tmp_path / "holiday.2024" / "a.png").is_file()


def test_a_wrong_model_is_said_once_for_all_files(run, tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(saved())
    found = run("a.png", "b.png", "-o", "out", "--model", "transformer")
    assert found.exit_code == 1
    assert found.output.count("transformer") == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (KeyError(5), "something unforeseen went wrong here (KeyError: 5): please report it with the file"),
        (RuntimeError("first\nsecond"), "unforeseen went wrong here (RuntimeError: first)"),
        (MemoryError("Unable to allocate 2 TiB"), "the memory does not suffice"),
    ],
)
def test_whatever_fails_with_one_file_is_a_line_and_the_rest_is_done(run, tmp_path, monkeypatch, error, says):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(saved())
    read = image_io.read

    def fails(path):
        if Path(path).name == "a.png":
            raise error
        return read(path)

    monkeypatch.setattr(image_io, "read", fails)
    found = run("a.png", "b.png", "-o", "out")
    assert found.exit_code == 1 and (tmp_path / "out" / "b.png").is_file()
    lines = found.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: a.png could not be restored: ") and says in lines[0]
    assert "1 restored, 0 there already, 1 failed" in found.output


def test_a_name_that_is_no_text_is_printed_escaped(run, tmp_path):
    odd = {"J\udcfcrgen.png": r"J\xfcrgen.png", "two\nlines.png": r"two\nlines.png"}
    odd = odd if sys.platform == "linux" else {"other systems know no such names.png": None}
    (tmp_path / "in").mkdir()
    for name in odd:
        (tmp_path / "in" / name).write_bytes(saved())
    found = run("in", "-o", "out")
    assert found.exit_code == 0, found.output
    for name, shown in odd.items():
        assert f"{Path('in', shown or name)} -> {Path('out', shown or name)}" in found.output


def test_what_is_no_video_by_its_name_becomes_none(run, tmp_path):
    (tmp_path / "a.mts").write_bytes(film())
    found = run("a.mts", "-o", "b.mp4")
    assert found.exit_code == 1
    assert "b.mp4 cannot be written (a.mts is a picture by its name: a video's ends in one of .mp4, " in found.output
