"""Named byte strings in a row: how a job goes into the sandbox, and how answers come out.

A pipe and not a folder: what a submission leaves in the sandbox (links, devices, ten gigabytes) never reaches our disk.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

MARK = b"ANS1"
HEAD = struct.Struct("<4sHI")  # mark, bytes of the name, bytes of the payload
DTYPE_KINDS = "biuf"  # numbers: no objects, no text, no records


class ArrayError(ValueError):
    """Bytes that hold no array of plain numbers."""


def answer_name(run: int, check: str | int, call: str | int) -> str:
    """The name under which the answer to one call comes out: "run/check/call", each counted from 0."""
    return f"{run}/{check}/{call}"


def stop_name(run: int, check: str | int) -> str:
    """The name under which comes out why a check was stopped before its last answer."""
    return answer_name(run, check, "end")


def pack(name: str, payload: bytes) -> bytes:
    """A named byte string as bytes that `unpack` finds again."""
    return HEAD.pack(MARK, len(name.encode()), len(payload)) + name.encode() + payload


def unpack(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Find the named byte strings in a row of them.

    Parameters
    ----------
    data : bytes
        What `pack` made, one after the other; anybody may have written it.

    Yields
    ------
    tuple of str and bytes
        Name and payload. It stops without an error at the first one that is damaged or not whole.
    """
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


def save(array: ArrayLike) -> bytes:
    """Write an array as the bytes of an .npy file. Raises ValueError for objects."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()


def load(data: bytes) -> np.ndarray:
    """Read an array from the bytes of an .npy file that anybody may have written.

    The header is read by NumPy's literal parser and nothing is unpickled, so hostile bytes can only be refused; an
    array is made only if its bytes are there, so a header that claims a terabyte costs nothing.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    ndarray
        A new, writable array of numbers.

    Raises
    ------
    ArrayError
        For everything but one whole array of plain numbers.
    """
    buffer = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(buffer)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(buffer)
        if dtype.kind not in DTYPE_KINDS or dtype.subdtype is not None:
            raise ArrayError(f"an array of {dtype} is not an array of numbers")
        flat = np.frombuffer(data, dtype, offset=buffer.tell())
        array = flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
        return array.astype(dtype.newbyteorder("="), order="C")
    except ArrayError:
        raise
    except Exception as error:  # whatever a broken or hostile header makes NumPy raise
        raise ArrayError(f"{len(data)} bytes are no .npy array: {error}") from error
