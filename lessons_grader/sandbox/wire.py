"""Named byte strings in a row: how a job goes into the sandbox, and how answers come out.

A pipe and not a folder: what a submission leaves in the sandbox (links, devices, ten gigabytes) never reaches our disk.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np

MARK = b"ANS1"
HEAD = struct.Struct("<4sHI")  # mark, bytes of the name, bytes of the payload
DTYPE_KINDS = "biuf"  # numbers: no objects, no text, no records


class FrameError(ValueError):
    """Bytes that hold no array of plain numbers."""


def pack(name: str, payload: bytes) -> bytes:
    """One frame."""
    return HEAD.pack(MARK, len(name.encode()), len(payload)) + name.encode() + payload


def unpack(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The frames that are whole; stops without a word where the bytes are no frame, or end in the middle of one."""
    at = 0
    while len(data) - at >= HEAD.size:
        mark, letters, size = HEAD.unpack_from(data, at)
        start = at + HEAD.size + letters
        if mark != MARK or start + size > len(data):
            return
        try:
            name = data[at + HEAD.size : start].decode()
        except UnicodeDecodeError:
            return
        yield name, data[start : start + size]
        at = start + size


def save(array: np.ndarray) -> bytes:
    """An array as the bytes of an .npy file. Raises ValueError for objects."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()


def load(data: bytes) -> np.ndarray:
    """An array from the bytes of an .npy file, writable. Raises FrameError for all but whole arrays of numbers.

    The header is read by NumPy's literal parser and nothing is unpickled, so hostile bytes can only be refused; an
    array is made only if its bytes are there, so a header that claims a terabyte costs nothing.
    """
    buffer = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(buffer)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(buffer)
        if dtype.kind not in DTYPE_KINDS or dtype.subdtype is not None:
            raise FrameError(f"an array of {dtype} is not an array of numbers")
        flat = np.frombuffer(data, dtype, offset=buffer.tell())
        array = flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
        return array.astype(dtype.newbyteorder("="), order="C")
    except FrameError:
        raise
    except Exception as error:  # whatever a broken or hostile header makes NumPy raise
        raise FrameError(f"{len(data)} bytes are no .npy array: {error}") from error
