"""The shipped networks: every one loads, and what does not belong together is refused."""

import json

import numpy as np
import pytest

from lessons_lib import models, pretrained
from lessons_lib.pretrained import WeightsError

ABOUT = {
    "model": {"kind": "residual", "arguments": {"channels": 1, "depth": 2, "width": 3}},
    "task": "denoise",
    "channels": 1,
    "noise_conditioned": False,
    "scale": 1,
    "halo": 2,
    "multiple": 1,
    "data": "none",
    "recipe": {},
    "licence": "MIT",
    "limits": "everything",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    pretrained._load.cache_clear()
    yield tmp_path
    pretrained._load.cache_clear()


def small_model():
    return models.build("residual", channels=1, depth=2, width=3)


def test_what_is_saved_loads_again_up_to_16_bits(folder):
    model, image = small_model(), np.random.default_rng(0).random((1, 9, 7, 1), dtype=np.float32)
    model.set_weights([np.random.default_rng(1).normal(0, 0.1, array.shape) for array in model.get_weights()])
    pretrained.save("mine", model, ABOUT)
    assert pretrained.names() == pretrained.names("denoise") == ["mine"]
    assert pretrained.names("deblur") == []
    loaded = pretrained.load("mine")
    np.testing.assert_allclose(loaded.predict_on_batch(image), model.predict_on_batch(image), atol=2e-3)
    assert pretrained.load("mine") is loaded
    assert sorted(path.name for path in folder.iterdir()) == ["mine.json", "mine.npz"]


def test_an_unknown_name_is_told_what_is_there(folder):
    with pytest.raises(WeightsError, match="'nobody': here are none"):
        pretrained.card("nobody")
    pretrained.save("mine", small_model(), ABOUT)
    with pytest.raises(WeightsError, match="'nobody': here are mine"):
        pretrained.load("nobody")
    with pytest.raises(WeightsError, match="no weights named"):
        pretrained.load("../mine")
    with pytest.raises(WeightsError, match="task is 'paint'"):
        pretrained.names("paint")


def test_files_that_do_not_belong_together_are_refused(folder):
    pretrained.save("mine", small_model(), ABOUT)
    card = folder / "mine.json"
    card.write_text(json.dumps({**ABOUT, "model": {"kind": "residual", "arguments": {"channels": 1, "depth": 3}}}))
    with pytest.raises(WeightsError, match="does not fit its card"):
        pretrained.load("mine")
    card.write_text(json.dumps({**ABOUT, "model": {"kind": "eval", "arguments": {}}}))
    with pytest.raises(WeightsError, match="choose one of"):
        pretrained.load("mine")
    card.write_text("{}")
    with pytest.raises(WeightsError, match="says nothing about"):
        pretrained.load("mine")
    card.write_text("{")
    with pytest.raises(WeightsError, match="not a model card"):
        pretrained.card("mine")


@pytest.mark.parametrize("break_it", ["cut", "empty", "pickle"])
def test_a_broken_file_of_arrays_is_refused(folder, break_it):
    path = pretrained.save("mine", small_model(), ABOUT)
    if break_it == "pickle":
        np.savez(path, np.array([{"a": 1}], dtype=object))
    else:
        path.write_bytes(path.read_bytes()[:100] if break_it == "cut" else b"")
    with pytest.raises(WeightsError, match=r"mine\.npz"):
        pretrained.load("mine")


def test_nothing_is_written_that_cannot_be_used(folder):
    model = small_model()
    with pytest.raises(WeightsError, match="says nothing about licence"):
        pretrained.save("mine", model, {key: value for key, value in ABOUT.items() if key != "licence"})
    model.set_weights([np.full_like(array, 1e6) for array in model.get_weights()])
    with pytest.raises(WeightsError, match="16 bits cannot hold"):
        pretrained.save("mine", model, ABOUT)
    assert list(folder.iterdir()) == []


def test_an_unknown_kind_or_argument_is_named():
    with pytest.raises(ValueError, match=f"'transformer': choose one of {', '.join(models.KINDS)}"):
        models.build("transformer")
    with pytest.raises(ValueError, match="heads"):
        models.build("residual", heads=8)


@pytest.mark.parametrize("name", pretrained.names())
def test_every_shipped_network_loads_and_keeps_its_promise(name):
    card = pretrained.card(name)
    model = pretrained.load(name)
    side = 24 // card["multiple"] * card["multiple"]
    last = [0.05] * card["noise_conditioned"] + [1.0] * card.get("strength", False)
    given = np.float32([0.5] * card["channels"] + last)
    restored = model.predict_on_batch(np.broadcast_to(given, (1, side, side, len(given))))
    assert restored.shape == (1, side * card["scale"], side * card["scale"], card["channels"])
    np.testing.assert_allclose(restored, 0.5, atol=0.05)  # flat gray has nothing to restore
    assert card["limits"]


def test_the_shipped_networks_are_small():
    assert sum(path.stat().st_size for path in pretrained.FOLDER.glob("*.npz")) < 15e6
