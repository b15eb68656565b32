import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons_lib import batches, degrade, images
from lessons_lib.batches import PairStream
from lessons_lib.images import ImageError

ARRAYS = np.random.default_rng(6).random((10, 16, 20, 3), dtype=np.float32)


def noise(image, rng):
    return degrade.gaussian_noise(image, 0.1, rng)


def same(clean, _rng):
    return clean


def all_of(stream):
    return [stream[i] for i in range(len(stream))]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for n, array in enumerate(ARRAYS):
        images.write(folder / f"{n}.png", array)
    return sorted(folder.glob("*.png"))


def test_pairs_differ_by_the_degradation_only():
    degraded, clean = PairStream(ARRAYS, noise, batch_size=4)[0]
    assert degraded.shape == clean.shape == (4, 16, 20, 3)
    assert degraded.dtype == clean.dtype == np.float32
    assert (degraded - clean).std() == pytest.approx(0.1, rel=0.1)


def test_one_pass_shows_every_image_once():
    stream = PairStream(ARRAYS, same, batch_size=5)
    for _ in range(2):
        seen = np.concatenate([clean for _, clean in all_of(stream)])
        np.testing.assert_array_equal(np.sort(seen.sum((1, 2, 3))), np.sort(ARRAYS.sum((1, 2, 3))))
        stream.on_epoch_end()


def test_the_seed_decides_whatever_the_order_of_access():
    one, two = (PairStream(ARRAYS, noise, batch_size=3, patch=8, augment=[batches.flip], seed=7) for _ in range(2))
    forwards, backwards = all_of(one), [two[i] for i in reversed(range(len(two)))][::-1]
    np.testing.assert_equal(forwards, backwards)
    one.on_epoch_end()
    assert (one[0][0] != forwards[0][0]).any()
    other = PairStream(ARRAYS, noise, batch_size=3, patch=8, augment=[batches.flip], seed=8)
    assert (other[0][0] != forwards[0][0]).any()


def test_files_and_arrays_give_the_same(files):
    stored = images.to_float(images.to_uint8(ARRAYS))
    from_files = PairStream(files, noise, batch_size=4, patch=9, seed=1)
    from_arrays = PairStream(stored, noise, batch_size=4, patch=9, seed=1)
    np.testing.assert_allclose(from_files[1], from_arrays[1], atol=1e-6)
    assert PairStream(files, noise, batch_size=2, mode="gray")[0][0].shape[-1] == 1


def test_memory_is_bounded_whatever_the_number_of_files(files):
    def peak(count):
        stream = PairStream((files * count)[:count], same, batch_size=2, keep=3, steps=count // 2)
        tracemalloc.start()
        for index in range(len(stream)):
            stream[index]
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(stream._decoded) <= 3
        return held

    few = peak(10)
    assert peak(400) < 1.5 * few + 50_000  # the index of 400 places, not their pictures (15 kB each)


def test_other_sizes_may_come_out():
    small, clean = PairStream(ARRAYS, lambda c, _: degrade.imresize(c, 0.5), batch_size=2, patch=12)[0]
    assert small.shape == (2, 6, 6, 3)
    assert clean.shape == (2, 12, 12, 3)


@given(st.integers(0, 2**32 - 1))
def test_flips_and_turns_only_move_pixels(seed):
    rng = np.random.default_rng(seed)
    moved = batches.rotate90(batches.flip(ARRAYS[0], rng), rng)
    np.testing.assert_array_equal(np.sort(moved, None), np.sort(ARRAYS[0], None))


def test_flip_and_rotate_reach_all_eight_versions():
    rng = np.random.default_rng(0)
    square = ARRAYS[0, :5, :5]
    versions = {batches.rotate90(batches.flip(square, rng), rng).tobytes() for _ in range(300)}
    assert len(versions) == 8


def test_shift_moves_by_whole_pixels_and_mirrors_the_border():
    ramp = np.tile(np.arange(9, dtype=np.float32)[None, :, None] / 9, (9, 1, 1))
    moved = {tuple(batches.shift(2)(ramp, np.random.default_rng(s))[0, :, 0] * 9) for s in range(60)}
    assert len(moved) == 5
    assert (0, 0, 1, 2, 3, 4, 5, 6, 7) in {tuple(np.rint(m).astype(int)) for m in moved}
    np.testing.assert_array_equal(batches.shift(0)(ramp, np.random.default_rng(0)), ramp)


def test_zoom_keeps_shape_and_range_and_enlarges():
    spot = np.zeros((21, 21, 1), np.float32)
    spot[8:13, 8:13] = 1
    zoomed = batches.zoom(2, 2)(spot, np.random.default_rng(0))
    assert zoomed.shape == spot.shape
    assert 0 <= zoomed.min() <= zoomed.max() <= 1
    assert zoomed.sum() == pytest.approx(100, rel=0.05)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PairStream([], same, batch_size=2), "empty"),
        (lambda: PairStream(ARRAYS, same, batch_size=0), "batch_size 0"),
        (lambda: PairStream(ARRAYS, same, batch_size=2, patch=17)[0], "too small for a patch of 17"),
        (lambda: PairStream(ARRAYS.astype(int), same, batch_size=2)[0], "source"),
        (lambda: batches.shift(-1), "max_pixels"),
        (lambda: batches.zoom(0.5, 1), "zoom range"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ImageError, match=message):
        make()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        PairStream([tmp_path / "gone.png"], same, batch_size=1)[0]


def test_a_batch_outside_the_epoch():
    with pytest.raises(IndexError):
        PairStream(ARRAYS, same, batch_size=5)[2]


def pairs(count=6):
    rng = np.random.default_rng(8)
    clean = rng.random((count, 24, 20, 3), dtype=np.float32)
    return [(picture / 2, picture) for picture in clean]


def test_real_pairs_are_cut_and_turned_alike():
    changes = [batches.flip, batches.rotate90]
    stream = batches.RealPairs(pairs(), batch_size=4, patch=12, augment=changes, steps=3)
    for degraded, clean in all_of(stream):
        assert degraded.shape == clean.shape == (4, 12, 12, 3)
        np.testing.assert_array_equal(degraded, clean / 2)
    assert len({clean[0].tobytes() for _, clean in all_of(stream)}) == 3


def test_real_pairs_of_different_sizes_are_refused():
    degraded, clean = pairs(1)[0]
    with pytest.raises(ImageError, match="pair 1 has shapes"):
        batches.RealPairs([(degraded, clean), (degraded[1:], clean)], batch_size=1)


def test_streams_side_by_side_share_each_batch_and_the_count_of_epochs():
    def both():
        made = PairStream(ARRAYS, noise, batch_size=3, patch=12, steps=2)
        return batches.SideBySide([made, batches.RealPairs(pairs(), batch_size=2, patch=12, steps=2)])

    stream, later = both(), both()
    degraded, clean = stream[1]
    assert degraded.shape == clean.shape == (5, 12, 12, 3)
    np.testing.assert_array_equal(degraded[3:], clean[3:] / 2)
    stream.on_epoch_end()
    later.epoch = 1
    assert [s.epoch for s in stream.streams] == [1, 1]
    assert all(np.array_equal(a, b) for a, b in zip(stream[0], later[0], strict=True))
    assert not np.array_equal(stream[1][1], clean)
    with pytest.raises(ImageError, match=r"\[2, 4\] batches"):
        batches.SideBySide([stream.streams[0], PairStream(ARRAYS, noise, batch_size=3, steps=4)])
