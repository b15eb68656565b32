"""The sandbox of a submission: no network, nothing of the grader in sight, and limits on everything it can use.

bubblewrap makes it. If root starts it, the runner then takes a user number of its own; if anybody else does, it is made
in a user namespace. Where neither works, a container engine can make it (see `containers`). Where that fails too, there
is no sandbox and nothing is graded.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import itertools
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from lessons_grader.sandbox import containers, profiles, wire
from lessons_grader.sandbox.profiles import PROFILES, Limits, Profile

BUBBLEWRAP = "bubblewrap"
WAYS = (BUBBLEWRAP, *containers.ENGINES)  # to make a sandbox, the best first
ROOM = 64 << 20  # bytes a submission may write into /tmp of its sandbox, which is memory
OUTPUT = 64 << 20  # bytes that are read from a sandbox; more is cut off
GLANCE = 2.0  # seconds between two looks at a sandbox
LIBRARY = Path(__file__).resolve().parents[1]
SYSTEM = ("usr", "bin", "lib", "lib32", "lib64", "libx32")
START = "import sys; sys.path.insert(0, {!r}); from lessons_grader.sandbox import runner; runner.main()"
FIRST, SLOTS = 1_000_000 + 65_536 * secrets.randbelow(30_000), itertools.count()


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came out of a sandbox.

    Attributes
    ----------
    answers : dict of bytes
        Everything that the runner sent, by name: see `wire.answer_name`.
    started, ended : bool
        Whether the runner started, and whether it came to its end.
    said : str
        The end of what was written to standard error.
    starved : bool
        Whether the limit of seconds on the clock ended it although no answer had stopped the runner. Then the machine
        was too busy.
    """

    answers: dict[str, bytes]
    started: bool
    ended: bool
    said: str
    starved: bool = False


@dataclasses.dataclass(frozen=True)
class Start:
    """How to start a runner: the command line, its environment, and the container's name, "" without a container."""

    words: list[str]
    environment: dict[str, str]
    container: str = ""


class SandboxError(RuntimeError):
    """No sandbox can be made here. The message says why and what to do."""


def command(profile: Profile = PROFILES["numpy"], *, root: bool | None = None) -> list[str]:
    """The command line with which bubblewrap makes a sandbox and starts the runner in it.

    Parameters
    ----------
    profile : Profile
        What the sandbox offers.
    root : bool or None
        Whether root makes it; None to ask the system.

    Returns
    -------
    list of str

    Raises
    ------
    SandboxError
        If bubblewrap or a package of the profile is not installed.
    """
    bwrap = shutil.which("bwrap")
    if not bwrap:
        raise SandboxError(
            "bubblewrap is not installed: `apt install bubblewrap` or `dnf install bubblewrap` (Linux only; elsewhere "
            "`--sandbox docker` or `--sandbox podman`)"
        )
    python = Path(sys.executable).resolve()
    words = [bwrap, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    words += ["--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL", "--hostname", "sandbox"]
    if os.geteuid() == 0 if root is None else root:
        words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]  # for runner.lower, which gives them up
    else:
        words += ["--unshare-user"]
    words += _file_system(profile)
    for name, value in profiles.environment(profile).items():
        words += ["--setenv", name, value]
    return [*words, str(python), "-I", "-S", "-B", "-c", START.format("/sandbox/lib")]


def run(
    runs: list[dict[str, Any]],
    arrays: dict[str, bytes],
    limits: Limits | None = None,
    *,
    profile: Profile = PROFILES["numpy"],
    by: str = BUBBLEWRAP,
    unsafe: bool = False,
) -> Outcome:
    """Run sets of answers in one sandbox.

    Parameters
    ----------
    runs : list of dict
        For each set, `cells`, pairs of name and source, and `checks` as `checks.job` writes them.
    arrays : dict of bytes
        The inputs that the checks name, as .npy files.
    limits : Limits or None
        What may be used; None for the profile's own limits.
    profile : Profile
        What the sandbox offers.
    by : str
        What makes the sandbox, one of WAYS.
    unsafe : bool
        Use an ordinary process in place of a sandbox. The answers can then do everything that you can.

    Returns
    -------
    Outcome
        If its `started` is false, the sandbox failed and not the submission.

    Raises
    ------
    SandboxError
        If no sandbox can be made.
    """
    limits = limits or profile.limits
    start = _start(profile, limits, by, unsafe)
    data = _job(runs, arrays, limits, profile, by, unsafe)
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryDirectory() as empty:
        process = subprocess.Popen(
            start.words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=empty,
            env=start.environment,
            close_fds=True,
        )
        out, starved = _watched(process, data, limits.wall, by, start.container)
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - 2000))  # the end of a traceback says what is wrong
        said = errors.read().decode(errors="replace").strip()
    found = dict(wire.unpack(out))
    return Outcome(found, "hello" in found, "bye" in found, said, starved)


def choose(profile: Profile = PROFILES["numpy"], by: str = "") -> str:
    """Choose what makes the sandboxes.

    Parameters
    ----------
    profile : Profile
        What the sandboxes shall offer.
    by : str
        One of WAYS to insist on it, "" for the first of them that works here.

    Returns
    -------
    str
        One of WAYS.

    Raises
    ------
    SandboxError
        If none works. The message has the reason of each that was tried; a container engine that is not installed is
        tried only if it was asked for.
    """
    if by and by not in WAYS:
        raise SandboxError(f"the sandbox is {by!r}: choose one of {', '.join(WAYS)}")
    reasons = []
    for way in [by] if by else WAYS:
        if by or way == BUBBLEWRAP or shutil.which(way):
            why = refusal(profile, way)
            if not why:
                return way
            reasons.append(why)
    raise SandboxError("; or ".join(reasons))


def refusal(profile: Profile = PROFILES["numpy"], by: str = BUBBLEWRAP) -> str:
    """Make a sandbox, ask it something whose answer is known, and say why that failed.

    Parameters
    ----------
    profile : Profile
        What the sandbox shall offer.
    by : str
        What makes it, one of WAYS.

    Returns
    -------
    str
        The reason and what to do, "" if the sandbox works.
    """
    if by != BUBBLEWRAP and not shutil.which(by):
        return f"{by} is not installed"
    source, call, expected = "def f(): return [7]", ["f", [], {}], [7]
    if by != BUBBLEWRAP:
        source, call, expected = containers.known(profile)
    runs = [{"cells": [["q", source]], "checks": [{"id": "0", "cell": "q", "arrays": [], "calls": [call]}]}]
    try:
        outcome = run(runs, {}, dataclasses.replace(profile.limits, wall=300.0), profile=profile, by=by)
    except (SandboxError, OSError) as error:
        return str(error)
    if outcome.ended and outcome.answers.get(wire.answer_name(0, 0, 0)) == b"N" + wire.save(expected):
        return ""
    if by != BUBBLEWRAP:
        return containers.refusal(by, outcome.ended, outcome.said)
    if outcome.ended:
        return (
            "a sandbox starts, but no answer comes out of it. Before Linux 5.14 an ordinary user's sandbox counts all "
            "of that user's processes: run as root, or on a newer kernel"
        )
    return (
        f"bubblewrap is here, but no sandbox starts ({outcome.said or 'it said nothing'}). On Ubuntu 24.04 AppArmor "
        "forbids it user namespaces: run as root, or give bwrap an AppArmor profile. In a container, allow namespaces"
    )


def slot() -> int:
    """A user number for one sandbox, which no other sandbox and no person on this machine has.

    The first one is drawn at random: the limit of processes counts by user number, and graders in two containers of one
    machine would count together without seeing each other.
    """
    numbers = Path("/proc/self/uid_map").read_text().split()
    if int(numbers[2]) > 3_000_000_000:
        return FIRST + next(SLOTS) % 65_536
    return 20_000 + (FIRST + next(SLOTS)) % 40_000  # in a container with 65,536 users


def _start(profile: Profile, limits: Limits, by: str, unsafe: bool) -> Start:
    """How to start the runner in a sandbox, or, if `unsafe`, as an ordinary process."""
    if unsafe:
        words = [sys.executable, "-c", START.format(str(LIBRARY.parent))]
        return Start(words, dict(os.environ) | profiles.ONE_CORE | profile.environment)
    if by == BUBBLEWRAP:
        return Start(command(profile), {})
    environment = profiles.environment(profile)
    name, words = containers.command(by, profile, limits, room=ROOM, environment=environment, start=START)
    return Start(words, dict(os.environ), name)


def _job(
    runs: list[dict[str, Any]], arrays: dict[str, bytes], limits: Limits, profile: Profile, by: str, unsafe: bool
) -> bytes:
    """The bytes that the runner reads."""
    most = dataclasses.asdict(limits)
    if unsafe:  # an ordinary user's number of processes counts the whole desktop
        del most["NPROC"], most["AS"], most["DATA"]
    root = not unsafe and by == BUBBLEWRAP and hasattr(os, "geteuid") and os.geteuid() == 0
    job = {"limits": most, "uid": slot() if root else None, "sandboxed": not unsafe, "warm": profile.warm, "runs": runs}
    parts = {"job.json": json.dumps(job).encode()} | arrays
    return b"".join(wire.pack(name, payload) for name, payload in parts.items())


def _watched(process: subprocess.Popen, data: bytes, wall: float, by: str, container: str) -> tuple[bytes, bool]:
    """Hand the job over, and see to it that the sandbox ends; what it wrote, and whether the machine was too busy."""
    starved: list[bool] = []
    over = threading.Event()
    watchdog = threading.Thread(target=_guard, args=(process, wall, over, starved), daemon=True)
    watchdog.start()
    out = b""
    try:
        out = _converse(process, data)
    finally:
        over.set()
        watchdog.join()
        process.kill()
        process.wait()
        if container and not out.endswith(wire.pack("bye", b"")):  # it does not end with the engine's process
            containers.stop(by, container)
    return out, any(starved)


def _guard(process: subprocess.Popen, wall: float, over: threading.Event, starved: list[bool]) -> None:
    """Kill a sandbox whose time is up, or whose runner was stopped.

    Into `starved` goes whether the machine was too busy; nothing if the sandbox was not killed.
    """
    end, strikes = time.monotonic() + wall, 0
    while not over.wait(max(0.01, min(GLANCE, end - time.monotonic()))):
        strikes = strikes + 1 if _stopped(process.pid) else 0
        if strikes == 3 or time.monotonic() >= end:
            starved.append(strikes == 0)
            process.kill()  # bubblewrap, and with it the whole sandbox
            return


def _stopped(pid: int) -> bool:
    """Whether the runner in a sandbox was stopped, as an answer can do with a signal; it would never go on."""
    with contextlib.suppress(psutil.Error):
        for init in psutil.Process(pid).children():
            for runner in sorted(init.children(), key=lambda found: found.create_time())[:1]:
                return runner.status() == psutil.STATUS_STOPPED
    return False


def _file_system(profile: Profile) -> list[str]:
    """bubblewrap's options for the files of a sandbox: the system, Python, the packages, the runner, an empty /tmp."""
    binds = {Path("/sandbox/lib/lessons_grader", name): LIBRARY / name for name in profile.ours}
    for package in profile.packages:
        binds |= _places(package)
    prefix = Path(sys.base_prefix).resolve()
    if not prefix.is_relative_to("/usr") or prefix.is_relative_to("/usr/local"):
        binds[prefix] = prefix
    words = []
    for name in SYSTEM:
        place = Path("/", name)
        if place.is_symlink():
            words += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            words += ["--ro-bind", str(place), str(place)]
    words += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", str(ROOM), "--tmpfs", "/tmp"]
    folders = sorted({parent for target in binds for parent in target.parents} - {Path("/"), Path("/usr")})
    for folder in folders:  # bubblewrap would make them for its own user alone
        words += [] if folder.is_relative_to("/usr") else ["--dir", str(folder)]
    for target, original in sorted(binds.items()):
        words += ["--ro-bind", str(original), str(target)]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]


def _places(package: str) -> dict[Path, Path]:
    """Where the sandbox sees an installed package: its folder or file, and the libraries that its wheel brought."""
    spec = importlib.util.find_spec(package)
    if spec and spec.origin:
        own = Path(spec.origin)
    else:
        own = Path(*spec.submodule_search_locations) if spec and spec.submodule_search_locations else Path()
    if own.name == "__init__.py":
        own = own.parent
    if not own.name:
        raise SandboxError(f"{package} is not installed here, and answers need it: run `make env`")
    libraries = own.with_name(f"{package}.libs")
    inner = Path("/sandbox/lib", *package.split(".")[:-1])
    return {inner / place.name: place for place in (own, libraries) if place.exists()}


def _converse(process: subprocess.Popen, data: bytes) -> bytes:
    """Hand over the job and read what comes, up to OUTPUT bytes."""
    assert process.stdin and process.stdout, "it was started with pipes"
    source, sink = process.stdout, process.stdin

    def feed() -> None:
        with contextlib.suppress(OSError):  # it died early, which its missing "hello" tells
            sink.write(data)
            sink.close()

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    out = source.read(OUTPUT)
    process.kill()  # if it has more to say, nobody listens
    source.close()
    feeder.join(5)
    return out
