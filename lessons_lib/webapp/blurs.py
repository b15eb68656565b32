"""The blur that a visitor of the web app wants undone: its kind and size, its kernel drawn, and a part restored."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import streamlit as st

from lessons_lib import degrade, images, pretrained, restore
from lessons_lib.image_io import Photo
from lessons_lib.restore import RestoreOptions
from lessons_lib.webapp import before_after, safe_fetch, sharing
from lessons_lib.webapp.pictures import Picture, of_photo

SIDE = 192  # pixels of the side of the part that is restored beforehand
AROUND = 24  # more of them on each side, so that the part is restored with some of what surrounds it
LARGEST = 129  # pixels of the side of a kernel
PRIOR = "denoise-medium"
DRAWN = 128  # pixels of the side of its drawing, about
Blur = str | bytes | None


@dataclasses.dataclass(eq=False)
class Preview:
    """A part of a picture, before and after."""

    key: tuple
    before: Photo
    after: Photo

    def megabytes(self) -> float:
        """What it takes of the server's memory."""
        return of_photo(self.before) + of_photo(self.after)


def _gaussian() -> str:
    return f"gaussian:{st.slider('Standard deviation, pixels', 0.3, 8.0, 1.6, 0.1):g}"


def _defocus() -> str:
    return f"defocus:{st.slider('Radius, pixels', 0.5, 15.0, 3.0, 0.5):g}"


def _motion() -> str:
    length = st.slider("Length, pixels", 3, 61, 15, 2)
    return f"motion:{length}@{st.slider('Direction, degrees', 0, 179, 30)}"


def _drawn() -> bytes:
    """The bytes of a picture of a kernel; b"" as long as there is none. Raises RefusedError or ImageError."""
    sent = st.file_uploader("Picture of the kernel, bright where light went", max_upload_size=1)
    if sent is None:
        return b""
    data = sent.getvalue()
    sides = safe_fetch.check_header(data)
    if max(sides) > LARGEST:
        raise safe_fetch.RefusedError(
            f"the picture of the kernel has {sides[0]} x {sides[1]} pixels: cut it out, {LARGEST} a side at most"
        )
    degrade.kernel_from(data)  # what is wrong with it is said here
    return data


NETWORK = "Learnt by a network"
KINDS: dict[str, Callable[[], Blur]] = {
    "Found in the picture": lambda: "auto",
    "Soft all over (Gaussian)": _gaussian,
    "Out of focus": _defocus,
    "Moved in one direction": _motion,
    "A kernel of your own": _drawn,
    NETWORK: lambda: None,
}


def kinds() -> list[str]:
    """The keys of KINDS that the networks here can undo: a known blur needs a denoiser as its prior."""
    return [kind for kind in KINDS if (pretrained.names("deblur") if kind == NETWORK else PRIOR in pretrained.names())]


def choose() -> Blur:
    """What `RestoreOptions.blur` takes; b"" for a kernel that is still to come."""
    return KINDS[st.selectbox("Kind of blur", kinds())]()


def draw(kernel: np.ndarray) -> None:
    """Show a kernel, each of its pixels as a square."""
    said = f"The kernel, {kernel.shape[1]} x {kernel.shape[0]} pixels"
    st.image(enlarged(kernel), said, output_format="PNG", alt="Where the light of one point went")


def enlarged(kernel: np.ndarray) -> np.ndarray:
    """A kernel as a picture (uint8, gray), white where it is largest."""
    times = max(1, DRAWN // max(kernel.shape))
    return images.to_uint8(np.kron(kernel / kernel.max(), np.ones((times, times)))[..., None])[..., 0]


def previewed(picture: Picture, options: RestoreOptions, place: tuple[float, float]) -> Preview:
    """The part of the picture at `place`, restored now, or held since it was."""
    key = (picture.key, options, place)
    found = st.session_state.get("preview")
    if found is None or found.key != key:
        st.session_state.pop("preview", None)
        with sharing.turn(), st.spinner("Restoring a part"):
            found = Preview(key, *restored_part(picture.photo, options, place, picture.sigma))
        sharing.keep(found)
        st.session_state["preview"] = found
    return found


def restored_part(
    photo: Photo, options: RestoreOptions, place: tuple[float, float], sigma: float
) -> tuple[Photo, Photo]:
    """A part of a photo, and the same part restored. `sigma` is the noise of the whole, if the options name none."""
    if options.sigma is None:
        options = dataclasses.replace(options, sigma=restore.level_to_deblur(photo, sigma))
    cuts = [before_after.part(side, SIDE, at) for side, at in zip(photo.pixels.shape[:2], place, strict=True)]
    wide = [slice(max(0, cut.start - AROUND), cut.stop + AROUND) for cut in cuts]
    inner = tuple(slice(cut.start - more.start, cut.stop - more.start) for cut, more in zip(cuts, wide, strict=True))
    result = restore.restore_image(Photo(photo.pixels[tuple(wide)]), options)
    return Photo(photo.pixels[tuple(cuts)]), Photo(result.photo.pixels[inner])
