"""The kinds of blur, what is drawn of a kernel, and the part that is restored beforehand."""

import cv2
import numpy as np
import pytest

pytest.importorskip("streamlit", reason='the web app needs Streamlit: pip install -c constraints.txt -e ".[app]"')

from lessons_lib import degrade, restore
from lessons_lib.blur_estimation import BlurFound
from lessons_lib.image_io import Photo
from lessons_lib.restore import RestoreOptions
from lessons_lib.webapp import blurs
from tests.lessons_lib.webapp.visits import (
    FILES,
    button,
    encoded,
    noisy,
    only_error,
    outcomes,
    radio,
    restore_it,
    slider,
    upload,
)

DRAWN = np.zeros((5, 7), np.uint8)
DRAWN[2, 1:4] = 255, 100, 0


@pytest.fixture
def blurred(app):
    """The page with a picture larger than the part, about to be deblurred."""
    radio(app, "What to do").set_value("Remove blur").run()
    return upload(app, encoded("PNG", noisy(300, 400)), "blurred.png")


def kind(app, name):
    [box] = [box for box in app.selectbox if box.label == "Kind of blur"]
    return box.set_value(name).run()


def asked(app):
    """The options that the page restores with."""
    [(options, _)] = app.session_state["outcomes"].values()
    return options


def send_kernel(app, data):
    kind(app, "A kernel of your own")
    [box] = [box for box in app.file_uploader if box.label.startswith("Picture of the kernel")]
    return box.set_value(("kernel.png", data, "image/png")).run()


@pytest.mark.parametrize(
    ("name", "moves", "blur"),
    [
        pytest.param("Soft all over (Gaussian)", {}, "gaussian:1.6", marks=pytest.mark.prove),
        ("Soft all over (Gaussian)", {"Standard deviation": 2.5}, "gaussian:2.5"),
        ("Out of focus", {"Radius": 4.5}, "defocus:4.5"),
        pytest.param(
            "Moved in one direction", {"Length": 21, "Direction": 90}, "motion:21@90", marks=pytest.mark.prove
        ),
    ],
)
def test_each_kind_is_undone_as_it_was_set(blurred, monkeypatch, name, moves, blur):
    kind(blurred, name)
    for label, value in moves.items():
        slider(blurred, label).set_value(value).run()
    restore_it(blurred)
    assert asked(blurred) == RestoreOptions("deblur", blur=blur)


def test_only_what_the_networks_here_can_undo_is_offered(blurred):
    [box] = [box for box in blurred.selectbox if box.label == "Kind of blur"]
    assert box.options == [name for name in blurs.KINDS if name != blurs.NETWORK]  # no such network among the tiny ones


def test_a_kernel_is_taken_from_a_picture(blurred):
    kind(blurred, "A kernel of your own")
    assert not [button for button in blurred.button if button.label == "Restore"]
    send_kernel(blurred, encoded("PNG", DRAWN))
    restore_it(blurred)
    np.testing.assert_allclose(asked(blurred).kernel, DRAWN / np.float32(355), atol=1e-6)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<html>", "not a picture"),
        (encoded("PNG", np.zeros((5, 5), np.uint8)), "black"),
        (FILES["png"][:200], "cut short"),
        (encoded("PNG", np.full((10, 131), 9, np.uint8)), "131 x 10 pixels: cut it out, 129"),
    ],
)
def test_a_bad_kernel_is_one_plain_sentence(blurred, data, says):
    assert says in only_error(send_kernel(blurred, data))
    assert not [button for button in blurred.button if button.label == "Restore"]
    kind(blurred, "Out of focus")
    assert not blurred.error
    assert button(blurred, "Restore")


def test_a_kernel_larger_than_the_picture_is_said(app):
    radio(app, "What to do").set_value("Remove blur").run()
    kind(app, "Out of focus")
    upload(app, FILES["one pixel"])
    assert "larger than the image" in only_error(app)


def test_by_default_the_blur_is_found_and_nothing_is_tried_out_before(blurred, monkeypatch):
    [box] = [box for box in blurred.selectbox if box.label == "Kind of blur"]
    assert box.value == "Found in the picture" and not blurred.exception
    looked = []
    monkeypatch.setattr(
        restore, "found_blur", lambda *words: looked.append(words) or BlurFound(None, "", misfit=0.1, sharp=0.1)
    )
    restore_it(blurred)
    assert len(looked) == 1 and asked(blurred).blur == "auto"
    assert "No blur found, left as it is" in " ".join(text.value for text in blurred.caption)


def test_the_part_is_restored_anew_when_the_kernel_changes_and_only_then(blurred, monkeypatch):
    calls = []
    real = restore.restore_image
    monkeypatch.setattr(restore, "restore_image", lambda *words: calls.append(words) or real(*words))
    kind(blurred, "Out of focus")
    assert len(calls) == 1
    blurred.run()
    assert len(calls) == 1
    slider(blurred, "Radius").set_value(2.0).run()
    assert [words[1].blur for words in calls] == ["defocus:3", "defocus:2"]
    slider(blurred, "From top").set_value(0).run()
    assert len(calls) == 3
    np.testing.assert_array_equal(calls[2][0].pixels[:192], blurred.session_state["picture"].photo.pixels[:192, 80:320])
    assert all(words[0].pixels.shape[1] == 192 + 2 * blurs.AROUND for words in calls)


def test_a_preview_is_no_answer(blurred):
    kind(blurred, "Out of focus")
    assert blurred.session_state["preview"].after.pixels.shape == (192, 192, 3)
    assert outcomes(blurred) == []
    assert not blurred.get("download_button")


@pytest.mark.parametrize("place", [(0, 0), (0.5, 0.5), (1, 1), (0, 1)])
def test_before_and_after_are_the_same_part(app, place):
    """A blur of nothing, and no noise: what comes out is what went in."""
    photo = Photo(noisy(220, 300))
    options = RestoreOptions("deblur", blur="gaussian:0.1", sigma=0.0)
    before, after = blurs.restored_part(photo, options, place, sigma=0.5)
    top, left = round(28 * place[0]), round(108 * place[1])
    np.testing.assert_array_equal(before.pixels, photo.pixels[top : top + 192, left : left + 192])
    assert after.pixels.shape == before.pixels.shape
    assert np.corrcoef(before.pixels.ravel(), after.pixels.ravel())[0, 1] > 0.9


def test_the_noise_is_that_of_the_whole(monkeypatch):
    asked = []
    monkeypatch.setattr(
        restore, "restore_image", lambda photo, options: asked.append(options) or restore.Restored(photo, 0.0, False)
    )
    options = RestoreOptions("deblur", blur="gaussian:1")
    for sigma in (0.1, 0.0):
        blurs.restored_part(Photo(noisy(20, 20)), options, (0.5, 0.5), sigma)
    blurs.restored_part(Photo(noisy(20, 20)), RestoreOptions("deblur", blur="gaussian:1", sigma=0.3), (0.5, 0.5), 0.1)
    assert [options.sigma for options in asked] == [0.1, 1 / 255, 0.3]


def test_a_kernel_is_drawn_in_squares():
    kernel = degrade.motion_kernel(3, 0)
    drawn = blurs.enlarged(kernel)
    assert drawn.shape == (126, 126)
    for row, column in np.ndindex(3, 3):
        square = drawn[42 * row : 42 * (row + 1), 42 * column : 42 * (column + 1)]
        assert (square == round(255 * kernel[row, column] / kernel.max())).all()


def test_a_large_kernel_is_drawn_as_it_is():
    kernel = degrade.kernel_from(cv2.imencode(".png", np.full((129, 1), 200, np.uint8))[1].tobytes())
    assert blurs.enlarged(kernel).shape == (129, 1)
