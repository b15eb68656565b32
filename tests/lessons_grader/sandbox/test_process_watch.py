import os
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from lessons_grader.sandbox import process_watch, wire

LIMITS = {"answer": 1 << 20, "idle": 0.4}


def run(work, cpu=2, **limits):
    """What a process said, why it was stopped or how it ended, and how long it idled."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        process_watch.work_and_exit(work, write, cpu)
    os.close(write)
    said, stopped, idle = process_watch.watch(pid, read, LIMITS | limits)
    _, status, used = os.wait4(pid, 0)
    os.close(read)
    return said, stopped or process_watch.why(status, used.ru_utime + used.ru_stime, cpu), idle


def test_a_process_says_what_it_has_to_and_that_it_is_done():
    said, _, _ = run(lambda say: say("0", b"x" * 100_000))
    assert said == wire.pack("0", b"x" * 100_000) + process_watch.DONE


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (lambda say: os._exit(3), "exit 3"),
        (lambda say: os.kill(os.getpid(), 11), "signal 11"),
        (lambda say: 1 / 0, "exit 9"),
        (lambda say: time.sleep(60), "idle"),
        (lambda say: [say("0", bytes(1 << 16)) for _ in range(99)], "output"),
    ],
)
def test_of_a_process_that_ends_early_is_said_why(work, reason):
    assert run(work)[1] == reason


def test_a_loop_is_stopped_by_its_seconds_of_a_core():
    assert run(lambda say: [None for _ in iter(int, 1)], cpu=1, idle=60.0)[1] == "busy"


def test_work_in_another_thread_is_no_idleness():
    """TensorFlow computes in a pool while the first thread waits."""
    from threading import Thread

    def work(say):
        until = time.process_time() + 1.8
        worker = Thread(target=lambda: [None for _ in iter(lambda: time.process_time() < until, False)])
        worker.start()
        worker.join()
        say("0", b"")

    assert run(work, cpu=4, idle=1.2)[0].endswith(process_watch.DONE)


def test_a_pool_that_waits_for_a_core_until_the_end_is_no_idleness():
    """On a busy machine a pool's thread waits for a core, and how long nobody knows any more when it has ended."""
    from threading import Event, Thread

    def work(say):
        done = Event()

        def pool():
            until = time.process_time() + 1.0
            while time.process_time() < until:
                zlib.compress(bytes(1 << 20))
            done.set()
            Event().wait()

        Thread(target=pool, daemon=True).start()
        done.wait()

    loops = 3 * (os.cpu_count() or 1)
    words = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(words, start_new_session=True) for _ in range(loops)]  # Linux may share cores by session
    try:
        started = time.monotonic()
        said, _, idle = run(work, cpu=9, idle=60.0)
        took = time.monotonic() - started
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert said.endswith(process_watch.DONE)
    assert idle < took / 2, (idle, took)


def test_a_process_keeps_no_file_but_its_pipe():
    kept = os.open(os.devnull, os.O_RDONLY)
    said, _, _ = run(lambda say: say("0", b"open" if Path(f"/proc/self/fd/{kept}").exists() else b"closed"))
    os.close(kept)
    assert b"closed" in said


def test_all_is_written_however_small_the_pipe():
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        process_watch.write(write, bytes(1 << 18))
        os._exit(0)
    os.close(write)
    time.sleep(0.05)
    with os.fdopen(read, "rb") as pipe:
        assert len(pipe.read()) == 1 << 18
    os.waitpid(pid, 0)
