"""Getting a set from its public addresses: one after the other, resumed, checked, whole or not at all."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import cv2
import requests
from tqdm import tqdm

from lessons_lib.datasets import store
from lessons_lib.datasets.registry import Dataset, DatasetError, Source, choose, load
from lessons_lib.datasets.unpack import BROKEN, SourceError, copy_limited, safe_members

ATTEMPTS = 4  # of one address, each going on where the one before broke off
PAUSE = 1.0  # seconds before the second attempt; doubles
TIMEOUT = (10, 60)  # seconds to connect, and without a byte
CHUNK = 1 << 16  # bytes; what is lost at most when a transfer breaks off
STALE = 86_400  # seconds after which what a killed download left is deleted
PARTIAL = ".partial-"
NO_SUCH_NAME = "NameResolutionError"  # how urllib3 reports it inside requests' ConnectionError


class FetchError(DatasetError):
    """No address gave the files.

    The message names each address that was asked, its reason, and the ways out.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> issubclass(datasets.FetchError, datasets.DatasetError)
    True
    """


class CacheError(DatasetError):
    """The cache cannot be written: it is read-only or its disk is full.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> issubclass(datasets.CacheError, datasets.DatasetError)
    True
    """


class Resuming:
    """A downloader that resumes a broken transfer instead of starting again.

    Parameters
    ----------
    session : requests.Session
        The session that asks.
    bar : tqdm.tqdm
        The progress bar, in bytes.

    Examples
    --------
    >>> import requests
    >>> from tqdm import tqdm
    >>> from lessons_lib.datasets.download import Resuming
    >>> with requests.Session() as session, tqdm(disable=True) as bar:
    ...     callable(Resuming(session, bar))
    True
    """

    def __init__(self, session: requests.Session, bar: tqdm) -> None:
        self.session, self.bar = session, bar

    def __call__(self, url: str, target: Path) -> None:
        """Download one file, with several attempts.

        Parameters
        ----------
        url : str
            The address.
        target : pathlib.Path
            Where to write; emptied first.

        Raises
        ------
        requests.RequestException
            If the server refuses, its name cannot be looked up, or the last attempt fails.
        CacheError
            If the file does not fit on the disk.

        Examples
        --------
        >>> from pathlib import Path
        >>> import requests
        >>> from tqdm import tqdm
        >>> from lessons_lib.datasets.download import Resuming
        >>> with requests.Session() as session, tqdm(unit="B") as bar:  # doctest: +SKIP
        ...     Resuming(session, bar)("https://example.org/set5/baby.png", Path("baby.png"))
        """
        target.write_bytes(b"")  # what an attempt before left is not trusted
        last: requests.RequestException
        for attempt in range(ATTEMPTS):
            try:
                return self._transfer(url, target)
            except requests.HTTPError as error:
                if error.response is not None and error.response.status_code < 500:
                    raise  # refused: asking again gives the same answer
                last = error
            except requests.RequestException as error:
                if NO_SUCH_NAME in str(error):
                    raise  # offline, most likely: no use in waiting
                last = error
            if attempt + 1 < ATTEMPTS:
                time.sleep(PAUSE * 2**attempt)
        raise last

    def _transfer(self, url: str, target: Path) -> None:
        have = target.stat().st_size
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with self.session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == 416:  # nothing after what we have, or a server that counts otherwise
                target.write_bytes(b"")
                raise requests.ConnectionError("the server cannot resume; starting again")
            answer.raise_for_status()
            if answer.status_code != 206:  # the whole file again
                self.bar.update(-have)
                have = 0
            length = answer.headers.get("Content-Length")
            self._make_room(target, int(length or 0))
            with target.open("ab" if have else "wb") as file:
                for chunk in answer.iter_content(CHUNK):
                    file.write(chunk)
                    self.bar.update(len(chunk))
            if length and target.stat().st_size < have + int(length):
                raise requests.ConnectionError("the connection closed early")

    def _make_room(self, target: Path, needed: int) -> None:
        free = shutil.disk_usage(target.parent).free
        if needed > free:
            raise CacheError(
                f"{store.cache_folder()} has {free / 1e6:.0f} MB free and {needed / 1e6:.0f} MB are needed: "
                "free some, or set LESSONS_CACHE to a folder on another disk"
            )
        if self.bar.n + needed > (self.bar.total or 0):
            self.bar.total = self.bar.n + needed


def say(text: str) -> None:
    """Print a message for the learner on stderr, where it does not mix with what a command returns.

    Parameters
    ----------
    text : str
        The message.

    Examples
    --------
    >>> from lessons_lib.datasets import download
    >>> download.say("Getting set5")
    """
    print(text, file=sys.stderr, flush=True)


def fetch(name: str, members: list[str] | None = None) -> Path:
    """Make sure that a set, or some of its files, is on this machine and verified.

    The local mirror is asked first, then the cache, then each public address in order. A damaged file in the cache is
    replaced. A half file is never left under a file's name.

    Parameters
    ----------
    name : str
        Name of the set.
    members : list of str, optional
        The files that are needed; by default all that have a public address.

    Returns
    -------
    pathlib.Path
        The folder in which the set lies.

    Raises
    ------
    UnknownDatasetError
        If the set or a file is unknown.
    ChecksumError
        If a file in the local mirror is wrong.
    FetchError
        If no address worked; the message names each and its reason.
    CacheError
        If the cache is read-only or its disk is full.

    Examples
    --------
    >>> from lessons_lib import datasets
    >>> folder = datasets.fetch("set5", ["baby.png"])  # doctest: +SKIP
    >>> datasets.fetch("bsd500")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    lessons_lib.datasets.registry.UnknownDatasetError: no set is called 'bsd500': did you mean 'bsds500'? There are: ...
    """
    dataset = choose(name, load(), "set")
    wanted = list(members) if members is not None else [f for f in dataset.files if f not in dataset.local]
    for member in wanted:
        choose(member, dataset.files, f"file of {name}")
    missing = [member for member in wanted if not _have(dataset, member)]
    if missing:
        folder = store.cache_folder() / name
        with _writable(folder):
            _fetch_missing(dataset, missing, folder)
        return folder
    return next(folder for folder in store.places(name) if (folder / wanted[0]).is_file())


def _have(dataset: Dataset, member: str) -> bool:
    try:
        return store.find(dataset, member) is not None
    except store.ChecksumError as error:
        if not error.path.is_relative_to(store.cache_folder()):
            raise  # a mirror's file is not ours to replace
        with _writable(error.path.parent):
            error.path.unlink()
        say(f"{error.path} was damaged: getting it again")
        return False


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    """Turn what the disk says into what to do. Errors of requests, which are OSErrors too, pass."""
    try:
        yield
    except requests.RequestException:
        raise
    except OSError as error:
        raise CacheError(
            f"cannot write to the cache {folder}: {error.strerror or error}. "
            "Free some space or mend its permissions, or set LESSONS_CACHE to another folder"
        ) from error


def _fetch_missing(dataset: Dataset, missing: list[str], folder: Path) -> None:
    """Ask the sources in order until nothing is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    failures = []
    sizes = [size for member in missing if (size := dataset.files[member].size) is not None]
    megabytes = f", {sum(sizes) / 1e6:.1f} MB" if len(sizes) == len(missing) else ""
    say(f"Getting {dataset.name}: {len(missing)} files{megabytes}, into {folder}")
    for source in [*_mirrored_archives(dataset), *dataset.sources]:
        here = [member for member in missing if fnmatchcase(member, source.provides)]
        if here:
            try:
                _take(dataset, source, here, folder)
            except (SourceError, requests.RequestException) as error:
                failures.append(f"{source.address(here[0])}: {_reason(error)}")
                say(f"  failed: {failures[-1]}; trying the next address, if there is one")
        missing = [member for member in missing if not (folder / member).is_file()]
        if not missing:
            return
    tried = "\n".join(f"  {failure}" for failure in failures) or "  no public address is known for these files"
    raise FetchError(
        f"{dataset.name}: {len(missing)} files could not be had, the first is {missing[0]}.\n{tried}\n"
        f"Ways out: try again with a network; put the files in a folder {dataset.name}/ and name the folder above it "
        "in LESSONS_DATA; or go on without: the smoke and cpu budgets need only the shipped sample"
    )


def _reason(error: Exception) -> str:
    """What went wrong at one address, in a line that a learner can act on."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if NO_SUCH_NAME in str(error):
        return "its name cannot be looked up: is this machine offline?"
    if isinstance(error, requests.ConnectionError):
        return f"no connection, or it broke off ({str(error)[:120]})"
    return str(error)


def _sweep(folder: Path) -> None:
    for old in folder.glob(PARTIAL + "*"):
        if time.time() - old.stat().st_mtime > STALE:
            shutil.rmtree(old, ignore_errors=True)


def _mirrored_archives(dataset: Dataset) -> list[Source]:
    """The set's archives that lie, whole, in the local mirror: they need no network."""
    mirror = store.mirror_folder()
    if mirror is None:
        return []
    held = [(s, mirror / dataset.name / PurePosixPath(s.url).name) for s in dataset.sources if s.archive]
    return [Source(str(path), True, s.provides, s.sha256) for s, path in held if path.is_file()]


def _take(dataset: Dataset, source: Source, members: list[str], folder: Path) -> None:
    """Get `members` from one source into `folder`, each moved there once it is proven."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=PARTIAL) as made, requests.Session() as session:
        scratch = Path(made)
        known = sum(dataset.files[m].size or 0 for m in members) if not source.archive else None
        with tqdm(total=known, unit="B", unit_scale=True, desc=dataset.name, disable=None) as bar:
            get = Resuming(session, bar)
            if source.archive:
                _take_archive(dataset, source, members, folder, scratch, get)
            elif dataset.together:
                _take_together(dataset, source, folder, scratch, get)
            else:
                for member in members:
                    part = _download(source.address(member), scratch, get)
                    _accept(part, dataset, member, folder)


def _download(url: str, scratch: Path, get: Resuming) -> Path:
    """A file in the scratch folder. The caller checks its sum: some are proven by pixels, some only as a whole."""
    target = scratch / "download"
    get(url, target)
    return target


def _accept(part: Path, dataset: Dataset, member: str, folder: Path) -> None:
    """Check a downloaded file and move it under its name; another packing of the same pixels becomes PNG."""
    expected = dataset.files[member]
    if not store.matches(part, expected):
        found = store.file_sum(part)
        part.unlink()
        raise SourceError(f"{member} has the wrong sum: expected sha256 {expected.sha256}, found {found}")
    if expected.pixels and store.file_sum(part) != expected.sha256 and not part.read_bytes().startswith(b"\x89PNG"):
        pixels = store.decoded(part)
        assert pixels is not None  # it matches by the sum of its pixels
        part.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    _move(part, folder / member)


def _move(part: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)


def _take_together(dataset: Dataset, source: Source, folder: Path, scratch: Path, get: Resuming) -> None:
    """All files of a set whose only published sum is that of all of them end to end."""
    parts = {}
    for number, member in enumerate(dataset.files):
        part = _download(source.address(member), scratch, get)
        parts[member] = part.rename(scratch / f"{number:04d}")
    assert dataset.together is not None  # `_take` comes here for no other set
    kind, _, wanted = dataset.together.partition(":")
    found = store.together_sum(list(parts.values()), kind)
    if found != wanted:
        raise SourceError(f"the files end to end have the wrong sum: expected {kind} {wanted}, found {found}")
    for member, part in parts.items():
        _move(part, folder / member)
    store.write_record(folder, list(parts))


def _take_archive(
    dataset: Dataset, source: Source, members: list[str], folder: Path, scratch: Path, get: Resuming
) -> None:
    """Everything that is missing and that one archive holds."""
    archive = Path(source.url) if Path(source.url).is_file() else _download(source.url, scratch, get)
    found = store.file_sum(archive)
    if source.sha256 and found != source.sha256:
        raise SourceError(f"the archive has the wrong sum: expected sha256 {source.sha256}, found {found}")
    wanted = {PurePosixPath(member).name: member for member in members}
    taken, wrong = [], None
    try:
        for name, stream in safe_members(archive, set(wanted)):
            member = wanted[name]
            part = scratch / "member"
            if (folder / member).is_file() or not copy_limited(stream, part, dataset.files[member].size):
                continue  # another folder of the archive may hold a file by the same name
            if dataset.files[member].sha256 is None and source.sha256:
                _move(part, folder / member)  # no sum of its own, but the archive is proven
                taken.append(member)
                continue
            try:
                _accept(part, dataset, member, folder)
            except SourceError as error:
                wrong = error
    except BROKEN as error:
        raise SourceError(f"the archive cannot be read ({error})") from error
    if taken:
        store.write_record(folder, taken)
    absent = [member for member in members if not (folder / member).is_file()]
    if absent:
        raise wrong or SourceError(f"the archive lacks {len(absent)} files, the first is {absent[0]}")
