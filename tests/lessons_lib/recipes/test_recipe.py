"""Recipes: what they may say, what they do to a picture, and that a killed training goes on."""

from pathlib import Path

import numpy as np
import pytest

from lessons_lib import metrics, recipes
from lessons_lib.recipes import Damage, RecipeError, run

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
        return run.damager(Damage(**how))(CLEAN, np.random.default_rng(3))

    np.testing.assert_array_equal(spoil(), CLEAN)
    noisy = spoil(sigma=(25, 25), told=True)
    assert noisy.shape == (24, 24, 4)
    np.testing.assert_allclose(noisy[..., 3], 25 / 255)
    assert np.std(noisy[..., :3] - CLEAN) == pytest.approx(25 / 255, rel=0.1)
    assert spoil(scale=3).shape == (8, 8, 3)
    for kernel in recipes.KERNELS:
        assert np.var(spoil(kernels=(kernel,))) < np.var(CLEAN)


def test_levels_are_spread_over_the_range():
    rng, spoil = np.random.default_rng(0), run.damager(Damage(sigma=(5, 55), told=True))
    levels = [spoil(CLEAN, rng)[0, 0, 3] * 255 for _ in range(200)]
    assert 5 <= min(levels) < 10 < 50 < max(levels) <= 55


@pytest.fixture
def photographs_taken_twice(monkeypatch):
    """Real noise without a download: the clean picture of a pair is the noisy one, darker by a fifth."""
    rng = np.random.default_rng(2)

    def pairs(split):
        for number in range(3):
            noisy = rng.random((200, 210, 3), dtype=np.float32)
            yield f"{split}-{number}", noisy, noisy * np.float32(0.8)

    monkeypatch.setattr(run.datasets, "real_pairs", pairs)
    monkeypatch.setenv("LESSONS_PRECISION", "float32")  # training sets the precision of all tests that follow


def test_real_pairs_make_half_of_a_step_and_validate(photographs_taken_twice, tmp_path):
    real = TINY.replace("patch = 24\nbatch = 2", "patch = 24\nbatch = 4\nreal = true").replace("sigma = [0, 55]", "")
    recipe = recipes.read(written(tmp_path, real.replace("warmup = 4", "warmup = 4\nrate = 1e-2\nema = 0.5")))
    degraded, clean = recipes._stream(recipe)[0]
    np.testing.assert_array_equal(degraded[:2], clean[:2])
    np.testing.assert_allclose(degraded[2:] * 0.8, clean[2:], rtol=1e-6)
    held_out = recipes._held_out(recipe)
    assert len(held_out) == 3
    np.testing.assert_allclose(held_out[0][0] * 0.8, held_out[0][1], rtol=1e-6)
    _, history = recipes.train(recipe, quiet=True, folder=tmp_path / "state")
    before = np.mean([metrics.psnr(y, x, data_range=1.0) for x, y in held_out])
    assert history.metrics["val_psnr"][-1] > before + 0.5  # it learned what the real pairs alone can teach


def test_an_odd_batch_cannot_be_half_real(tmp_path):
    with pytest.raises(RecipeError, match="batch 3: half of it"):
        recipes.read(written(tmp_path, TINY.replace("batch = 2", "batch = 3\nreal = true")))


def test_the_folder_of_recipes_is_where_the_command_looks():
    assert Path(recipes.FOLDER).name == "recipes"
