import os
import sys

from lessons_lib.image_io.native import native_stderr_off


def test_what_native_code_writes_is_not_seen_and_ours_is_again(capfd):
    with native_stderr_off():
        os.write(2, b"a library says something")
    print("we do", file=sys.stderr)
    assert capfd.readouterr().err == "we do\n"
