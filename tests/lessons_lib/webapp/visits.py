"""A visitor of the web app, as Streamlit's own test runner has it, and pictures to bring."""

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from lessons_lib.webapp import pictures

APP = Path(__file__).resolve().parents[3] / "lessons_lib" / "webapp" / "page.py"


def radio(app, label):
    [found] = [box for box in app.radio if box.label == label]
    return found


def button(app, *labels):
    [found] = [button for button in app.button if button.label in labels]
    return found


def slider(app, start):
    [found] = [slider for slider in app.slider if slider.label.startswith(start)]
    return found


def downloads(app):
    """The labels of what may be downloaded."""
    return [button.label for button in app.get("download_button")]


def upload(app, data, name="picture.png"):
    return upload_all(app, [(name, data)])


def upload_all(app, files):
    radio(app, "The picture").set_value(pictures.UPLOAD).run()
    app.file_uploader(key="files").set_value([(name, data, "image/png") for name, data in files]).run()
    return app


def sample(app):
    return radio(app, "The picture").set_value(pictures.SAMPLE).run()


def restore_it(app, label="Restore"):
    """Press the button; what came of the only picture."""
    button(app, label).click().run()
    assert not app.error, [error.value for error in app.error]
    assert not app.exception
    return outcomes(app)[0]


def outcomes(app):
    return [outcome for _, outcome in app.session_state["outcomes"].values()]


def plain_text(value):
    """Without the marks that keep Markdown off."""
    return value.replace("\\", "")


def only_error(app):
    """The one error that the page shows, in a plain sentence."""
    assert not app.exception
    [error] = app.error
    assert not any(word in error.value for word in ("Traceback", "Exception", "line ", "0x"))
    return plain_text(error.value)


def encoded(kind, pixels, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def noisy(height=40, width=60, channels=3, top=255):
    rng = np.random.default_rng(0)
    ramp = np.linspace(0.2, 0.8, width)[None, :, None] * np.ones((height, 1, channels))
    dtype = np.uint8 if top == 255 else np.uint16
    return np.rint(np.clip(ramp + rng.normal(0, 0.05, ramp.shape), 0, 1) * top).astype(dtype)


FILES = {
    "png": encoded("PNG", noisy()),
    "jpeg": encoded("JPEG", noisy(), quality=95),
    "webp": encoded("WEBP", noisy(), lossless=True),
    "tiff": encoded("TIFF", noisy()),
    "avif": encoded("AVIF", noisy()),
    "bmp": encoded("BMP", noisy()),
    "gif": encoded("GIF", noisy()),
    "ppm": encoded("PPM", noisy()),
    "gray": encoded("PNG", noisy(channels=1)[..., 0]),
    "alpha": encoded("PNG", np.dstack([noisy(), np.full((40, 60), 128, np.uint8)])),
    "16 bits": cv2.imencode(".png", noisy(top=65535)[..., ::-1])[1].tobytes(),
    "one pixel": encoded("PNG", noisy(1, 1)),
}
