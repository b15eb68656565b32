"""Files that are written whole or not at all, so that a stopped run leaves no half of one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def write(path: Path, data: str | bytes) -> None:
    """Write a file whole or not at all; an existing one keeps its permissions.

    Parameters
    ----------
    path : Path
        Where it shall lie; its folder must exist. A link is followed. A device such as /dev/stdout is written to.
    data : str or bytes
        Text is written as UTF-8 with the line ends that it has.

    Raises
    ------
    OSError
        If it cannot be written. The file is then what it was before.
    """
    whole = data.encode() if isinstance(data, str) else data
    if path.exists() and not path.is_file():
        path.write_bytes(whole)
        return
    path = path.resolve()
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.touch()
        if path.exists():
            shutil.copymode(path, part)
        part.write_bytes(whole)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
