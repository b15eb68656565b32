"""Recipes: what they may say, what they do to a picture, and that a killed training goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lessons_lib import recipes, weights
from lessons_lib.recipes import Damage, RecipeError

TINY = """
name = "tiny"
task = "denoise"
limits = "a test"
model = { kind = "residual", depth = 3, width = 4 }
[schedule]
steps = 40
save_every = 4
warmup = 4
[data]
patch = 24
batch = 2
[damage]
sigma = [0, 55]
told = false
"""
CLEAN = np.random.default_rng(0).random((24, 24, 3), dtype=np.float32)


def written(folder, text):
    path = folder / "tiny.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(recipes.FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_recipes_can_be_read_and_are_named_as_their_file(path):
    recipe = recipes.read(path)
    assert recipe.name == path.stem
    assert recipe.limits
    assert not set(recipe.data.train) & {"cbsd68", "bsd100", "test" if not recipe.data.set else ""}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('task = "denoise"', 'task = "paint"', "task 'paint': choose one of denoise"),
        ("sigma = [0, 55]", "sigma = [0, 300]", "sigma .*0 <= from"),
        ("sigma = [0, 55]", "sigma = [55]", "two numbers"),
        ("told = false", "scale = 5", "divide the patch, 24"),
        ("told = false", 'kernels = ["fog"]', "choose of gaussian, motion"),
        ("steps = 40", "steps = 41", "multiple of save_every"),
        ("steps = 40\n", "", r"\[schedule\] lacks steps"),
        ("patch = 24", "patches = 24", r"\[data\] has patches: it takes set, train"),
        ('kind = "residual", ', "", "lacks kind"),
        ('task = "denoise"', "task = ", "not TOML"),
        ("[damage]", "[[damage]]", "takes keys"),
    ],
)
def test_a_wrong_recipe_is_refused_with_the_way_out(tmp_path, old, new, message):
    assert old in TINY
    with pytest.raises(RecipeError, match=message):
        recipes.read(written(tmp_path, TINY.replace(old, new)))


def test_an_unknown_recipe_is_told_what_there_is():
    with pytest.raises(RecipeError, match="no recipe 'nothing'"):
        recipes.find("nothing")


def test_damage_is_what_it_says():
    def spoil(**how):
        return recipes.damager(Damage(**how))(CLEAN, np.random.default_rng(3))

    np.testing.assert_array_equal(spoil(), CLEAN)
    noisy = spoil(sigma=(25, 25), told=True)
    assert noisy.shape == (24, 24, 4)
    np.testing.assert_allclose(noisy[..., 3], 25 / 255)
    assert np.std(noisy[..., :3] - CLEAN) == pytest.approx(25 / 255, rel=0.1)
    assert spoil(scale=3).shape == (8, 8, 3)
    for kernel in recipes.KERNELS:
        assert np.var(spoil(kernels=(kernel,))) < np.var(CLEAN)


def test_levels_are_spread_over_the_range():
    rng, spoil = np.random.default_rng(0), recipes.damager(Damage(sigma=(5, 55), told=True))
    levels = [spoil(CLEAN, rng)[0, 0, 3] * 255 for _ in range(200)]
    assert 5 <= min(levels) < 10 < 50 < max(levels) <= 55


RUN = """
import sys
from pathlib import Path
from lessons_lib import recipes, weights
here = Path(sys.argv[1])
weights.FOLDER, recipes.CURVES = here / "weights", here / "curves"
recipe = recipes.read(here / "tiny.toml")
recipes.publish(recipe, *recipes.train(recipe, here / "state"))
"""


def test_a_killed_training_goes_on_and_ends_as_an_undisturbed_one(tmp_path):
    def start(folder):
        folder.mkdir(exist_ok=True)
        written(folder, TINY)
        log = (folder / "log").open("a")  # the process writes on after this function
        environment = {**os.environ, "LESSONS_PRECISION": "float32"}
        command = [sys.executable, "-c", RUN, str(folder)]
        return subprocess.Popen(
            command, stdout=log, stderr=subprocess.DEVNULL, env=environment, cwd=recipes.FOLDER.parent
        )

    calm, shaken = tmp_path / "calm", tmp_path / "shaken"
    other = start(calm)
    process = start(shaken)
    deadline = time.monotonic() + 120
    while "epoch  3" not in (shaken / "log").read_text() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    process.wait()
    assert not (shaken / "weights").exists()
    assert start(shaken).wait() == 0
    assert other.wait() == 0
    assert "epoch  4/10" in (shaken / "log").read_text()
    curves = [json.loads((folder / "curves" / "tiny.json").read_text()) for folder in (calm, shaken)]
    assert curves[0]["steps"] == curves[1]["steps"] == list(range(4, 41, 4))
    np.testing.assert_allclose(curves[0]["val_psnr"], curves[1]["val_psnr"], atol=2e-3)
    stored = [np.load(folder / "weights" / "tiny.npz") for folder in (calm, shaken)]
    for name in stored[0].files:
        np.testing.assert_allclose(stored[0][name], stored[1][name], atol=1e-3)
    card = json.loads((shaken / "weights" / "tiny.json").read_text())
    assert card["steps"] == 40
    assert set(card) >= weights.NEEDED


def test_the_folder_of_recipes_is_where_the_command_looks():
    assert Path(recipes.FOLDER).name == "recipes"
