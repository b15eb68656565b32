"""Sheets are SVG that a page, a phone and a screen reader can use."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from lessons_lib.plots import drawing

SVG = "{http://www.w3.org/2000/svg}"


def sheet():
    made = drawing.Sheet(100, "A box", "A box with <words> & more.")
    made.box(10, 10, 100, 40, "noisy", "`3×3")
    made.wire((110, 30), (150, 30))
    made.wire((110, 30), (150, 90), kind="bypass")
    made.sign(170, 30, "+")
    return made


def test_a_sheet_is_well_formed_has_a_name_and_is_the_same_twice():
    root = ET.fromstring(sheet().svg())
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label") == root.find(f"{SVG}desc").text == "A box with <words> & more."
    assert root.find(f"{SVG}title").text == "A box"
    assert sheet().svg() == sheet().svg()


def test_its_text_stays_text_and_nothing_has_an_id():
    root = ET.fromstring(sheet().svg())
    assert [text.text for text in root.iter(f"{SVG}text")] == ["noisy", "3×3", "+"]
    assert not [element for element in root.iter() if element.get("id")]


def test_a_tip_points_where_the_wire_leads():
    made = drawing.Sheet(100, "t", "d")
    made.wire((0, 0), (0, 50))
    tip = ET.fromstring(made.svg()).findall(f"{SVG}path")[1].get("d")
    assert tip == "M0.0,50.0 L-4.0,42.0 L4.0,42.0 Z"


def test_pixels_have_the_colours_and_numbers_of_the_values():
    made = drawing.Sheet(100, "t", "d")
    made.pixels(0, 0, np.array([[0, 0.5], [1, 2]]), 20, "d")
    made.pixels(0, 50, np.array([[[1, 0, 0.5]]]), 20)
    root = ET.fromstring(made.svg())
    assert [r.get("fill") for r in root.iter(f"{SVG}rect")] == ["#000000", "#808080", "#ffffff", "#ffffff", "#ff0080"]
    texts = list(root.iter(f"{SVG}text"))
    assert [t.text for t in texts] == ["0", "128", "255", "510"]
    assert [t.get("class") for t in texts] == ["light", "dark", "dark", "dark"]


@pytest.mark.parametrize(("title", "description"), [("", "d"), ("t", " ")])
def test_a_sheet_without_words_is_refused(title, description):
    with pytest.raises(ValueError, match="say what the drawing shows"):
        drawing.Sheet(10, title, description)


def test_it_is_published_as_svg_with_its_description_and_caption():
    InteractiveShell.instance()
    try:
        with capture_output() as captured:
            drawing.publish(sheet(), caption="look here")
    finally:
        InteractiveShell.clear_instance()
    first, second = captured.outputs
    assert first.data == {"image/svg+xml": sheet().svg(), "text/plain": "A box with <words> & more."}
    assert second.data["text/markdown"] == "*look here*"
