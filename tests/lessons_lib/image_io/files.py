"""Small files that tests of this folder make."""

import io

import numpy as np
import tifffile

RAMP = (np.arange(32 * 48 * 3).reshape(32, 48, 3) * 14).astype(np.uint16)


def written(stored, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, stored, **options)
    return buffer.getvalue()


def smooth(height=64, width=80):
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 3, columns * 2, rows + columns], -1).astype(np.uint8)
