from lessons_lib import native
from lessons_lib.image_io.native import native_stderr_off


def test_it_is_the_one_of_the_house():
    assert native_stderr_off is native.native_stderr_off
