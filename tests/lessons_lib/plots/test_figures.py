import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.figure import Figure

from lessons_lib import plots
from lessons_lib.images import ImageError
from lessons_lib.training import History

PICTURE = np.random.default_rng(7).random((6, 9, 3), dtype=np.float32)


@pytest.fixture(autouse=True, scope="module")
def shell():
    """Without a shell IPython would print the outputs instead of publishing them."""
    InteractiveShell.instance()
    yield
    InteractiveShell.clear_instance()


def published(draw):
    """The rich outputs that `draw` displays, as (data, metadata)."""
    with capture_output() as captured:
        assert draw() is None
    return [(out.data, out.metadata) for out in captured.outputs]


@pytest.mark.parametrize(
    "draw",
    [
        lambda **k: plots.show([PICTURE, PICTURE[..., :1]], ["colour", "gray"], **k),
        lambda **k: plots.show(np.stack([PICTURE] * 7), columns=4, **k),
        lambda **k: plots.show(np.eye(3), vmin=None, vmax=None, **k),
        lambda **k: plots.curves({"a": [1, 2], "b": ([1, 10], [2, 3])}, xlabel="x", ylabel="y", logx=True, **k),
        lambda **k: plots.history(History([1.0, 0.5], [1.1, 0.7]), **k),
        lambda **k: plots.history({"one": History([1.0]), "two": History([2.0])}, **k),
        lambda **k: plots.figure(Figure(), **k),
    ],
)
def test_every_figure_is_a_png_with_alt_text_and_caption(draw):
    (figure, metadata), (caption, _) = published(lambda: draw(alt="what it shows", caption="look here"))
    assert figure["image/png"].startswith(b"\x89PNG")
    assert figure["text/plain"] == "what it shows"
    assert metadata["image/png"] == {"alt": "what it shows"}
    assert caption["text/markdown"] == "*look here*"


@pytest.mark.parametrize(("x", "whole"), [([1, 2], True), ([1.0, 2.5], False)])
def test_ticks_fall_on_whole_epochs_only(monkeypatch, x, whole):
    drawn = []
    monkeypatch.setattr(plots, "figure", lambda fig, **_: drawn.append(fig))
    plots.curves({"loss": (x, [3, 4])}, xlabel="epoch", ylabel="loss", alt="two points")
    ticks = drawn[0].axes[0].get_xticks()
    assert all(tick.is_integer() for tick in ticks) == whole


def test_the_same_figure_is_the_same_file():
    first, second = (published(lambda: plots.show(PICTURE, alt="x"))[0][0]["image/png"] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("alt", ["", "  "])
def test_no_figure_without_alt_text(alt):
    with pytest.raises(ValueError, match="alt is empty"):
        plots.show(PICTURE, alt=alt)


def test_bad_pictures_are_refused():
    with pytest.raises(ValueError, match="no picture"):
        plots.show([], alt="x")
    with pytest.raises(ValueError, match="1 titles for 2"):
        plots.show([PICTURE, PICTURE], ["one"], alt="x")
    with pytest.raises(ImageError, match="NaN"):
        plots.show(PICTURE * np.nan, alt="x")


def test_table():
    rows = [
        {"method": "identity", "PSNR (dB)": 20.456, "n": 3},
        {"method": "median", "PSNR (dB)": np.float32(24), "n": 3},
    ]
    [(data, _)] = published(lambda: plots.table(rows, caption="RGB"))
    assert data["text/markdown"].splitlines() == [
        "| method | PSNR (dB) | n |",
        "| :-- | --: | --: |",
        "| identity | 20.46 | 3 |",
        "| median | 24.00 | 3 |",
        "",
        "*RGB*",
    ]
    with pytest.raises(ValueError, match="no row"):
        plots.table([])


def test_bars_carry_their_values_and_spread():
    drawn = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "figure", lambda fig, **_: drawn.append(fig))
        plots.bars({"nothing": 20.0, "ours": (30.0, 0.5)}, xlabel="PSNR in dB", alt="two bars", start=10)
    axes = drawn[0].axes[0]
    assert [bar.get_x() + bar.get_width() for bar in axes.patches] == [20.0, 30.0]
    assert [text.get_text() for text in axes.texts] == ["20.00", "30.00"]
    assert len(axes.containers) == 3  # two of bars, one of the spread
    with pytest.raises(ValueError, match="no value"):
        plots.bars({}, xlabel="x", alt="nothing at all")


NOTHING = plots.Method("the noisy image", {"PSNR": 20.0}, kind="nothing")
FILTER = plots.Method("BM3D", {"PSNR": 30.0}, kind="classical", told="sigma 25")
TRAINED = {"network": 1234, "trained": "210 steps", "loss": "MSE", "told": "sigma 25"}


def test_a_comparison_says_how_fair_it_is():
    rows = [NOTHING, FILTER, plots.Method("a network", {"PSNR": 31.5}, **TRAINED)]
    ((output, _),) = published(lambda: plots.comparison(rows))
    lines = output["text/markdown"].splitlines()
    assert lines[0] == "| method | parameters | trained | loss | told | PSNR |"
    assert lines[4] == "| a network | 1,234 | 210 steps | MSE | sigma 25 | 31.50 |"


@pytest.mark.parametrize("missing", TRAINED)
def test_a_network_that_hides_how_it_was_trained_is_refused(missing):
    with pytest.raises(ValueError, match=missing):
        plots.Method("a network", {"PSNR": 31.5}, **{k: v for k, v in TRAINED.items() if k != missing})


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([FILTER], "doing nothing"),
        ([NOTHING], "classical"),
        ([NOTHING, plots.Method("BM3D", {"SSIM": 0.9}, kind="classical")], "not all rows have the scores PSNR"),
    ],
)
def test_an_unfair_comparison_is_refused(rows, says):
    with pytest.raises(ValueError, match=says):
        plots.comparison(rows)
