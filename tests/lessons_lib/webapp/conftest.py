"""The page with tiny networks, for all tests of the web app."""

import pytest

from lessons_lib import pretrained
from tests.tiny_networks import fill


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def app(tiny_weights, monkeypatch):
    """The page as a first visitor finds it, with tiny networks."""
    pytest.importorskip("streamlit", reason='the web app needs Streamlit: pip install -c constraints.txt -e ".[app]"')
    from streamlit.testing.v1 import AppTest

    from tests.lessons_lib.webapp.visits import APP

    monkeypatch.setattr(pretrained, "FOLDER", tiny_weights)
    return AppTest.from_file(str(APP), default_timeout=60).run()
