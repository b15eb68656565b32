import keras
import numpy as np
import pytest
from scipy import fft

from lessons_lib import classical, degrade
from lessons_lib.layers.dct import BlockMean, Shrink, SlidingDCT, SlidingIDCT, cosines

RNG = np.random.default_rng(6)


def numpy(x):
    return keras.ops.convert_to_numpy(x)


@pytest.mark.parametrize(("side", "channels"), [(8, 1), (8, 3), (4, 2), (5, 3)])
def test_the_filters_are_scipys_cosines(side, channels):
    block = RNG.random((side, side, channels), dtype=np.float32)
    own = np.einsum("ijc,ijck->k", block, cosines(side, channels))
    np.testing.assert_allclose(own, fft.dctn(block, norm="ortho").ravel(), atol=1e-5)


@pytest.mark.parametrize("size", [(8, 8, 1), (9, 13, 3), (16, 31, 1), (33, 40, 3)])
@pytest.mark.parametrize(("side", "strides"), [(8, 2), (8, 1), (8, 4), (8, 8), (6, 3)])
def test_there_and_back_is_the_same_picture(size, side, strides):
    x = RNG.random((2, *size), dtype=np.float32)
    there = SlidingDCT(side, strides)
    z = there(x)
    assert there.compute_output_shape(x.shape) == z.shape
    back = SlidingIDCT(side, strides)
    np.testing.assert_allclose(numpy(back(z, like=x)), x, atol=1e-5)
    assert back.compute_output_shape(z.shape, x.shape) == x.shape
    means = BlockMean(side, strides)
    assert means.compute_output_shape(x.shape) == means(x).shape == (*z.shape[:3], size[-1])


def test_the_first_coefficient_is_the_mean_of_its_block():
    x = RNG.random((1, 20, 24, 1), dtype=np.float32)
    np.testing.assert_allclose(numpy(SlidingDCT()(x))[..., :1], 8 * numpy(BlockMean()(x)), atol=1e-5)


def test_without_votes_and_at_stride_1_it_is_the_classical_filter():
    """The soft knee differs from a hard threshold only for coefficients near it."""
    noisy = degrade.gaussian_noise(np.full((40, 40, 3), 0.5, np.float32), 0.1, RNG)
    z = SlidingDCT(8, 1)(noisy[None])
    kept = Shrink(2.8)(z, mask_logits=0 * z, level=0 * z[..., :1] + 0.1)
    own = numpy(SlidingIDCT(8, 1)(kept, like=noisy[None]))[0]
    theirs = classical.dct(noisy, degrade.DegradationInfo(0.1), threshold=2.8)
    assert np.abs(own - theirs).std() < 0.1 * np.abs(noisy - theirs).std()


def test_votes_keep_and_drop():
    z = np.full((1, 1, 1, 3), 0.2, np.float32)
    level = np.full((1, 1, 1, 1), 0.1, np.float32)  # two sigmas: dropped unless voted for
    shrink = Shrink(2.8)
    results = [
        numpy(shrink(z, mask_logits=0 * z + mask_logits, level=level))[0, 0, 0] for mask_logits in (-20.0, 0.0, 20.0)
    ]
    np.testing.assert_allclose([r[0] for r in results], 0.2, rtol=1e-6)  # the mean is never noise
    assert results[0][1] == pytest.approx(0, abs=1e-6)
    assert results[1][1] < 0.03
    assert results[2][1] == pytest.approx(0.2, rel=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SlidingDCT(8, 3), "strides that divide side, got 3 and 8"),
        (lambda: SlidingIDCT(1), "SlidingIDCT"),
        (lambda: BlockMean(8, 0), "BlockMean"),
        (lambda: Shrink(0), "threshold is 0"),
        (lambda: SlidingDCT()(np.zeros((1, 9, 7, 1), np.float32)), "8 pixels or more, got 7"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
