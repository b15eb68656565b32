"""What comes of a visitor's pictures, and the files that are made of them."""

import io
import zipfile

import numpy as np
import pytest

pytest.importorskip("streamlit", reason='the web app needs Streamlit: pip install -c constraints.txt -e ".[app]"')

from PIL import ExifTags, Image

from lessons_lib import restore
from lessons_lib.image_io import Photo
from lessons_lib.restore import Restored, RestoreOptions
from lessons_lib.webapp import restoring, sharing
from lessons_lib.webapp.pictures import Given, Picture
from lessons_lib.webapp.restoring import Answer, Parcel
from tests.lessons_lib.webapp.visits import (
    FILES,
    button,
    encoded,
    noisy,
    only_error,
    outcomes,
    restore_it,
    upload,
    upload_all,
)


def opened(data):
    return Image.open(io.BytesIO(data))


def tables(quality):
    """Pillow's own tables of a JPEG of that quality."""
    return opened(encoded("JPEG", noisy(), quality=quality)).quantization


def test_a_jpeg_comes_back_as_jpeg_with_its_camera_data(app):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    data = encoded("JPEG", noisy(), quality=80, exif=exif, dpi=(300, 300))
    answer = restore_it(upload(app, data, "a.jpeg"))
    got = opened(answer.data)
    assert (answer.suffix, got.format, got.info["dpi"]) == (".jpeg", "JPEG", (300, 300))
    assert got.getexif()[ExifTags.Base.Make] == "Camera"
    assert got.quantization == tables(95)
    assert opened(answer.file(".jpeg", 70)).quantization == tables(70)
    assert opened(answer.file(".png")).format == "PNG"


def test_what_a_format_cannot_hold_is_said(app):
    answer = restore_it(upload(app, encoded("BMP", noisy()), "a.bmp"))
    assert answer.suffix == ".bmp"
    picture = Photo(noisy(), exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
    suffix, data, notes = restoring.filed(picture, ".bmp")
    assert (suffix, opened(data).format) == (".bmp", "BMP")
    assert notes == ("BMP holds no camera data (EXIF): left out",)


def test_what_cannot_be_in_its_own_format_becomes_a_png():
    wide = Photo(np.zeros((1, 20_000, 3), np.uint8))  # WebP ends at 16,383
    suffix, data, notes = restoring.filed(wide, ".webp")
    assert (suffix, opened(data).size) == (".png", (20_000, 1))
    assert "so it became a PNG" in notes[0]


def test_a_zip_of_all_holds_each_in_its_own_format(app):
    kinds = [("a.jpg", "jpeg"), ("b.tiff", "tiff"), ("b.gif", "gif"), ("folder/A.JPG", "jpeg")]
    upload_all(app, [(name, FILES[kind]) for name, kind in kinds])
    button(app, "Restore all 4").click().run()
    parcel = app.session_state["parcel"]
    with zipfile.ZipFile(io.BytesIO(parcel.file())) as archive:
        assert archive.namelist() == ["a.jpg", "b.tiff", "b.png", "A-2.jpg"]
        found = [opened(archive.read(name)) for name in archive.namelist()]
        assert [picture.format for picture in found] == ["JPEG", "TIFF", "PNG", "JPEG"]
        for picture, answer in zip(found, outcomes(app), strict=True):
            np.testing.assert_array_equal(np.asarray(picture), np.asarray(opened(answer.data)))
    assert parcel.megabytes() == pytest.approx(len(parcel.file()) / 1e6, rel=0.1)


def test_a_zip_that_does_not_fit_into_memory_is_refused_in_words(app, monkeypatch):
    upload_all(app, [("a.png", FILES["png"]), ("b.png", FILES["png"])])
    real = sharing.keep

    def keep(thing):
        if isinstance(thing, Parcel):
            raise restoring.safe_fetch.RefusedError("the server holds too many pictures now: wait")
        real(thing)

    monkeypatch.setattr(sharing, "keep", keep)
    button(app, "Restore all 2").click().run()
    assert "too many pictures" in only_error(app)
    assert [b.label for b in app.get("download_button")] == ["Download PNG"]


def test_an_answer_counts_with_its_pixels_and_its_file():
    answer = Answer("a", Photo(np.zeros((100, 100, 3), np.uint8)), ".png", bytes(50_000), [])
    assert answer.megabytes() == pytest.approx(0.08)


def given(name):
    return Given((name,), name, lambda: Picture((name,), name, Photo(noisy())))


def test_outcomes_are_of_these_pictures_and_these_options(monkeypatch):
    state, options, other = {}, RestoreOptions(), RestoreOptions("upscale")
    monkeypatch.setattr(restoring.st, "session_state", state)
    assert restoring.outcomes([given("a"), given("b")], options) == [None, None]
    state["outcomes"]["a",] = options, "one"
    state["outcomes"]["b",] = other, "two"
    assert restoring.outcomes([given("b"), given("a")], options) == [None, "one"]
    assert restoring.outcomes([given("b")], other) == ["two"]
    assert set(state["outcomes"]) == {("b",)}  # what is gone is forgotten
    assert restoring.outcomes([given("b")], None) == [None]


def test_an_upscaled_picture_past_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(restoring.safe_fetch, "MAX_PIXELS", 9000)
    monkeypatch.setattr(restoring.st, "session_state", {})
    with pytest.raises(restoring.safe_fetch.RefusedError, match="upscale less"):
        restoring.restored(given("a"), RestoreOptions("upscale"), print)


def test_what_was_found_is_said_in_words():
    photo = Photo(noisy())
    said = restoring._found(Restored(photo, 0.0, True, "no noise found, left as it is; --strength 1 cleans anyway"))
    assert said == ["No noise found, left as it is; another strength cleans anyway."]
    assert restoring._found(Restored(photo, 25 / 255, True)) == ["Noise level estimated: 25.0 of 255."]
    assert restoring._found(Restored(photo, 25 / 255, False)) == []


def test_a_run_that_streamlit_ends_gives_its_turn_back(app, monkeypatch):
    """As when the visitor cancels: Streamlit raises what is no Exception wherever the page next tells of progress."""
    from streamlit.runtime.scriptrunner import StopException

    def stopped(*_, progress):
        assert sharing.TURN.locked()
        raise StopException

    upload(app, FILES["png"])
    with monkeypatch.context() as patch:
        patch.setattr(restore, "restore_image", stopped)
        button(app, "Restore").click().run()
    assert not sharing.TURN.locked()
    assert outcomes(app) == []
    app.run()
    assert restore_it(app)
