"""What a JPEG says beside its pixels, and damage that decoders pass over."""

import struct

import pytest

from lessons_lib import image_io
from lessons_lib.image_io import jpeg
from tests.lessons_lib.image_io.files import smooth
from tests.lessons_lib.image_io.test_reading import JPEG, saved


def with_segments(data, *segments):
    parts = (b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in segments)
    return data[:2] + b"".join(parts) + data[2:]


@pytest.mark.parametrize(
    "break_it", [lambda half: bytes(300), lambda half: b"\xff\xd9" + half], ids=["zeros", "an end"]
)
def test_damage_in_the_middle_is_said(break_it, capfd):
    middle = len(JPEG) // 2
    data = JPEG[:middle] + break_it(JPEG[middle:])
    data += JPEG[len(data) :]
    assert "data are damaged" in image_io.read(data).notes[0]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("progressive", [False, True])
def test_whole_files_are_not_called_damaged(progressive):
    data = saved(smooth(), "JPEG", progressive=progressive)
    for whole in (data, data + b"more behind", data[:-2] + b"\0\0\xff\xd9"):  # as some cameras fill up
        assert not jpeg.is_damaged(whole)


def test_a_gain_map_and_a_video_without_a_word_of_them_in_the_captions():
    data = with_segments(saved(smooth(), "JPEG"), (0xE2, b"urn:iso:std:iso:ts:21496:-1\0"))
    assert "gain map" in image_io.read(data).notes[0]
    data = saved(smooth(), "JPEG") + b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + bytes(50) + b"SEFT"
    assert "short video" in image_io.read(data).notes[0]


def test_several_comments_and_long_xmp():
    data = with_segments(
        saved(smooth(), "JPEG"), (0xFE, b"first"), (0xFE, b"second"), (0xE1, jpeg.LONG_XMP + bytes(40))
    )
    photo = image_io.read(data)
    assert photo.comment == b"first\nsecond"
    assert photo.notes == ("the part of its XMP that is longer than 64 kB was left out",)
