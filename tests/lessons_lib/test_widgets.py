import html
import itertools
import json
import re

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from lessons_lib import widgets

SWITCHES = {"noise": ("none", "much"), "channel <b>": ("RGB", "Y", "gray")}


@pytest.fixture(autouse=True, scope="module")
def shell():
    """Without a shell IPython would print the outputs instead of publishing them."""
    InteractiveShell.instance()
    yield
    InteractiveShell.clear_instance()


def numbers(noise, channel):
    return {"first": len(noise) + 0.5, "second & last": len(channel)}


def published(**changes):
    with capture_output() as captured:
        widgets.table(**{"switches": SWITCHES, "rows": numbers, "heads": ("method", "PSNR")} | changes)
    return captured.outputs[0].data


def test_every_combination_is_there():
    page = published()["text/html"]
    values = json.loads(html.unescape(re.search(r'data-values="([^"]*)"', page)[1]))
    assert list(values) == ["|".join(chosen) for chosen in itertools.product(*SWITCHES.values())]
    assert values["much|gray"] == ["4.50", "4.00"]


def test_the_first_choices_stand_without_scripts():
    data = published(digits=1)
    assert re.findall(r'<td class="text-right">([^<]*)', data["text/html"]) == ["4.5", "3.0"]
    assert data["text/plain"] == "first: 4.5\nsecond & last: 3.0"


def test_names_are_escaped_and_labelled():
    page = published()["text/html"]
    assert "second &amp; last" in page
    assert "channel &lt;b&gt; <select>" in page
    assert page.count("<label") == page.count("<select>") == 2


def test_the_same_table_is_the_same_page():
    assert published() == published()


@pytest.mark.parametrize("wrong", [{}, {"noise": ()}])
def test_a_switch_needs_choices(wrong):
    with pytest.raises(ValueError, match="at least one choice"):
        widgets.table(wrong, numbers, heads=("a", "b"))
