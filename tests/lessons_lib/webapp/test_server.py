import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

pytest.importorskip("streamlit", reason='the web app needs Streamlit: pip install -c constraints.txt -e ".[app]"')

import typer
from starlette.formparsers import MultiPartParser
from streamlit import config, net_util
from streamlit.web import cli

from lessons_lib.webapp import server


@pytest.fixture
def started(monkeypatch):
    """The words that Streamlit is given, instead of a server."""
    words = []
    monkeypatch.setattr(cli, "main", lambda given, prog_name: words.extend(given))
    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)
    monkeypatch.setattr(MultiPartParser, "spool_max_size", MultiPartParser.spool_max_size)
    for name in ("PORT", "LESSONS_APP_FETCH", "OPENCV_IO_MAX_IMAGE_PIXELS", "TF_CPP_MIN_LOG_LEVEL"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    app = typer.Typer()
    app.command()(server.serve)

    def run(*options, **env):
        result = CliRunner().invoke(app, list(options), env=env)
        return result, words

    return run


def test_every_setting_is_one_that_streamlit_knows():
    known = config.get_config_options()
    for name in server.settings(8501, "127.0.0.1", ["pictures.example.org"]):
        assert name in known


def test_the_page_is_for_this_machine_alone_unless_asked(started):
    result, words = started()
    assert result.exit_code == 0
    assert words[0] == "run"
    assert words[1].endswith("page.py")
    assert {"--server.address=127.0.0.1", "--server.port=8501", "--browser.gatherUsageStats=false"} < set(words)
    assert {"--server.allowedHosts=localhost", "--server.maxUploadSize=25", "--client.showErrorDetails=none"} < set(
        words
    )
    assert "http://localhost:8501" in result.output
    assert net_util.get_external_ip() is None
    assert MultiPartParser.spool_max_size > 25 * 2**20
    assert os.environ["LESSONS_APP_FETCH"] == "on"


def test_a_container_gives_the_port_and_a_proxy_the_name(started):
    result, words = started("--address", "0.0.0.0", "--host", "pictures.example.org", "--no-fetch", PORT="8080")
    assert result.exit_code == 0
    assert {"--server.port=8080", "--server.address=0.0.0.0", "--browser.serverAddress=pictures.example.org"} < set(
        words
    )
    assert "--server.allowedHosts=pictures.example.org" in words
    assert "--server.corsAllowedOrigins=https://pictures.example.org" in words
    assert os.environ["LESSONS_APP_FETCH"] == "off"


def test_without_a_name_every_name_is_answered():
    assert "server.allowedHosts" not in server.settings(80, "0.0.0.0", [])


def test_without_streamlit_it_says_how_to_get_it(started, monkeypatch):
    monkeypatch.setattr(server.importlib.util, "find_spec", lambda name: None)
    result, words = started()
    assert result.exit_code == 1
    assert ".[app]" in result.stderr
    assert not words


def test_it_costs_the_command_line_nothing():
    """cli imports this module at its top: neither Streamlit nor Keras may come along."""
    code = "import sys, lessons_lib.webapp.server; print({'streamlit', 'keras', 'cv2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
