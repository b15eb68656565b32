"""A recipe is followed: real pairs make half of each step, and are what is validated with."""

import numpy as np
import pytest

from lessons_lib import metrics, recipes
from lessons_lib.recipes import run
from tests.lessons_lib.recipes.test_recipe import TINY, written


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
    real = TINY.replace("patch = 24\nbatch = 2", "patch = 24\nbatch = 4\nreal = 0.5").replace("sigma = [0, 55]", "")
    recipe = recipes.read_recipe(written(tmp_path, real.replace("warmup = 4", "warmup = 4\nrate = 1e-2\nema = 0.5")))
    degraded, clean = run._stream(recipe)[0]
    np.testing.assert_array_equal(degraded[:2], clean[:2])
    np.testing.assert_allclose(degraded[2:] * 0.8, clean[2:], rtol=1e-6)
    held_out = run._held_out(recipe)
    assert len(held_out) == 3
    np.testing.assert_allclose(held_out[0][0] * 0.8, held_out[0][1], rtol=1e-6)
    _, history = recipes.train(recipe, quiet=True, folder=tmp_path / "state")
    before = np.mean([metrics.psnr(y, x, data_range=1.0) for x, y in held_out])
    assert history.metrics["val_psnr"][-1] > before + 0.5  # it learned what the real pairs alone can teach
