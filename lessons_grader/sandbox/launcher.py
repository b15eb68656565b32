"""What holds a submission: bubblewrap, with no network, nothing of ours in sight, and limits on all it can use.

Started by root, the sandbox is set up by root and the runner then takes a user number of its own; started by anybody
else it lives in a user namespace. Where neither works a container may do (see `containers`). Where that fails too there
is no sandbox, and nothing is graded.
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
    """What came out: the frames in order, whether the runner started and ended, and what was said on stderr.

    `starved`: the last limit ended it, and nothing in it had been stopped on purpose, so the machine was too busy.
    """

    frames: dict[str, bytes]
    started: bool
    ended: bool
    said: str
    starved: bool = False


class SandboxError(RuntimeError):
    """No sandbox can be made here. The message says why and what to do."""


def command(profile: Profile = PROFILES["numpy"], *, root: bool | None = None) -> list[str]:
    """The bubblewrap command line of a profile of the sandbox.

    Raises BoxError without bubblewrap, or if a package is not installed.
    """
    bwrap = shutil.which("bwrap")
    if not bwrap:
        raise SandboxError(
            "bubblewrap is not installed: `apt install bubblewrap` or `dnf install bubblewrap` (Linux only; elsewhere "
            "`--sandbox docker` or `--sandbox podman`)"
        )
    python = Path(sys.executable).resolve()
    binds = {Path("/sandbox/lib/lessons_grader", name): LIBRARY / name for name in profile.ours}
    for package in profile.packages:
        binds |= _places(package)
    prefix = Path(sys.base_prefix).resolve()
    if not prefix.is_relative_to("/usr") or prefix.is_relative_to("/usr/local"):
        binds[prefix] = prefix
    words = [bwrap, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    words += ["--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL", "--hostname", "sandbox"]
    if os.geteuid() == 0 if root is None else root:
        words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]  # for inside.lower, which gives them up
    else:
        words += ["--unshare-user"]
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
    words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    for name, value in profiles.environment(profile).items():
        words += ["--setenv", name, value]
    return [*words, str(python), "-I", "-S", "-B", "-c", START.format("/sandbox/lib")]


def run(
    runs: list[dict],
    arrays: dict[str, bytes],
    limits: Limits | None = None,
    *,
    profile: Profile = PROFILES["numpy"],
    by: str = BUBBLEWRAP,
    unsafe: bool = False,
) -> Outcome:
    """Run jobs (see `checks.job`) in one sandbox, or, if `unsafe`, in a bare process that can do all that you can.

    `limits` are the profile's own if None; `by` is one of WAYS. A sandbox that never started has `started`
    False: that is our failure, never the submission's. Raises BoxError.
    """
    limits = limits or profile.limits
    root = not unsafe and by == BUBBLEWRAP and hasattr(os, "geteuid") and os.geteuid() == 0
    most = dataclasses.asdict(limits)
    container, environment = "", dict(os.environ)
    if unsafe:  # an ordinary user's process count holds the whole desktop
        del most["NPROC"], most["AS"], most["DATA"]
        words = [sys.executable, "-c", START.format(str(LIBRARY.parent))]
        environment |= profiles.ONE_CORE | profile.environment
    elif by == BUBBLEWRAP:
        words, environment = command(profile), {}
    else:
        options = {"room": ROOM, "environment": profiles.environment(profile), "start": START}
        container, words = containers.command(by, profile, limits, **options)
    job = {"limits": most, "uid": slot() if root else None, "sandboxed": not unsafe, "warm": profile.warm, "runs": runs}
    parts = {"job.json": json.dumps(job).encode()} | arrays
    data = b"".join(wire.pack(name, payload) for name, payload in parts.items())
    with tempfile.TemporaryFile() as said, tempfile.TemporaryDirectory() as nowhere:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            cwd=nowhere,
            env=environment,
            close_fds=True,
        )
        starved: list[bool] = []
        over = threading.Event()
        watchdog = threading.Thread(target=_guard, args=(process, limits.wall, over, starved), daemon=True)
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
        said.seek(max(0, said.seek(0, os.SEEK_END) - 2000))  # the end of a traceback says what is wrong
        text = said.read().decode(errors="replace").strip()
    found = dict(wire.unpack(out))
    return Outcome(found, "hello" in found, "bye" in found, text, any(starved))


def choose(profile: Profile = PROFILES["numpy"], by: str = "") -> str:
    """The best way to make a sandbox of this profile here, or `by` if that is one.

    Raises BoxError with what each way said; engines that are not installed are not worth a word, unless asked for.
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
    """Why no sandbox of this profile can be made here, or "" if one was made and gave a known answer."""
    if by != BUBBLEWRAP and not shutil.which(by):
        return f"{by} is not installed"
    source, call, expected = containers.known(profile) if by != BUBBLEWRAP else ("def f(): return 7", ["f", [], {}], 7)
    runs = [{"cells": [["q", source]], "checks": [{"id": "0", "cell": "q", "arrays": [], "calls": [call]}]}]
    try:
        outcome = run(runs, {}, dataclasses.replace(profile.limits, wall=300.0), profile=profile, by=by)
    except (SandboxError, OSError) as error:
        return str(error)
    if outcome.ended and outcome.frames.get("0/0/0") == b"N" + wire.save(expected):
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
    """A user number for one sandbox: no other sandbox and no person on this machine has it.

    The first is drawn, because the limit of processes counts by user number, and graders in two containers of one
    machine count together without seeing each other.
    """
    numbers = Path("/proc/self/uid_map").read_text().split()
    if int(numbers[2]) > 3_000_000_000:
        return FIRST + next(SLOTS) % 65_536
    return 20_000 + (FIRST + next(SLOTS)) % 40_000  # in a container with 65,536 users


def _guard(process: subprocess.Popen, wall: float, over: threading.Event, starved: list[bool]) -> None:
    """End a sandbox whose time is up, or whose runner was stopped; `starved` hears whether the machine was too busy."""
    end, strikes = time.monotonic() + wall, 0
    while not over.wait(max(0.01, min(GLANCE, end - time.monotonic()))):
        strikes = strikes + 1 if _stopped(process.pid) else 0
        if strikes == 3 or time.monotonic() >= end:
            starved.append(strikes == 0)
            process.kill()  # bubblewrap, and with it all inside
            return


def _stopped(pid: int) -> bool:
    """Whether the runner in a sandbox stands still: an answer told it to, or the last limit would come for nothing."""
    with contextlib.suppress(psutil.Error):
        for init in psutil.Process(pid).children():
            for runner in sorted(init.children(), key=lambda found: found.create_time())[:1]:
                return runner.status() == psutil.STATUS_STOPPED
    return False


def _places(package: str) -> dict[Path, Path]:
    """Where an installed package is seen in the sandbox: its folder or file, and the libraries its wheel brought."""
    spec = importlib.util.find_spec(package)
    own = Path(spec.origin) if spec and spec.origin else Path(*spec.submodule_search_locations) if spec else Path()
    if own.name == "__init__.py":
        own = own.parent
    if not own.name:
        raise SandboxError(f"{package} is not installed here, and answers need it: run `make env`")
    libraries = own.with_name(f"{package}.libs")
    inner = Path("/sandbox/lib", *package.split(".")[:-1])
    return {inner / place.name: place for place in (own, libraries) if place.exists()}


def _converse(process: subprocess.Popen, data: bytes) -> bytes:
    """Hand over the job and read what comes, up to OUTPUT bytes."""

    def feed() -> None:
        try:
            process.stdin.write(data)
            process.stdin.close()
        except OSError:
            pass  # it died early, which its missing "hello" tells

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    out = process.stdout.read(OUTPUT)
    process.kill()  # if it has more to say, nobody listens
    process.stdout.close()
    feeder.join(5)
    return out
