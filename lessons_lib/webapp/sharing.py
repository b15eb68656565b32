"""What all visitors of the web app share: whose turn it is, and the memory that their pictures take."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Iterator
from typing import Protocol

import streamlit as st

from lessons_lib.webapp.safe_fetch import RefusedError

MEGABYTES = int(os.environ.get("LESSONS_APP_MEGABYTES", "1500"))  # of all visitors' pictures together
TURN = threading.Lock()
_counting = threading.Lock()


class Held(Protocol):
    """Something of a visitor's that stays in memory as long as it is held."""

    def megabytes(self) -> float:
        """What it takes of the server's memory."""


_held: weakref.WeakSet[Held] = weakref.WeakSet()


def keep(thing: Held) -> None:
    """Count something into the memory that all visitors share. Raises RefusedError if that is full."""
    with _counting:
        if sum(one.megabytes() for one in list(_held)) + thing.megabytes() > MEGABYTES:
            raise RefusedError(
                "the server holds too many pictures now: wait some minutes, or take fewer or smaller ones"
            )
        _held.add(thing)


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """One picture at a time on the whole server, which bounds its memory; the others wait and are told so."""
    place = st.empty()
    while not TURN.acquire(timeout=0.3):
        place.info("Another picture is being worked on. Yours comes next; keep this page open.")
    try:
        place.empty()
        yield
    finally:
        TURN.release()
