"""Drawings of methods say what they were given."""

import re
import xml.etree.ElementTree as ET

import pytest

from lessons_lib.plots import methods

SVG = "{http://www.w3.org/2000/svg}"


def words(sheet):
    return [text.text for text in ET.fromstring(sheet.svg()).iter(f"{SVG}text")]


def test_a_chain_has_its_steps_in_order():
    sheet = methods.chain([("light", "photons"), ("sensor", "one colour\na pixel"), ("file", "")], "t", "d")
    assert words(sheet) == ["light", "photons", "sensor", "one colour", "a pixel", "file"]


def test_pairs_show_what_is_given_and_what_it_is_compared_with():
    sheet = methods.pairs([("Noise2Noise", "noisy", "noisy,\nanother shot")], "t", "d")
    assert words(sheet) == ["Noise2Noise", "noisy", "network", "\N{MINUS SIGN}", "loss", "noisy,", "another shot"]


@pytest.mark.parametrize(("channels", "planes"), [(3, 4), (1, 2)])
def test_a_conditioned_input_has_one_channel_more(channels, planes):
    sheet = methods.conditioned(channels)
    assert words(sheet)[-1] == f"{channels} + 1 channels in, {channels} out"
    drawn = re.sub("<style>.*?</style>", "", sheet.svg(), flags=re.DOTALL)
    assert len(re.findall('class="[ab]"', drawn)) == planes


def test_a_split_counts_and_refuses_a_photograph_in_two_parts():
    assert words(methods.split({"train": ["a", "b"], "test": ["c"]}))[:2] == ["train: 2", "test: 1"]
    with pytest.raises(ValueError, match="in two parts: b"):
        methods.split({"train": ["a", "b"], "test": ["b"]})


def test_metrics_say_what_they_compare():
    sheet = methods.metric(("restored", "clean"), [("PSNR", "each pixel", "the pixel\nin its place")])
    assert "PSNR compares each pixel with" in sheet.description
    assert words(sheet) == ["restored", "clean", "PSNR", "each pixel", "the pixel", "in its place"]
