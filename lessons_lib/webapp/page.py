"""The web app: pictures by upload or address, a task, and what comes of each beside it. Thin: ask, call, show.

`lessons app` runs it. What a visitor does lives in st.session_state, so in memory, and goes when the page is closed.
"""

from __future__ import annotations

import gc
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lessons_lib import pretrained, restore
from lessons_lib.restore import RestoreOptions
from lessons_lib.webapp import blurs, pictures, plain, restoring, showing
from lessons_lib.webapp.pictures import Given
from lessons_lib.webapp.restoring import Answer, Outcome

TASKS = {"Remove noise": "denoise", "Remove JPEG marks": "dejpeg", "Remove blur": "deblur", "Upscale": "upscale"}
WIDTH = 1120  # pixels of the page at most: the picture, and beside it what is done to it
# On a phone the picture leaves room for Restore, progress and Cancel; captions, and white on the button, can be read.
STYLE = """<style>
.stMainBlockContainer { padding-top: 2.5rem; padding-bottom: 3rem; }
.stMainBlockContainer h1 { font-size: 1.6rem; padding: 0 0 .75rem; }
@media (max-width: 640px) { .st-key-whole img { max-height: 40svh; width: auto; } }
[data-testid="stCaptionContainer"], [data-testid="stImageCaption"] div { opacity: .8; }
button[kind="primary"], button[kind="primary"]:hover { background: #b3303f; border-color: #b3303f; color: #fff; }
</style>"""


class Places(NamedTuple):
    """Where on the page things go that are drawn out of order; `action` tells of the work."""

    left: DeltaGenerator
    button: DeltaGenerator
    action: DeltaGenerator
    aside: DeltaGenerator


def main() -> None:
    """Draw the page; Streamlit calls this again at every move of the visitor."""
    st.set_page_config(page_title="Restore a photograph", layout="wide")
    st.html(STYLE)
    with st.container(horizontal_alignment="center"), st.container(width=WIDTH), plain.plainly():
        st.title("Restore a photograph", anchor=False)
        _start_keras()
        tasks = [label for label, task in TASKS.items() if _can(task)]
        if not tasks:
            st.warning("No trained networks are here: get the whole repository, with its folder weights.")
            return
        left, right = st.columns((2, 1), gap="medium")
        with right:
            task = TASKS[st.radio("What to do", tasks, horizontal=True, label_visibility="collapsed")]
            settings, button, action, aside = st.container(), st.empty(), st.container(), st.container()
            more = st.expander("More settings")
            options = _choose_options(task, settings, more)
        _work(Places(left, button, action, aside), task, options)


def _can(task: str) -> bool:
    """Whether there are networks here for a task."""
    return bool(blurs.kinds() if task == "deblur" else pretrained.names(task))


def _work(places: Places, task: str, options: RestoreOptions | None) -> None:
    """Take the pictures, show one of them, and restore them all if the visitor asked for it."""
    given: list[Given] = []
    with places.left, plain.plainly():
        given = pictures.choose(task, (options and options.scale) or 1)
    asked = st.session_state.pop("asked", False) and options is not None
    found = restoring.outcomes(given, options)
    if not given:
        pictures.forget()
        return
    with places.left:
        at = _choose_one(given)
        readable = _show(given[at], options, None if asked else found[at], None if asked else places.aside)
        if not asked:
            _tell_of_all(given, found)
    todo = [one for one, outcome in zip(given, found, strict=True) if outcome is None] or given
    if options is None or not (readable or len(given) > 1):
        return
    label = "Restore" if len(given) == 1 else f"Restore {'all' if todo == given else 'the other'} {len(todo)}"
    # It stays while it has been pressed: were it gone, all below would move up under the hand that is to cancel.
    places.button.button(label, key="restore", on_click=_ask, type="primary", width="stretch", disabled=asked)
    if asked:
        restoring.run(todo, options, places.action)
        st.rerun()


def _ask() -> None:
    """Remember that the visitor wants it done, and fold up what is not needed for it."""
    st.session_state["asked"] = True
    pictures.fold()


def _choose_one(given: list[Given]) -> int:
    """Which of the pictures is looked at."""
    if len(given) == 1:
        return 0
    labels = [f"{number}. {one.name}" for number, one in enumerate(given, 1)]
    return labels.index(st.selectbox("The picture to look at", labels, label_visibility="collapsed"))


def _show(given: Given, options: RestoreOptions | None, outcome: Outcome | None, aside: DeltaGenerator | None) -> bool:
    """Show a picture, and return whether it is one: restored if that is done, else with a part of it restored.

    The part is for a known blur alone; `aside` takes the sliders that move it, None while the whole is being restored.
    """
    stage = st.empty()
    with plain.plainly():
        picture = pictures.opened(given)
        with st.container() if aside is None else stage.container():
            if isinstance(outcome, Answer):
                showing.show_answer(picture, outcome)
            elif options is not None and options.kernel is not None and outcome is None and aside is not None:
                showing.show_preview(picture, options, aside)
            else:
                showing.show_whole(picture)
        return True
    return False


def _tell_of_all(given: list[Given], found: list[Outcome | None]) -> None:
    """Say which pictures failed, and offer all others in one file."""
    for one, outcome in zip(given, found, strict=True):
        if isinstance(outcome, str):
            st.error(plain.escaped(f"{one.name}: {outcome}" if len(given) > 1 else outcome))
    answers = [outcome for outcome in found if isinstance(outcome, Answer)]
    if len(given) > 1 and answers:
        with plain.plainly():
            showing.offer_all(answers)


def _choose_options(task: str, settings: DeltaGenerator, more: DeltaGenerator) -> RestoreOptions | None:
    """Ask how it is to be done; None as long as something is missing."""
    with settings, plain.plainly():
        blur = blurs.choose() if task == "deblur" else None
        if blur == b"":
            return None
        name = blurs.PRIOR if blur else _choose_network(task, more)
        card = pretrained.card(name)
        sigma, strength = _choose_level(card, more), _choose_strength(card)
        more.caption(plain.escaped(f"{name}: {card['limits']} Licence: {card['licence']}"))
        model = None if name == restore.AUTO or blur else name
        scale = card["scale"] if task == "upscale" else None
        options = RestoreOptions(task, model, scale, sigma, blur=blur, strength=strength)
        if options.kernel is not None:
            blurs.draw(options.kernel)
        return options
    return None


def _choose_network(task: str, more: DeltaGenerator) -> str:
    names = pretrained.names(task)
    usual = restore.AUTO if restore.AUTO in names else f"{task}-medium"
    first = names.index(usual) if usual in names else 0
    if task == "upscale":
        return st.radio(
            "How many times", names, format_func=lambda n: f"{pretrained.card(n)['scale']} x", horizontal=True
        )
    if len(names) == 1:
        return names[0]
    return more.selectbox("Network", names, first, format_func=lambda name: name.removeprefix(f"{task}-"))


def _choose_level(card: dict, more: DeltaGenerator) -> float | None:
    """The noise level in [0, 1], None to estimate it; for other networks nothing is asked."""
    if not card["noise_conditioned"]:
        return None
    by_hand = more.toggle("Set the noise level by hand", help="otherwise it is estimated from the picture")
    return more.slider("Noise level, of 255", 0, 75, 25) / 255 if by_hand else None


def _choose_strength(card: dict) -> float | None:
    """How much of the noise that is found goes; None for all of it, and for networks that are not asked."""
    if not card.get("strength"):
        return None
    chosen = st.slider("Strength", 0.3, 3.0, 1.0, 0.1, help="1 removes the noise as it was found, more smooths more")
    return None if chosen == 1 else chosen


@st.cache_resource(show_spinner="Starting Keras. Only the first visitor waits for this.")
def _start_keras() -> None:
    """Load what the networks run on: the page is there before it is."""
    import keras  # noqa: F401

    gc.freeze()  # Streamlit collects garbage after each move; without this it would search all of Keras each time


if __name__ == "__main__":
    main()
