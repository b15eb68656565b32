"""What went wrong in the web app, in one plain sentence; what nobody foresaw goes to the log alone."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator

import streamlit as st

from lessons_lib import datasets, images
from lessons_lib.webapp import safe_fetch


def sentence(error: Exception) -> str:
    """What a visitor is told of an error."""
    if isinstance(error, safe_fetch.RefusedError | images.ImageError | datasets.DatasetError):
        text = str(error)
        return f"{text[:1].upper()}{text[1:]}."
    if isinstance(error, MemoryError):
        return "There is not enough memory on this server for that picture: make it smaller first."
    logging.getLogger(__name__).error("unforeseen", exc_info=error)
    return "Something went wrong here, and was written to the server's log. Another picture may work."


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """Show an error as its sentence, and go on after the block."""
    try:
        yield
    except Exception as error:  # not Streamlit's own: those that end or repeat a run are no Exception
        st.error(escaped(sentence(error)))


def escaped(text: str) -> str:
    """Text as it stands: what a visitor typed is not to be read as Markdown."""
    return re.sub(r"([^\w\s,;'\"/])", r"\\\1", text)
