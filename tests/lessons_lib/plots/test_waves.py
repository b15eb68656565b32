"""Drawings of waves show what NumPy's Fourier transform finds."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons_lib.plots import waves

SVG = "{http://www.w3.org/2000/svg}"


def words(sheet):
    return [text.text for text in ET.fromstring(sheet.svg()).iter(f"{SVG}text")]


def lines(sheet, kind):
    """The points of the lines of a kind, each (N, 2)."""
    found = [path.get("d") for path in ET.fromstring(sheet.svg()).iter(f"{SVG}path") if path.get("class") == kind]
    return [np.array(re.findall(r"-?[\d.]+", line), float).reshape(-1, 2) for line in found]


def test_a_row_of_one_wave_is_named_by_its_frequency_and_amplitude():
    row = 0.5 + 0.25 * np.cos(2 * np.pi * 3 / 16 * np.arange(16) + 1)
    found = words(waves.row_as_sum(row, 1))
    assert "mean 0.50" in found and "frequency 3/16, amplitude 0.25" in found


def test_the_strongest_waves_come_first_and_the_fastest_has_no_twin():
    n = np.arange(16)
    row = 0.5 + 0.1 * np.cos(2 * np.pi * n / 16) + 0.3 * np.cos(np.pi * n)
    named = [text for text in words(waves.row_as_sum(row, 2)) if text.startswith("frequency")]
    assert named == ["frequency 8/16, amplitude 0.30", "frequency 1/16, amplitude 0.10"]


def test_the_last_sum_of_all_waves_goes_through_the_pixels():
    row = np.random.default_rng(0).random(16)
    last = lines(waves.row_as_sum(row, 8), "bypass")[-1]
    at_middles = last[4::8]  # eight points a pixel, from its left edge on
    bars = 1 - row
    scaled = (at_middles[:, 1] - at_middles[:, 1].min()) / np.ptp(at_middles[:, 1])
    np.testing.assert_allclose(scaled, (bars - bars.min()) / np.ptp(bars), atol=0.02)


@given(st.floats(0.01, 3))
def test_an_alias_has_the_same_values_at_all_pixels(frequency):
    n = np.arange(40)
    seen = waves.alias(frequency)
    assert 0 <= seen <= 0.5
    np.testing.assert_allclose(np.cos(2 * np.pi * seen * n), np.cos(2 * np.pi * frequency * n), atol=1e-6)


def test_the_dashed_wave_is_the_alias():
    sheet = waves.aliasing(3 / 8, 2)
    assert any("0.25 cycles per kept pixel" in text for text in words(sheet))
    [slow] = lines(sheet, "bypass")
    crests = np.isclose(slow[:, 1], slow[:, 1].min(), atol=0.01).sum()
    assert crests == 2, "8 kept pixels of a quarter cycle each begin two periods"


def test_a_wave_that_is_dropped_onto_its_crests_leaves_no_slower_one():
    assert lines(waves.aliasing(0.5, 2), "bypass") == []


def test_each_place_has_its_tile():
    found = words(waves.places([(0, 0), (1 / 8, 0), (1 / 2, 1 / 2)]))
    assert {"A (0, 0)", "B (1/8, 0)", "C (1/2, 1/2)"} <= set(found)


def test_only_a_wave_whose_number_is_not_its_own_twin_has_two_places():
    row = np.fft.fft2(np.random.default_rng(0).random((8, 8)))
    for fx, fy in ((0, 0), (1 / 8, 0), (1 / 2, 1 / 2), (1 / 2, 1 / 4), (0, 1 / 2)):
        at, twin = (round(8 * fy), round(8 * fx)), (round(-8 * fy), round(-8 * fx))
        svg = ET.fromstring(waves.places([(fx, fy)]).svg())
        marks = [box for box in svg.iter(f"{SVG}rect") if box.get("class") in ("a", "b")]
        assert len(marks) == (1 if row[at] == row[twin] else 2)


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (lambda: waves.row_as_sum(np.zeros(16), 9), "many is 9"),
        (lambda: waves.aliasing(0.6, 2), "frequency is 0.6"),
        (lambda: waves.aliasing(0.2, 1), "every is 1"),
        (lambda: waves.places([(0.7, 0)]), "0.7"),
        (lambda: waves.places([]), "one to six"),
    ],
)
def test_what_cannot_be_drawn_is_named(draw, says):
    with pytest.raises(ValueError, match=says):
        draw()
