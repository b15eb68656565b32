"""Measure the web app as a visitor finds it, into results/app.json: memory and processor seconds by picture size.

Processor seconds, not the clock's, so that what else runs on the machine counts little.

    python -m tools.measure.webapp --python CONTAINER_ENV/bin/python --backend jax

measures another environment than this one, such as the container's. A browser on this machine is the visitor.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import psutil

from lessons_lib import datasets, images
from tools import browser as browsers

ROOT = Path(__file__).resolve().parents[2]

BEGIN, END = "<!-- written by tools/measure/webapp.py -->\n", "<!-- end -->"


def said(table: dict) -> str:
    """What book/deploying.md says of the measured table, in Markdown."""
    lines = [
        f"Measured with Keras on {table['backend'].replace('jax', 'JAX').replace('tensorflow', 'TensorFlow')} and the "
        f"network `{table['network']}` ({table['machine']}):",
        "",
        "| | processor seconds | server's memory, MB |",
        "| --- | --- | --- |",
        f"| started, nobody has come | | {table['at_rest_mb']:.0f} |",
        f"| first visitor, Keras starts | {table['first_visit_seconds']:.1f} | {table['after_first_visit_mb']:.0f} |",
    ]
    for row in table["rows"]:
        what = f"{row['megapixels']:g} megapixel{'s' * (row['megapixels'] != 1)} restored"
        lines.append(f"| {what} | {row['seconds']:.1f} | {row['peak_mb']:.0f} at most |")
    lines += ["", f"The packages take {table['packages_mb']:.0f} MB of disk."]
    return "\n".join(lines) + "\n"


class Memory(threading.Thread):
    """The most memory (MB) that a process held since `peak` was set to 0, looked at ten times a second."""

    def __init__(self, process: psutil.Process):
        super().__init__(daemon=True)
        self.process, self.peak = process, 0.0

    def now(self) -> float:
        """MB held by the process now."""
        return self.process.memory_info().rss / 1e6

    def spent(self) -> float:
        """Processor seconds of the process so far, of all its threads."""
        times = self.process.cpu_times()
        return times.user + times.system

    def run(self) -> None:
        while self.process.is_running():
            self.peak = max(self.peak, self.now())
            time.sleep(0.1)


def noisy(megapixels: float) -> bytes:
    """A JPEG of a photograph of the book, enlarged to that many pixels (3 : 4), with noise of level 15."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    rng = np.random.default_rng(0)
    large = images.resize(datasets.photo(datasets.sample_names("test")[0]), (height, height * 4 // 3), "bicubic")
    large += 15 / 255 * rng.standard_normal(large.shape, dtype=np.float32)
    return cv2.imencode(".jpg", images.to_uint8(large)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def visit(page, memory: Memory, address: str, sizes: list[float]) -> dict:
    """Open the page and restore a picture of each size."""
    at_rest, began = memory.now(), memory.spent()
    page.goto(address)
    sent = page.locator("input[type=file]")
    sent.wait_for(state="attached")
    found = {
        "first_visit_seconds": memory.spent() - began,
        "at_rest_mb": at_rest,
        "after_first_visit_mb": memory.now(),
    }
    restore = page.get_by_role("button", name="Restore", exact=True)
    rows = []
    for size in [sizes[0], *sizes]:  # the first one compiles the network and is not counted
        file = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": noisy(size)}
        sent.set_input_files(file)
        page.get_by_text("Your picture as it came").wait_for()
        memory.peak, began = 0.0, memory.spent()
        restore.click()
        page.get_by_role("button", name="Download JPEG").wait_for()
        rows.append({"megapixels": size, "seconds": memory.spent() - began, "peak_mb": memory.peak})
        page.get_by_text("Choose another picture").click()
        page.get_by_label("Remove photo.jpg").click()
        page.get_by_role("button", name="Download JPEG").wait_for(state="detached")
    return found | {"rows": rows[1:]}


def measured(python: str, backend: str, sizes: list[float]) -> dict:
    """Start the app in an environment, visit it, and stop it: seconds and memory, and what the environment weighs."""
    from playwright.sync_api import sync_playwright

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [python, "-m", "lessons_lib.webapp.server", "--port", str(port)]
    server = subprocess.Popen(words, cwd=ROOT, env=os.environ | {"KERAS_BACKEND": backend})
    try:
        memory = Memory(psutil.Process(server.pid))
        memory.start()
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health").close()
                break
            except OSError:
                time.sleep(0.2)
        time.sleep(2)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browsers.find_chromium(), args=browsers.QUIET)
            page = browser.new_page(viewport=browsers.DESKTOP)
            page.set_default_timeout(280_000)
            found = visit(page, memory, f"http://localhost:{port}", sizes)
            browser.close()
    finally:
        server.terminate()
        server.wait(30)
    return found | {"backend": backend, "network": "denoise-medium", "packages_mb": packages_mb(python)}


def packages_mb(python: str) -> float:
    """What all packages of an environment weigh."""
    script = "import pathlib, sys; p = [pathlib.Path(d) for d in sys.path if d.endswith('site-packages')]; print(*p)"
    places = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    files = [f for place in places for f in Path(place).rglob("*") if f.is_file() and not f.is_symlink()]
    return sum(f.stat().st_size for f in files) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="the Python of the environment to measure")
    parser.add_argument("--backend", default="tensorflow", help="of Keras")
    parser.add_argument("--sizes", type=float, nargs="+", default=[1, 4, 12], help="megapixels")
    args = parser.parse_args()
    from lessons_lib import evaluate

    found = measured(args.python, args.backend, args.sizes)
    found["rows"] = [{key: round(value, 1) for key, value in row.items()} for row in found["rows"]]
    found = {key: round(value, 1) if isinstance(value, float) else value for key, value in found.items()}
    table = {"measured": "by python -m tools.measure.webapp", **evaluate.provenance(), **found}
    images.write_atomic(ROOT / "results" / "app.json", (json.dumps(table, indent=1) + "\n").encode())
    page = ROOT / "book" / "deploying.md"
    before, _, after = page.read_text(encoding="utf-8").partition(BEGIN)
    images.write_atomic(page, (before + BEGIN + said(table) + END + after.partition(END)[2]).encode())
    print(said(table))


if __name__ == "__main__":
    main()
