"""Profiles of the sandbox: what can be imported in it, its environment and its limits."""

from __future__ import annotations

import dataclasses
import os

# The files of this package that the sandbox sees: the runner and what it imports, and nothing that judges.
OURS = ("__init__.py", *(f"sandbox/{name}.py" for name in ("__init__", "wire", "seccomp", "process_watch", "runner")))
KERAS = (  # what Keras on TensorFlow imports to build, train, save and load; the rest of the environment stays outside
    *("keras", "tensorflow", "numpy", "absl", "astunparse", "flatbuffers", "gast", "google.protobuf", "google._upb"),
    *("h5py", "ml_dtypes", "namex", "opt_einsum", "optree", "packaging", "rich", "six", "termcolor"),
    *("typing_extensions", "wrapt", "requests", "certifi", "charset_normalizer", "idna", "urllib3"),
)
ONE_CORE = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
SAME_EACH_TIME = {  # one thread and plain kernels: a sum has one order, and a training one result
    **dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"),
    **{"TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
    **{"KERAS_BACKEND": "tensorflow"},
}


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a submission may use. Seconds of a core are limited closely, seconds on the clock loosely.

    The names in capital letters are the kernel's own, as in `resource.RLIMIT_AS`.
    """

    cpu: int = 4  # seconds of a core for each check
    busy: float = 10.0  # seconds of a core for all checks of a question, so that no other question loses its time
    idle: float = 10.0  # seconds in which a check may neither run nor wait for a core
    dozing: float = 15.0  # the same for all checks of a question
    answer: int = 32 << 20  # bytes that one check may return
    wall: float = 900.0  # seconds on the clock for the whole sandbox: too few only where the machine is too busy
    AS: int = 1 << 30  # bytes of memory of a process
    NPROC: int = 8  # processes
    NOFILE: int = 64
    FSIZE: int = 32 << 20  # bytes of a file
    CORE: int = 0
    DATA: int = -1  # bytes of memory that a process may write to; -1: unlimited, because AS is close enough


@dataclasses.dataclass(frozen=True)
class Profile:
    """What a sandbox offers to the answers in it.

    Attributes
    ----------
    packages : tuple of str
        The installed packages that can be imported.
    warm : str
        The package that is imported once, before any answer runs; "" for none.
    ours : tuple of str
        The files of `lessons_grader` that can be imported.
    environment : dict of str
        Environment variables beside those of every sandbox.
    limits : Limits
        What a submission may use.
    """

    packages: tuple[str, ...] = ("numpy",)
    warm: str = ""
    ours: tuple[str, ...] = OURS
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    limits: Limits = dataclasses.field(default_factory=Limits)


# TensorFlow maps 3 GB and writes to a fifth of it. Each thread counts as a process: 6 on 2 cores, and more on more, for
# some of its pools have a thread for each core whatever they are told.
HEAVY = Limits(cpu=10, busy=60.0, wall=1800.0, AS=8 << 30, DATA=2 << 30, NPROC=16 + 4 * (os.cpu_count() or 1))
PROFILES = {"numpy": Profile(), "keras": Profile(KERAS, "keras", OURS, SAME_EACH_TIME, HEAVY)}
# Of the second sandbox, which tries models that answers returned. No answer ever runs there.
MODEL_PROFILE = dataclasses.replace(PROFILES["keras"], ours=(*OURS, "sandbox/model_runner.py"))


def environment(profile: Profile) -> dict[str, str]:
    """All environment variables of a sandbox with this profile."""
    return ONE_CORE | profile.environment | {"PYTHONHASHSEED": "0", "HOME": "/tmp", "LC_ALL": "C.UTF-8"}
