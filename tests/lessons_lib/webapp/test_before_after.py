import base64

import cv2
import numpy as np
import pytest

from lessons_lib.image_io import Photo
from lessons_lib.images import ImageError
from lessons_lib.webapp import before_after


def picture(height, width, channels=3, dtype=np.uint8, alpha=None):
    """Every pixel tells its place: row and column modulo 256."""
    rows, columns = np.mgrid[:height, :width] % 256
    pixels = np.stack([rows, columns, rows], axis=-1)[..., :channels].astype(dtype)
    return Photo(pixels * np.asarray(257 if dtype == np.uint16 else 1, dtype), alpha)


def seen(address):
    kind, _, data = address.partition(";base64,")
    shown = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_UNCHANGED)
    return kind.removeprefix("data:image/"), shown[..., ::-1]


@pytest.mark.parametrize(
    ("size", "shown"), [((3000, 4000), (528, 704)), ((4000, 500), (528, 66)), ((30, 40), (30, 40))]
)
def test_the_whole_picture_keeps_its_shape(size, shown):
    assert before_after.whole(picture(*size).pixels).shape == (*shown, 3)


def test_a_detail_is_pixel_for_pixel():
    one, other = picture(1000, 2000), picture(1000, 2000, dtype=np.uint16)
    sides = before_after.sides(one, other, zoom=1, place=(0, 1))
    assert sides["width"] == 704
    assert sides["exact"]
    for side in ("before", "after"):
        kind, shown = seen(sides[side])
        assert kind == "png"
        np.testing.assert_array_equal(shown, one.pixels[:528, -704:])


def test_a_detail_twice_as_large_shows_half_as_much():
    sides = before_after.sides(picture(1000, 2000), picture(1000, 2000), zoom=2)
    assert seen(sides["after"])[1].shape == (264, 352, 3)
    assert sides["width"] == 704


def test_a_detail_is_cut_on_a_narrow_page_and_a_small_picture_is_not():
    whole, detail, small = (
        before_after.sides(picture(1000, 2000), picture(1000, 2000), zoom, fits=fits)
        for zoom, fits in ((0, False), (1, False), (2, True))
    )
    assert (whole["exact"], whole["cut"], whole["height"]) == (False, False, 352)
    assert (detail["exact"], detail["cut"], detail["height"]) == (True, True, 528)
    assert (small["exact"], small["cut"]) == (True, False)


def test_a_part_lies_inside_and_where_it_was_asked_for():
    for at, start in ((-1, 0), (0, 0), (0.5, 404), (1, 808), (2, 808)):
        assert before_after.part(1000, 192, at) == slice(start, start + 192)
    assert before_after.part(100, 192, 0.7) == slice(0, 100)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("place", [(0, 0), (0.37, 0.61), (1, 1)])
def test_both_sides_show_the_same_place_of_an_enlarged_picture(scale, place):
    small = picture(250, 250)
    large = Photo(cv2.resize(small.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))
    sides = before_after.sides(small, large, 1, place, window=(120, 120))
    before, after = seen(sides["before"])[1], seen(sides["after"])[1]
    assert before.shape == after.shape == (120, 120, 3)
    inner = slice(12, -12)  # at the edge of the detail the interpolation lacks its neighbours
    assert np.abs(before[inner, inner].astype(int) - after[inner, inner]).max() <= 1


def test_gray_transparent_and_tiny_pictures_are_shown():
    assert before_after.whole(picture(1, 1, channels=1).pixels).shape == (1, 1, 3)
    clear = np.zeros((8, 8, 1), np.uint8)
    assert before_after.whole(picture(8, 8).pixels, clear).min() == 255
    sides = before_after.sides(picture(8, 8, alpha=clear), picture(8, 8, alpha=clear), 2)
    assert seen(sides["before"])[1].min() == 255
    floats = Photo(np.full((5, 5, 3), 1.7, np.float32))
    assert seen(before_after.sides(floats, floats, 1)["after"])[1].max() == 255


def test_pictures_that_do_not_belong_together_are_refused():
    with pytest.raises(ImageError, match="not one picture"):
        before_after.sides(picture(10, 10), picture(20, 30))


def test_the_script_asks_for_nothing_outside():
    for part in (before_after.HTML, before_after.CSS, before_after.JS):
        assert "//" not in part
        assert "import" not in part
