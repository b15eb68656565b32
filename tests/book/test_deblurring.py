"""What the chapter on deblurring writes from scratch, against scikit-image and the library."""

import numpy as np
import pytest
from skimage import restoration

from lessons_lib import degrade
from tests.book.chapter import defined


@pytest.fixture(scope="module")
def functions():
    cells = ("best-kernel", "lucy-code", "shake")
    return defined("deblurring", *cells)


def test_richardson_lucy_is_scikit_images_far_from_the_border(functions):
    kernel = degrade.gaussian_kernel(5, 1.0)
    picture = degrade.blur(np.random.default_rng(3).random((60, 60, 1), np.float32), kernel)
    own = functions["richardson_lucy"](picture, kernel, 5)[20:-20, 20:-20, 0]
    theirs = restoration.richardson_lucy(picture[..., 0], kernel, 5, clip=False)[20:-20, 20:-20]
    np.testing.assert_allclose(own, theirs, atol=1e-5)


def test_richardson_lucy_keeps_the_light_and_stays_positive(functions):
    kernel = degrade.gaussian_kernel(5, 1.0)
    picture = np.zeros((40, 40, 1), np.float32)
    picture[15:25, 15:25] = 1
    picture = degrade.blur(picture, kernel)
    found = functions["richardson_lucy"](picture, kernel, 50)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(picture.sum(), rel=1e-3)


@pytest.mark.parametrize("size", [3, 5])
def test_regression_finds_the_kernel_that_made_the_pictures(functions, size):
    rng = np.random.default_rng(4)
    kernel = rng.standard_normal((size, size)).astype(np.float32)
    pictures = rng.random((3, 20, 20, 1), np.float32)
    made = np.stack([degrade.blur(picture, kernel) for picture in pictures])
    found = functions["best_kernel"](pictures, made, size).reshape(size, size)
    np.testing.assert_allclose(found[::-1, ::-1], kernel, atol=1e-3)  # windows do not turn the kernel, a blur does


@pytest.mark.parametrize("size", [13, 21, 27])
@pytest.mark.parametrize("seed", range(4))
def test_a_shake_is_a_kernel_that_fills_its_square(functions, size, seed):
    kernel = functions["shake"](size, np.random.default_rng(seed))
    assert kernel.shape == (size, size)
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    rows, columns = np.nonzero(kernel > 0)
    assert max(np.ptp(rows), np.ptp(columns)) >= size // 2


@pytest.mark.parametrize("size", [13, 19])
def test_the_librarys_shakes_are_the_chapters(functions, size):
    drawn = (draw(size, np.random.default_rng(3)) for draw in (functions["shake"], degrade.shake_kernel))
    np.testing.assert_array_equal(*drawn)
