"""The web app: a picture by upload or address, a task, and the restored picture beside it. Thin: ask, call, show.

`lessons app` runs it. What a visitor does lives in st.session_state, so in memory, and goes when the page is closed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import logging
import os
import re
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import streamlit as st

from lessons_lib import datasets, degrade, image_io, images, metrics, pretrained, restore
from lessons_lib.degrade import Degradation
from lessons_lib.restore import RestoreOptions
from lessons_lib.webapp import before_after, safe_fetch

TASKS = {"Remove noise": "denoise", "Remove blur": "deblur", "Upscale": "upscale"}
SAMPLE, UPLOAD, ADDRESS = "A photograph of the book", "Upload", "Address"
VIEWS = {"Whole picture": 0, "Pixel for pixel": 1, "Twice as large": 2}
MEGABYTES = int(os.environ.get("LESSONS_APP_MEGABYTES", "1500"))  # of all visitors' pictures together
LIMITS = (
    f"PNG, JPEG, WebP or TIFF, up to {safe_fetch.MAX_BYTES // 10**6} MB and {safe_fetch.MAX_PIXELS // 10**6} megapixels"
)


@dataclasses.dataclass(eq=False)
class Picture:
    """What a visitor brought: `clean` is known for the book's own photographs alone."""

    key: tuple
    name: str
    photo: image_io.Photo
    clean: np.ndarray | None = None

    def megabytes(self) -> float:
        """What it takes of the server's memory."""
        return _megabytes(self.photo) + (0 if self.clean is None else self.clean.nbytes / 1e6)


@dataclasses.dataclass(eq=False)
class Answer:
    """A restored picture, the PNG file of it, and what is to be said about it, one sentence each."""

    key: tuple
    photo: image_io.Photo
    file: bytes
    facts: list[str]

    def megabytes(self) -> float:
        """What it takes of the server's memory."""
        return _megabytes(self.photo) + len(self.file) / 1e6


def main() -> None:
    """Draw the page; Streamlit calls this again at every move of the visitor."""
    st.set_page_config(page_title="Restore a photograph", layout="centered")
    st.title("Restore a photograph")
    st.markdown(
        f"{LIMITS}. Your picture stays in this server's memory, is shown to nobody else, and is forgotten a minute "
        "after you close the page."
    )
    with _plainly():
        _start_keras()
        tasks = [label for label, task in TASKS.items() if pretrained.names(task)]
        if not tasks:
            st.warning("No trained networks are here: get the whole repository, with its folder weights.")
            return
        task = TASKS[st.radio("What to do", tasks, horizontal=True)]
        network = _choose_network(task)
        card = pretrained.card(network)
        picture = _choose_picture(task, card["scale"])
        if picture is None:
            return
        sigma, strength = _choose_level(card), _choose_strength(card)
        answer = st.session_state.get("answer")
        if st.button("Restore"):
            st.session_state.pop("answer", None)
            answer = st.session_state["answer"] = _restore(picture, network, sigma, strength)
        if answer is not None and answer.key == (*picture.key, network):  # of this picture, for this task
            _show(picture, answer)
        else:
            look = before_after.whole(picture.photo.pixels, picture.photo.alpha)
            st.image(look, caption="Your picture as it came", output_format="PNG")
        with st.expander("About this network"):
            st.text(f"{network}: {card['limits']}\nLicence: {card['licence']}")


@st.cache_resource(show_spinner="Starting Keras. Only the first visitor waits for this.")
def _start_keras() -> None:
    """Load what the networks run on: the page is there before it is."""
    import keras  # noqa: F401

    gc.freeze()  # Streamlit collects garbage after each move; without this it would search all of Keras each time


@st.cache_resource
def _server() -> tuple[threading.Lock, weakref.WeakSet]:
    """What all visitors share: whose turn it is, and which pictures are held."""
    return threading.Lock(), weakref.WeakSet()


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """Say what went wrong in a sentence; what nobody foresaw goes to the log."""
    try:
        yield
    except (safe_fetch.RefusedError, images.ImageError, datasets.DatasetError) as error:
        text = str(error)
        st.error(f"{_escaped(text[:1].upper() + text[1:])}.")
    except MemoryError:
        st.error("There is not enough memory on this server for that picture: make it smaller first.")
    except Exception:
        logging.getLogger(__name__).exception("unforeseen")
        st.error("Something went wrong here, and was written to the server's log. Another picture may work.")


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    """One picture at a time on the whole server, which bounds its memory; the others wait and are told so."""
    lock, _ = _server()
    place = st.empty()
    while not lock.acquire(timeout=0.3):
        place.info("Another picture is being worked on. Yours comes next; keep this page open.")
    try:
        place.empty()
        yield
    finally:
        lock.release()


def _keep(thing: Picture | Answer) -> None:
    """Count something into the memory that all visitors share. Raises RefusedError if that is full."""
    _, held = _server()
    if sum(one.megabytes() for one in list(held)) + thing.megabytes() > MEGABYTES:
        raise safe_fetch.RefusedError(
            "the server holds too many pictures now: wait some minutes, or take a smaller one"
        )
    held.add(thing)


def _choose_network(task: str) -> str:
    names = pretrained.names(task)
    usual = restore.AUTO if restore.AUTO in names else f"{task}-medium"
    first = names.index(usual) if usual in names else 0
    if task == "upscale":
        return st.radio(
            "How many times", names, format_func=lambda n: f"{pretrained.card(n)['scale']} x", horizontal=True
        )
    if len(names) == 1:
        return names[0]
    return st.selectbox("Network", names, first, format_func=lambda name: name.removeprefix(f"{task}-"))


def _choose_level(card: dict) -> float | None:
    """The noise level in [0, 1], None to estimate it; for other networks nothing is asked."""
    if not card["noise_conditioned"]:
        return None
    by_hand = st.toggle("Set the noise level by hand", help="otherwise it is estimated from the picture")
    return st.slider("Noise level, of 255", 0, 75, 25) / 255 if by_hand else None


def _choose_strength(card: dict) -> float | None:
    """How much of the noise that is found goes; None for all of it, and for networks that are not asked."""
    if not card.get("strength"):
        return None
    chosen = st.slider("Strength", 0.3, 3.0, 1.0, 0.1, help="1 removes the noise as it was found, more smooths more")
    return None if chosen == 1 else chosen


def _choose_picture(task: str, scale: int) -> Picture | None:
    ways = [SAMPLE, UPLOAD, ADDRESS] if os.environ.get("LESSONS_APP_FETCH") != "off" else [SAMPLE, UPLOAD]
    way = st.radio("The picture", ways, horizontal=True)
    key: tuple[object, ...]
    if way == SAMPLE:
        name = st.selectbox("Photograph", datasets.sample_names("test"))
        level = st.slider("Noise to add, of 255", 0, 75, 25) if task == "denoise" else 0
        key = (SAMPLE, name, task, scale, level)
        return _kept(key) or _remember(_sample(key, name, task, scale, level / 255))
    if way == UPLOAD:
        file = st.file_uploader(LIMITS, ["png", "jpg", "jpeg", "webp", "tif", "tiff"], max_upload_size=25)
        if file is None:
            return None
        key = (UPLOAD, file.file_id)
        return _kept(key) or _remember(_read(key, file.name, file.getvalue()))
    with st.form("address", border=False):
        place = st.text_input("Address of a picture", placeholder="https://example.org/picture.jpg", max_chars=2000)
        asked = st.form_submit_button("Fetch")
    key = (ADDRESS, place)
    if asked and place:
        st.session_state.pop("picture", None)
        with st.spinner("Fetching"):
            data = safe_fetch.fetch(place)
        return _remember(_read(key, Path(place.partition("?")[0]).name, data))
    return _kept(key)


def _kept(key: tuple) -> Picture | None:
    picture = st.session_state.get("picture")
    return picture if picture is not None and picture.key == key else None


def _remember(picture: Picture) -> Picture:
    for name in ("picture", "answer"):
        st.session_state.pop(name, None)
    _keep(picture)
    st.session_state["picture"] = picture
    return picture


def _read(key: tuple, name: str, data: bytes) -> Picture:
    """A stranger's file, its header looked at first. Raises RefusedError or ImageError."""
    with _turn():
        safe_fetch.check_header(data)
        return Picture(key, name, image_io.read(data))


def _sample(key: tuple, name: str, task: str, scale: int, sigma: float) -> Picture:
    """A test photograph of the book, degraded as the task asks, in 8 bits as a file would hold it."""
    clean = images.crop_to_multiple(datasets.photo(name), scale)
    degradation = {
        "denoise": Degradation(level=sigma, quantise=True),
        "deblur": Degradation(degrade.KERNELS["gaussian-1.6"](), level=2 / 255, quantise=True),
        "upscale": Degradation(scale=scale, quantise=True),
    }[task]
    degraded = degradation(clean, np.random.default_rng(0))
    return Picture(key, f"{name}.png", image_io.Photo(images.to_uint8(degraded)), clean)


def _options(name: str, sigma: float | None, strength: float | None) -> RestoreOptions:
    """What the visitor chose; the network that finds the noise itself may hand on to another one."""
    card, model = pretrained.card(name), None if name == restore.AUTO else name
    scale = card["scale"] if card["task"] == "upscale" else None
    return RestoreOptions(card["task"], model, scale, sigma, strength=strength)


def _restore(picture: Picture, name: str, sigma: float | None, strength: float | None = None) -> Answer:
    """Ask the network for the whole picture. Raises RefusedError if the answer were too large, or ImageError."""
    card, pixels = pretrained.card(name), picture.photo.pixels
    megapixels = pixels.shape[0] * pixels.shape[1] * card["scale"] ** 2 / 1e6
    if megapixels > safe_fetch.MAX_PIXELS / 1e6:
        raise safe_fetch.RefusedError(
            f"the answer would have {megapixels:.0f} megapixels, {safe_fetch.MAX_PIXELS // 10**6} are the limit: "
            "upscale less, or cut a part out first"
        )
    with _turn():
        began, bar = time.monotonic(), st.progress(0.0, "Looking at the noise")

        def advance(done: int, total: int) -> None:
            bar.progress(done / total, f"Restoring: {done} of {total} tiles")

        result = restore.restore_image(picture.photo, _options(name, sigma, strength), progress=advance)
        file, lost = image_io.encode(result.photo, ".png")
        bar.empty()
    restored, facts = result.photo, [f"Network: {name}."]
    if result.found:
        facts.append(f"{result.found[:1].upper()}{result.found[1:].replace('--strength 1', 'another strength')}.")
    elif result.estimated and result.sigma is not None:
        facts.append(f"Noise level estimated: {255 * result.sigma:.1f} of 255.")
    facts.append(f"{megapixels:.2f} megapixels in {time.monotonic() - began:.1f} seconds on this server.")
    if picture.clean is not None:
        before = _upscaled(picture.photo.pixels, restored.pixels.shape)
        scores = [metrics.psnr(picture.clean, image_io.as_float(x), data_range=1.0) for x in (before, restored.pixels)]
        facts.append("PSNR against the clean photograph: {:.2f} dB before, {:.2f} dB after.".format(*scores))
    answer = Answer((*picture.key, name), restored, file, [*facts, *picture.photo.notes, *lost])
    _keep(answer)
    return answer


def _show(picture: Picture, answer: Answer) -> None:
    small = max(answer.photo.pixels.shape[:2]) <= min(before_after.WINDOW) // 2
    view = st.radio("View", VIEWS, 2 if small else 0, horizontal=True)
    place = (0.5, 0.5)
    if VIEWS[view] and not small:
        down, across = (st.slider(f"From {way}, %", 0, 100, 50) / 100 for way in ("top to bottom", "left to right"))
        place = (down, across)
    slider = st.components.v2.component(
        "before_after", html=before_after.HTML, css=before_after.CSS, js=before_after.JS
    )
    slider(key="slider", data=before_after.sides(picture.photo, answer.photo, VIEWS[view], place))
    for fact in answer.facts:
        st.text(fact)
    name = re.sub(r"[^\w.-]+", "-", Path(picture.name).stem)[:80] or "picture"
    bits = min(16, 8 * answer.photo.pixels.dtype.itemsize)
    label = f"Download as PNG ({bits} bits, {len(answer.file) / 1e6:.1f} MB)"
    st.download_button(label, answer.file, f"{name}-restored.png", "image/png", on_click="ignore")


def _upscaled(pixels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if pixels.shape == shape:
        return pixels
    return images.resize(image_io.as_float(pixels), (shape[0], shape[1]), "bicubic")


def _megabytes(photo: image_io.Photo) -> float:
    return (photo.pixels.nbytes + (0 if photo.alpha is None else photo.alpha.nbytes)) / 1e6


def _escaped(text: str) -> str:
    """Text as it stands: what a visitor typed is not to be read as Markdown."""
    return re.sub(r"([^\w\s,;'\"/])", r"\\\1", text)


if __name__ == "__main__":
    main()
