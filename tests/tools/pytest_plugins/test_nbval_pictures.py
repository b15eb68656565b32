"""Pictures are compared as a reader compares them: what lies elsewhere counts, how edges are smoothed does not."""

import base64

import cv2
import numpy as np
import pytest

from tools.pytest_plugins.nbval_pictures import difference, pictures


def graph(lift=0, height=120):
    """A thin dark curve and a block of text on white."""
    picture = np.full((height, 200), 255, np.uint8)
    columns = np.arange(10, 190)
    rows = np.round(60 - lift + 30 * np.sin(columns / 20)).astype(int)
    cv2.polylines(picture, [np.stack([columns, rows], axis=1)], False, 60, 1, cv2.LINE_AA)
    cv2.putText(picture, "epoch", (80, 112), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1, cv2.LINE_AA)
    return picture.astype(np.float32) / 255


@pytest.mark.parametrize(
    "alike",
    [
        graph(),
        graph(lift=1),
        np.roll(graph(), (1, 1), (0, 1)),
        graph(height=122),
        cv2.GaussianBlur(graph(), (3, 3), 0.4),
    ],
    ids=["same", "curve one pixel higher", "one pixel aside", "two rows more", "smoother edges"],
)
def test_what_another_system_may_do_is_forgiven(alike):
    assert difference([alike], [graph()]) == ""


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (graph(lift=6), "lie elsewhere"),
        (1 - graph(), "gray levels"),
        (graph() * 0.95, "gray levels"),
        (np.ones_like(graph()), "lie elsewhere"),
        (graph(height=140), "has shape"),
    ],
    ids=["another curve", "inverted", "darker", "blank", "another size"],
)
def test_another_picture_is_told(other, message):
    assert message in difference([other], [graph()])
    assert difference([graph()], [other])


def test_other_noise_is_told():
    first, second = (np.random.default_rng(seed).random((64, 64), np.float32) > 0.95 for seed in (0, 1))
    assert difference([first.astype(np.float32)], [second.astype(np.float32)])


def test_a_missing_picture_is_told():
    assert difference([], [graph()]) == "0 pictures were drawn, 1 are committed"


def test_pictures_are_found_among_outputs():
    packed = base64.b64encode(cv2.imencode(".png", np.uint8(graph() * 255))[1].tobytes()).decode()
    outputs = [{"name": "stdout", "text": "1"}, {"data": {"image/png": packed, "text/plain": "a graph"}}]
    [found] = pictures(outputs)
    assert np.allclose(found, graph(), atol=1 / 255)
