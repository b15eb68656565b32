"""A visitor's pictures restored one after the other, with progress, a way to stop, and what came of each."""

from __future__ import annotations

import dataclasses
import functools
import time

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lessons_lib import image_io, images, metrics, restore
from lessons_lib.images import ImageError
from lessons_lib.restore import Progress, RestoreOptions
from lessons_lib.webapp import files, pictures, plain, safe_fetch, sharing
from lessons_lib.webapp.pictures import Given


@dataclasses.dataclass(eq=False)
class Answer:
    """A restored picture, the file of it in the format of `suffix`, and what is to be said, one sentence each.

    kernel: of a blur that was found.
    """

    name: str
    photo: image_io.Photo
    suffix: str
    data: bytes
    facts: list[str]
    kernel: np.ndarray | None = None

    def megabytes(self) -> float:
        """What it takes of the server's memory."""
        return pictures.of_photo(self.photo) + len(self.data) / 1e6

    def file(self, suffix: str, quality: int | None = None) -> bytes:
        """The picture as a file; `quality` is for the formats that have one, None the usual."""
        usual = suffix == self.suffix and quality is None
        return self.data if usual else image_io.encode(self.photo, suffix, quality)[0]


@dataclasses.dataclass(eq=False)
class Parcel:
    """Several answers as one file, whose memory is counted before it is made."""

    answers: list[Answer]

    def megabytes(self) -> float:
        """What it takes of the server's memory."""
        return sum(len(answer.data) for answer in self.answers) / 1e6

    def file(self) -> bytes:
        """A zip of the pictures, each under its own name and in the format that it came in."""
        names = [f"{files.safe_stem(answer.name)}{answer.suffix}" for answer in self.answers]
        return files.zipped(names, [answer.data for answer in self.answers])


Outcome = Answer | str  # a string is the sentence that says why there is no answer


def outcomes(given: list[Given], options: RestoreOptions | None) -> list[Outcome | None]:
    """What came of each picture with these options, None where nothing did yet; other pictures are forgotten."""
    there = st.session_state.get("outcomes", {})
    kept = {one.key: there[one.key] for one in given if one.key in there}
    st.session_state["outcomes"] = kept
    found = [kept.get(one.key, (None, None)) for one in given]
    return [outcome if options is not None and asked == options else None for asked, outcome in found]


def run(given: list[Given], options: RestoreOptions, place: DeltaGenerator) -> None:
    """Restore pictures and note what came of each. Whatever the visitor does meanwhile ends this run, and the work."""
    with place:
        bar = st.progress(0.0, "Looking at the picture")
        st.button("Cancel", key="cancel", width="stretch")
        for number, one in enumerate(given):
            st.session_state["outcomes"].pop(one.key, None)
            told = functools.partial(_advance, bar, number, len(given), one.name)
            told(0, 1)
            try:
                outcome: Outcome = restored(one, options, told)
            except Exception as error:  # one that fails does not take the others with it
                outcome = plain.sentence(error)
            st.session_state["outcomes"][one.key] = options, outcome


def _advance(bar: DeltaGenerator, number: int, many: int, name: str, done: int, total: int) -> None:
    which = f"{number + 1} of {many}, {plain.escaped(name)}: " if many > 1 else ""
    bar.progress((number + done / total) / many, f"{which}{100 * done // total} %")


def restored(given: Given, options: RestoreOptions, progress: Progress) -> Answer:
    """Ask the network for a whole picture. Raises RefusedError if the answer were too large, or ImageError."""
    picture = pictures.held(given) or given.open()
    scale = (options.scale or 2) if options.task == "upscale" else 1
    megapixels = picture.photo.pixels.shape[0] * picture.photo.pixels.shape[1] * scale**2 / 1e6
    if megapixels > safe_fetch.MAX_PIXELS / 1e6:
        raise safe_fetch.RefusedError(
            f"the answer would have {megapixels:.0f} megapixels, {safe_fetch.MAX_PIXELS // 10**6} are the limit: "
            "upscale less, or cut a part out first"
        )
    with sharing.turn():
        began = time.monotonic()
        result = restore.restore_image(picture.photo, options, progress=progress)
        suffix, data, notes = filed(result.photo, picture.suffix)
    facts = _found(result)
    facts.append(f"{megapixels:.2f} megapixels in {time.monotonic() - began:.1f} seconds on this server.")
    facts += [] if picture.clean is None else [_scores(picture.photo.pixels, result.photo.pixels, picture.clean)]
    facts += [f"{note[:1].upper()}{note[1:]}." for note in (*picture.photo.notes, *notes)]
    answer = Answer(picture.name, result.photo, suffix, data, facts, result.kernel)
    sharing.keep(answer)
    return answer


def filed(photo: image_io.Photo, suffix: str | None) -> tuple[str, bytes, tuple[str, ...]]:
    """Suffix, bytes and notes of a file in the format of `suffix`, or of a PNG where that cannot be."""
    why = "the format it came in cannot be written, so it became a PNG"
    if suffix is not None:
        try:
            return suffix, *image_io.encode(photo, suffix)
        except ImageError as error:
            why = f"{error}; so it became a PNG"
    data, notes = image_io.encode(photo, ".png")
    return ".png", data, (why, *notes)


def _found(result: restore.Restored) -> list[str]:
    """What the network found out about the noise."""
    if result.found:
        return [f"{result.found[:1].upper()}{result.found[1:].replace('--strength 1', 'another strength')}."]
    if result.estimated and result.sigma is not None:
        return [f"Noise level estimated: {255 * result.sigma:.1f} of 255."]
    return []


def _scores(before: np.ndarray, after: np.ndarray, clean: np.ndarray) -> str:
    if before.shape != after.shape:
        before = images.resize(image_io.as_float(before), (after.shape[0], after.shape[1]), "bicubic")
    scores = [metrics.psnr(clean, image_io.as_float(x), data_range=1.0) for x in (before, after)]
    return "PSNR against the clean photograph: {:.2f} dB before, {:.2f} dB after.".format(*scores)
