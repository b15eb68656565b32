"""What the web app shows: a picture as it came, a part restored beforehand, or before and after with the downloads."""

from __future__ import annotations

import mimetypes

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lessons_lib.image_io.writing import QUALITY
from lessons_lib.restore import RestoreOptions
from lessons_lib.webapp import before_after, blurs, files, plain, sharing
from lessons_lib.webapp.pictures import Picture
from lessons_lib.webapp.restoring import Answer, Parcel

VIEWS = {"Whole picture": 0, "Pixel for pixel": 1, "Twice as large": 2}
SMALL = min(before_after.WINDOW) // 2  # pixels of the sides of a picture that is shown twice as large as it is


def show_whole(picture: Picture) -> None:
    """The picture as it came, reduced if it is large."""
    look = before_after.whole(picture.photo.pixels, picture.photo.alpha)
    with st.container(key="whole"):
        st.image(look, caption="Your picture as it came", output_format="PNG", alt=f"{picture.name}, as it came")


def show_preview(picture: Picture, options: RestoreOptions, aside: DeltaGenerator) -> None:
    """A part before and after, twice as large, and aside the sliders that move it."""
    small = max(picture.photo.pixels.shape[:2]) <= blurs.SIDE
    with aside:
        place = (0.5, 0.5) if small else _place()
    preview = blurs.previewed(picture, options, place)
    _slider(before_after.sides(preview.before, preview.after, 2, fits=True), "preview_slider")
    st.caption("A part of your picture, to try the blur out.")


def show_answer(picture: Picture, answer: Answer) -> None:
    """Before and after under one edge, the downloads, and what is to be said."""
    stage = st.container()
    _offer(answer)
    small = max(answer.photo.pixels.shape[:2]) <= SMALL
    view = 2 if small else VIEWS[st.radio("View", VIEWS, horizontal=True, label_visibility="collapsed")]
    place = _place() if view and not small else (0.5, 0.5)
    with stage:
        data = before_after.sides(picture.photo, answer.photo, view, place, news=str(id(answer)), fits=small)
        _slider(data, "slider")
    st.caption(plain.escaped(" ".join(answer.facts)))
    if answer.kernel is not None:
        blurs.draw(answer.kernel)


def offer_all(answers: list[Answer]) -> None:
    """A zip of several answers. Raises RefusedError if there is no memory for it."""
    parcel = st.session_state.get("parcel")
    if parcel is None or parcel.answers != answers:
        st.session_state.pop("parcel", None)
        parcel = Parcel(answers)
        sharing.keep(parcel)
        st.session_state["parcel"] = parcel
    label = f"Download all {len(answers)} (zip)"
    st.download_button(label, parcel.file, "restored.zip", "application/zip", on_click="ignore", width="stretch")


def _offer(answer: Answer) -> None:
    """The picture as a file, in the format that it came in and as PNG."""
    kind = files.kind_of(answer.suffix)
    usual = QUALITY.get(kind, {}).get("quality")
    chosen = st.session_state.get(f"quality {kind}", usual)  # of the slider below
    with st.container(horizontal=True):
        for suffix in dict.fromkeys((answer.suffix, ".png")):
            _offer_as(answer, suffix, None if chosen == usual or suffix != answer.suffix else chosen)
        if usual:
            with st.popover("Quality"):
                st.slider(f"Quality of the {kind}", 50, 100, usual, key=f"quality {kind}")


def _offer_as(answer: Answer, suffix: str, quality: int | None) -> None:
    usual = suffix == answer.suffix and quality is None
    bits = min(16, 8 * answer.photo.pixels.dtype.itemsize)
    label = f"Download {files.kind_of(suffix)}" + (f" ({bits} bits)" if suffix == ".png" and bits > 8 else "")
    name = f"{files.safe_stem(answer.name)}-restored{suffix}"
    data = answer.data if usual else lambda: answer.file(suffix, quality)  # made when it is asked for
    st.download_button(label, data, name, mimetypes.guess_type(name)[0], on_click="ignore", key=f"as{suffix}")


def _place() -> tuple[float, float]:
    """Where the part is that is shown, down and across, from 0 to 1."""
    across, down = (
        column.slider(f"From {way}, %", 0, 100, 50, key=way) / 100
        for column, way in zip(st.columns(2, wrap=False), ("left to right", "top to bottom"), strict=True)
    )
    return down, across


def _slider(data: dict, key: str) -> None:
    draw = st.components.v2.component("before_after", html=before_after.HTML, css=before_after.CSS, js=before_after.JS)
    draw(key=key, data=data)
