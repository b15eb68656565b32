"""Whatever a submission does: no more points than earned, nothing outside changed, no process left, the rest graded."""

import contextlib
import json
import os
import socket
import threading
import time
from pathlib import Path

import psutil
import pytest

from lessons_lib.course import box, feedback, grading, kinds, submissions

from . import desk
from .hostile import ATTACKS

HURRIED = kinds.Limits(cpu=1, busy=4.0, idle=1.5, dozing=4.0, wall=120.0)
SAID = "the canary sings"
SPOIL = {  # they may lose their own points to other questions, and nobody else's
    *("kills the runner", "stops the runner", "kills everybody", "floods its pipe", "forges answers", "daemon"),
    *("patches the checker", "patches pickle and IPython", "threads", "fork bomb", "fork bomb in sessions"),
}


def strange_files(folder):
    """Submissions that attack by what they are, with what they may earn (None: no score at all)."""
    desk.put(folder, "honest", desk.handed_in())
    desk.put(folder, "honest 2", desk.handed_in())
    points = desk.handed_in(which="stub")
    for cell in points["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["metadata"]["nbgrader"]["points"] = 100
    desk.put(folder, "points 100", points)
    tests = desk.handed_in(which="stub")
    for cell in tests["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["source"] = "print('passed')"
            cell["metadata"]["nbgrader"]["solution"] = True
    desk.put(folder, "tests rewritten", tests)
    twice = desk.handed_in()
    (answer,) = (cell for cell in twice["cells"] if cell["id"] == "q1")
    twice["cells"].insert(0, answer | {"source": desk.answers("stub")["q1"], "id": "other"})
    desk.put(folder, "duplicated", twice)
    gone = desk.handed_in()
    gone["cells"] = [cell for cell in gone["cells"] if cell["id"] != "q1"]
    desk.put(folder, "deleted", gone)
    foreign = desk.handed_in()
    foreign["metadata"]["kernelspec"] = {"name": "ir", "language": "R", "display_name": "R"}
    desk.put(folder, "foreign kernel", foreign)
    magic = desk.handed_in({"q1": "%matplotlib inline\n!rm -rf x\n" + desk.answers()["q1"]})
    desk.put(folder, "magics", magic)
    large = desk.handed_in()
    large["cells"].append({"cell_type": "markdown", "id": "x", "metadata": {}, "source": "x" * (50 << 20)})
    desk.put(folder, "50 MB", large)
    (folder / "link").mkdir()
    (folder / "link" / "convolve.ipynb").symlink_to(folder / "honest" / "convolve.ipynb")
    (folder / "broken").mkdir()
    (folder / "broken" / "convolve.ipynb").write_text('{"cells": [')
    (folder / "folder").mkdir()
    (folder / "folder" / "convolve.ipynb").mkdir()
    return {
        **{"honest": 30, "honest 2": 30, "points 100": 0, "tests rewritten": 0, "duplicated": 30, "deleted": 26},
        **{"foreign kernel": 30, "magics": 30, "50 MB": None, "link": None, "broken": None, "folder": None},
    }


def strays(before):
    """Processes that came since, and are a box's or our own children."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            user = process.uids().real
            ours = process.ppid() == os.getpid() or 0 <= user - box.FIRST < 65_536 or 20_000 <= user < 60_000
            if os.geteuid():  # then boxes have no user numbers of their own, and others' boxes cannot be told apart
                ours = ours or "bwrap" in process.name()
            gone = process.pid in before or process.status() == psutil.STATUS_ZOMBIE
            if not gone and ours:
                yield process.name(), process.uids().real, process.status()


@pytest.fixture(scope="module", params=desk.ways() or [box.BUBBLEWRAP])
def graded(request, tmp_path_factory):
    """All of them graded in one run, with a canary that anybody may write and a door that nobody may knock at."""
    if not desk.ways():
        pytest.skip(f"no box can be made here: {desk.no_box()}")
    folder, out = tmp_path_factory.mktemp("handed-in"), tmp_path_factory.mktemp("graded")
    canary = tmp_path_factory.mktemp("canary") / "canary.txt"
    canary.write_text(SAID)
    for place in (canary, *canary.parents[:3]):
        place.chmod(0o777)
    knocks, door = [], socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: knocks.append(door.accept()), daemon=True).start()
    filling = {"canary": str(canary), "key": desk.KEY, "port": door.getsockname()[1]}
    most = strange_files(folder)
    for name, (attack, points) in ATTACKS.items():
        text = attack.format(**filling) + desk.answers()["q1"]
        desk.put(folder, name, desk.handed_in({"q1": text}))
        most[name] = points
    settings = desk.settings(unsafe=False, by=request.param, limits=HURRIED)
    before = {process.pid for process in psutil.process_iter()}
    records = grading.grade_all(submissions.find(folder, "convolve"), settings, out, jobs=3)
    left = ["?"]
    for _ in range(50):  # the kernel takes a moment to bury what it killed
        left = left and list(strays(before))
        time.sleep(0.1)
    return {"records": {r["student"]: r for r in records}, "most": most, "left": left, "knocks": knocks} | {
        "canary": canary,
        "out": out,
    }


@pytest.mark.slow
def test_nobody_gets_more_than_honestly_earned_and_the_batch_goes_on(graded):
    assert set(graded["records"]) == set(graded["most"])
    for name, record in graded["records"].items():
        most = graded["most"][name]
        assert (record["score"] is None) == (most is None), (name, record["status"], record["notes"])
        assert most is None or record["score"] <= most, (name, record["score"])


@pytest.mark.slow
def test_who_harms_nobody_keeps_every_point(graded):
    for name in set(graded["most"]) - SPOIL:
        record = graded["records"][name]
        lost = [(test["id"], test["tells"]) for test in record["tests"] if not test["score"]]
        assert record["score"] == graded["most"][name], (name, record["notes"], lost)


@pytest.mark.slow
def test_nothing_outside_changed_and_nothing_stayed(graded):
    assert graded["canary"].read_text() == SAID
    assert graded["left"] == []
    assert graded["knocks"] == []


@pytest.mark.slow
def test_nothing_leaks_into_the_feedback(graded):
    for path in Path(graded["out"]).rglob("*.*"):
        text = path.read_text()
        assert SAID not in text and "SECRET" not in text, path
        assert "<script" not in text or path.suffix != ".html", path
        assert desk.KEY not in text
    seen = json.dumps(graded["records"]["looks around"])
    names = set(seen.replace('"', " ").split())
    assert "RuntimeError" in seen and {"inside.py", "frames.py"} <= names
    assert not {"checks.py", "grading.py", "source.py", "book", "results"} & names
    page = feedback.page(graded["records"]["script in an error"])
    assert "&lt;script&gt;" in page
