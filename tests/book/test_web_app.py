"""The web app as a visitor meets it: a real server, a real browser, and a log of every place either of them asks."""

import http.client
import os
import re
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from lessons_lib import datasets, degrade, image_io, images, metrics
from tests.conftest import new_context, stop
from tools import browser as browsers
from tools.browser import Watched

pytestmark = pytest.mark.pages
ROOT = Path(__file__).resolve().parents[2]
SLOW = (60, 61)  # height and width of a picture whose restoration does not end before a file says so
# The real command with tiny networks in place of the shipped ones; it writes down where it connects to.
RUN = """
import pathlib, socket, sys, time
folder = pathlib.Path(sys.argv[1])
real = socket.socket.connect
def connect(self, place):
    if self.type == socket.SOCK_STREAM:  # connecting a datagram socket sends nothing
        with (folder / "connected.txt").open("a") as log:
            print(place, file=log)
    return real(self, place)
socket.socket.connect = connect
with socket.create_server(("127.0.0.1", 0)) as control:
    socket.create_connection(control.getsockname()).close()
from lessons_lib import pretrained, restore
from lessons_lib.webapp.server import serve
from tests.tiny_networks import fill
pretrained.FOLDER = fill(folder)
quick = restore.restore_image
def restore_image(photo, options, network=None, *, progress=None, cancelled=None):
    while photo.pixels.shape[:2] == (60, 61) and not (folder / "go").exists():
        progress(1, 4)
        time.sleep(0.1)
    return quick(photo, options, network, progress=progress, cancelled=cancelled)
restore.restore_image = restore_image
serve(port=int(sys.argv[2]), address="127.0.0.1", host=None, fetch=True)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def port(folder):
    """The port of a server of the app."""
    try:
        import streamlit  # noqa: F401
    except ImportError:
        stop('the web app needs Streamlit: pip install -c constraints.txt -e ".[app]"')
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    log = folder / "log.txt"
    env = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    with log.open("w") as out:
        words = [sys.executable, "-c", RUN, str(folder), str(number)]
        server = subprocess.Popen(words, cwd=folder, env=env, stdout=out, stderr=out)
    try:
        until = time.monotonic() + 90
        while not healthy(number):
            if server.poll() is not None or time.monotonic() > until:
                pytest.fail(log.read_text())
            time.sleep(0.2)
        yield number
    finally:
        server.terminate()
        server.wait(20)


def healthy(number):
    try:
        return ask(number, "GET", "/_stcore/health").status == 200
    except OSError:
        return False


def ask(number, method, path, **options):
    connection = http.client.HTTPConnection("127.0.0.1", number, timeout=20)
    connection.request(method, path, **options)
    return connection.getresponse()


@pytest.fixture(scope="module")
def context(chromium):
    context = new_context(chromium, offline=False)
    context.set_default_timeout(60_000)
    return context


@pytest.fixture
def watched(context, port):
    """The page opened anew; at its end nothing may have gone wrong in the browser."""
    home = f"http://localhost:{port}"
    watched = Watched(context, home)
    watched.page.goto(home)
    watched.page.locator("input[type=file]").wait_for(state="attached")
    yield watched
    watched.page.close()
    assert not watched.problems, "\n".join(watched.problems)


def give(watched, data, name="my photo.png"):
    give_all(watched, [(name, data)])


def give_all(watched, files):
    sent = [{"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files]
    watched.page.locator("input[type=file]").first.set_input_files(sent)


def png(pixels):
    return cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]))[1].tobytes()


def photograph(height, width, number=0):
    """A photograph of the book with noise, as stored."""
    clean = images.resize(datasets.photo(datasets.sample_names("test")[number]), (height, width), "bicubic")
    return images.to_uint8(degrade.gaussian_noise(clean, 25 / 255, np.random.default_rng(1), clip=True))


def settled(page):
    """Wait until the server has drawn everything: until then Streamlit lets what is old fade."""
    page.wait_for_function("!document.querySelector('[data-stale=true]')")
    page.wait_for_timeout(400)


def press(watched, name):
    watched.page.get_by_role("button", name=name, exact=True).click()


def choose(page, label, option):
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option).click()
    settled(page)


def edge(watched):
    """How many percent of the restored picture are hidden, from the left."""
    style = watched.page.locator("img.after").evaluate("picture => getComputedStyle(picture).clipPath")
    return float(style.removesuffix("%)").split()[-1])


def scrolls_sideways(watched):
    """Streamlit's page scrolls in a box of its own."""
    watched.page.set_viewport_size(browsers.PHONE)
    watched.page.wait_for_timeout(300)
    return watched.page.evaluate(
        "() => [...document.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth + 1"
        " && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)).map(e => e.outerHTML.slice(0, 120))"
    )


def test_upload_restore_compare_download(watched):
    clean = images.center_crop(datasets.photo(datasets.sample_names("test")[0]), (96, 128))
    noisy = degrade.gaussian_noise(clean, 25 / 255, np.random.default_rng(1), clip=True)
    give(watched, png(images.to_uint8(noisy)))
    watched.page.get_by_text("Your picture as it came").wait_for()
    watched.look_at_pictures()
    press(watched, "Restore")
    slider = watched.page.get_by_label("Move the edge")
    slider.focus()
    assert edge(watched) == 50
    for key, where in (("ArrowRight", 51), ("ArrowLeft", 50), ("End", 100), ("Home", 0)):
        slider.press(key)
        assert edge(watched) == where
    stage = watched.page.locator(".stage").bounding_box()
    watched.page.mouse.move(stage["x"] + stage["width"] / 4, stage["y"] + 9)
    watched.page.mouse.down()
    watched.page.mouse.up()
    assert edge(watched) == pytest.approx(25, abs=1)
    with watched.page.expect_download() as started:
        watched.page.get_by_role("button", name="Download PNG").click()
    assert started.value.suggested_filename == "my photo-restored.png"
    restored = images.read(started.value.path())
    assert restored.shape == clean.shape
    scores = [metrics.psnr(clean, picture, data_range=1.0) for picture in (noisy, restored)]
    assert scores[1] > scores[0] + 3
    settled(watched.page)
    watched.look_at_pictures()
    watched.look_for_barriers()
    assert scrolls_sideways(watched) == []
    watched.look_for_barriers(colours=False)
    watched.page.set_viewport_size(browsers.DESKTOP)
    watched.page.emulate_media(color_scheme="dark")
    watched.page.wait_for_timeout(300)
    watched.look_for_barriers(others=False)


def test_a_large_picture_is_shown_in_detail(watched):
    """Twice 600 x 900 pixels: the whole is reduced, the detail is not."""
    watched.page.get_by_text("Upscale", exact=True).click()
    plain = np.zeros((600, 900, 3), np.uint8)
    plain[:, 450:] = 255
    give(watched, png(plain))
    press(watched, "Restore")
    picture = watched.page.locator("img.after")
    sizes = {}
    for view in ("Whole picture", "Pixel for pixel"):
        watched.page.get_by_text(view, exact=True).click()
        kind = "png" if view == "Pixel for pixel" else "jpeg"
        # The locator finds the picture again where Streamlit has put another in its place, which a handle does not.
        expect(picture).to_have_attribute("src", re.compile(f"^data:image/{kind}"), timeout=60_000)
        settled(watched.page)
        sizes[view] = picture.evaluate(
            "async p => { await p.decode(); return [p.naturalWidth, p.naturalHeight, p.width]; }"
        )
    assert sizes["Whole picture"][:2] == [704, 469]
    assert sizes["Pixel for pixel"] == [704, 528, 704]


@pytest.fixture(params=["light", "dark"])
def phone(chromium, port, request):
    """The page on a phone, touched rather than clicked; at its end nothing may have gone wrong in the browser."""
    context = chromium.new_context(
        viewport=browsers.PHONE, has_touch=True, is_mobile=True, color_scheme=request.param, reduced_motion="reduce"
    )
    context.set_default_timeout(60_000)
    home = f"http://localhost:{port}"
    watched = Watched(context, home)
    watched.page.goto(home)
    watched.page.locator("input[type=file]").wait_for(state="attached")
    yield watched
    context.close()
    assert not watched.problems, "\n".join(watched.problems)


def in_view(box):
    return box["y"] >= 0 and box["y"] + box["height"] <= browsers.PHONE["height"]


def drag(page, start, end):
    """One finger, from here to there."""
    touch = page.context.new_cdp_session(page)
    steps = [[start[i] + (end[i] - start[i]) * step / 8 for i in (0, 1)] for step in range(9)]
    for kind, (x, y) in [("touchStart", start), *(("touchMove", at) for at in steps[1:])]:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.mark.parametrize("size", [(300, 400), (800, 500)], ids=["wide", "tall"])
def test_on_a_phone_the_result_is_in_view_and_follows_a_finger(phone, size):
    page = phone.page
    give(phone, png(photograph(*size)))
    button = page.get_by_role("button", name="Restore", exact=True)
    button.wait_for()
    button.tap()
    stage = page.locator(".stage")
    stage.wait_for()
    page.get_by_role("button", name="Download PNG").wait_for()
    settled(page)
    page.wait_for_function("stage => stage.querySelector('.after').complete", arg=stage.element_handle())
    page.wait_for_function(
        "stage => { const box = stage.getBoundingClientRect(); return box.top >= 0 && box.bottom <= innerHeight; }",
        arg=stage.element_handle(),
    )
    box = stage.bounding_box()
    assert in_view(box)
    assert in_view(page.get_by_label("Move the edge").bounding_box())
    assert box["width"] / box["height"] == pytest.approx(size[1] / size[0], rel=0.02)
    middle = box["y"] + box["height"] / 2
    drag(page, (box["x"] + box["width"] / 2, middle), (box["x"] + box["width"] * 0.2, middle + 3))
    assert edge(phone) == pytest.approx(20, abs=2)
    assert float(page.get_by_label("Move the edge").input_value()) == edge(phone)
    for view in ("Pixel for pixel", "Twice as large"):
        page.get_by_text(view, exact=True).tap()
        page.locator("figure.cut").wait_for()
        assert scrolls_sideways(phone) == []
    settled(page)
    phone.look_for_barriers()


def test_a_finger_that_goes_down_the_picture_scrolls_the_page(phone):
    page = phone.page
    page.set_viewport_size({"width": 390, "height": 500})
    give(phone, png(photograph(300, 400)))
    page.get_by_role("button", name="Restore", exact=True).tap()
    page.get_by_role("button", name="Download PNG").wait_for()
    settled(page)
    stage = page.locator(".stage")
    stage.scroll_into_view_if_needed()
    before = stage.bounding_box()
    at = before["x"] + before["width"] / 2
    drag(page, (at, before["y"] + before["height"] - 20), (at, before["y"] + 10))
    page.wait_for_function(
        "([stage, y]) => stage.getBoundingClientRect().top < y - 20", arg=[stage.element_handle(), before["y"]]
    )


def test_the_keyboard_alone_restores_a_picture(watched):
    page = watched.page
    give(watched, png(photograph(300, 400)))
    page.get_by_role("button", name="Restore", exact=True).wait_for()
    page.locator("body").focus()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == "Restore":
            break
    page.keyboard.press("Enter")
    slider = page.get_by_label("Move the edge")
    slider.wait_for()
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert edge(watched) == 51
    assert slider.evaluate("range => getComputedStyle(range).outlineStyle") == "solid"


def test_a_restoration_is_cancelled_and_the_next_one_has_its_turn(watched, folder):
    page = watched.page
    give(watched, png(photograph(*SLOW)))
    press(watched, "Restore")
    page.get_by_text("25 %").wait_for()
    press(watched, "Cancel")
    page.get_by_role("button", name="Cancel", exact=True).wait_for(state="detached")
    page.get_by_text("Your picture as it came").wait_for()
    assert page.get_by_role("button", name="Download PNG").count() == 0
    (folder / "go").touch()
    press(watched, "Restore")
    page.get_by_role("button", name="Download PNG").wait_for()


def test_on_a_phone_the_work_is_told_and_cancelled_without_scrolling(phone, folder):
    page = phone.page
    (folder / "go").unlink(missing_ok=True)
    give(phone, png(photograph(*SLOW)))
    page.get_by_role("button", name="Restore", exact=True).tap()
    page.get_by_text("25 %").wait_for()
    cancel = page.get_by_role("button", name="Cancel", exact=True)
    assert in_view(cancel.bounding_box())
    cancel.tap()
    cancel.wait_for(state="detached")


def test_several_pictures_come_back_in_one_zip(watched):
    page = watched.page
    jpeg = cv2.imencode(".jpg", photograph(60, 80)[..., ::-1])[1].tobytes()
    give_all(watched, [("a.jpg", jpeg), ("page.html", b"<html>"), ("A.jpg", jpeg), ("b.png", png(photograph(70, 50)))])
    press(watched, "Restore all 4")
    button = page.get_by_role("button", name="Download all 3 (zip)")
    button.wait_for()
    assert page.get_by_role("alert").inner_text().startswith("page.html: The picture is a web page")
    with page.expect_download() as started:
        button.click()
    with zipfile.ZipFile(started.value.path()) as archive:
        assert archive.namelist() == ["a.jpg", "A-2.jpg", "b.png"]
        found = [Image.open(archive.open(name)) for name in archive.namelist()]
        assert [(picture.format, picture.size) for picture in found] == [
            ("JPEG", (80, 60)),
            ("JPEG", (80, 60)),
            ("PNG", (50, 70)),
        ]
    give(watched, png(photograph(40, 40)), "more.png")
    page.get_by_role("button", name="Restore the other 1").wait_for()
    settled(page)
    watched.look_for_barriers()


def test_a_jpeg_comes_down_as_jpeg_in_the_quality_that_was_set(watched):
    page = watched.page
    jpeg = cv2.imencode(".jpg", photograph(60, 80)[..., ::-1])[1].tobytes()
    give(watched, jpeg, "a.jpg")
    press(watched, "Restore")
    button = page.get_by_role("button", name="Download JPEG")
    files = []
    for keys in ("", "Home"):
        button.wait_for()
        if keys:
            page.get_by_role("button", name="Quality").click()
            page.get_by_role("slider", name="Quality of the JPEG").press(keys)
            page.get_by_text("50", exact=True).first.wait_for()
            page.keyboard.press("Escape")
        page.wait_for_timeout(300)
        with page.expect_download() as started:
            button.click()
        assert started.value.suggested_filename == "a-restored.jpg"
        files.append(started.value.path().read_bytes())
    assert [image_io.read(data).jpeg for data in files] == [95, 50]


def test_a_blur_is_tried_out_on_a_part_and_undone(watched):
    page = watched.page
    page.get_by_text("Remove blur", exact=True).click()
    choose(page, "Kind of blur", "Soft all over (Gaussian)")
    give(watched, png(photograph(300, 400)))
    page.get_by_text("A part of your picture").wait_for()
    picture = page.locator("img.after")
    first = picture.get_attribute("src")
    assert picture.evaluate("async p => { await p.decode(); return [p.naturalWidth, p.naturalHeight]; }") == [192, 192]
    assert page.get_by_text("The kernel, 11 x 11 pixels").is_visible()
    page.get_by_role("slider", name="Standard deviation").press("End")
    expect(picture).not_to_have_attribute("src", first, timeout=60_000)
    page.get_by_text("The kernel, 49 x 49 pixels").wait_for()
    settled(page)
    watched.look_at_pictures()
    watched.look_for_barriers()
    assert scrolls_sideways(watched) == []


def test_a_blur_is_found_and_its_kernel_drawn(watched):
    page = watched.page
    page.get_by_text("Remove blur", exact=True).click()
    blurred = degrade.blur(datasets.photo("coffee"), degrade.motion_kernel(15, 30))
    give(watched, png(images.to_uint8(blurred)))
    press(watched, "Restore")
    page.get_by_text("Blur found: motion:15@30").wait_for()
    page.get_by_text("The kernel, 15 x 15 pixels").wait_for()
    settled(page)
    watched.look_at_pictures()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<html><script>alert(1)</script></html>", "not a picture"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 99, "not a picture"),
    ],
)
def test_a_bad_upload_is_a_sentence(watched, data, says):
    give(watched, data)
    alert = watched.page.get_by_role("alert")
    assert says in alert.inner_text()
    assert "Traceback" not in watched.page.content()


@pytest.mark.parametrize("place", ["file:///etc/passwd", "http://127.0.0.1:{port}/_stcore/health", "http://0x7f.1/"])
def test_a_hostile_address_is_a_sentence(watched, port, place):
    watched.page.get_by_text("Address", exact=True).click()
    watched.page.get_by_label("Address of a picture").fill(place.format(port=port))
    press(watched, "Fetch")
    assert len(watched.page.get_by_role("alert").inner_text()) > 20
    assert "Traceback" not in watched.page.content()


def test_an_upload_past_the_limit_is_stopped_by_the_server_itself(watched):
    """Not only by the page's script, which a stranger need not run; nor does another page's script get in."""
    with watched.page.expect_request("**/upload_file/**") as started:
        give(watched, b"small")
    watched.page.get_by_role("alert").wait_for()
    script = """async ([place, token, size]) => {
      const form = new FormData();
      form.append("file", new Blob([new Uint8Array(size)]), "f.png");
      return (await fetch(place, {method: "PUT", body: form, headers: {"X-Xsrftoken": token}})).status;
    }"""
    token = started.value.headers["x-xsrftoken"]
    statuses = [
        watched.page.evaluate(script, [started.value.url, *words])
        for words in ((token, 1000), (token, 27_000_000), ("forged", 1000))
    ]
    assert statuses == [204, 413, 403]
    assert all("413" in problem or "403" in problem for problem in watched.problems)
    watched.problems.clear()


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("localhost", "http://localhost", 101),
        ("rebound.example", "http://rebound.example", 403),
        ("localhost", "http://evil.example", 403),
    ],
)
def test_other_pages_and_other_names_cannot_talk_to_the_server(port, host, origin, status):
    headers = {
        "Host": f"{host}:{port}",
        "Origin": f"{origin}:{port}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert ask(port, "GET", "/_stcore/stream", headers=headers).status == status


def test_nobody_was_asked_for_anything(port, folder):
    """After all of the above: the server has connected to nothing but itself."""
    first, *places = (folder / "connected.txt").read_text().splitlines()
    assert "127.0.0.1" in first  # the log's own control
    assert [place for place in places if "127.0.0.1" not in place and "::1" not in place] == []
