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

from lessons_grader.export import feedback
from lessons_grader.grading import pipeline, submissions
from lessons_grader.sandbox import launcher, profiles
from tools.measure.catalogue import make_submissions
from tools.measure.catalogue.hostile import ATTACKS, strange_files

HURRIED = profiles.Limits(cpu=1, busy=4.0, idle=1.5, dozing=4.0, wall=120.0)
SAID = "the canary sings"
SPOIL = {  # they may lose their own points to other questions, and nobody else's
    *("kills the runner", "stops the runner", "kills everybody", "floods its pipe", "forges answers", "daemon"),
    *("patches the checker", "patches pickle and IPython", "threads", "fork bomb", "fork bomb in sessions"),
}


def strays(before):
    """Processes that came since, and are a sandbox's or our own children."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            user = process.uids().real
            ours = process.ppid() == os.getpid() or 0 <= user - launcher.FIRST < 65_536 or 20_000 <= user < 60_000
            if (
                os.geteuid()
            ):  # then sandboxes have no user numbers of their own, and others' sandboxes cannot be told apart
                ours = ours or "bwrap" in process.name()
            gone = process.pid in before or process.status() == psutil.STATUS_ZOMBIE
            if not gone and ours:
                yield process.name(), process.uids().real, process.status()


@pytest.fixture(scope="module", params=make_submissions.ways() or [launcher.BUBBLEWRAP])
def graded(request, tmp_path_factory):
    """All of them graded in one run, with a canary that anybody may write and a door that nobody may knock at."""
    if not make_submissions.ways():
        pytest.skip(f"no sandbox can be made here: {make_submissions.no_sandbox()}")
    folder, out = tmp_path_factory.mktemp("handed-in"), tmp_path_factory.mktemp("graded")
    canary = tmp_path_factory.mktemp("canary") / "canary.txt"
    canary.write_text(SAID)
    for place in (canary, *canary.parents[:3]):
        place.chmod(0o777)
    knocks, door = [], socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: knocks.append(door.accept()), daemon=True).start()
    filling = {"canary": str(canary), "key": make_submissions.KEY, "port": door.getsockname()[1]}
    most = strange_files(folder)
    for name, (attack, points) in ATTACKS.items():
        text = attack.format(**filling) + make_submissions.answers()["q1"]
        make_submissions.put(folder, name, make_submissions.handed_in({"q1": text}))
        most[name] = points
    settings = make_submissions.settings(unsafe=False, by=request.param, limits=HURRIED)
    before = {process.pid for process in psutil.process_iter()}
    records = pipeline.grade_all(submissions.find(folder, "convolve"), settings, out, jobs=3)
    left = ["?"]
    for _ in range(50):  # the kernel takes a moment to bury what it killed
        left = left and list(strays(before))
        time.sleep(0.1)
    return {"records": {r.student: r for r in records}, "most": most, "left": left, "knocks": knocks} | {
        "canary": canary,
        "out": out,
    }


@pytest.mark.prove
def test_nobody_gets_more_than_honestly_earned_and_the_batch_goes_on(graded):
    assert set(graded["records"]) == set(graded["most"])
    for name, record in graded["records"].items():
        most = graded["most"][name]
        assert (record.score is None) == (most is None), (name, record.status, record.notes)
        assert most is None or record.score <= most, (name, record.score)


@pytest.mark.prove
def test_who_harms_nobody_keeps_every_point(graded):
    for name in set(graded["most"]) - SPOIL:
        record = graded["records"][name]
        lost = [(test.id, test.tells) for test in record.tests if not test.score]
        assert record.score == graded["most"][name], (name, record.notes, lost)


@pytest.mark.prove
def test_nothing_outside_changed_and_nothing_stayed(graded):
    assert graded["canary"].read_text() == SAID
    assert graded["left"] == []
    assert graded["knocks"] == []


@pytest.mark.prove
def test_nothing_leaks_into_the_feedback(graded):
    for path in Path(graded["out"]).rglob("*.*"):
        text = path.read_text()
        assert SAID not in text and "SECRET" not in text, path
        assert "<script" not in text or path.suffix != ".html", path
        assert make_submissions.KEY not in text
    seen = json.dumps(graded["records"]["looks around"].to_json())
    names = set(seen.replace('"', " ").split())
    assert "RuntimeError" in seen and {"runner.py", "wire.py"} <= names
    assert not {"checks.py", "pipeline.py", "source.py", "authoring", "grading", "book", "results"} & names
    page = feedback.page(graded["records"]["script in an error"])
    assert "&lt;script&gt;" in page
