import pytest

pytest.importorskip("streamlit", reason='the web app needs Streamlit: pip install -c constraints.txt -e ".[app]"')

from streamlit.runtime.scriptrunner import StopException

from lessons_lib.datasets import DatasetError
from lessons_lib.images import ImageError
from lessons_lib.webapp import plain
from lessons_lib.webapp.safe_fetch import RefusedError


@pytest.mark.parametrize("kind", [ImageError, RefusedError, DatasetError])
def test_what_was_written_for_people_is_a_sentence(kind):
    assert plain.sentence(kind("the picture is cut short: copy it again")) == "The picture is cut short: copy it again."


def test_nothing_else_is_shown(caplog):
    assert "memory" in plain.sentence(MemoryError())
    assert not caplog.records
    assert "secret" not in plain.sentence(OSError("a secret path"))
    assert "a secret path" in caplog.text


def test_text_cannot_draw(monkeypatch):
    shown = []
    monkeypatch.setattr(plain.st, "error", shown.append)
    with plain.plainly():
        raise ImageError("![x](https://example.org/x.png) is *no* picture: take another")
    assert "![" not in shown[0]
    assert "\\*no\\*" in shown[0]


def test_streamlit_s_own_way_to_end_a_run_goes_through():
    with pytest.raises(StopException), plain.plainly():
        raise StopException
