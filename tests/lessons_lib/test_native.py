import logging
import os
import sys
import warnings
from threading import Barrier, Thread

from lessons_lib.native import native_stderr_off, told_of_damage


def test_what_native_code_writes_is_not_seen_and_ours_is_again(capfd):
    with native_stderr_off() as said:
        os.write(2, b"a library says something")
        assert said() == "a library says something"
    print("we do", file=sys.stderr)
    assert capfd.readouterr().err == "we do\n"


def test_two_threads_leave_the_terminal_as_it_was(capfd):
    """The one that began first may end first: then the other must not keep what was turned away for ever."""
    steps = [Barrier(2) for _ in range(3)]

    def first():
        with native_stderr_off():
            steps[0].wait()
            steps[1].wait()
        steps[2].wait()

    def second():
        steps[0].wait()
        with native_stderr_off():
            steps[1].wait()
            steps[2].wait()
            os.write(2, b"unseen")

    threads = [Thread(target=one) for one in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"seen")
    assert capfd.readouterr().err == "seen"


def test_warnings_and_loggers_of_libraries_are_silent_too(capfd):
    with native_stderr_off():
        warnings.warn("a library warns", stacklevel=1)
        logging.getLogger("tifffile").error("a library logs")
    assert capfd.readouterr().err == ""


def test_loggers_speak_again_afterwards(caplog):
    with native_stderr_off():
        logging.getLogger("tifffile").error("a library logs")
    logging.getLogger("tifffile").error("and later")
    assert [record.message for record in caplog.records] == ["and later"]


def test_what_libjpeg_says_of_damage():
    assert told_of_damage("Corrupt JPEG data: premature end of data segment\n")
    assert told_of_damage("Corrupt JPEG data: 245 extraneous bytes before marker 0xd9\n")
    assert not told_of_damage("Corrupt JPEG data: 2 extraneous bytes before marker 0xd9\n")
