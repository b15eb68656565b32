import json
import os

import numpy as np
import pytest

from lessons_lib import classical, datasets, degrade, evaluate, images, metrics, models, pretrained
from lessons_lib.evaluate import Protocol
from lessons_lib.images import ImageError

NOISE = Protocol("denoise", "sample-validation", sigma=25)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"task": "sharpen"}, "task is 'sharpen': choose one of denoise"),
        ({"set": "urban"}, "set is 'urban': choose one of sample-test"),
        ({"task": "deblur", "kernel": "box"}, "kernel is 'box': choose one of gaussian-3x3"),
        ({"sigma": 300}, "sigma is 300: give the noise as papers write it, 0 to 255"),
        ({"sigma": float("nan")}, "sigma is nan"),
        ({"sigma": -1}, "sigma is -1"),
        ({"seed": -1}, "seed is -1: give 0 or more"),
        ({"border": -1}, "border is -1: give 0 or more"),
        ({"sigma": 0}, "denoise needs a sigma above 0"),
        ({"task": "deblur"}, "deblur needs a kernel"),
        ({"task": "dejpeg", "sigma": 0}, "dejpeg needs a jpeg quality"),
        ({"task": "upscale"}, "upscale needs a scale of 2"),
        ({"channel": "r"}, "channel is 'r': choose one of all, y"),
        ({"scale": 2}, "denoise keeps the size"),
    ],
)
def test_protocols_that_do_not_fit_are_refused(wrong, says):
    with pytest.raises(ImageError, match=says):
        Protocol(**{"task": "denoise", "set": "sample-test", "sigma": 25} | wrong)


def test_the_noise_is_what_the_protocol_says():
    picture = np.full((200, 300, 3), 0.9, np.float32)
    noisy, clean, info = evaluate.degrade_one(picture, NOISE, 0)
    assert np.array_equal(clean, picture)
    assert info.sigma == 25 / 255
    assert (noisy - clean).std() == pytest.approx(25 / 255, rel=0.01)
    assert noisy.max() > 1
    clipped = Protocol("denoise", "sample-test", sigma=25, clipped=True)
    assert evaluate.degrade_one(picture, clipped, 0)[0].max() == 1


def test_noise_depends_on_seed_and_place_alone():
    picture = np.zeros((9, 9, 3), np.float32)
    first, again, second = (evaluate.degrade_one(picture, NOISE, index)[0] for index in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_small_pictures_are_made_of_whole_blocks_and_bytes(scale):
    protocol = Protocol("upscale", "sample-test", scale=scale)
    small, clean, info = evaluate.degrade_one(datasets.photo("coffee")[:-1, :-1], protocol, 0)
    assert clean.shape == (small.shape[0] * scale, small.shape[1] * scale, 3)
    assert info.scale == scale
    assert small * 255 == pytest.approx(np.round(small * 255), abs=1e-4)


def test_a_row_holds_what_metrics_say_and_how_to_repeat_it():
    row = evaluate.evaluate("identity", NOISE)
    pairs = [evaluate.degrade_one(p, NOISE, i)[:2] for i, (_, p) in enumerate(evaluate.pictures(NOISE))]
    expected = np.mean([metrics.psnr(clean, np.clip(noisy, 0, 1), data_range=1.0) for noisy, clean in pairs])
    assert row["psnr"] == pytest.approx(expected, abs=1e-3)
    assert row["n"] == len(pairs) == len(datasets.sample_names("validation"))
    assert row["protocol"]["sigma"] == 25
    assert row["seconds_per_megapixel"] >= 0
    assert set(row["versions"]) > {"python", "numpy", "keras"}
    assert json.loads(json.dumps(row)) == row


def test_any_restorer_can_be_scored():
    row = evaluate.evaluate("mine", NOISE, lambda degraded, info: classical.gaussian(degraded, info, width=1.0))
    assert row["method"] == "mine"
    assert row["psnr"] > evaluate.evaluate("identity", NOISE)["psnr"] + 3


def test_memory_of_a_restorer_is_seen():
    held = []

    def greedy(degraded, info):
        held.append(np.ones((4000, 4000), np.float32))  # 64 MB, still there when the last look is taken
        return degraded

    assert evaluate.evaluate("greedy", NOISE, greedy)["peak_mb"] > 30


def test_gray_pictures_have_one_channel():
    gray = Protocol("denoise", "sample-validation", sigma=25, colour=False)
    (name, picture), *_ = evaluate.pictures(gray)
    assert np.array_equal(picture, images.to_gray(datasets.photo(name)))


def test_rows_replace_those_of_the_same_protocol(tmp_path):
    path = tmp_path / "new" / "table.json"
    one = evaluate.evaluate("identity", NOISE)
    other = one | {"protocol": one["protocol"] | {"sigma": 50.0}}
    evaluate.store([one, other], path)
    evaluate.store([one | {"psnr": 1.0}], path)
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert [row["psnr"] for row in rows] == [1.0, one["psnr"]]
    assert [p.name for p in path.parent.iterdir()] == ["table.json"]


@pytest.mark.skipif("LESSONS_DATA" not in os.environ, reason="the papers' sets do not ship: needs LESSONS_DATA")
@pytest.mark.parametrize("name", ["set5", "set14"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_is_the_published_row(name, scale):
    published = {"set5": (33.66, 30.39, 28.42), "set14": (30.24, 27.55, 26.00)}[name][scale - 2]
    protocol = Protocol("upscale", name, scale=scale, channel="y", border=scale, rounded=True)
    assert evaluate.evaluate("bicubic", protocol)["psnr"] == pytest.approx(published, abs=0.02)


def test_y_of_a_gray_picture_is_its_own_value():
    protocol = Protocol("upscale", "set14", scale=2, channel="y")
    gray = np.random.default_rng(0).random((20, 20, 1), dtype=np.float32)
    psnr, _ = evaluate.score(gray, gray * 0.9, protocol)
    assert psnr == pytest.approx(metrics.psnr(gray, gray * 0.9, data_range=1.0), abs=1e-4)
    colour = gray * np.float32([1, 0.9, 1])
    psnr, _ = evaluate.score(colour, colour * 0.9, protocol)
    assert psnr == pytest.approx(metrics.psnr(colour, colour * 0.9, data_range=1.0, channel="y"), abs=1e-4)


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder of weights with one network told the noise, which adds nothing to its input; it counts its calls."""
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    info = {key: "" for key in pretrained.NEEDED} | {
        "model": {"kind": "shrinkage", "arguments": {"depth": 2, "width": 2}}
    }
    info |= {"task": "denoise", "noise_conditioned": True, "channels": 3, "scale": 1, "halo": 16, "multiple": 2}
    pretrained.save("denoise-mine", models.build("shrinkage", depth=2, width=2), info)
    return tmp_path


def test_a_network_is_found_by_name_and_told_the_noise_or_not(shipped):
    noisy, clean, info = evaluate.degrade_one(datasets.photo("coffee")[:64, :80], NOISE, 0)
    noise_conditioned, blind, eight = (
        evaluate.get_restorer("denoise", f"denoise-mine{how}")(noisy, info) for how in ("", ":blind", ":x8:blind")
    )
    before = metrics.psnr(clean, noisy, data_range=1.0)
    for restored in (noise_conditioned, blind, eight):
        assert restored.shape == clean.shape
        assert metrics.psnr(clean, restored, data_range=1.0) > before + 5
    assert 0 < np.abs(noise_conditioned - blind).max() < 0.1
    assert np.abs(eight - blind).max() > 0


@pytest.mark.parametrize("name", ["denoise-yours", "denoise-mine:loud", "small"])
def test_a_network_that_is_not_there_is_refused(shipped, name):
    with pytest.raises(ImageError, match="denoise-mine"):
        evaluate.get_restorer("denoise", name)


@pytest.fixture
def one_pair(monkeypatch):
    clean = datasets.photo("coffee")[:64, :80]
    noisy = np.clip(degrade.gaussian_noise(clean, 0.1, np.random.default_rng(0)), 0, 1)
    monkeypatch.setattr(datasets, "real_pairs", lambda split: iter([(f"{split}-1", noisy, clean)]))
    return noisy, clean


def test_real_noise_is_taken_as_it_is_and_its_level_told(one_pair):
    (noisy, clean, info), *more = evaluate.cases(Protocol("denoise", "polyu"))
    assert not more
    np.testing.assert_array_equal(noisy, one_pair[0])
    np.testing.assert_array_equal(clean, one_pair[1])
    assert info.sigma == pytest.approx(np.std(one_pair[0] - one_pair[1]))
    row = evaluate.evaluate("nothing", Protocol("denoise", "polyu"), lambda degraded, info: degraded)
    assert row["psnr"] == pytest.approx(metrics.psnr(clean, noisy, data_range=1.0), abs=1e-3)
    (gray, _, _), *_ = evaluate.cases(Protocol("denoise", "polyu", colour=False))
    assert gray.shape == (64, 80, 1)


@pytest.mark.parametrize("wrong", [{"sigma": 25.0}, {"task": "upscale", "scale": 2}])
def test_nothing_is_added_to_real_noise(wrong):
    with pytest.raises(ImageError, match="set polyu holds noisy"):
        Protocol(**{"task": "denoise", "set": "polyu"} | wrong)
