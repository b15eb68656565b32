"""Sandboxes of a container engine: with an engine if there is one, else a stand-in that starts the same runner."""

import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lessons_grader.sandbox import containers, launcher, profiles, wire
from tools.measure.catalogue import make_submissions

ROOT = Path(__file__).resolve().parents[3]
RECIPE = (ROOT / "deploy" / "sandbox.Dockerfile").read_text(encoding="utf-8")
ENGINES = [way for way in make_submissions.ways() if way in containers.ENGINES]
linux = pytest.mark.skipif(sys.platform != "linux", reason="the stand-in starts the runner, which is Linux's")
real = pytest.mark.skipif(not ENGINES, reason="no container engine here has the image of deploy/sandbox.Dockerfile")
# Takes an engine's options as an engine does, notes them, and runs the command on this machine's Python.
STAND_IN = """#!{python}
import json, os, sys
open({log!r}, "a").write(json.dumps(sys.argv[1:]) + chr(10))
if sys.argv[1] == "run":
    if {broken!r}:
        sys.exit({broken!r})
    words = sys.argv[sys.argv.index({image!r}) + 1 :]
    start = words[-1].replace("/sandbox/numpy", {place!r})
    os.execv({python!r}, [{python!r}, *words[1:-1], start])
"""


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Puts a stand-in for Docker first on the path; gives a function that tells how it was called."""

    def put(broken=""):
        place, log = tmp_path / "image", tmp_path / "calls"
        if not place.exists():
            place.mkdir()
            site = Path(np.__file__).parents[1]
            for found in [*site.glob("numpy*"), ROOT / "lessons_grader"]:
                (place / found.name).symlink_to(found)
        script = tmp_path / "bin" / "docker"
        script.parent.mkdir(exist_ok=True)
        words = {"python": sys.executable, "log": str(log), "image": containers.IMAGE, "place": str(place)}
        script.write_text(STAND_IN.format(**words, broken=broken))
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setattr(containers, "place", lambda profile: str(place))
        return lambda: log.read_text().splitlines()

    return put


def words(profile="numpy", limits=None):
    profile = profiles.PROFILES[profile]
    settings = {"room": 1 << 20, "environment": {"HOME": "/tmp"}, "start": launcher.START}
    return containers.command("docker", profile, limits or profile.limits, **settings)


def test_a_container_has_no_network_no_rights_and_limits():
    name, line = words()
    said = " ".join(line)
    for option in ("--network none", "--read-only", "--cap-drop ALL", "--security-opt no-new-privileges", "--rm"):
        assert option in said
    assert f"--memory {2 << 30} --memory-swap {2 << 30} --pids-limit 10" in said
    assert "--tmpfs /tmp:rw,nosuid,nodev,mode=1777,size=1048576" in said and "--env HOME=/tmp" in said
    assert not re.search(r"--volume|--mount|--privileged| -v ", said)
    assert f"--name {name}" in said and words()[0] != name
    users = {re.search(r"--user (\d+):\1", " ".join(words()[1]))[1] for _ in range(20)}
    assert len(users) > 15 and all(20_000 <= int(user) < 60_000 for user in users)


def test_keras_has_a_place_and_memory_of_its_own():
    said = " ".join(words("keras")[1])
    assert "/sandbox/keras" in said and "/sandbox/numpy" not in said and f"--memory {4 << 30}" in said


def test_the_image_holds_the_runner_and_nothing_that_judges():
    lines = re.sub(r"\\\n\s*", " ", RECIPE)
    copied = {name for rest in re.findall(r"^COPY (lessons_grader.*)", lines, re.M) for name in rest.split()[:-1]}
    assert copied == {f"lessons_grader/{name}" for name in containers.OURS}
    assert copied >= {
        f"lessons_grader/{name}"
        for profile in (*profiles.PROFILES.values(), profiles.MODEL_PROFILE)
        for name in profile.ours
    }
    assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", RECIPE, re.M)
    assert "!constraints.txt" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "-c /sandbox/constraints.txt numpy" in RECIPE and "-c /sandbox/constraints.txt keras tensorflow" in RECIPE


@linux
def test_jobs_go_in_and_answers_come_out_by_the_standard_streams(engine):
    calls = engine()
    assert launcher.refusal(by="docker") == ""
    check = {"id": "0", "cell": "q1", "arrays": ["a"], "calls": [["f", [{"array": "a"}], {}]]}
    runs = [{"cells": [["q1", "def f(a):\n    return 2 * a"]], "checks": [check]}]
    outcome = launcher.run(runs, {"a": wire.save(np.arange(3))}, by="docker")
    assert outcome.ended and wire.load(outcome.answers["0/0/0"][1:]).tolist() == [0, 2, 4]
    assert len(calls()) == 2 and all('"run"' in call for call in calls())


@linux
def test_a_container_whose_time_is_up_is_stopped_by_its_name(engine):
    calls = engine()
    check = {"id": "0", "cell": "q1", "arrays": [], "calls": [["f", [], {}]]}
    runs = [{"cells": [["q1", "def f():\n    while True: pass"]], "checks": [check]}]
    outcome = launcher.run(runs, {}, profiles.Limits(cpu=99, wall=2), by="docker")
    assert outcome.starved
    run, *stop = calls()
    name = re.search(r'"--name", "([^"]+)"', run)[1]
    assert stop == [f'["kill", "{name}"]', f'["rm", "--force", "{name}"]']


@linux
def test_an_image_of_another_version_is_no_sandbox(engine, monkeypatch):
    engine()
    monkeypatch.setattr(containers, "OURS", ("__init__.py",))
    assert launcher.refusal(by="docker") == ""
    true = containers.version
    monkeypatch.setattr(containers, "version", lambda *asked: [0, *true(*asked)[1:]])
    monkeypatch.setattr(containers.inspect, "getsource", lambda _: "def version(*asked):\n    return [0] * 32")
    assert "its image is of another version" in launcher.refusal(by="docker")


def test_the_fingerprint_knows_each_file_and_package(tmp_path):
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(name)
    first = containers.version(str(tmp_path), ["a.py", "b.py"], ["numpy"])
    assert first == containers.version(str(tmp_path), ["a.py", "b.py"], ["numpy"]) and len(first) == 32
    assert first != containers.version(str(tmp_path), ["a.py", "b.py"], ["numpy", "keras"])
    (tmp_path / "b.py").write_text("B.py")
    assert first != containers.version(str(tmp_path), ["a.py", "b.py"], ["numpy"])


@linux
def test_why_there_is_no_sandbox_and_the_way_out_are_said(engine, monkeypatch):
    engine("No such image")
    python = ".".join(map(str, sys.version_info[:2]))
    why = launcher.refusal(by="docker")
    assert "docker makes no sandbox (No such image)" in why
    assert f"`docker build --build-arg PYTHON={python} -t {containers.IMAGE} -f deploy/sandbox.Dockerfile .`" in why
    monkeypatch.setattr(launcher.shutil, "which", lambda name: name if name == "docker" else None)
    with pytest.raises(launcher.SandboxError, match=r"(?s)bubblewrap is not installed.*; or docker makes no sandbox"):
        launcher.choose()
    with pytest.raises(launcher.SandboxError, match="podman is not installed"):
        launcher.choose(by="podman")
    with pytest.raises(launcher.SandboxError, match="the sandbox is 'vault': choose one of bubblewrap, docker, podman"):
        launcher.choose(by="vault")


@linux
def test_a_container_is_chosen_where_bubblewrap_makes_no_sandbox(engine, monkeypatch):
    engine()
    monkeypatch.setattr(launcher, "command", lambda *_: [sys.executable, "-c", "raise SystemExit('no namespaces')"])
    assert launcher.choose() == "docker"


@real
@pytest.mark.parametrize("by", ENGINES or ["none"])
def test_no_container_stays(by):
    check = {"id": "0", "cell": "q1", "arrays": [], "calls": [["f", [], {}]]}
    runs = [{"cells": [["q1", "def f():\n    while True: pass"]], "checks": [check]}]
    for limits in (profiles.Limits(cpu=1), profiles.Limits(cpu=99, wall=4)):
        launcher.run(runs, {}, limits, by=by)
    look = [by, "ps", "--all", "--quiet", "--filter", f"name={containers.IMAGE}"]
    for _ in range(100):  # the engine takes a moment to bury what it killed
        left = subprocess.run(look, capture_output=True, check=True).stdout
        if not left:
            break
        time.sleep(0.2)
    assert left == b""


@real
@pytest.mark.slow
@pytest.mark.parametrize("by", ENGINES or ["none"])
def test_the_same_submission_has_the_same_record_in_a_container(by):
    """Of the reference and of the untouched version: each verdict, and what was measured."""
    from lessons_grader.grading import pipeline

    batch = [make_submissions.answers(), make_submissions.answers("stub")]
    if make_submissions.no_sandbox():
        pytest.skip(f"nothing to compare with: {make_submissions.no_sandbox()}")
    _, here = pipeline.judge(batch, "ada", make_submissions.settings())
    _, there = pipeline.judge(batch, "ada", make_submissions.settings(by=by))
    assert here == there
