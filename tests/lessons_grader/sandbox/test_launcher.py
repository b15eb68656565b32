import dataclasses
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lessons_grader.sandbox import launcher, profiles, wire
from tools.measure.catalogue import make_submissions

sandboxed = pytest.mark.skipif(
    bool(make_submissions.no_sandbox()), reason=f"no sandbox can be made here: {make_submissions.no_sandbox()}"
)
each_way = pytest.mark.parametrize("by", make_submissions.ways())


def ask(source, function="f", limits=None, **options):
    """What a function of one cell, called without arguments, gave: an array, or the text of the error."""
    check = {"id": "0", "cell": "q1", "arrays": [], "calls": [[function, [], {}]]}
    outcome = launcher.run([{"cells": [["q1", source]], "checks": [check]}], {}, limits, **options)
    assert outcome.started and outcome.ended, outcome.said
    payload = outcome.answers.get("0/0/0", outcome.answers.get("0/0/end", b""))
    return wire.load(payload[1:]) if payload[:1] == b"N" else payload.decode()


@each_way
def test_numpy_works_in_the_sandbox_and_nothing_else_is_there(by):
    assert ask("import numpy as np\ndef f():\n    return np.arange(3).sum()", by=by) == 3
    for package in ("keras", "lessons_lib.images", "lessons_grader.authoring.checks"):
        assert "ModuleNotFoundError" in ask(f"def f():\n    import {package}", by=by)


@each_way
def test_the_sandbox_has_no_network_no_rights_and_no_files_of_ours(by, monkeypatch):
    monkeypatch.setenv("LESSONS_COURSE_SECRET", "0123456789abcdef")
    assert ask("import os\ndef f():\n    return 'LESSONS_COURSE_SECRET' in os.environ", by=by) == 0
    others = "import socket\ndef f():\n    return len([n for _, n in socket.if_nameindex() if n != 'lo'])"
    assert ask(others, by=by) == 0
    here = str(Path(__file__).parent)
    assert ask(f"import os\ndef f():\n    return os.path.exists({here!r})", by=by) == 0
    caps = "def f():\n    return int(open('/proc/self/status').read().split('CapEff:')[1].split()[0], 16)"
    assert ask(caps, by=by) == 0
    if os.geteuid() == 0:
        assert ask("import os\ndef f():\n    return os.getuid()", by=by) >= 20_000


@each_way
@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ("open('/x', 'w')", "OSError"),
        ("open('/dev/x', 'w')", "OSError"),
        ("open('/sandbox/x', 'w')", "OSError"),
        ("bytearray(2 << 30)", "MemoryError"),
        ("open('/tmp' + '/x', 'wb').write(bytes(33 << 20)) and None", "OSError"),
    ],
)
def test_limits_hold_as_plain_errors(body, seen, by):
    assert seen in ask(f"def f():\n    x = {body}\n    return 1", by=by)


@each_way
def test_seconds_of_a_core_and_idle_seconds_are_limited(by):
    limits = profiles.Limits(cpu=1, idle=0.5)
    assert ask("def f():\n    while True: pass", limits=limits, by=by) == "busy"
    assert ask("import time\ndef f():\n    time.sleep(60)", limits=limits, by=by) == "idle"


@each_way
def test_the_last_limit_says_that_the_machine_was_too_busy(by):
    check = {"id": "0", "cell": "q1", "arrays": [], "calls": [["f", [], {}]]}
    runs = [{"cells": [["q1", "def f():\n    while True: pass"]], "checks": [check]}]
    outcome = launcher.run(runs, {}, profiles.Limits(cpu=99, wall=4), by=by)
    assert (outcome.ended, outcome.starved) == (False, True)


@each_way
def test_an_answer_that_stops_the_runner_is_told_from_a_busy_machine_and_soon(by):
    """In a container it cannot: the runner is the first process there."""
    check = {"id": "0", "cell": "q1", "arrays": [], "calls": [["f", [], {}]]}
    runs = [{"cells": [["q1", "import os\ndef f():\n    os.kill(os.getppid(), 19)"]], "checks": [check]}]
    started = time.monotonic()
    outcome = launcher.run(runs, {}, profiles.Limits(wall=600), by=by)
    assert (outcome.started, outcome.ended, outcome.starved) == (True, by != launcher.BUBBLEWRAP, False)
    assert time.monotonic() - started < 500


IN_KERAS = """
import keras, numpy as np, os

def fit():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 3, padding="same")])
    model.compile("adam", "mse")
    x = np.random.rand(16, 8, 8, 1)
    model.fit(x, x, epochs=2, verbose=0)
    return model.predict(x, verbose=0)

def environment():
    return [int(os.environ[name]) for name in ("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")]

def stranger():
    import matplotlib

def trial():
    import lessons_grader.sandbox.model_runner

def giant():
    return len(bytearray(3 << 30))

def bomb():
    for _ in range(99 + 4 * os.cpu_count()):
        os.fork() or __import__("time").sleep(1)
"""


@sandboxed
@pytest.mark.slow
def test_keras_trains_in_a_sandbox_of_its_own_and_is_loaded_once():
    names = ["fit", "fit", "environment", "stranger", "trial", "giant", "bomb"]
    checks = [{"id": str(n), "cell": "q1", "arrays": [], "calls": [[name, [], {}]]} for n, name in enumerate(names)]
    outcome = launcher.run([{"cells": [["q1", IN_KERAS]], "checks": checks}], {}, profile=profiles.PROFILES["keras"])
    assert outcome.started and outcome.ended, outcome.said
    said = [outcome.answers.get(f"0/{n}/0", b"") for n in range(len(names))]
    assert wire.load(said[0][1:]).shape == (16, 8, 8, 1)
    assert said[0] == said[1]  # one seed, one thread: to the bit
    assert wire.load(said[2][1:]).tolist() == [0, 1, 1]
    for payload, error in zip(said[3:], ["ModuleNotFound", "ModuleNotFound", "MemoryError", "BlockingIO"], strict=True):
        assert error in payload.decode()


def test_the_second_sandbox_opens_models_and_the_first_does_not():
    if make_submissions.no_sandbox():
        pytest.skip(f"no sandbox can be made here: {make_submissions.no_sandbox()}")
    first, second = (
        " ".join(launcher.command(profile)) for profile in (profiles.PROFILES["keras"], profiles.MODEL_PROFILE)
    )
    assert "sandbox/model_runner.py" in second and "sandbox/model_runner.py" not in first
    for words in (first, second):
        assert "/sandbox/lib/google/protobuf" in words and "--setenv TF_ENABLE_ONEDNN_OPTS 0" in words
        assert "jaxlib" not in words and "IPython" not in words


def test_without_a_sandbox_only_a_bare_process_runs_and_only_if_told(monkeypatch):
    assert ask("def f():\n    return 7", unsafe=True) == 7
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "bubblewrap is not installed" in launcher.refusal()
    with pytest.raises(launcher.SandboxError, match="apt install bubblewrap"):
        launcher.run([], {})


def test_a_sandbox_that_does_not_start_is_told_apart(monkeypatch):
    monkeypatch.setattr(launcher, "command", lambda *_: [sys.executable, "-c", "import sys; sys.exit('no namespaces')"])
    outcome = launcher.run([], {})
    assert (outcome.started, outcome.ended, outcome.said) == (False, False, "no namespaces")
    assert "no sandbox starts (no namespaces)" in launcher.refusal()


@sandboxed
def test_an_ordinary_user_gets_a_namespace_of_their_own():
    words = launcher.command(root=False)
    assert "--unshare-user" in words and "--cap-add" not in words
    assert "--unshare-net" in words and "--die-with-parent" in words
    root = launcher.command(root=True)
    assert "--unshare-user" not in root and root.count("--cap-add") == 2


def test_a_package_that_is_not_installed_is_named():
    with pytest.raises(launcher.SandboxError, match="no_such_package is not installed"):
        launcher._places("no_such_package")
    assert Path("/sandbox/lib/numpy") in launcher._places("numpy")


@sandboxed
def test_a_sandbox_from_which_no_answer_comes_is_no_sandbox():
    """As before Linux 5.14, where an ordinary user's desktop fills the sandbox's limit of processes."""
    full = dataclasses.replace(profiles.PROFILES["numpy"], limits=profiles.Limits(NPROC=1))
    assert "no answer comes out of it" in launcher.refusal(full)


def test_two_graders_on_one_machine_do_not_count_their_processes_together():
    words = [sys.executable, "-c", "from lessons_grader.sandbox import launcher; print(launcher.slot())"]
    numbers = [int(subprocess.run(words, capture_output=True, check=True).stdout) for _ in range(3)]
    assert len({number // 65_536 for number in [*numbers, launcher.slot()]}) == 4 or max(numbers) < 65_536


def test_two_threads_never_share_a_user_number():
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    together = Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda _: (together.wait(), launcher.slot())[1], range(4)))
    assert len(set(numbers)) == 4
