import itertools

import keras
import numpy as np
import pytest

from lessons_lib import datasets, degrade, metrics
from lessons_lib.layers import CropLike, PixelShuffle
from lessons_lib.models.ridnet import LocalMean, SpaceToDepth, halo, ridnet
from lessons_lib.models.spectral import spectral

X = np.random.default_rng(5).random((2, 17, 22, 3), dtype=np.float32)
SMALL = {"width": 8, "blocks": 1, "reduction": 4}


@pytest.fixture(autouse=True)
def same_weights_every_time():
    keras.utils.set_random_seed(0)


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def with_large_weights(model, seed=0):
    """The model with its last layer as strong as any other, so that what it says can be seen."""
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][-1]
    rng = np.random.default_rng(seed)
    last.set_weights([0.05 * rng.standard_normal(w.shape) for w in last.get_weights()])
    return model


def test_the_released_codes_weights_are_counted():
    assert ridnet(skip=False).count_params() == ridnet().count_params() == 1_499_347


@pytest.mark.parametrize(
    ("channels", "width", "blocks", "reduction", "half", "noise_conditioned"),
    [(3, 64, 4, 16, False, False), (1, 16, 2, 4, True, False), (3, 24, 1, 8, True, True)],
)
def test_weights_are_counted_by_hand(channels, width, blocks, reduction, half, noise_conditioned):
    conv = lambda a, b, side=3: side * side * a * b + b  # noqa: E731
    few = width // reduction
    module = 4 * conv(width, width) + conv(2 * width, width)  # two branches, merged
    module += 4 * conv(width, width) + conv(width, width, 1)  # residual block, enhanced one
    attention = conv(width, few, 1) + conv(few, width, 1)
    fold = 4 if half else 1
    ends = conv(fold * (channels + noise_conditioned), width) + conv(width, fold * channels)
    how = {"reduction": reduction, "half": half, "noise_conditioned": noise_conditioned}
    assert ridnet(channels, width, blocks, **how).count_params() == ends + blocks * (module + attention)
    assert ridnet(channels, width, blocks, attention=False, **how).count_params() == ends + blocks * module


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("noise_conditioned", [False, True])
def test_any_size_comes_back_near_the_input(half, skip, noise_conditioned):
    model = ridnet(**SMALL, half=half, skip=skip, noise_conditioned=noise_conditioned)
    for batch in (X, X[:1, :1, :1], X[:, :6, :7]):
        given = degrade.with_level(batch, 0.1) if noise_conditioned else batch
        assert np.abs(numpy(model(given)) - batch).max() < 0.1


@pytest.mark.parametrize("half", [False, True])
def test_the_receptive_field_is_what_halo_says(half):
    """Without attention, a pixel changes what lies within the halo of it, and that only."""
    model = with_large_weights(ridnet(1, 4, 1, reduction=1, attention=False, half=half))
    reach, side = halo(1, half, attention=False), 81
    dark = np.zeros((1, side, side, 1), np.float32)
    changed = np.zeros((side, side), bool)
    for row in (40, 41):
        lit = dark.copy()
        lit[0, row, row] = 1
        changed |= (numpy(model(lit)) != numpy(model(dark)))[0, ..., 0]
    rows = np.flatnonzero(changed.any(1))
    assert rows.min() >= 40 - reach
    assert rows.max() <= 41 + reach
    assert np.ptp(rows) >= 2 * reach - 2


def test_the_papers_receptive_field_is_101():
    assert 2 * halo(attention=False) + 1 == 101
    assert halo() is None
    assert halo(4, pool=65) == 50 + 4 * 32


@pytest.mark.parametrize("half", [False, True])
def test_with_a_window_tiles_agree_with_the_whole(half):
    """And with the mean over the whole map they do not."""
    settings = {"half": half, **SMALL}
    reach = halo(1, half, pool=5)
    picture = np.random.default_rng(6).random((1, 4 * reach, 4 * reach + 2, 3), dtype=np.float32)
    picture[:, :reach] = 0  # the tile lacks the dark part
    start = reach - reach % 2
    stop = start + 2 * reach + 10
    for pool in (5, None):
        model = with_large_weights(ridnet(**settings, pool=pool))
        whole, tile = numpy(model(picture)), numpy(model(picture[:, start:stop, start:stop]))
        inside = slice(reach, -reach)
        gap = np.abs(whole[:, start:stop, start:stop] - tile)[:, inside, inside].max()
        assert (gap < 1e-5) == (pool is not None), gap


def test_a_window_takes_the_weights_of_the_whole():
    whole, local = ridnet(**SMALL), ridnet(**SMALL, pool=2 * 22 + 1)
    local.set_weights(with_large_weights(whole).get_weights())
    np.testing.assert_allclose(numpy(local(X)), numpy(whole(X)), atol=1e-5)


@pytest.mark.parametrize("window", [1, 3, 9])
def test_the_local_mean_is_the_mean_of_what_is_inside(window):
    around, found = window // 2, numpy(LocalMean(window)(X))
    for row, column in itertools.product(range(17), range(22)):
        top, left = max(0, row - around), max(0, column - around)
        part = X[:, top : row + around + 1, left : column + around + 1]
        np.testing.assert_allclose(found[:, row, column], part.mean((1, 2)), atol=1e-5)


@pytest.mark.parametrize("size", [(16, 22), (17, 22), (16, 21), (1, 1)])
def test_space_to_depth_is_undone_by_pixel_shuffle(size):
    batch = X[:, : size[0], : size[1]]
    deep = SpaceToDepth()(batch)
    assert deep.shape == (2, -(-size[0] // 2), -(-size[1] // 2), 12)
    np.testing.assert_array_equal(numpy(CropLike()(PixelShuffle(2)(deep), like=batch)), batch)


@pytest.mark.parametrize(
    "settings", [{}, {"half": True, "noise_conditioned": True, "pool": 7}, {"attention": False, "skip": False}]
)
def test_a_saved_model_comes_back(tmp_path, settings):
    model = with_large_weights(ridnet(**SMALL, **settings))
    model.save(tmp_path / "m.keras")
    back = keras.saving.load_model(tmp_path / "m.keras")
    given = degrade.with_level(X, 0.1) if settings.get("noise_conditioned") else X
    np.testing.assert_allclose(numpy(model(given)), numpy(back(given)), atol=1e-6)


def test_the_attention_can_be_looked_at():
    model = ridnet(**SMALL | {"blocks": 2})
    for number in (1, 2):
        weights = numpy(keras.Model(model.input, model.get_layer(f"attention_{number}").output)(X))
        assert weights.shape == (2, 1, 1, 8)
        assert 0 < weights.min() <= weights.max() < 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0}, "width 0"),
        ({"blocks": 0}, "blocks 0"),
        ({"width": 8}, "reduction 16"),
        ({"reduction": 0}, "reduction 0"),
        ({"pool": 4}, "window is 4"),
    ],
)
def test_bad_arguments_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        ridnet(**settings)


def test_on_cosines_it_starts_as_the_classical_filter():
    clean = datasets.photo("coffee")[:96, :96]
    noisy = degrade.gaussian_noise(clean, 25 / 255, np.random.default_rng(0))
    noise_conditioned = degrade.with_level(noisy, 25 / 255)[None]
    scores = [
        metrics.psnr(clean, model.predict_on_batch(noise_conditioned)[0], data_range=1.0)
        for model in (ridnet(**SMALL, cosines=True, noise_conditioned=True), spectral(blocks=1, width=4))
    ]
    assert scores[0] > metrics.psnr(clean, noisy, data_range=1.0) + 5
    assert abs(scores[0] - scores[1]) < 0.5
    with pytest.raises(ValueError, match="leave half out"):
        ridnet(cosines=True, half=True, noise_conditioned=True)
    with pytest.raises(ValueError, match="give noise_conditioned"):
        ridnet(cosines=True)
