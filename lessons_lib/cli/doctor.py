"""What this machine can do for the book, in plain words: behind `lessons doctor`."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil

from lessons_lib.native import native_stderr_off

GIB = 2**30


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `state` is "ok", "note" (the book runs, but) or "problem" (it will not)."""

    topic: str
    state: str
    text: str


def examine(measure: bool = True) -> Iterator[Finding]:
    """Look at one thing after the other; a check that itself fails is a finding too, never a traceback.

    `measure` trains a small network in two precisions, which takes some seconds.
    """
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("Python", _python),
        ("Images", _opencv),
        ("Backend", _backend),
        ("Processor", _processor),
        ("Memory", _memory),
        ("GPU", _gpu),
        ("Budget", _budget),
        ("Sample", _sample),
        ("Full sets", _full_sets),
        ("Disk", _disk),
    ]
    if measure:
        checks.insert(6, ("Precision", _precision))
    for topic, check in checks:
        try:
            with native_stderr_off():
                finding = check()
            yield finding
        except Exception as error:  # whatever it is, the learner should read it in one line and see the rest
            yield Finding(topic, "problem", f"{type(error).__name__}: {error}")


def _python() -> Finding:
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("Python", "ok", found)
    return Finding("Python", "problem", f"{found}: the book needs 3.11, 3.12 or 3.13")


def _opencv() -> Finding:
    try:
        import cv2
    except ImportError as error:  # slim containers lack libxcb, libGL and glib
        way_out = "on Debian or Ubuntu install libgl1 and libglib2.0-0"
        return Finding("Images", "problem", f"OpenCV does not load ({error}): {way_out}")
    return Finding("Images", "ok", f"OpenCV {cv2.__version__}")


def _backend() -> Finding:
    import keras

    return Finding(
        "Backend", "ok", f"Keras {keras.__version__} on {keras.backend.backend()} (KERAS_BACKEND changes it)"
    )


def _processor() -> Finding:
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    return Finding("Processor", "ok" if cores > 1 else "note", f"{cores} cores, {os.cpu_count()} threads")


def _memory() -> Finding:
    memory = psutil.virtual_memory()
    text = f"{memory.available / GIB:.1f} of {memory.total / GIB:.1f} GB free"
    enough = memory.available >= 2.5 * GIB
    return Finding("Memory", "ok" if enough else "note", text if enough else f"{text}: a notebook may need 2 GB")


def _gpu() -> Finding:
    import keras

    devices = keras.distribution.list_devices("gpu")
    if devices:
        return Finding("GPU", "ok", f"{len(devices)} found: LESSONS_BUDGET=gpu trains on the full sets")
    return Finding("GPU", "ok", "none, and none is needed")


def _precision() -> Finding:
    from lessons_lib import training

    gain = training.bfloat16_gain()
    choice = "bfloat16 pays here" if gain > training.WORTHWHILE else "float32 is the better choice here"
    return Finding("Precision", "ok", f"bfloat16 trains {gain:.1f} times as fast as float32: {choice}")


def _budget() -> Finding:
    from lessons_lib import budget

    meaning = {"smoke": "seconds, to see that all runs", "cpu": "minutes on a laptop", "gpu": "full sets, needs a GPU"}
    chosen = budget.budget()
    return Finding("Budget", "ok", f"{chosen}: {meaning[chosen]} (LESSONS_BUDGET=smoke|cpu|gpu changes it)")


def _sample() -> Finding:
    from lessons_lib import datasets

    return Finding("Sample", "ok", datasets.check_sample())


def _full_sets() -> Finding:
    from lessons_lib import datasets

    names = [name for name in datasets.REGISTRY if datasets.is_here(name)]
    found = ", ".join(names) if names else "none; `lessons data fetch NAME` gets one, and no chapter needs it"
    mirror = os.environ.get("LESSONS_DATA")
    return Finding("Full sets", "ok", f"{found}" + (f" (LESSONS_DATA is {mirror})" if mirror else ""))


def _disk() -> Finding:
    from lessons_lib import datasets

    folder = datasets.cache_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / GIB
    return Finding("Disk", "ok" if free > 2 else "note", f"{free:.0f} GB free where downloads go ({folder})")
