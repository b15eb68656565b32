"""Recipes: what they may say, what they do to a picture, and that a killed training goes on."""

import numpy as np
import pytest

from lessons_lib import degrade, recipes
from lessons_lib.recipes import DegradationRange, RecipeError

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
[degradation]
sigma = [0, 55]
noise_conditioned = false
"""
CLEAN = np.random.default_rng(0).random((24, 24, 3), dtype=np.float32)


def written(folder, text):
    path = folder / "tiny.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(recipes.FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_recipes_can_be_read_and_are_named_as_their_file(path):
    recipe = recipes.read_recipe(path)
    assert recipe.name == path.stem
    assert recipe.limits
    assert not set(recipe.data.train) & {"cbsd68", "bsd100", "test" if not recipe.data.set else ""}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('task = "denoise"', 'task = "paint"', "task 'paint': choose one of denoise"),
        ("sigma = [0, 55]", "sigma = [0, 300]", "sigma .*0 <= from"),
        ("sigma = [0, 55]", "sigma = [55]", "two numbers"),
        ("noise_conditioned = false", "scale = 5", "divide the patch, 24"),
        ("noise_conditioned = false", 'kernels = ["fog"]', "choose of gaussian, motion"),
        ("steps = 40", "steps = 41", "multiple of save_every"),
        ("steps = 40\n", "", r"\[schedule\] lacks steps"),
        ("patch = 24", "patches = 24", r"\[data\] has patches: it takes set, train"),
        ('kind = "residual", ', "", "kind None: choose one of"),
        ('task = "denoise"', "task = ", "not TOML"),
        ("[degradation]", "[[degradation]]", "takes keys"),
    ],
)
def test_a_wrong_recipe_is_refused_with_the_way_out(tmp_path, old, new, message):
    assert old in TINY
    with pytest.raises(RecipeError, match=message):
        recipes.read_recipe(written(tmp_path, TINY.replace(old, new)))


def test_an_unknown_recipe_is_told_what_there_is():
    with pytest.raises(RecipeError, match="no recipe 'nothing'"):
        recipes.find_recipe("nothing")


def test_a_range_degrades_as_it_says():
    def degraded(**how):
        return DegradationRange(**how)(CLEAN, np.random.default_rng(3))

    np.testing.assert_array_equal(degraded(), CLEAN)
    noisy = degraded(sigma=(25, 25), noise_conditioned=True)
    assert noisy.shape == (24, 24, 4)
    np.testing.assert_allclose(noisy[..., 3], 25 / 255)
    assert np.std(noisy[..., :3] - CLEAN) == pytest.approx(25 / 255, rel=0.1)
    assert degraded(scale=3).shape == (8, 8, 3)
    for kernel in degrade.RANDOM_KERNELS:
        assert np.var(degraded(kernels=(kernel,))) < np.var(CLEAN)


def test_levels_are_spread_over_the_range():
    rng, degraded = np.random.default_rng(0), DegradationRange(sigma=(5, 55), noise_conditioned=True)
    levels = [degraded(CLEAN, rng)[0, 0, 3] * 255 for _ in range(200)]
    assert 5 <= min(levels) < 10 < 50 < max(levels) <= 55


def test_old_keys_are_told_their_new_names(tmp_path):
    with pytest.raises(RecipeError, match="has damage, which is degradation now: rename it"):
        recipes.read_recipe(written(tmp_path, TINY.replace("[degradation]", "[damage]")))
    with pytest.raises(RecipeError, match=r"\[degradation\] has told, which is noise_conditioned now"):
        recipes.read_recipe(written(tmp_path, TINY.replace("noise_conditioned = false", "told = false")))


def test_a_share_of_real_pairs_is_at_least_one_patch(tmp_path):
    with pytest.raises(RecipeError, match=r"real 0.1: give a share .* at least one of 3"):
        recipes.read_recipe(written(tmp_path, TINY.replace("batch = 2", "batch = 3\nreal = 0.1")))


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ('kind = "plian", depth = 3', r"kind 'plian': choose one of residual"),
        ('kind = "residual", deepness = 3', r"residual: got an unexpected keyword argument 'deepness'"),
        ("depth = 3", "kind None"),
    ],
)
def test_a_wrong_model_is_named_before_anything_is_loaded(tmp_path, model, says):
    with pytest.raises(RecipeError, match=rf"\[model\] {says}"):
        recipes.read_recipe(written(tmp_path, TINY.replace('kind = "residual", depth = 3, width = 4', model)))


def test_a_copied_recipe_cannot_replace_the_weights_of_another(tmp_path):
    with pytest.raises(RecipeError, match="give it the name of its file, 'tiny'"):
        recipes.read_recipe(written(tmp_path, TINY.replace('name = "tiny"', 'name = "denoise-small"')))


def test_a_recipe_is_found_by_name_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert recipes.read_recipe(recipes.find_recipe("denoise-small")).name == "denoise-small"
    (tmp_path / "denoise-small").write_text("", encoding="utf-8")
    assert recipes.find_recipe("denoise-small").suffix == "", "a path wins over a name"
