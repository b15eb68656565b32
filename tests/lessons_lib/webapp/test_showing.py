"""What the page shows of a picture; how it looks and moves, tests/book/test_web_app.py tries in a browser."""

import pytest

pytest.importorskip("streamlit", reason='the web app needs Streamlit: pip install -c constraints.txt -e ".[app]"')

from tests.lessons_lib.webapp.visits import FILES, downloads, encoded, noisy, radio, restore_it, slider, upload


def labels(app):
    return [box.label for box in (*app.radio, *app.slider)]


def test_a_small_picture_is_shown_whole_and_twice_as_large(app):
    restore_it(upload(app, FILES["png"]))
    assert "View" not in labels(app)
    assert not any(label.startswith("From") for label in labels(app))


def test_of_a_large_picture_a_detail_is_chosen(app):
    restore_it(upload(app, encoded("PNG", noisy(300, 400))))
    assert radio(app, "View").options == ["Whole picture", "Pixel for pixel", "Twice as large"]
    assert not any(label.startswith("From") for label in labels(app))
    radio(app, "View").set_value("Pixel for pixel").run()
    assert slider(app, "From left").value == slider(app, "From top").value == 50


def test_a_quality_is_asked_for_where_there_is_one(app):
    restore_it(upload(app, FILES["jpeg"], "a.jpg"))
    assert downloads(app) == ["Download JPEG", "Download PNG"]
    own, other = app.get("download_button")
    assert own.proto.url and not own.proto.deferred_file_id  # at hand: it was made when the picture was restored
    assert other.proto.deferred_file_id and not other.proto.url
    slider(app, "Quality of the JPEG").set_value(70).run()
    own, _ = app.get("download_button")
    assert own.proto.deferred_file_id  # made when it is asked for
    restore_it(upload(app, FILES["png"]))
    assert downloads(app) == ["Download PNG"]
    assert not any(label.startswith("Quality") for label in labels(app))


def test_a_gray_picture_and_a_clear_one_are_shown_too(app):
    for kind in ("gray", "alpha", "one pixel"):
        upload(app, FILES[kind])
        assert not app.error
        assert app.get("image")
