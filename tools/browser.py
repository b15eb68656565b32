"""Opens a page in the machine's own Chromium and says in plain words what is wrong with it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "microsoft-edge")
PLACES = {
    "darwin": [
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    ],
    "win32": [
        r"%ProgramFiles%\Google\Chrome\Application\chrome.exe",
        r"%ProgramFiles(x86)%\Google\Chrome\Application\chrome.exe",
        r"%LOCALAPPDATA%\Google\Chrome\Application\chrome.exe",
        r"%ProgramFiles(x86)%\Microsoft\Edge\Application\msedge.exe",
    ],
}
# Without these a browser that was just started asks its maker's servers for updates and components.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
GRAVE = ("serious", "critical")
# axe would fetch style sheets once more to look for rules about print, which browsers refuse on file://.
OPTIONS = {"resultTypes": ["violations"], "preload": False}
COLOURS = {"runOnly": ["color-contrast"]}
# The check of contrast looks at every word: of those alike in colour, size and ground three are left in sight for it.
HIDE_ALIKE = """within => {
  const ground = e => { let opacity = 1;
    for (let p = e; p; p = p.parentElement) {
      const style = getComputedStyle(p), colour = style.backgroundColor;
      opacity *= style.opacity;
      if (style.backgroundImage !== "none") return null;
      if (!/, 0\\)$/.test(colour)) return colour + opacity;
    } return "" + opacity; };
  const seen = new Map(), alike = [];
  const shown = e => e.textContent.trim() && e.checkVisibility({visibilityProperty: true, opacityProperty: true})
    && e.getBoundingClientRect().width > 1;
  for (const word of document.querySelectorAll(`${within} :not(:has(*)):not(svg *)`)) {
    const style = getComputedStyle(word), below = shown(word) ? ground(word) : null;
    if (below === null) continue;
    const look = [style.color, style.fontSize, style.fontWeight, below].join(), before = seen.get(look) ?? 0;
    if (before >= 3) alike.push(word);
    seen.set(look, before + 1);
  }
  window.alike = alike.map(word => [word, word.style.visibility]);
  for (const word of alike) word.style.visibility = "hidden";
}"""
SHOW_ALIKE = "() => { for (const [word, before] of window.alike) word.style.visibility = before; }"
ALL_BUT_COLOURS = {"rules": {"label-content-name-mismatch": {"enabled": True}, "color-contrast": {"enabled": False}}}

# Pictures that wait for the reader to scroll are loaded now; formulas are set before anything is measured.
SETTLE = """async () => {
  await window.MathJax?.startup?.promise;
  const pictures = [...document.images];
  for (const picture of pictures) picture.loading = "eager";
  await Promise.all(pictures.map(picture => picture.decode().catch(() => {})));
}"""
MISSING = "() => [...document.images].filter(i => !i.naturalWidth).map(i => i.getAttribute('src'))"
# A picture counts as decorative only if it says so by its role or hides from assistive technology.
WITHOUT_ALT = """() => [...document.images].filter(i => {
  const decorative = ["presentation", "none"].includes(i.getAttribute("role")) || i.closest("[aria-hidden=true]");
  return i.getAttribute("alt") === null || (!i.alt.trim() && !decorative);
}).map(i => i.getAttribute("src"))"""
TOO_WIDE = """() => {
  const room = document.documentElement.clientWidth;
  if (document.scrollingElement.scrollWidth <= room) return [];
  const boxed = e => { for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
    if (getComputedStyle(p).overflowX !== "visible") return true; return false; };
  const wide = [...document.body.querySelectorAll("*")]
    .filter(e => e.getBoundingClientRect().right > room + 1 && !boxed(e));
  return wide.slice(0, 3).map(e => e.outerHTML.slice(0, 120)).concat(wide.length ? [] : ["unknown element"]);
}"""

LEGIBLE = 10.5  # CSS pixels, of the text in drawings
TOO_SMALL = """least => [...document.querySelectorAll("svg text")]
  .map(t => [t.getScreenCTM().a * parseFloat(getComputedStyle(t).fontSize), t.textContent])
  .filter(([size, words]) => size < least && words.trim())
  .slice(0, 3).map(([size, words]) => `${size.toFixed(1)} px: ${words.slice(0, 60)}`)"""


def find_chromium() -> str | None:
    """The path of a Chromium, Chrome or Edge on this machine, or None."""
    places = [os.path.expandvars(place) for place in PLACES.get(sys.platform, [])]
    found = [path for path in map(shutil.which, NAMES) if path] + [place for place in places if Path(place).exists()]
    return found[0] if found else None


class Watched:
    """A page whose requests, console and errors are written down; every request must begin with `home`."""

    def __init__(self, context, home: str):
        self.home, self.problems = home, []
        self.page = context.new_page()
        self.page.on("request", self._request)
        self.page.on("response", self._response)
        self.page.on("requestfailed", self._failed)
        self.page.on("console", lambda m: m.type == "error" and self._say(f"console error: {m.text}"))
        self.page.on("pageerror", lambda e: self._say(f"page error: {e}"))

    def _failed(self, request) -> None:
        # The search page fetches its results one by one; who follows the first ends the others: no fault of the page.
        left = request.resource_type == "fetch" and request.failure == "net::ERR_ABORTED"
        if not left:
            self._say(f"did not load: {request.url}")

    def _say(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    def _request(self, request) -> None:
        if not request.url.startswith((self.home, "data:", "blob:")):
            self._say(f"outside request: {request.url}")

    def _response(self, response) -> None:
        if response.status >= 400:
            self._say(f"answer {response.status}: {response.url}")

    def open(self, address: str) -> Watched:
        self.page.goto(address, wait_until="load")
        self.page.evaluate(SETTLE)
        return self

    def look_at_pictures(self) -> None:
        self.page.wait_for_function("() => [...document.images].every(i => i.complete)")
        for source in self.page.evaluate(MISSING):
            self._say(f"missing image: {source}")
        for source in self.page.evaluate(WITHOUT_ALT):
            self._say(f"image without alt text: {source}")

    def look_for_barriers(self, colours: bool = True, others: bool = True, within: str | None = None) -> None:
        """Rules of axe-core whose breaking is serious or critical: on contrast of colours, and all others."""
        if colours:
            self.page.evaluate(HIDE_ALIKE, within or "main")
            self._rules(COLOURS, within)
            self.page.evaluate(SHOW_ALIKE)
        if others:
            self._rules(ALL_BUT_COLOURS, within)

    def _rules(self, rules: dict, within: str | None) -> None:
        found = Axe().run(self.page, context=within, options=OPTIONS | rules).response["violations"]
        for rule in [rule for rule in found if rule["impact"] in GRAVE]:
            places = "; ".join(node["html"][:160] for node in rule["nodes"][:3])
            self._say(f"{rule['impact']}: {rule['id']} ({len(rule['nodes'])} times): {places}")

    def look_at_width(self, size: dict = PHONE) -> None:
        """Whether the page, at a phone's width, scrolls sideways or has drawings with too small text."""
        self.page.set_viewport_size(size)
        self.page.wait_for_timeout(400)  # the theme waits 300 ms before it looks which boxes now scroll
        for element in self.page.evaluate(TOO_WIDE):
            self._say(f"wider than {size['width']} px: {element}")
        for words in self.page.evaluate(TOO_SMALL, LEGIBLE):
            self._say(f"small text in a drawing: {words}")
