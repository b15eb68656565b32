"""Own photographs become part of the sample: found by every chapter and grading, and named in the credits."""

import json
import shutil

import cv2
import numpy as np
import pytest

from lessons_lib import datasets
from lessons_lib.datasets import sample
from tools.data import pictures

TERMS = {"author": "Ann Owner", "licence": "CC BY 4.0", "url": "https://creativecommons.org/licenses/by/4.0/"}


def save(path, height=600, width=800, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (height // 50, width // 50, 3), np.uint8)
    cv2.imwrite(str(path), cv2.resize(noise, (width, height)))


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A copy of data/ that the library reads in place of it."""
    copy = shutil.copytree(sample.FOLDER, tmp_path / "data")
    monkeypatch.setattr(sample, "FOLDER", copy)
    sample._entries.cache_clear()
    yield copy
    sample._entries.cache_clear()


def test_they_are_found_verified_and_credited(data, tmp_path):
    before = {split: datasets.sample_names(split) for split in datasets.SPLITS}
    for number in range(6):
        save(tmp_path / "mine" / f"My Shot {number}.JPG", seed=number)
    save(tmp_path / "mine" / "test" / "harbour.png", 900, 1600)
    rows = pictures.add(tmp_path / "mine", data, **TERMS)
    sample._entries.cache_clear()
    assert len(rows) == 7
    found = {split: set(datasets.sample_names(split)) - set(before[split]) for split in datasets.SPLITS}
    assert found["train"] == {f"my-shot-{n}" for n in (0, 1, 2, 3)}
    assert found["validation"] == {"my-shot-4"}
    assert found["test"] == {"my-shot-5", "harbour"}
    assert datasets.photos("test")["harbour"].shape == (420, 768, 3)
    assert datasets.photo("nuthatch").shape[-1] == 3, "the chapters' own are still there"
    assert datasets.check_sample().startswith("32 photographs")
    [row] = [row for row in datasets.credits() if row["photograph"] == "harbour"]
    assert row["author"] == "Ann Owner" and "CC BY 4.0" in row["licence"]


def test_a_picture_that_cannot_be_used_stops_it_before_anything_is_written(data, tmp_path):
    manifest = (data / "manifest.json").read_bytes()
    mine = tmp_path / "mine"
    with pytest.raises(SystemExit, match="no picture in"):
        pictures.add(mine, data, **TERMS)
    save(mine / "a.png")
    for name, ready, message in (
        ("small.png", lambda p: save(p, 300, 800), "small.png is 800 x 300: too small"),
        ("broken.jpg", lambda p: p.write_bytes(b"no picture"), "broken.jpg cannot be read"),
        ("nuthatch.png", save, "the name nuthatch is taken"),
        ("A.jpg", save, "the name a is taken"),
    ):
        ready(mine / name)
        with pytest.raises(SystemExit, match=message):
            pictures.add(mine, data, **TERMS)
        (mine / name).unlink()
    assert (data / "manifest.json").read_bytes() == manifest
    assert not list(data.rglob("a.png"))
    assert len(pictures.add(mine, data, **TERMS)) == 1


def test_it_writes_into_the_sample_that_the_library_reads():
    assert pictures.sample.DATA == sample.FOLDER
    assert json.loads((pictures.sample.DATA / "manifest.json").read_text(encoding="utf-8"))["files"]
