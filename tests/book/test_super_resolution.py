"""What the chapter on super-resolution builds, against the article's facts, OpenCV, NumPy and the measured table."""

import json
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.book.chapter import defined
from tools.measure import super_resolution as measure

ROOT = Path(__file__).resolve().parents[2]
CELLS = ["crops", "twins", "article-conv", "article-network", "ours", "multiplications", "gram"]
CELLS += ["flicker", "smoothed", "sharpness", "film", "read-film", "train-for", "add-input"]


@pytest.fixture(scope="module")
def functions():
    return defined("super-resolution", *CELLS)


@pytest.fixture(scope="module")
def rows():
    return json.loads((ROOT / "results" / "super-resolution.json").read_text(encoding="utf-8"))["rows"]


@pytest.mark.parametrize("times", [2, 3, 4])
def test_reduce_is_opencvs_area(functions, times):
    picture = np.random.default_rng(0).random((12 * times, 7 * times, 3), np.float32)
    by_opencv = cv2.resize(picture, (7, 12), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(functions["reduce"](picture, times), by_opencv, atol=1e-6)


def test_a_twin_reduces_to_the_small_picture_and_keeps_the_fine_detail(functions):
    rng = np.random.default_rng(0)
    small = 0.4 + 0.2 * rng.random((3, 4, 3), np.float32)
    other = 0.4 + 0.2 * rng.random((24, 32, 3), np.float32)
    twin = functions["twin"](small, other, 8)
    np.testing.assert_allclose(functions["reduce"](twin, 8), small, atol=1e-4)
    detail = [p - np.kron(functions["reduce"](p, 8), np.ones((8, 8, 1), np.float32)) for p in (twin, other)]
    np.testing.assert_allclose(*detail, atol=1e-4)  # nothing was clipped, so only block means changed
    extreme = functions["twin"](small, np.round(rng.random((24, 32, 3))), 8)
    assert extreme.min() >= 0
    assert extreme.max() <= 1


def test_the_article_network_has_its_published_size(functions):
    network = functions["article_network"]()
    assert network.count_params() == 1_110_403
    filters = [layer.filters for layer in network.layers if isinstance(layer, layers.Conv2D)]
    assert filters == [64, 64, 128, 128, 256, 128, 128, 64, 64, 3]
    assert len([layer for layer in network.layers if isinstance(layer, layers.Add)]) == 2
    penalties = [n.kernel_regularizer.get_config()["l1"] for n in network.layers if isinstance(n, layers.Conv2D)]
    assert penalties == pytest.approx([1e-9] * 10)
    assert functions["article_network"](False).output.shape == (None, 80, 80, 3)


def test_the_tool_measures_the_networks_that_the_chapter_builds(functions):
    for levels, bottleneck in ((2, True), (0, False)):
        theirs, ours = measure.article(levels), functions["article_network"](bottleneck)
        assert [type(layer) for layer in theirs.layers] == [type(layer) for layer in ours.layers]
        assert [w.shape for w in theirs.weights] == [w.shape for w in ours.weights]
    assert measure.ours(width=32).count_params() == functions["our_network"]().count_params()


def test_our_network_starts_as_an_enlargement(functions):
    keras.utils.set_random_seed(0)
    even = np.full((1, 32, 32, 3), 0.5, np.float32)
    large = ops.convert_to_numpy(functions["our_network"]()(even))
    assert large.shape == (1, 80, 80, 3)
    np.testing.assert_allclose(large, 0.5, atol=0.05)


def test_multiplications_are_counted_by_layer(functions):
    picture = keras.Input((8, 8, 3))
    x = layers.MaxPooling2D()(layers.Conv2D(5, 3, padding="same")(picture))
    model = keras.Model(picture, layers.Conv2D(2, 1)(x))
    assert functions["multiplications"](model, 99) == 8 * 8 * 27 * 5 + 4 * 4 * 5 * 2
    free = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(5, 3, padding="same")])
    assert functions["multiplications"](free, 10) == 10 * 10 * 27 * 5


def test_gram_is_a_mean_of_products_and_ignores_where_in_a_region(functions):
    maps = np.random.default_rng(0).random((2, 8, 12, 3), np.float32)
    grams = ops.convert_to_numpy(functions["gram"](maps, 2))
    region = maps[1, 4:, :6].reshape(-1, 3)  # of the second picture, below left
    np.testing.assert_allclose(grams[4 + 2], region.T @ region / 24, rtol=1e-5)
    moved = maps.copy()
    moved[:, :4, :6] = np.roll(moved[:, :4, :6], (1, 2), (1, 2))
    np.testing.assert_allclose(functions["gram"](moved, 2), grams, rtol=1e-5)


def test_flicker_is_the_mean_change_and_smoothing_lowers_it(functions):
    still = np.full((4, 4, 3), 100, np.uint8)
    assert functions["flicker"]([still, still, still]) == 0
    blinking = [still, still + 10, still, still + 10]
    assert functions["flicker"](blinking) == 10
    assert functions["flicker"](functions["smoothed"](blinking)) < 5


def test_sharpness_sees_only_waves_that_a_small_picture_cannot_hold(functions):
    column = np.arange(128)
    slow, fast = (
        np.tile(0.5 + 0.2 * np.sin(2 * np.pi * f * column), (128, 1))[..., None].astype(np.float32) for f in (0.06, 0.2)
    )
    assert functions["sharpness"](slow) < 1e-3 * functions["sharpness"](fast)


def test_a_film_comes_back_as_it_was(functions, tmp_path):
    frames = list(np.random.default_rng(0).integers(0, 256, (5, 48, 64, 3), dtype=np.uint8))
    functions["write_film"](tmp_path / "film.avi", frames)
    assert np.array_equal(functions["read_film"](tmp_path / "film.avi"), frames)


def test_training_takes_the_steps_it_says_and_learns(functions):
    x = np.random.default_rng(0).random((30, 8, 8, 3), np.float32)
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(3, 1, dtype="float32")])
    model.compile("sgd", "mse")
    before = model.evaluate(x, x, verbose=0)
    steps = functions["train_for"](model, x, x, 10, 0.05)
    assert steps == int(model.optimizer.iterations) == 40
    assert model.evaluate(x, x, verbose=0) < before / 2
    assert float(model.optimizer.learning_rate) == pytest.approx(0, abs=1e-4)


def test_a_network_with_its_input_added_starts_at_its_input(functions):
    keras.utils.set_random_seed(0)
    theirs = functions["article_network"]()
    wired = functions["adding_its_input"](theirs)
    x = np.random.default_rng(0).random((1, 80, 80, 3), np.float32)
    np.testing.assert_allclose(ops.convert_to_numpy(wired(x)), x, atol=0.02)
    assert wired.count_params() == theirs.count_params()
    assert isinstance(wired.layers[-1], layers.Add)


def test_the_measured_table_is_whole_and_meets_the_published_rows(rows):
    published = json.loads((ROOT / "results" / "published.json").read_text(encoding="utf-8"))["rows"]
    known = {(r["set"], r["protocol"]["scale"]): r["psnr"] for r in published if r["set"] != "bsd100"}
    ours = {(r["set"], r["protocol"]["scale"]): r["psnr"] for r in rows if r["method"] == "bicubic" and r["n"] < 20}
    assert ours == pytest.approx(known, abs=0.005)
    faces = {(r["set"], r["protocol"]["targets"], r["method"]) for r in rows if "targets" in r["protocol"]}
    for name, targets in (("lfw-deepfunneled", "nearest"), ("lfw-deepfunneled", "area"), ("faces-london", "area")):
        for method in ("area", "bicubic", "lanczos", "article", "ours", "ours, a tenth of the seconds"):
            assert (name, targets, method) in faces
