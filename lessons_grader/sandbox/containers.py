"""A sandbox made by a container engine, where bubblewrap can make none: macOS, Windows, a Linux that forbids it.

The image holds NumPy, Keras and the runner, and nothing else of the course. Nothing is mounted, so an engine in a
virtual machine will do: a job goes in, and answers come out, by the container's standard streams.
"""

from __future__ import annotations

import inspect
import platform
import secrets
import subprocess
from pathlib import Path

from lessons_grader.sandbox.profiles import MODEL_PROFILE, Limits, Profile

ENGINES = ("docker", "podman")
IMAGE = "pixels-to-ridnet-sandbox"
LIBRARY = Path(__file__).resolve().parents[1]
OURS = MODEL_PROFILE.ours  # the files of lessons_grader in the image: enough for each profile of the sandbox


def command(
    engine: str, profile: Profile, limits: Limits, *, room: int, environment: dict[str, str], start: str
) -> tuple[str, list[str]]:
    """The engine's command line for a new container.

    The runner is the container's first process, which no other process in it can kill or stop. Memory is counted for
    all processes together: enough for two that use all of theirs.

    Parameters
    ----------
    engine : str
        One of ENGINES.
    profile, limits : Profile, Limits
        What the container offers, and what may be used in it.
    room : int
        The size of its /tmp in bytes.
    environment : dict of str
        Its environment variables.
    start : str
        Python source that starts the runner; `{!r}` in it stands for the folder to import from.

    Returns
    -------
    name : str
        The container's name, for `stop`.
    words : list of str
        The command line.
    """
    name = f"{IMAGE}-{secrets.token_hex(8)}"
    memory = 2 * (limits.DATA if limits.DATA > 0 else limits.AS)
    user = 20_000 + secrets.randbelow(40_000)  # the limit of processes counts by user number
    words = [engine, "run", "--rm", "--interactive", "--pull", "never", "--name", name, "--hostname", "sandbox"]
    words += ["--network", "none", "--ipc", "none", "--read-only", "--log-driver", "none", "--workdir", "/tmp"]
    words += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", f"{user}:{user}"]
    words += ["--memory", str(memory), "--memory-swap", str(memory), "--pids-limit", str(limits.NPROC + 2)]
    words += ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]  # the runner sets its own, far lower
    words += ["--tmpfs", f"/tmp:rw,nosuid,nodev,mode=1777,size={room}"]
    for setting, value in environment.items():
        words += ["--env", f"{setting}={value}"]
    return name, [*words, IMAGE, "python", "-I", "-S", "-B", "-c", start.format(place(profile))]


def place(profile: Profile) -> str:
    """The folder of the image that a profile of the sandbox imports from."""
    return f"/sandbox/{profile.packages[0]}"


def stop(engine: str, name: str) -> None:
    """End a container and everything in it, after the engine's own process was killed; it may not have started yet."""
    for word in ("kill", "rm"):  # Podman's `rm --force` alone would wait ten seconds first
        subprocess.run([engine, word, *(["--force"] if word == "rm" else []), name], capture_output=True, check=False)


def refusal(engine: str, started: bool, said: str) -> str:
    """Say why a container did not give the expected answer, and which command builds the image for this Python.

    Parameters
    ----------
    engine : str
        One of ENGINES.
    started : bool
        Whether the runner in it started and ended.
    said : str
        What the engine wrote to standard error.
    """
    python = ".".join(platform.python_version_tuple()[:2])
    build = f"{engine} build --build-arg PYTHON={python} -t {IMAGE} -f deploy/sandbox.Dockerfile ."
    why = "its image is of another version" if started else " ".join(said.split()) or "it said nothing"
    return (
        f"{engine} makes no sandbox ({why}). If its image is missing or old, make it in the repository's folder: "
        f"`{build}`"
    )


def version(folder: str, files: list[str], packages: list[str]) -> list[int]:
    """A fingerprint of Python, packages and files, which must be the same in the image and on this machine.

    The source of this function is sent into the image and called there too, so it does its own imports.
    """
    import hashlib
    import platform
    from importlib import metadata
    from pathlib import Path

    said = [*platform.python_version_tuple()[:2], *map(metadata.version, packages)]
    code = [Path(folder, name).read_bytes() for name in files]
    return list(hashlib.sha256(repr((said, code)).encode()).digest())


def known(profile: Profile) -> tuple[str, list, list[int]]:
    """A question with a known answer: the cell to run, the call to make, and what an image of this version returns."""
    packages = ["numpy", "keras", "tensorflow"] if profile.warm else ["numpy"]
    arguments = [f"{place(profile)}/lessons_grader", list(OURS), packages]
    call = ["version", [{"value": value} for value in arguments], {}]
    return inspect.getsource(version), call, version(str(LIBRARY), list(OURS), packages)
