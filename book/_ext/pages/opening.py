"""`{degraded-photo} NAME`: one photograph of the sample and what noise, blur and too few pixels make of it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from lessons_lib import degrade, images

DATA = Path(__file__).resolve().parents[3] / "data"
SIDE = 240  # pixels of the square that is cut out of the photograph
GAP = 8


def versions(photo: np.ndarray) -> list[np.ndarray]:
    """The clean photograph, then noisy (sigma 50/255), blurred by motion, and reduced 6 times."""
    small = degrade.downscale_area(photo, 1 / 6)
    return [
        photo,
        degrade.gaussian_noise(photo, 50 / 255, np.random.default_rng(0), clip=True),
        degrade.blur(photo, degrade.motion_kernel(15, 30)),
        images.resize(small, photo.shape[:2], "nearest"),
    ]


def strip(photo: np.ndarray) -> np.ndarray:
    """The versions in a row of squares with an empty (white) gap between them."""
    gap = np.ones((SIDE, GAP, 3), np.float32)
    squares = versions(images.center_crop(photo, (SIDE, SIDE)))
    return np.concatenate([part for square in squares for part in (square, gap)][:-1], axis=1)


class DegradedPhoto(SphinxDirective):
    """Content: the caption. Option alt: what a reader who cannot see the picture should know."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {"alt": str}

    def run(self):
        if not self.options.get("alt"):
            raise self.error("degraded-photo needs :alt:")
        source = next((DATA / "photos").glob(f"*/{self.arguments[0]}.png"), None)
        if source is None:
            raise self.error(f"there is no photograph {self.arguments[0]!r} in data/photos")
        self.env.note_dependency(str(source))
        self.env.note_dependency(__file__)
        path = Path(self.env.app.doctreedir).parent / "opening" / f"{source.stem}-degraded.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        images.write(path, strip(images.read(source)))
        uri = "/" + path.relative_to(self.env.srcdir).as_posix()
        figure = nodes.figure("", nodes.image(uri=uri, alt=self.options["alt"]))
        caption = self.parse_text_to_nodes("\n".join(self.content))
        figure += nodes.caption("", "", *caption[0].children)
        return [figure]
