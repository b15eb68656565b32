import numpy as np
import pytest

from lessons_grader.sandbox import wire


def test_what_is_packed_comes_back_in_order_and_a_broken_tail_is_left_out():
    data = wire.pack("a", b"xyz") + wire.pack("b/ü", b"") + wire.pack("a", b"2")
    assert list(wire.unpack(data)) == [("a", b"xyz"), ("b/ü", b""), ("a", b"2")]
    assert list(wire.unpack(data[:-1])) == [("a", b"xyz"), ("b/ü", b"")]
    assert list(wire.unpack(b"garbage" * 9)) == []
    assert list(wire.unpack(wire.HEAD.pack(wire.MARK, 2, 0) + b"\xff\xff")) == []


@pytest.mark.parametrize(
    "array",
    [
        np.float32(2.5),
        np.arange(6).reshape(2, 3),
        np.asfortranarray(np.random.default_rng(0).random((3, 4, 2))),
        np.array([True, False]),
        np.zeros((0, 3), np.uint8),
        np.array([1, 2], ">f8"),
    ],
    ids=["scalar", "ints", "fortran", "bool", "empty", "big-endian"],
)
def test_arrays_survive(array):
    back = wire.load(wire.save(array))
    np.testing.assert_array_equal(back, array)
    assert back.flags.writeable and back.shape == np.shape(array)
    assert back.dtype == np.asarray(array).dtype.newbyteorder("=")


def header(text):
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no array",
        header(b"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n") + b"cos\nsystem\n",
        header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}\n") + bytes(8),
        header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}\n") + bytes(7),
        header(b"{'descr': '<U9', 'fortran_order': False, 'shape': ()}\n") + bytes(36),
        header(b"{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}\n") + bytes(8),
        header(b"__import__('os').getcwd()\n"),
        header(b"(" * 3000),
        wire.save(np.zeros(3)) + b"more",
    ],
    ids=["empty", "text", "pickle", "terabyte", "short", "letters", "record", "code", "deep", "long"],
)
def test_what_is_no_array_of_numbers_is_refused(data):
    with pytest.raises(wire.ArrayError):
        wire.load(data)


def test_an_answer_has_a_name_by_run_check_and_call():
    assert wire.answer_name(0, "3", 1) == wire.answer_name(0, 3, "1") == "0/3/1"
    assert wire.stop_name(2, 3) == "2/3/end"


def test_objects_are_not_packed():
    with pytest.raises(ValueError, match="Object arrays"):
        wire.save(np.array([None]))
