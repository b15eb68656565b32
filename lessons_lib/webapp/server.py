"""How the web app is started: Streamlit's server, with the settings that make it fit to be shown to others."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

SETTINGS: dict[str, object] = {
    "browser.gatherUsageStats": False,  # Streamlit would report each visit to its maker
    "server.headless": True,  # opens no browser, asks for no e-mail address
    "server.showEmailPrompt": False,
    "logger.hideWelcomeMessage": True,  # to write it, Streamlit would ask a stranger for this machine's address
    "server.maxUploadSize": 25,  # MB; checked again in `address`
    "server.maxMessageSize": 50,  # MB
    "server.disconnectedSessionTTL": 60,  # seconds until the pictures of a closed page are forgotten
    "server.fileWatcherType": "none",
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,  # which is Streamlit's word for refusing other pages
    "server.enableStaticServing": False,
    "server.enableAgentApi": False,
    "client.showErrorDetails": "none",  # no traceback on the page; the log has it
    "client.showErrorLinks": False,
    "client.toolbarMode": "minimal",
    "theme.dark.primaryColor": "#f0868f",  # Streamlit's own red is too dark to read there
}
LOCAL = ("localhost", "127.0.0.1", "::1")


def settings(port: int, address: str, hosts: list[str]) -> dict[str, object]:
    """Streamlit's options by name. Names in `hosts`, and this machine's own, are the only ones the page answers to.

    On an address that others can reach, no `hosts` means any name, since nobody said which one it is.
    """
    chosen = SETTINGS | {"server.port": port, "server.address": address}
    if hosts or address in LOCAL:
        chosen["server.allowedHosts"] = [*hosts, *LOCAL]
    if hosts:
        chosen["browser.serverAddress"] = hosts[0]
        chosen["server.corsAllowedOrigins"] = [f"https://{host}" for host in hosts]
    return chosen


def command(chosen: dict[str, object]) -> list[str]:
    """The words after `streamlit` that run the app with these options."""
    words = ["run", str(Path(__file__).with_name("page.py"))]
    for name, value in chosen.items():
        for one in value if isinstance(value, list) else [value]:
            words.append(f"--{name}={str(one).lower() if isinstance(one, bool) else one}")
    return words


def serve(
    port: Annotated[int, typer.Option(envvar="PORT", help="the port of the page")] = 8501,
    address: Annotated[
        str,
        typer.Option(
            help="the address it listens on; 0.0.0.0 lets other machines in (read the page on deploying first)"
        ),
    ] = LOCAL[1],
    host: Annotated[
        list[str] | None, typer.Option(help="a host name under which the page is reached; may be repeated")
    ] = None,
    fetch: Annotated[bool, typer.Option(help="whether visitors may have a picture fetched from an address")] = True,
) -> None:
    """Open the web app: restore a photograph in the browser, on this machine."""
    if importlib.util.find_spec("streamlit") is None:
        print('error: the web app needs Streamlit: pip install -c constraints.txt -e ".[app]"', file=sys.stderr)
        raise typer.Exit(1)
    os.environ["LESSONS_APP_FETCH"] = "on" if fetch else "off"
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "50000000")  # a second lock on the door of `address`
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from starlette.formparsers import MultiPartParser
    from streamlit import net_util
    from streamlit.web import cli

    MultiPartParser.spool_max_size = 2**25  # bytes; beyond them an upload would go through a file on the disk
    # Streamlit would ask a server at Amazon for this machine's public address whenever another page tries to connect.
    net_util.get_external_ip = lambda: None
    print(f"The web app: http://{'localhost' if address in LOCAL else address}:{port} (Ctrl-C ends it)", flush=True)
    cli.main(command(settings(port, address, host or [])), prog_name="streamlit")


if __name__ == "__main__":
    typer.run(serve)
