"""Two pictures under one movable edge, in a browser: what is shown of them, and the page's own part of it.

The scripts ask for nothing from outside. A large picture is shown whole, reduced, or in a detail pixel for pixel: never
squashed into a square, where noise would vanish from "before" as well.
"""

from __future__ import annotations

import base64

import cv2
import numpy as np

from lessons_lib import images
from lessons_lib.image_io import as_float
from lessons_lib.images import ImageError

WINDOW = (528, 704)  # height and width of what is shown, at most
HTML = """
<figure>
  <div class="stage">
    <img class="before"><img class="after"><i></i><b class="left">before</b><b class="right">after</b>
  </div>
  <label>Move the edge <input type="range" min="0" max="100" value="50" step="1"></label>
</figure>
"""
CSS = """
figure { margin: 0; color: var(--st-text-color); font-family: var(--st-font); }
/* The whole picture leaves room on a phone for what is around it; of a detail no pixel is ever made smaller. */
figure.whole { --most: min(var(--width), 56svh * var(--ratio)); }
figure.cut { --most: var(--width); }
.stage { --at: 50%; position: relative; overflow: hidden; cursor: ew-resize; touch-action: pan-y; user-select: none;
    max-width: var(--most); scroll-margin: 4rem 0 1rem; }
.whole .stage { aspect-ratio: var(--ratio); }
.cut .stage { height: var(--height); }
.exact img { image-rendering: pixelated; }
img { display: block; width: 100%; height: 100%; object-fit: cover; }
.after { position: absolute; inset: 0; clip-path: inset(0 0 0 var(--at)); }
i { position: absolute; top: 0; bottom: 0; left: calc(var(--at) - 1px); width: 2px; background: #fff;
    box-shadow: 0 0 3px #000; }
b { position: absolute; bottom: 0; padding: .1em .5em; font-size: .8rem; background: #000; color: #fff; opacity: .85; }
.left { left: 0; }
.right { right: 0; }
label { display: flex; gap: .8em; align-items: center; margin-top: .5em; font-size: .9rem; white-space: nowrap;
    max-width: max(var(--most), 18rem); }
input { flex: 1; min-width: 0; height: 2em; accent-color: var(--st-primary-color); }
input:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
"""
JS = """
export default function ({ parentElement, data }) {
  const stage = parentElement.querySelector(".stage"), range = parentElement.querySelector("input");
  for (const side of ["before", "after"]) {
    const picture = parentElement.querySelector("img." + side);
    picture.src = data[side];
    picture.alt = "The picture " + side;
    picture.draggable = false;
  }
  const figure = parentElement.querySelector("figure");
  figure.className = (data.exact ? "exact " : "") + (data.cut ? "cut" : "whole");
  for (const side of ["width", "height"]) figure.style.setProperty("--" + side, data[side] + "px");
  figure.style.setProperty("--ratio", data.width / data.height);
  const show = () => {
    stage.style.setProperty("--at", range.value + "%");
    range.setAttribute("aria-valuetext", `${range.value} % before, ${100 - range.value} % after`);
  };
  const follow = event => {
    const box = stage.getBoundingClientRect();
    range.value = Math.round(100 * (event.clientX - box.left) / box.width);
    show();
  };
  stage.onpointerdown = event => { stage.setPointerCapture(event.pointerId); follow(event); };
  stage.onpointermove = event => { if (event.buttons) follow(event); };
  range.oninput = show;
  show();
  if (data.news && stage.dataset.news !== data.news) setTimeout(() => {
    const box = stage.getBoundingClientRect(), calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (box.top < 0 || box.bottom > innerHeight)
      stage.scrollIntoView({ block: "start", behavior: calm ? "instant" : "smooth" });
  }, 150);
  stage.dataset.news = data.news;
}
"""


def whole(pixels: np.ndarray, alpha: np.ndarray | None = None, window: tuple[int, int] = WINDOW) -> np.ndarray:
    """A stored picture (H, W, 1 or 3), reduced to fit the window, as uint8 (h, w, 3)."""
    height, width = pixels.shape[:2]
    share = min(1.0, window[0] / height, window[1] / width)
    size = max(1, round(height * share)), max(1, round(width * share))
    return _shown(_resized(pixels, size), None if alpha is None else _resized(alpha, size))


def sides(
    before,
    after,
    zoom: int = 0,
    place: tuple[float, float] = (0.5, 0.5),
    window: tuple[int, int] = WINDOW,
    news: str = "",
    fits: bool = False,
) -> dict:
    """What the script in JS wants to know: two pictures as data: addresses, their width and height on the page.

    before, after: pictures with `pixels` and `alpha` (photos.Photo); `after` may be a whole number of times as large,
                   then `before` is enlarged by bicubic interpolation.
    zoom:          0 for the whole picture; 1 or 2 for a detail, each pixel that many pixels wide.
    place:         where the detail is, down and across, from 0 to 1.
    fits:          whether what is shown is to fit on a narrow page rather than to be cut there.
    news:          a word for what is shown; when it changes, the page scrolls to it unless it is in view.
    """
    height, width = after.pixels.shape[:2]
    scale, rest = divmod(height, before.pixels.shape[0])
    if rest or (scale * before.pixels.shape[0], scale * before.pixels.shape[1]) != (height, width):
        raise ImageError(f"{before.pixels.shape[:2]} and {(height, width)} are not one picture: no whole number apart")
    if zoom:
        cuts = [
            part(side, room // zoom, at, scale) for side, room, at in zip((height, width), window, place, strict=True)
        ]
    else:
        cuts = [slice(0, height), slice(0, width)]
    smaller = tuple(slice(cut.start // scale, cut.stop // scale) for cut in cuts)
    looks = [_look(after, tuple(cuts), window if not zoom else None)]
    looks.insert(0, _look(before, smaller, None, looks[0].shape[:2]))
    addresses = [_data_address(look, exact=bool(zoom)) for look in looks]
    height, width = (side * max(1, zoom) for side in looks[0].shape[:2])
    shown = {"width": width, "height": height, "exact": bool(zoom), "cut": bool(zoom) and not fits, "news": news}
    return {"before": addresses[0], "after": addresses[1], **shown}


def part(length: int, room: int, at: float, scale: int = 1) -> slice:
    """Part of a side: at most `room`, beginning and ending at multiples of `scale`, `at` of the way along."""
    room = max(scale, min(length, room) // scale * scale)
    start = round((length - room) * min(max(at, 0), 1)) // scale * scale
    return slice(start, start + room)


def _look(picture, cuts: tuple, window: tuple[int, int] | None, size: tuple[int, int] | None = None) -> np.ndarray:
    pixels, alpha = picture.pixels[cuts], None if picture.alpha is None else picture.alpha[cuts]
    if window:
        return whole(pixels, alpha, window)
    if size:
        pixels, alpha = _resized(pixels, size), None if alpha is None else _resized(alpha, size)
    return _shown(pixels, alpha)


def _resized(stored: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Stored values in another size: averaged when smaller, bicubic when larger."""
    way = cv2.INTER_CUBIC if size[0] > stored.shape[0] else cv2.INTER_AREA
    return cv2.resize(np.ascontiguousarray(stored), size[::-1], interpolation=way).reshape(*size, stored.shape[2])


def _shown(pixels: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """uint8 RGB for the screen, transparency laid over white."""
    shown = as_float(pixels)
    if alpha is not None:
        share = as_float(alpha)
        shown = shown * share + (1 - share)
    return np.repeat(images.to_uint8(shown), 3 // shown.shape[-1], axis=-1)


def _data_address(look: np.ndarray, exact: bool) -> str:
    """A picture inside an address: PNG where each pixel counts, else JPEG."""
    kind, options = ("png", []) if exact else ("jpeg", [cv2.IMWRITE_JPEG_QUALITY, 92])
    _, data = cv2.imencode(f".{kind}", np.ascontiguousarray(look[..., ::-1]), options)
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode()}"
