"""The web app's page through Streamlit's own test runner; tests/book/test_web_app.py has it in a real browser."""

import threading

import numpy as np
import pytest

pytest.importorskip("streamlit", reason='the web app needs Streamlit: pip install -c constraints.txt -e ".[app]"')

from streamlit.testing.v1 import AppTest

from lessons_lib import datasets, image_io, pretrained, restore
from lessons_lib.webapp import safe_fetch, sharing
from tests.lessons_lib.webapp.visits import (
    APP,
    FILES,
    button,
    downloads,
    encoded,
    noisy,
    only_error,
    outcomes,
    plain_text,
    radio,
    restore_it,
    sample,
    slider,
    upload,
    upload_all,
)


def test_the_page_asks_for_a_picture_first(app):
    assert radio(app, "The picture").value == "Upload"
    assert not [button for button in app.button if button.label == "Restore"]
    assert not app.error
    assert not app.get("image")


def test_a_visitor_with_nothing_at_hand_sees_noise_go(app):
    answer = restore_it(sample(app))
    [scores] = [fact for fact in answer.facts if fact.startswith("PSNR")]
    before, after = (float(word) for word in scores.replace(",", " ").split() if word.replace(".", "").isdigit())
    assert 20 < before < 21.5
    assert after > before + 3
    [level] = [float(fact.split()[3]) for fact in answer.facts if "estimated" in fact]
    assert 20 < level < 30
    said = " ".join(plain_text(caption.value) for caption in app.caption)
    assert all(fact in said for fact in answer.facts)


def test_the_noise_slider_works(app):
    """The article's page had a slider whose value went nowhere."""
    upload(app, FILES["png"])
    app.toggle[0].set_value(True).run()
    answers = []
    for value in (0, 60):
        slider(app, "Noise level").set_value(value).run()
        answers.append(restore_it(app).photo.pixels.astype(float))
    rough = [np.abs(np.diff(answer, axis=1)).mean() for answer in answers]
    assert rough[0] > 1.5 * rough[1]


def test_upscaling_doubles_the_sides_and_is_scored(app):
    radio(app, "What to do").set_value("Upscale").run()
    answer = restore_it(sample(app))
    picture = app.session_state["picture"]
    assert answer.photo.pixels.shape[:2] == tuple(2 * side for side in picture.photo.pixels.shape[:2])
    assert answer.photo.pixels.shape == picture.clean.shape
    assert any(fact.startswith("PSNR") for fact in answer.facts)


def test_what_asks_for_pictures_folds_up_once_they_are_there(app):
    assert app.session_state["source"]
    upload(app, FILES["png"])
    assert not app.session_state["source"]
    sample(app)
    app.session_state["source"] = True
    app.run()
    assert app.session_state["source"]
    restore_it(app)
    assert not app.session_state["source"]


def test_the_result_stands_above_what_is_done_to_it(app):
    """So that it is in view on a phone, where the columns stand one below the other."""
    restore_it(upload(app, FILES["png"]))
    left, right = app.columns[0], app.columns[1]
    assert [box.label for box in right.radio] == ["What to do"]
    assert left.get("bidi_component")
    assert left.get("download_button")
    assert [b.label for b in right.button] == ["Restore"]


@pytest.mark.parametrize("change", ["task", "level", "picture"])
def test_an_answer_leaves_when_it_is_none_to_what_is_asked(app, change):
    restore_it(upload(app, FILES["png"]))
    assert downloads(app) == ["Download PNG"]
    if change == "task":
        radio(app, "What to do").set_value("Upscale").run()
    elif change == "level":
        app.toggle[0].set_value(True).run()
    else:
        upload(app, FILES["jpeg"], "other.jpg")
    assert downloads(app) == []
    assert button(app, "Restore")


def test_an_answer_is_there_again_when_the_settings_are(app):
    answer = restore_it(upload(app, FILES["png"]))
    app.toggle[0].set_value(True).run()
    assert downloads(app) == []
    app.toggle[0].set_value(False).run()
    assert downloads(app) == ["Download PNG"]
    assert outcomes(app) == [answer]


def test_a_broken_upload_between_two_leaves_nothing_of_the_first(app):
    restore_it(upload(app, FILES["png"], "first.png"))
    assert "not a picture" in only_error(upload(app, b"<html></html>", "page.html"))
    assert downloads(app) == []
    assert "outcomes" not in app.session_state or not app.session_state["outcomes"]
    assert "picture" not in app.session_state
    assert not [button for button in app.button if button.label == "Restore"]
    answer = restore_it(upload(app, FILES["jpeg"], "second.jpg"))
    assert answer.name == "second.jpg"
    assert downloads(app) == ["Download JPEG", "Download PNG"]


def test_a_second_run_replaces_the_first(app):
    first = restore_it(upload(app, FILES["png"]))
    second = restore_it(app)
    assert outcomes(app) == [second]
    assert second is not first
    np.testing.assert_array_equal(first.photo.pixels, second.photo.pixels)


def test_a_failure_shows_nothing_of_an_answer(app, monkeypatch):
    upload(app, FILES["png"])

    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(restore, "restore_image", fail)
    button(app, "Restore").click().run()
    assert "not enough memory" in only_error(app)
    assert downloads(app) == []
    assert not sharing.TURN.locked()


MANY = [("a.jpg", FILES["jpeg"]), ("page.html", b"<html></html>"), ("b.png", FILES["png"]), ("A.jpg", FILES["jpeg"])]


def test_several_pictures_are_restored_and_one_that_fails_is_named(app):
    upload_all(app, MANY)
    button(app, "Restore all 4").click().run()
    assert only_error(app).startswith("page.html: The picture is a web page")
    names = [getattr(outcome, "name", "") for outcome in outcomes(app)]
    assert names == ["a.jpg", "", "b.png", "A.jpg"]
    assert downloads(app)[-1] == "Download all 3 (zip)"
    assert button(app, "Restore all 4")


def test_one_of_several_is_chosen_to_be_looked_at(app):
    upload_all(app, MANY)
    button(app, "Restore all 4").click().run()
    [choice] = [box for box in app.selectbox if box.label == "The picture to look at"]
    assert choice.options == ["1. a.jpg", "2. page.html", "3. b.png", "4. A.jpg"]
    assert downloads(app) == ["Download JPEG", "Download PNG", "Download all 3 (zip)"]
    choice.set_value("3. b.png").run()
    assert app.session_state["picture"].name == "b.png"
    assert downloads(app) == ["Download PNG", "Download all 3 (zip)"]


def test_too_many_pictures_are_refused(app):
    upload_all(app, [(f"{n}.png", FILES["one pixel"]) for n in range(21)])
    assert "at most 20" in only_error(app)
    assert not [button for button in app.button if button.label.startswith("Restore")]


def test_fetching_can_be_switched_off(app, monkeypatch):
    monkeypatch.setenv("LESSONS_APP_FETCH", "off")
    app.run()
    assert radio(app, "The picture").options == ["Upload", "Sample"]


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


def test_an_answer_too_large_is_refused_before_the_work(app, monkeypatch):
    monkeypatch.setattr(safe_fetch, "MAX_PIXELS", 9000)
    radio(app, "What to do").set_value("Upscale").run()
    upload(app, FILES["png"])  # 2,400 pixels become 9,600
    monkeypatch.setattr(restore, "blocks", None)
    button(app, "Restore").click().run()
    assert "upscale less" in only_error(app)


def test_another_sample_takes_the_answer_away(app):
    restore_it(sample(app))
    assert downloads(app)
    [box] = [box for box in app.selectbox if box.label == "Photograph"]
    box.set_value(datasets.sample_names("test")[1]).run()
    assert not downloads(app)


def test_one_picture_at_a_time(tiny_weights, monkeypatch):
    """Another visitor's picture is being restored: this one waits, is told so, and then has its turn."""
    told = []
    monkeypatch.setattr(pretrained, "FOLDER", tiny_weights)
    monkeypatch.setattr(sharing.st.delta_generator.DeltaGenerator, "info", lambda _, text: told.append(text))
    app = AppTest.from_string("from lessons_lib.webapp import page\npage.main()", default_timeout=60).run()
    upload(app, FILES["png"])
    thread = threading.Thread(target=restore_it, args=(app,))
    with sharing.TURN:
        thread.start()
        thread.join(1.0)
        assert thread.is_alive()
        assert not told or "outcomes" not in app.session_state or not app.session_state["outcomes"]
    thread.join()
    assert any("Another picture" in text for text in told)
    assert len(outcomes(app)) == 1
    assert not sharing.TURN.locked()


def test_a_phone_s_photograph_is_turned_upright(app):
    from PIL import Image

    exif = Image.Exif()
    exif[274] = 6  # a quarter turn
    answer = restore_it(upload(app, encoded("JPEG", noisy(40, 60), exif=exif), "turned.jpg"))
    assert answer.photo.pixels.shape == (60, 40, 3)
