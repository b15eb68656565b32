"""The same jobs on a Dask scheduler: two workers, processes of their own as on other machines; one is killed."""

import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from lessons_grader.export import feedback
from lessons_grader.grading import cluster, pipeline, submissions
from lessons_grader.notebooks import CourseError
from lessons_grader.sandbox import launcher
from tools.measure.catalogue import make_submissions

dask = pytest.importorskip("distributed", reason="Dask is an extra: pip install -e '.[cluster]'")
sandboxed = pytest.mark.skipif(
    bool(make_submissions.no_sandbox()), reason=f"no sandbox can be made here: {make_submissions.no_sandbox()}"
)
ROOT = Path(cluster.__file__).parents[2]


@pytest.fixture(scope="module")
def scheduler():
    with dask.LocalCluster(n_workers=0, dashboard_address=None) as found:
        yield found


@contextmanager
def workers(scheduler, number, **environment):
    """Workers as `dask worker ADDRESS` starts them, one submission at once each, and nobody who restarts them."""
    words = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler.scheduler_address]
    words += ["--no-nanny", "--nthreads", "1", "--no-dashboard"]
    settings = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = [subprocess.Popen(words, env=settings, cwd=ROOT, **quiet) for _ in range(number)]
    try:
        with dask.Client(scheduler, set_as_default=False) as client:
            client.wait_for_workers(number, timeout=60)
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


@sandboxed
def test_a_worker_dies_and_nothing_is_lost_or_graded_twice(scheduler, tmp_path):
    for number in range(14):
        which = "source" if number % 2 else "stub"
        make_submissions.put(tmp_path / "in", f"s{number:02}", make_submissions.handed_in(which=which))
    (tmp_path / "in" / "s13" / "convolve.ipynb").write_text("no notebook")
    found = submissions.find(tmp_path / "in", "convolve")
    settings = make_submissions.settings(unsafe=False)
    told = Counter()
    with workers(scheduler, 2) as started, cluster.connect(scheduler.scheduler_address) as connected:
        assert connected.refusal(settings) == ""

        def hear(record, fresh):
            told[record.student] += fresh
            if sum(told.values()) == 4:
                started[0].send_signal(signal.SIGKILL)

        records = pipeline.grade_all(found, settings, tmp_path / "out", 1, hear, connected.run)
        assert started[0].wait() == -signal.SIGKILL and started[1].poll() is None
    story = [entry[:3] for entry in scheduler.scheduler.transition_log if str(entry[0]).startswith("grade-")]
    finished = Counter(key for key, _, to in story if to == "memory")
    begun = Counter(key for key, _, to in story if to == "processing")
    assert len(finished) == 13, "what was no notebook went to no worker"
    assert sum(finished.values()) <= 14, "at most the one result that died on its way was made again"
    assert sum(begun.values()) > 13, "the worker was killed too late to prove anything"
    assert set(told) == {s.student for s in found} and set(told.values()) == {1}
    assert records == pipeline.grade_all(found, settings, tmp_path / "alone", 2)
    for record in records:
        one, other = (feedback.place(record.student, tmp_path / folder) for folder in ("out", "alone"))
        assert one.read_bytes() == other.read_bytes()
    assert [r.score for r in records] == [30 if n % 2 else 0 for n in range(13)] + [None]


@sandboxed
def test_a_worker_that_can_make_no_sandbox_is_refused(scheduler, tmp_path):
    with workers(scheduler, 1, PATH=str(tmp_path)), cluster.connect(scheduler.scheduler_address) as connected:
        assert "bubblewrap is not installed" in connected.refusal(make_submissions.settings(unsafe=False))
        assert connected.refusal(make_submissions.settings(unsafe=True)) == ""
        make_submissions.put(tmp_path / "in", "ada", make_submissions.handed_in())
        found = submissions.find(tmp_path / "in", "convolve")
        words = found, make_submissions.settings(unsafe=False), tmp_path / "out", 1
        [record] = pipeline.grade_all(*words, workers=connected.run)  # as if it had come after the question
    assert record.status == "not graded" and record.score is None
    assert "a worker may not grade: bubblewrap is not installed" in record.notes[0]
    assert not feedback.place("ada", tmp_path / "out").exists()


def test_a_worker_of_another_version_is_refused(scheduler, monkeypatch):
    with workers(scheduler, 1), cluster.connect(scheduler.scheduler_address) as connected:
        monkeypatch.setitem(cluster.VERSION, "numpy", "1.0")
        assert ", not 1.0: install the same there" in connected.refusal(make_submissions.settings(unsafe=True))
    job = pipeline.Job("ada", "mark", {}, make_submissions.settings(unsafe=True))
    with pytest.raises(launcher.SandboxError, match="it runs Python"):
        cluster.work(job, cluster.VERSION | {"Python": "2.7"})


def test_the_secret_stays_here(tmp_path):
    path = make_submissions.put(tmp_path, "ada", make_submissions.handed_in())
    settings = make_submissions.settings()
    ada = submissions.Submission("ada", path)
    _, job = pipeline.prepare(pipeline.load(ada, settings), settings)
    assert make_submissions.KEY not in repr(job) and job.options.seed is not None
    assert pipeline.work(job).tests == pipeline.grade(ada, settings).tests


def test_what_an_instructor_can_mend_is_said(scheduler, monkeypatch):
    with (
        pytest.raises(CourseError, match="has no workers: start some"),
        cluster.connect(scheduler.scheduler_address, patience=0.5),
    ):
        pass
    with (
        pytest.raises(CourseError, match="no scheduler answers at tcp"),
        cluster.connect("tcp://127.0.0.1:9", patience=1),
    ):
        pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CourseError, match=r"install -c constraints.txt -e \"\.\[cluster\]\""), cluster.connect("local"):
        pass
