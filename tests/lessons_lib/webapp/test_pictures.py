"""Whatever is brought to the web app becomes a picture or one plain sentence."""

import numpy as np
import pytest

pytest.importorskip("streamlit", reason='the web app needs Streamlit: pip install -c constraints.txt -e ".[app]"')

from PIL import Image

from lessons_lib import image_io
from lessons_lib.webapp import pictures, safe_fetch, sharing
from tests.lessons_lib.webapp.test_safe_fetch import png
from tests.lessons_lib.webapp.visits import (
    FILES,
    button,
    downloads,
    encoded,
    noisy,
    only_error,
    radio,
    restore_it,
    sample,
    upload,
)

OWN = {"jpeg": ".jpg", "webp": ".webp", "tiff": ".tif", "avif": ".avif", "bmp": ".bmp"}  # the others become PNG


@pytest.mark.parametrize("kind", FILES)
def test_an_upload_comes_back_in_the_format_it_came_in_and_in_full_quality(app, kind):
    answer = restore_it(upload(app, FILES[kind], "no suffix that helps"))
    given, got = image_io.read(FILES[kind]), image_io.read(answer.file(".png"))
    assert answer.suffix == OWN.get(kind, ".png")
    assert answer.file(".png").startswith(b"\x89PNG")
    assert (got.pixels.shape, got.pixels.dtype) == (given.pixels.shape, given.pixels.dtype)
    np.testing.assert_array_equal(got.pixels, answer.photo.pixels)
    assert image_io.read(answer.data).pixels.shape == given.pixels.shape
    if kind == "alpha":
        np.testing.assert_array_equal(got.alpha, given.alpha)
    if kind == "16 bits":
        assert len(np.unique(got.pixels)) > 256
        assert downloads(app) == ["Download PNG (16 bits)"]
    if kind in ("gif", "ppm"):
        assert downloads(app) == ["Download PNG"]
        assert any("cannot be written, so it became a PNG" in fact for fact in answer.facts)


BAD = {
    "html": (b"<html></html>", "a web page, not a picture"),
    "empty": (b"", "empty (0 bytes)"),
    "heic": (b"\0\0\0\x18ftypheic" + bytes(16), "HEIC picture, as phones save them: export it as JPEG"),
    "raw": (b"FUJIFILMCCD-RAW 0201", "raw file (RAF): develop it first"),
    "cut short": (FILES["png"][:300], "cut short"),
    "damaged": (FILES["jpeg"][:200] + bytes(50) + b"\xff\xd9", "damaged"),
    "100,000 x 100,000": (png(100_000, 100_000), "50 megapixels"),
    "60 megapixels": (png(10_000, 6_000), "50 megapixels"),
    "no pixels": (png(100, 100), "damaged"),
    "too many bytes": (FILES["png"] + bytes(25_000_000), "25 MB"),
    "too many scans": (FILES["jpeg"] + b"\xff\xda" * 200, "scans"),
    "animated": (encoded("WEBP", noisy(), save_all=True, append_images=[Image.new("RGB", (60, 40))]), "2 pictures"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_upload_is_one_plain_sentence(app, kind):
    data, says = BAD[kind]
    assert says in only_error(upload(app, data))
    assert "picture" not in app.session_state
    assert not [button for button in app.button if button.label == "Restore"]


def ask_for(app, place):
    radio(app, "The picture").set_value("Address").run()
    app.text_input[0].set_value(place)
    button(app, "Fetch").click().run()
    return app


def test_an_address_is_fetched_once(app, monkeypatch):
    asked = []
    monkeypatch.setattr(safe_fetch, "fetch", lambda place: asked.append(place) or FILES["png"])
    restore_it(ask_for(app, "https://example.org/a.png?b=c"))
    assert asked == ["https://example.org/a.png?b=c"]
    assert app.session_state["picture"].name == "a.png"


def test_an_address_fetched_again_is_another_picture(app, monkeypatch):
    """What lies there may have changed since."""
    come = iter([FILES["png"], FILES["jpeg"]])
    monkeypatch.setattr(safe_fetch, "fetch", lambda place: next(come))
    assert restore_it(ask_for(app, "https://example.org/a")).suffix == ".png"
    ask_for(app, "https://example.org/a")
    assert downloads(app) == []
    assert restore_it(app).suffix == ".jpg"


@pytest.mark.parametrize("place", ["file:///etc/passwd", "http://127.0.0.1:8501", "http://[::1]", "ftp://a.b/c.png"])
def test_a_hostile_address_is_one_plain_sentence(app, monkeypatch, place):
    monkeypatch.setattr(safe_fetch, "_dial", None)  # nothing may come so far
    assert only_error(ask_for(app, place))


def test_the_bytes_of_uploads_are_counted_too(app, monkeypatch):
    monkeypatch.setattr(sharing, "MEGABYTES", 0)
    assert "too many pictures" in only_error(upload(app, FILES["png"]))
    assert not [button for button in app.button if button.label == "Restore"]


@pytest.mark.parametrize("task", ["Remove noise", "Remove blur", "Upscale"])
def test_a_sample_is_degraded_as_the_task_asks(app, task):
    radio(app, "What to do").set_value(task).run()
    picture = sample(app).session_state["picture"]
    times = 2 if task == "Upscale" else 1
    assert picture.clean.shape[:2] == tuple(times * side for side in picture.photo.pixels.shape[:2])
    assert picture.key[:1] == (pictures.SAMPLE,)
    if times == 1:
        error = np.abs(picture.clean - picture.photo.pixels / np.float32(255)).mean()
        assert 1 / 255 < error < 25 / 255


def test_the_noise_of_a_picture_is_estimated_once(monkeypatch):
    asked = []
    monkeypatch.setattr(pictures.restore, "estimate_sigma", lambda pixels: asked.append(pixels) or 0.1)
    picture = pictures.Picture(("a",), "a.png", image_io.Photo(noisy()))
    assert (picture.sigma, picture.sigma, len(asked)) == (0.1, 0.1, 1)
