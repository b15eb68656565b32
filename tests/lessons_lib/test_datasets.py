"""The registry is right, every path is hashed, downloads survive what networks, mirrors and disks do."""

import errno
import hashlib
import io
import os
import re
import shutil
import socket
import tarfile
import threading
import zipfile
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from lessons_lib import datasets
from lessons_lib.datasets import Dataset, Source, Sum, download, registry, sample, store

ROOT = Path(__file__).resolve().parents[2]
ONE_ADDRESS = {"div2k", "faces-london", "free-photos"}  # no second public copy with the same sums is known, or no first
BODY = np.random.default_rng(0).bytes(1_000_000)


def sha(data):
    return hashlib.sha256(data).hexdigest()


# --- the shipped sample ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", ["smoke", "cpu"])
@pytest.mark.parametrize("load", [datasets.digits, datasets.clothes])
def test_small_pictures_are_floats_with_labels_and_need_no_network(monkeypatch, budget, load):
    monkeypatch.setenv("LESSONS_BUDGET", budget)
    monkeypatch.delenv("LESSONS_DATA", raising=False)
    monkeypatch.setattr(socket, "socket", None)
    sizes = {}
    for split in datasets.SPLITS:
        images, labels = load(split)
        sizes[split] = len(images)
        assert images.shape == (len(labels), 28, 28, 1) and images.dtype == np.float32
        assert images.min() == 0 and images.max() == 1 and set(labels.tolist()) == set(range(10))
    assert sizes == {"train": 7000 if load is datasets.digits else 11000, "validation": 1000, "test": 2000}


def test_photos_are_rgb_and_each_is_in_one_split(monkeypatch):
    monkeypatch.setenv("LESSONS_BUDGET", "cpu")
    found = [datasets.photos(split) for split in datasets.SPLITS]
    assert [len(photos) for photos in found] == [15, 4, 6]
    assert len(set().union(*found)) == 25
    for name, image in found[1].items():
        assert image.dtype == np.float32 and image.shape[2] == 3 and 0 <= image.min() < image.max() <= 1
        assert np.array_equal(image, datasets.photo(name))


def test_credits_name_author_licence_and_source_of_every_photograph():
    rows = datasets.credits()
    assert len(rows) == 25 and all(all(row.values()) for row in rows)
    assert {"photograph", "split", "author", "licence", "source", "size"} == set(rows[0])


def test_check_sample_counts_and_finds_a_changed_file(monkeypatch, tmp_path):
    assert datasets.check_sample().startswith("25 photographs, 10,000 digits, 14,000 clothes in ")
    shutil.copytree(sample.FOLDER, tmp_path / "data")
    monkeypatch.setattr(sample, "FOLDER", tmp_path / "data")
    changed = tmp_path / "data/photos/test/stream.png"
    changed.write_bytes(changed.read_bytes() + b"!")
    with pytest.raises(datasets.ChecksumError, match=r"git checkout -- data/photos/test/stream\.png"):
        datasets.check_sample()
    with pytest.raises(datasets.ChecksumError, match=r"stream\.png .*expected sha256 \w{64}, found \w{64}"):
        datasets.photo("stream")
    changed.unlink()
    with pytest.raises(datasets.ChecksumError, match="found no file"):
        datasets.photo("stream")


def test_a_library_away_from_its_clone_says_where_the_images_are(monkeypatch, tmp_path):
    monkeypatch.setattr(sample, "FOLDER", tmp_path / "data")
    with pytest.raises(datasets.DatasetError, match="must run from a clone"):
        datasets.photo("stream")


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: datasets.photo("strem"), "no photograph is called 'strem': did you mean 'stream'"),
        (lambda: datasets.digits("tests"), "no split is called 'tests': did you mean 'test'"),
        (lambda: datasets.photos("val"), "no split is called 'val'"),
        (lambda: datasets.fetch("mnits"), "no set is called 'mnits': did you mean 'mnist'"),
        (lambda: datasets.verify("imagenet"), "no set is called 'imagenet'"),
        (lambda: datasets.splits("BSD500"), "did you mean 'bsds500'"),
        (lambda: datasets.path("set5", "bady.png"), "no file of set5 is called 'bady.png': did you mean 'baby.png'"),
        (lambda: datasets.paths("bsds500", "bsd86"), "no split of bsds500 is called 'bsd86': did you mean 'bsd68'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_and_the_choice(ask, message):
    with pytest.raises(datasets.UnknownDatasetError, match=re.escape(message)):
        ask()


# --- the registry ---------------------------------------------------------------------------------------------------


def test_every_set_has_licence_citation_splits_and_two_addresses_where_two_are_known():
    assert {"mnist", "fashion-mnist", "bsds500", "set5", "set12", "set14", "polyu", "levin09", "div2k", "kodak"} <= set(
        datasets.REGISTRY
    )
    for name, dataset in datasets.REGISTRY.items():
        assert dataset.title and dataset.licence and dataset.cite and dataset.files
        assert all(dataset.splits.values()), f"{name} has an empty split"
        assert all(source.url.startswith(("https://", "http://")) for source in dataset.sources)
        for member in [m for m in dataset.files if m not in dataset.local and name not in ONE_ADDRESS]:
            known = [s for s in dataset.sources if registry.fnmatchcase(member, s.provides)]
            assert len(known) >= (1 if member.endswith((".txt", ".mat")) else 2), f"{name}/{member}"


def test_every_file_has_a_sum_or_its_whole_has_one():
    for name, dataset in datasets.REGISTRY.items():
        for member, expected in dataset.files.items():
            if expected.sha256:
                assert re.fullmatch("[0-9a-f]{64}", expected.sha256) and expected.size > 0
            else:
                assert dataset.together or all(source.sha256 for source in dataset.sources), f"{name}/{member}"


def test_splits_share_no_file_and_are_as_the_field_has_them():
    for name in datasets.REGISTRY:
        parts = [part for split, part in datasets.splits(name).items() if split in datasets.SPLITS]
        assert max(Counter(member for part in parts for member in part).values(), default=1) == 1, name
    sizes = {split: len(part) for split, part in datasets.splits("bsds500").items()}
    assert sizes == {
        "train": 400,
        "validation": 32,
        "test": 68,
        "bsd400": 400,
        "bsd68": 68,
        "cbsd68": 68,
        "bsd100": 100,
    }
    assert set(datasets.splits("bsds500")["bsd68"]) < set(datasets.splits("bsds500")["bsd100"])
    assert [len(part) for part in datasets.splits("div2k").values()] == [800, 100]


def test_no_scene_object_or_face_is_in_two_splits():
    def owners(name, key):
        splits = {split: part for split, part in datasets.splits(name).items() if split in datasets.SPLITS}
        return [{key(member) for member in part} for part in splits.values()]

    def disjoint(groups):
        return sum(map(len, groups)) == len(set().union(*groups))

    subject = owners("polyu", lambda m: re.match(r".*?_([a-zA-Z]+)_+\d+_(?:mean|real)", m)[1])
    assert disjoint(subject) and len(set().union(*subject)) > 15
    assert disjoint(owners("faces-london", lambda m: Path(m).stem[:3] if m[0] != "c" else m))
    assert disjoint(owners("lfw-deepfunneled", lambda m: Path(m).stem.rpartition("_")[0]))
    for part in datasets.splits("polyu").values():
        assert {m.replace("_real", "_mean") for m in part} <= set(part)


def test_every_file_of_the_local_mirror_is_in_the_registry_and_right(monkeypatch, tmp_path):
    """With LESSONS_DATA: all files there. Without: what is here is the sample, and nothing pretends to be more."""
    if "LESSONS_DATA" not in os.environ:
        monkeypatch.setenv("LESSONS_CACHE", str(tmp_path))
        reports = [datasets.verify(name) for name in datasets.REGISTRY]
        assert not any(report.good or report.wrong for report in reports)
        assert "each file as recorded" in datasets.check_sample()
        return
    mirror, verified = Path(os.environ["LESSONS_DATA"]), 0
    for name in datasets.REGISTRY:
        report = datasets.verify(name)
        assert not report.wrong, str(report)
        there = {p.relative_to(mirror / name).as_posix() for p in (mirror / name).rglob("*") if p.is_file()}
        assert there == set(report.good)
        verified += len(report.good)
    print(f"{verified} files verified")
    assert verified > 0


@pytest.mark.skipif("LESSONS_DATA" not in os.environ, reason="LESSONS_DATA names no folder with the full sets")
def test_the_gpu_budget_gives_the_full_sets(monkeypatch):
    monkeypatch.setenv("LESSONS_BUDGET", "gpu")
    for load in (datasets.digits, datasets.clothes):
        assert [len(load(split)[1]) for split in datasets.SPLITS] == [55_000, 5_000, 10_000]
    test = datasets.photos("test")
    assert len(test) == 6 + 68 and test["bsds500/101085.jpg"].shape == (481, 321, 3)


# --- downloads ------------------------------------------------------------------------------------------------------


class Scripted(BaseHTTPRequestHandler):
    """/good/F serves F; the other folders misbehave. The server's `files`, `log` and `broken` are the script."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        _, folder, name = self.path.split("/", 2)
        server, body = self.server, self.server.files[name]
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        server.log.append((folder, name, start))
        first = server.log.count((folder, name, 0)) == 1
        if folder == "gone":
            return self.send_error(404)
        if folder == "busy" and first and start == 0:
            return self.send_error(503)
        if folder == "wrong":
            body = bytes(len(body))
        ranged = start and folder != "norange"
        self.send_response(206 if ranged else 200)
        piece = body[start:] if ranged else body
        if folder != "unsaid":
            self.send_header("Content-Length", str(len(piece)))
        self.send_header("Connection", "close")
        self.end_headers()
        breaks = folder == "always-broken" or (folder in ("broken", "norange") and len(server.log) == 1)
        self.wfile.write(piece[: len(piece) // 2] if breaks else piece)
        self.close_connection = True


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as running:
        running.files, running.log = {"a.png": BODY}, []
        running.url = f"http://127.0.0.1:{running.server_port}"
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def dead():
    with socket.socket() as unused:  # bound but never listening: connections are refused at once
        unused.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unused.getsockname()[1]}"


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("LESSONS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LESSONS_DATA", raising=False)
    monkeypatch.setattr(download, "PAUSE", 0)
    return tmp_path / "cache" / "toy"


@pytest.fixture
def register(monkeypatch):
    """Register a set called toy with these addresses (folders of the server) and files."""

    def add(*sources, files=None, **more):
        files = files or {"a.png": Sum(sha(BODY), len(BODY))}
        sources = tuple(s if isinstance(s, Source) else Source(s + "/{name}") for s in sources)
        toy = Dataset("toy", "a toy", "CC0", "nobody", sources, files, {"test": tuple(files)}, **more)
        for module in (download, store):
            monkeypatch.setattr(module, "load", lambda: {"toy": toy})
        monkeypatch.setattr(datasets, "REGISTRY", {"toy": toy})

    return add


def left(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*")) if folder.exists() else []


def test_a_download_is_checked_cached_and_not_asked_for_again(server, cache, register):
    register(server.url + "/good")
    assert datasets.path("toy", "a.png").read_bytes() == BODY
    assert datasets.fetch("toy") == cache and datasets.is_here("toy") and datasets.verify("toy").whole
    assert len(server.log) == 1 and left(cache) == ["a.png"]
    assert datasets.list_table()[0]["here"] == "cache"


def test_a_dead_first_mirror_is_said_and_the_next_is_asked(server, dead, cache, register, capsys):
    register(dead, server.url + "/gone", server.url + "/good")
    assert datasets.paths("toy", "test") == [cache / "a.png"]
    said = capsys.readouterr().err
    assert f"failed: {dead}" in said and "404" in said and "trying the next address" in said


def test_a_mirror_with_other_bytes_is_passed_over(server, cache, register, capsys):
    register(server.url + "/wrong", server.url + "/good")
    datasets.fetch("toy")
    assert f"expected sha256 {sha(BODY)}, found {sha(bytes(len(BODY)))}" in capsys.readouterr().err
    assert (cache / "a.png").read_bytes() == BODY


def test_all_mirrors_dead_names_each_reason_and_the_ways_out_and_leaves_nothing(server, dead, cache, register):
    register(dead, server.url + "/wrong", server.url + "/always-broken")
    with pytest.raises(datasets.FetchError) as error:
        datasets.fetch("toy")
    text = str(error.value)
    assert all(word in text for word in (dead, "/wrong", "wrong sum", "/always-broken", "LESSONS_DATA", "sample"))
    assert left(cache) == []


def test_a_broken_transfer_goes_on_where_it_stopped(server, cache, register):
    register(server.url + "/broken")
    assert datasets.path("toy", "a.png").read_bytes() == BODY
    (*_, start), (*_, again) = server.log
    assert start == 0 and len(BODY) // 2 - download.CHUNK <= again <= len(BODY) // 2


def test_a_server_that_cannot_resume_starts_again(server, cache, register):
    register(server.url + "/norange")
    assert datasets.path("toy", "a.png").read_bytes() == BODY
    assert len(server.log) == 2


def test_a_busy_server_is_asked_again_and_one_without_a_length_is_read(server, cache, register):
    register(server.url + "/busy")
    datasets.fetch("toy")
    assert len(server.log) == 2
    (cache / "a.png").unlink()
    register(server.url + "/unsaid")
    assert datasets.path("toy", "a.png").read_bytes() == BODY


def test_a_name_that_cannot_be_looked_up_asks_whether_we_are_offline(cache, register):
    register("http://no-such-host.invalid")
    with pytest.raises(datasets.FetchError, match="offline"):
        datasets.fetch("toy")


def test_a_damaged_cached_file_is_named_by_path_and_replaced_by_fetch(server, cache, register):
    register(server.url + "/good")
    datasets.fetch("toy")
    (cache / "a.png").write_bytes(b"damaged")
    with pytest.raises(
        datasets.ChecksumError, match=r"a\.png is not .*expected sha256 \w{64}, found \w{64}\. Delete it"
    ):
        datasets.path("toy", "a.png")
    assert datasets.verify("toy").wrong and "1 WRONG" in str(datasets.verify("toy"))
    datasets.fetch("toy")
    assert (cache / "a.png").read_bytes() == BODY


def test_the_local_mirror_is_asked_first_and_hashed(server, cache, register, monkeypatch, tmp_path):
    register(server.url + "/good")
    mirror = tmp_path / "mirror"
    (mirror / "toy").mkdir(parents=True)
    monkeypatch.setenv("LESSONS_DATA", str(mirror))
    (mirror / "toy/a.png").write_bytes(BODY)
    assert datasets.path("toy", "a.png") == mirror / "toy/a.png" and datasets.fetch("toy") == mirror / "toy"
    assert server.log == [] and not cache.exists() and datasets.list_table()[0]["here"] == "LESSONS_DATA"
    (mirror / "toy/a.png").write_bytes(b"wrong")
    for ask in (lambda: datasets.path("toy", "a.png"), lambda: datasets.fetch("toy")):
        with pytest.raises(datasets.ChecksumError, match="LESSONS_DATA points there"):
            ask()
    assert (mirror / "toy/a.png").read_bytes() == b"wrong"


def test_lessons_data_that_is_no_folder_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("LESSONS_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(datasets.DatasetError, match="which is not a folder: correct it or unset it"):
        datasets.path("set5", "baby.png")


def test_a_set_without_public_address_says_so(cache):
    with pytest.raises(datasets.FetchError, match="no public address is known"):
        datasets.fetch("faces-london")


# --- other packings, archives, sets proven as a whole ---------------------------------------------------------------


@pytest.mark.parametrize("gray", [False, True])
def test_the_same_pixels_in_another_packing_are_accepted_and_others_are_not(server, cache, register, gray):
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30) if gray else (20, 30, 3), dtype=np.uint8)
    ours = cv2.imencode(".png", pixels)[1].tobytes()
    (cache.parent / "toy").mkdir(parents=True)
    (cache / "b.png").write_bytes(ours)
    expected = Sum(sha(ours), len(ours), store.pixel_sum(cache / "b.png"))
    (cache / "b.png").unlink()
    server.files["b.bmp"] = cv2.imencode(".bmp", pixels)[1].tobytes()
    register(Source(server.url + "/good/{stem}.bmp"), files={"b.png": expected})
    found = datasets.path("toy", "b.png")
    assert np.array_equal(cv2.imread(str(found), cv2.IMREAD_COLOR), cv2.imdecode(np.frombuffer(ours, np.uint8), 1))
    assert found.read_bytes().startswith(b"\x89PNG")
    found.unlink()
    pixels[0, 0] ^= 1
    server.files["b.bmp"] = cv2.imencode(".bmp", pixels)[1].tobytes()
    with pytest.raises(datasets.FetchError, match="wrong sum"):
        datasets.path("toy", "b.png")


def tgz(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            packed.addfile(info, io.BytesIO(body))
    return out.getvalue()


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, body in files.items():
            packed.writestr(name, body)
    return out.getvalue()


@pytest.mark.parametrize("pack", [tgz, zipped])
def test_only_the_wanted_files_leave_an_archive_each_checked(server, cache, register, pack):
    server.files["set.bin"] = pack(
        {"root/a.png": BODY, "root/evil.sh": b"rm", "bench/b.png": b"another", "root/images/b.png": b"right"}
    )
    files = {"train/a.png": Sum(sha(BODY), len(BODY)), "test/b.png": Sum(sha(b"right"), 5)}
    register(Source(server.url + "/good/set.bin", archive=True), files=files)
    datasets.fetch("toy")
    assert left(cache) == ["test", "test/b.png", "train", "train/a.png"]
    assert (cache / "test/b.png").read_bytes() == b"right"


@pytest.mark.parametrize("pack", [tgz, zipped])
@pytest.mark.parametrize("name", ["../../a.png", "/a.png", "x\\..\\..\\a.png"])
def test_an_archive_that_climbs_out_of_its_folder_is_refused(server, cache, register, pack, name, tmp_path):
    server.files["set.bin"] = pack({name: BODY})
    register(Source(server.url + "/good/set.bin", archive=True))
    with pytest.raises(datasets.FetchError, match="unsafe path"):
        datasets.fetch("toy")
    assert left(cache) == [] and not list(tmp_path.rglob("a.png"))


def test_a_link_in_an_archive_is_not_followed(server, cache, register, tmp_path):
    (tmp_path / "secret").write_bytes(BODY)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        info = tarfile.TarInfo("a.png")
        info.type, info.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        packed.addfile(info)
    server.files["set.bin"] = out.getvalue()
    register(Source(server.url + "/good/set.bin", archive=True))
    with pytest.raises(datasets.FetchError, match="lacks 1 files"):
        datasets.fetch("toy")


@pytest.mark.parametrize("pack", [tgz, zipped])
def test_archives_that_are_broken_lack_a_file_or_lie_fall_to_the_next_address(server, cache, register, pack, capsys):
    whole = pack({"a.png": BODY})
    bad = {"other": {"b.png": BODY}, "lie": {"a.png": b"lie"}, "bomb": {"a.png": bytes(50_000_000)}}
    server.files |= {"cut": whole[: len(whole) // 2], "junk": b"junk", "whole": whole}
    server.files |= {name: pack(files) for name, files in bad.items()}
    names = ["cut", "junk", "other", "lie", "bomb", "whole"]
    register(*(Source(f"{server.url}/good/{name}", archive=True) for name in names))
    datasets.fetch("toy")
    assert (cache / "a.png").read_bytes() == BODY and left(cache) == ["a.png"]
    assert capsys.readouterr().err.count("failed: ") == 5


def test_files_without_sums_are_proven_by_their_archive_and_recorded(server, cache, register, monkeypatch, tmp_path):
    server.files["set.zip"] = body = zipped({"HR/0001.png": b"one", "HR/0002.png": b"two"})
    files = {"train/0001.png": Sum(), "train/0002.png": Sum()}
    register(Source(server.url + "/good/set.zip", True, sha256=sha(b"another")), files=files)
    with pytest.raises(datasets.FetchError, match="the archive has the wrong sum"):
        datasets.fetch("toy")
    register(Source(server.url + "/good/set.zip", True, sha256=sha(body)), files=files)
    datasets.fetch("toy")
    assert datasets.verify("toy").whole
    (cache / "train/0002.png").write_bytes(b"changed")
    with pytest.raises(datasets.ChecksumError, match=f"expected sha256 {sha(b'two')}"):
        datasets.path("toy", "train/0002.png")
    shutil.rmtree(cache)
    server.log.clear()
    monkeypatch.setenv("LESSONS_DATA", str(tmp_path / "mirror"))
    (tmp_path / "mirror/toy").mkdir(parents=True)
    (tmp_path / "mirror/toy/set.zip").write_bytes(body)  # the whole archive in the local mirror: no network
    assert datasets.path("toy", "train/0001.png").read_bytes() == b"one" and server.log == []


def test_a_set_with_one_sum_for_all_is_proven_as_a_whole(server, cache, register, monkeypatch, tmp_path):
    server.files |= {"1.png": b"one", "2.png": b"two"}
    together = "sha1:" + hashlib.sha1(b"onetwo").hexdigest()
    register(server.url + "/wrong", server.url + "/good", files={"1.png": Sum(), "2.png": Sum()}, together=together)
    datasets.fetch("toy")
    assert datasets.verify("toy").whole and left(cache) == ["1.png", "2.png", "checksums.tsv"]
    (cache / "checksums.tsv").unlink()
    assert datasets.verify("toy").whole  # the whole is still its own proof
    (cache / "2.png").write_bytes(b"TWO")
    with pytest.raises(datasets.ChecksumError, match="never published nor recorded"):
        datasets.path("toy", "1.png")
    monkeypatch.setenv("LESSONS_DATA", str(tmp_path / "mirror"))
    (tmp_path / "mirror/toy").mkdir(parents=True)
    (tmp_path / "mirror/toy/1.png").write_bytes(b"one")
    assert len(datasets.verify("toy").wrong) == 2  # half a set in the mirror proves nothing, so the cache is asked
    (tmp_path / "mirror/toy/2.png").write_bytes(b"two")
    assert datasets.path("toy", "2.png") == tmp_path / "mirror/toy/2.png"


# --- the disk -------------------------------------------------------------------------------------------------------


def read_only(tmp_path):
    """A place where even root cannot make a folder: under a file; for others, a folder without write permission."""
    (tmp_path / "file").write_bytes(b"")
    yield tmp_path / "file"
    if hasattr(os, "geteuid") and os.geteuid():
        (tmp_path / "locked").mkdir(mode=0o555)
        yield tmp_path / "locked"
    if Path("/sys").is_dir():
        yield Path("/sys/lessons-lib")


def test_a_cache_that_cannot_be_written_is_named_with_the_way_out(server, cache, register, monkeypatch, tmp_path):
    register(server.url + "/good")
    for folder in read_only(tmp_path):
        monkeypatch.setenv("LESSONS_CACHE", str(folder))
        with pytest.raises(datasets.CacheError, match="LESSONS_CACHE to another folder") as error:
            datasets.fetch("toy")
        assert str(folder) in str(error.value)


def test_a_cache_that_is_read_only_but_full_of_files_still_serves(server, cache, register):
    register(server.url + "/good")
    datasets.fetch("toy")
    cache.chmod(0o555)
    try:
        assert datasets.path("toy", "a.png").read_bytes() == BODY
    finally:
        cache.chmod(0o755)


def test_a_disk_too_small_is_noticed_before_the_transfer(server, cache, register, monkeypatch):
    register(server.url + "/good")
    usage = shutil.disk_usage(cache.parent.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10_000))
    with pytest.raises(datasets.CacheError, match="0 MB free and 1 MB are needed"):
        datasets.fetch("toy")
    assert left(cache) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full, a device that is always full")
def test_a_disk_that_fills_up_midway_is_said_in_plain_words(server, cache, register, monkeypatch):
    register(server.url + "/good")

    get = download.Resuming.__call__
    monkeypatch.setattr(download.Resuming, "__call__", lambda self, url, _: get(self, url, Path("/dev/full")))
    with pytest.raises(datasets.CacheError, match=os.strerror(errno.ENOSPC)) as error:
        datasets.fetch("toy")
    assert "LESSONS_CACHE" in str(error.value) and left(cache) == []


def test_what_a_killed_download_left_is_swept_away(server, cache, register):
    register(server.url + "/good")
    for name in (".partial-old", ".partial-young"):
        (cache / name).mkdir(parents=True)
    os.utime(cache / ".partial-old", (0, 0))
    datasets.fetch("toy")
    assert left(cache) == [".partial-young", "a.png"]


def test_no_pickle_is_ever_loaded():
    for file in [*(ROOT / "lessons_lib").rglob("*.py"), *(ROOT / "tools").rglob("*.py")]:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"allow_pickle=True|import pickle|joblib|torch\.load", text), file


@pytest.mark.skipif("LESSONS_DATA" not in os.environ, reason="LESSONS_DATA names no folder with the full sets")
def test_real_pairs_show_the_same_scene_one_half_noisier():
    name, noisy, clean = next(datasets.real_pairs("validation"))
    assert name in {Path(member).stem for member in datasets.splits("polyu")["validation"]}
    assert noisy.shape == clean.shape == (512, 512, 3)
    rough = [float(np.abs(np.diff(picture, axis=1)).mean()) for picture in (noisy, clean)]
    assert rough[0] > rough[1]
    assert np.corrcoef(noisy.ravel(), clean.ravel())[0, 1] > 0.97
