"""What a visitor brings to the web app: files, an address or a photograph of the book, each read with care."""

from __future__ import annotations

import dataclasses
import functools
import os
import uuid
from collections.abc import Callable
from pathlib import PurePosixPath

import numpy as np
import streamlit as st

from lessons_lib import datasets, degrade, image_io, images, restore
from lessons_lib.degrade import Degradation
from lessons_lib.webapp import files, safe_fetch, sharing

UPLOAD, SAMPLE, ADDRESS = "Upload", "Sample", "Address"
MOST = 20  # files at a time
KINDS = f"{', '.join(safe_fetch.FORMATS[:-1])} or {safe_fetch.FORMATS[-1]}"
LIMITS = f"{KINDS}, up to {safe_fetch.MAX_BYTES // 10**6} MB and {safe_fetch.MAX_PIXELS // 10**6} megapixels each."
PRIVACY = "Kept in this server's memory alone, shown to nobody else, forgotten a minute after you close the page."


@dataclasses.dataclass(eq=False)
class Picture:
    """A picture that was read.

    suffix: of the format that it came in, None if that cannot be written.
    clean:  known for the book's own photographs alone.
    """

    key: tuple
    name: str
    photo: image_io.Photo
    suffix: str | None = ".png"
    clean: np.ndarray | None = None

    @functools.cached_property
    def sigma(self) -> float:
        """The noise level estimated from the whole picture, in [0, 1]."""
        return restore.estimate_sigma(self.photo.pixels)

    def megabytes(self) -> float:
        """What it takes of the server's memory."""
        return of_photo(self.photo) + (0 if self.clean is None else self.clean.nbytes / 1e6)


@dataclasses.dataclass(frozen=True)
class Given:
    """A picture that was named; `open` reads it, and raises RefusedError or ImageError."""

    key: tuple
    name: str
    open: Callable[[], Picture] = dataclasses.field(compare=False)


@dataclasses.dataclass(eq=False)
class Bytes:
    """The bytes of a file that a visitor sent, or had fetched."""

    data: bytes

    def megabytes(self) -> float:
        """What they take of the server's memory."""
        return len(self.data) / 1e6


def of_photo(photo: image_io.Photo) -> float:
    """The megabytes of a photo's pixels."""
    return (photo.pixels.nbytes + (0 if photo.alpha is None else photo.alpha.nbytes)) / 1e6


def choose(task: str, scale: int) -> list[Given]:
    """Ask for pictures. What is asked folds up once they are there, so that they are in view."""
    ways = [UPLOAD, SAMPLE, ADDRESS] if os.environ.get("LESSONS_APP_FETCH") != "off" else [UPLOAD, SAMPLE]
    there = any(st.session_state.get(name) for name in ("picture", "files"))
    with st.expander("Choose another picture" if there else "Choose a picture", True, key="source", on_change="rerun"):
        way = st.radio("The picture", ways, horizontal=True, label_visibility="collapsed")
        if way == SAMPLE:
            return _samples(task, scale)
        return _uploads() if way == UPLOAD else _addresses()


def opened(given: Given) -> Picture:
    """The picture, which is read once and held while it is looked at."""
    picture = held(given)
    if picture is None:
        forget()
        picture = given.open()
        sharing.keep(picture)
        st.session_state["picture"] = picture
    return picture


def held(given: Given) -> Picture | None:
    """The picture, if it is the one that is looked at."""
    picture = st.session_state.get("picture")
    return picture if picture is not None and picture.key == given.key else None


def forget() -> None:
    """Let go of everything that came of pictures that are no longer there."""
    for name in ("picture", "preview", "parcel"):
        st.session_state.pop(name, None)


def fold() -> None:
    """Fold up what asks for pictures; of use in what Streamlit calls before it draws the page."""
    st.session_state["source"] = False


def _fold_if_given() -> None:
    if st.session_state["files"]:
        fold()


def _uploads() -> list[Given]:
    sent = st.file_uploader(
        "Your pictures",
        accept_multiple_files=True,
        max_upload_size=safe_fetch.MAX_BYTES // 10**6,
        key="files",
        on_change=_fold_if_given,
        label_visibility="collapsed",
    )
    st.caption(f"{LIMITS} {PRIVACY}")
    if len(sent) > MOST:
        raise safe_fetch.RefusedError(f"these are {len(sent)} pictures: give at most {MOST} at a time")
    before, held = st.session_state.get("sent", {}), {}
    for file in sent:
        held[file.file_id] = before.get(file.file_id) or _held(file.getvalue())
    st.session_state["sent"] = held
    return [_given((UPLOAD, file.file_id), file.name, held[file.file_id]) for file in sent]


def _samples(task: str, scale: int) -> list[Given]:
    name = st.selectbox("Photograph", datasets.sample_names("test"))
    level = st.slider("Noise to add, of 255", 0, 75, 25) if task == "denoise" else 0
    key = (SAMPLE, name, task, scale, level)
    return [Given(key, f"{name}.png", functools.partial(_sample, key, name, task, scale, level / 255))]


def _addresses() -> list[Given]:
    with st.form("address", border=False):
        place = st.text_input("Address of a picture", placeholder="https://example.org/picture.jpg", max_chars=2000)
        asked = st.form_submit_button("Fetch")
    st.caption(f"{LIMITS} {PRIVACY}")
    if asked and place:
        st.session_state.pop("fetched", None)
        with st.spinner("Fetching"):
            st.session_state["fetched"] = place, uuid.uuid4().hex, _held(safe_fetch.fetch(place))
    fetched, mark, held = st.session_state.get("fetched", (None, "", None))
    if held is None or fetched != place:
        return []
    return [_given((ADDRESS, mark), PurePosixPath(place.partition("?")[0]).name, held)]


def _held(data: bytes) -> Bytes:
    held = Bytes(data)
    sharing.keep(held)
    return held


def _given(key: tuple, name: str, held: Bytes) -> Given:
    return Given(key, name, functools.partial(_read, key, name, held.data))


def _read(key: tuple, name: str, data: bytes) -> Picture:
    """A stranger's file, its header looked at first. Raises RefusedError or ImageError."""
    with sharing.turn():
        safe_fetch.check_header(data)
        return Picture(key, name, image_io.read(data), files.own_suffix(data, name))


def _sample(key: tuple, name: str, task: str, scale: int, sigma: float) -> Picture:
    """A test photograph of the book, degraded as the task asks, in 8 bits as a file would hold it."""
    clean = images.crop_to_multiple(datasets.photo(name), scale)
    degradation = {
        "denoise": Degradation(level=sigma, quantise=True),
        "dejpeg": Degradation(jpeg=15),
        "deblur": Degradation(degrade.KERNELS["gaussian-1.6"](), level=2 / 255, quantise=True),
        "upscale": Degradation(scale=scale, quantise=True),
    }[task]
    degraded = degradation(clean, np.random.default_rng(0))
    return Picture(key, f"{name}.png", image_io.Photo(images.to_uint8(degraded)), clean=clean)
