"""Photographs as files: what stands beside the pixels is kept, and what cannot be kept is said.

`images.read` is enough for a lesson. A tool must give back what it was given: bits, transparency, colour profile,
camera data. Pillow knows the formats and their metadata, and refuses files that would unpack into too much; but it cuts
colour pictures of 16 bits to 8, so those pixels go through OpenCV, and tifffile writes their TIFF.
"""

from lessons_lib.image_io.kinds import no_picture
from lessons_lib.image_io.reading import Photo, as_float, read
from lessons_lib.image_io.writing import SUFFIXES, as_stored, copy, encode, restored, write

__all__ = [
    "READABLE",
    "SUFFIXES",
    "Photo",
    "as_float",
    "as_stored",
    "copy",
    "encode",
    "no_picture",
    "read",
    "restored",
    "write",
]

READABLE = {*SUFFIXES, ".jfif", ".mpo", ".gif", ".ppm", ".pgm", ".pbm", ".pnm"}
