"""The web app: its logic through Streamlit's own test runner, and the whole of it in a real browser."""

import io
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("streamlit", reason='the web app needs Streamlit: pip install -c constraints.txt -e ".[app]"')

from streamlit.testing.v1 import AppTest

from lessons_lib import datasets, image_io, pretrained, restore
from lessons_lib.webapp import safe_fetch
from tests.lessons_lib.webapp.test_safe_fetch import png
from tests.tiny_networks import fill

ROOT = Path(__file__).resolve().parents[3]
APP = ROOT / "lessons_lib" / "webapp" / "page.py"


@pytest.fixture(scope="module")
def tiny_weights(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def app(tiny_weights, monkeypatch):
    """The page as a first visitor finds it, with tiny networks."""
    monkeypatch.setattr(pretrained, "FOLDER", tiny_weights)
    return AppTest.from_file(str(APP), default_timeout=60).run()


def radio(app, label):
    [found] = [box for box in app.radio if box.label == label]
    return found


def upload(app, data, name="picture.png"):
    radio(app, "The picture").set_value("Upload").run()
    app.file_uploader[0].set_value((name, data, "image/png")).run()
    return app


def restore_it(app):
    [button] = [button for button in app.button if button.label == "Restore"]
    button.click().run()
    assert not app.error, [error.value for error in app.error]
    assert not app.exception
    return app.session_state["answer"]


def only_error(app):
    """The one error that the page shows, in a plain sentence."""
    assert not app.exception
    [error] = app.error
    assert not any(word in error.value for word in ("Traceback", "Exception", "line ", "0x"))
    return error.value.replace("\\", "")


def encoded(kind, pixels, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def noisy(height=40, width=60, channels=3, top=255):
    rng = np.random.default_rng(0)
    ramp = np.linspace(0.2, 0.8, width)[None, :, None] * np.ones((height, 1, channels))
    dtype = np.uint8 if top == 255 else np.uint16
    return np.rint(np.clip(ramp + rng.normal(0, 0.05, ramp.shape), 0, 1) * top).astype(dtype)


def test_a_visitor_with_nothing_at_hand_sees_noise_go(app):
    answer = restore_it(app)
    [scores] = [fact for fact in answer.facts if fact.startswith("PSNR")]
    before, after = (float(word) for word in scores.replace(",", " ").split() if word.replace(".", "").isdigit())
    assert 20 < before < 21.5
    assert after > before + 3
    [level] = [float(fact.split()[3]) for fact in answer.facts if "estimated" in fact]
    assert 20 < level < 30
    assert {fact for fact in answer.facts} <= {text.value for text in app.text}


def test_the_noise_slider_works(app):
    """The article's page had a slider whose value went nowhere."""
    upload(app, FILES["png"])
    app.toggle[0].set_value(True).run()
    [level] = [slider for slider in app.slider if slider.label.startswith("Noise level")]
    answers = []
    for value in (0, 60):
        level.set_value(value).run()
        answers.append(restore_it(app).photo.pixels.astype(float))
        [level] = [slider for slider in app.slider if slider.label.startswith("Noise level")]
    rough = [np.abs(np.diff(answer, axis=1)).mean() for answer in answers]
    assert rough[0] > 1.5 * rough[1]


def test_upscaling_doubles_the_sides_and_is_scored(app):
    radio(app, "What to do").set_value("Upscale").run()
    answer = restore_it(app)
    picture = app.session_state["picture"]
    assert answer.photo.pixels.shape[:2] == tuple(2 * side for side in picture.photo.pixels.shape[:2])
    assert answer.photo.pixels.shape == picture.clean.shape
    assert any(fact.startswith("PSNR") for fact in answer.facts)


FILES = {
    "png": encoded("PNG", noisy()),
    "jpeg": encoded("JPEG", noisy(), quality=95),
    "webp": encoded("WEBP", noisy(), lossless=True),
    "tiff": encoded("TIFF", noisy()),
    "gray": encoded("PNG", noisy(channels=1)[..., 0]),
    "alpha": encoded("PNG", np.dstack([noisy(), np.full((40, 60), 128, np.uint8)])),
    "16 bits": cv2.imencode(".png", noisy(top=65535)[..., ::-1])[1].tobytes(),
    "one pixel": encoded("PNG", noisy(1, 1)),
}


@pytest.mark.parametrize("kind", FILES)
def test_an_upload_comes_back_in_full_quality(app, kind):
    answer = restore_it(upload(app, FILES[kind], "../A b<c>.jpg"))
    given, got = image_io.read(FILES[kind]), image_io.read(answer.file)
    assert answer.file.startswith(b"\x89PNG")
    assert (got.pixels.shape, got.pixels.dtype) == (given.pixels.shape, given.pixels.dtype)
    np.testing.assert_array_equal(got.pixels, answer.photo.pixels)
    if kind == "alpha":
        np.testing.assert_array_equal(got.alpha, given.alpha)
    if kind == "16 bits":
        assert len(np.unique(got.pixels)) > 256
        assert any("16 bits" in button.label for button in app.get("download_button"))


def test_a_phone_s_photograph_is_turned_upright(app):
    exif = Image.Exif()
    exif[274] = 6  # a quarter turn
    answer = restore_it(upload(app, encoded("JPEG", noisy(40, 60), exif=exif)))
    assert answer.photo.pixels.shape == (60, 40, 3)


BAD = {
    "html": (b"<html></html>", "not a picture"),
    "empty": (b"", "not a picture"),
    "gif": (encoded("GIF", noisy()), "not a picture"),
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
    assert app.session_state["picture"].clean is not None  # still the book's own


def test_an_answer_too_large_is_refused_before_the_work(app, monkeypatch):
    monkeypatch.setattr(safe_fetch, "MAX_PIXELS", 9000)
    radio(app, "What to do").set_value("Upscale").run()
    upload(app, FILES["png"])  # 2,400 pixels become 9,600
    monkeypatch.setattr(restore, "blocks", None)
    [button] = [button for button in app.button if button.label == "Restore"]
    button.click().run()
    assert "upscale less" in only_error(app)


def ask_for(app, place):
    radio(app, "The picture").set_value("Address").run()
    app.text_input[0].set_value(place)
    [button] = [button for button in app.button if button.label == "Fetch"]
    button.click().run()
    return app


def test_an_address_is_fetched_once(app, monkeypatch):
    asked = []
    monkeypatch.setattr(safe_fetch, "fetch", lambda place: asked.append(place) or FILES["png"])
    restore_it(ask_for(app, "https://example.org/a.png?b=c"))
    assert asked == ["https://example.org/a.png?b=c"]
    assert app.session_state["picture"].name == "a.png"


@pytest.mark.parametrize("place", ["file:///etc/passwd", "http://127.0.0.1:8501", "http://[::1]", "ftp://a.b/c.png"])
def test_a_hostile_address_is_one_plain_sentence(app, monkeypatch, place):
    monkeypatch.setattr(safe_fetch, "_dial", None)  # nothing may come so far
    assert only_error(ask_for(app, place))


def test_an_error_cannot_draw_on_the_page(app):
    ask_for(app, "![x](https://example.org/x.png):80")
    [error] = app.error
    assert "![" not in error.value


def test_what_nobody_foresaw_goes_to_the_log_alone(app, monkeypatch, caplog):
    def fail(_):
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(image_io, "read", fail)
    assert "secret" not in only_error(upload(app, FILES["png"]))
    assert "a secret detail" in caplog.text


def test_without_networks_the_page_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert "No trained networks" in app.warning[0].value
    assert not app.exception


def test_fetching_can_be_switched_off(app, monkeypatch):
    monkeypatch.setenv("LESSONS_APP_FETCH", "off")
    app.run()
    assert radio(app, "The picture").options == ["A photograph of the book", "Upload"]


def test_the_memory_of_all_visitors_is_bounded(tiny_weights, monkeypatch):
    monkeypatch.setattr(pretrained, "FOLDER", tiny_weights)
    monkeypatch.setenv("LESSONS_APP_MEGABYTES", "0")
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert "too many pictures" in only_error(app)


def test_another_picture_takes_the_answer_away(app):
    restore_it(app)
    assert app.get("download_button")
    app.selectbox[1].set_value(datasets.sample_names("test")[1]).run()
    assert not app.get("download_button")


def test_one_picture_at_a_time(tiny_weights, monkeypatch):
    """Another visitor's picture is being restored: this one waits, is told so, and then has its turn."""
    from lessons_lib.webapp import page

    monkeypatch.setattr(pretrained, "FOLDER", tiny_weights)
    told = []
    monkeypatch.setattr(page.st.delta_generator.DeltaGenerator, "info", lambda _, text: told.append(text))
    app = AppTest.from_string("from lessons_lib.webapp import page\npage.main()", default_timeout=60).run()
    lock, _ = page._server()
    thread = threading.Thread(target=restore_it, args=(app,))
    with lock:
        thread.start()
        thread.join(1.0)
        assert thread.is_alive()
        assert "answer" not in app.session_state
    thread.join()
    assert any("Another picture" in text for text in told)
    assert "answer" in app.session_state
    assert not lock.locked()
