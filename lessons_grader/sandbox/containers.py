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
OURS = MODEL_PROFILE.ours  # what the image holds of us: enough for each profile of the sandbox


def command(
    engine: str, profile: Profile, limits: Limits, *, room: int, environment: dict[str, str], start: str
) -> tuple[str, list[str]]:
    """The name of a new container, and the engine's command line that runs `start` in it; `room` is /tmp's, in bytes.

    The runner is its first process, which nothing inside can kill or stop. Memory is counted for all processes
    together: enough for two that use all of theirs.
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
    """Where the image holds what a profile of the sandbox can import."""
    return f"/sandbox/{profile.packages[0]}"


def stop(engine: str, name: str) -> None:
    """End a container, and all in it, whose engine's own process was ended; it may not even have started."""
    for word in ("kill", "rm"):  # Podman's `rm --force` alone would wait ten seconds first
        subprocess.run([engine, word, *(["--force"] if word == "rm" else []), name], capture_output=True, check=False)


def refusal(engine: str, started: bool, said: str) -> str:
    """Why a container did not give the answer that is known, and the command that makes the image for this Python."""
    python = ".".join(platform.python_version_tuple()[:2])
    build = f"{engine} build --build-arg PYTHON={python} -t {IMAGE} -f deploy/sandbox.Dockerfile ."
    why = "its image is of another version" if started else " ".join(said.split()) or "it said nothing"
    return (
        f"{engine} makes no sandbox ({why}). If its image is missing or old, make it in the repository's folder: "
        f"`{build}`"
    )


def version(folder: str, files: list[str], packages: list[str]) -> list[int]:
    """A fingerprint of Python, packages and the runner's files: it must be the same in the image and out here."""
    import hashlib
    import platform
    from importlib import metadata
    from pathlib import Path

    said = [*platform.python_version_tuple()[:2], *map(metadata.version, packages)]
    code = [Path(folder, name).read_bytes() for name in files]
    return list(hashlib.sha256(repr((said, code)).encode()).digest())


def known(profile: Profile) -> tuple[str, list, list[int]]:
    """A cell, a call of its function, and what comes out of an image that is ours: see `version`."""
    packages = ["numpy", "keras", "tensorflow"] if profile.warm else ["numpy"]
    values = [f"{place(profile)}/lessons_grader", list(OURS), packages]
    call = ["version", [{"value": value} for value in values], {}]
    return inspect.getsource(version), call, version(str(LIBRARY), *values[1:])
