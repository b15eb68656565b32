"""Which files are read, what their results are called, and that nothing is passed over without a word."""

import os
from pathlib import Path

import pytest

from lessons_lib.cli.plan import Passed, counted, plan
from lessons_lib.images import ImageError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to plan in, and a maker of empty files."""
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(b"")

    return make


def pipe(path):
    """Make a named pipe where there are some; its name in a list, or none."""
    if not hasattr(os, "mkfifo"):
        return []
    os.mkfifo(path)
    return [Path(path).name]


def results(inputs, output="out"):
    """Sources and targets of the jobs; there must be no problem."""
    planned = plan(inputs, output)
    assert not planned.problems
    return {job.source.as_posix(): job.target.as_posix() for job in planned.jobs}


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("a.JPG", "a.JPG"),
        ("a.jpe", "a.jpg"),
        ("a.dib", "a.bmp"),
        ("a.apng", "a.png"),
        ("a.gif", "a.png"),
        ("a.heic", "a.png"),
        ("a.avi", "a.mp4"),
        ("photo", "photo.png"),
        ("IMG 2024.01.15", "IMG 2024.01.15.png"),
        ("notes.txt", "notes.txt.png"),
    ],
)
def test_a_result_is_called_like_its_source(here, name, result):
    here(name)
    assert results([name]) == {name: f"out/{result}"}


@pytest.mark.parametrize(
    ("names", "targets"),
    [
        (["a.gif", "a.png"], ["a.gif.png", "a.png"]),
        (["a.jfif", "a.jpg", "b.png"], ["a.jfif.jpg", "a.jpg", "b.png"]),
        (["a.gif", "a.ppm"], ["a.gif.png", "a.ppm.png"]),
        (["deep/a.gif", "a.png"], ["deep/a.png", "a.png"]),
    ],
)
def test_a_result_of_another_format_takes_no_other_ones_name(here, names, targets):
    here(*(f"in/{name}" for name in names))
    expected = {f"in/{name}": f"out/{target}" for name, target in zip(names, targets, strict=True)}
    assert results(["in"]) == expected
    bare = {f"in/{name}": f"out/{target}" for name, target in zip(names, targets, strict=True) if "/" not in name}
    assert results(list(bare)) == bare or len(bare) == 1


def test_one_file_by_many_ways_is_one_job(here):
    here("a.png", "sub/b.png")
    assert results(["a.png", "./sub/../a.png", str(Path("a.png").absolute()), "*.png"]) == {"a.png": "out/a.png"}
    assert results(["sub", "sub/b.png"]) == {"sub/b.png": "out/b.png"}


def test_results_may_land_above_what_is_read_but_not_in_it(here):
    here("in/b.png", "in/in/b.png")
    planned = plan(["in"], ".")
    assert [(job.source, job.target) for job in planned.jobs] == [(Path("in/b.png"), Path("b.png"))]
    assert len(planned.problems) == 1 and "in/in/b.png would become in/b.png, which is read, too" in planned.problems[
        0
    ].replace("\\", "/")
    assert results(["in/*.png"], ".") == {"in/b.png": "b.png"}
    for given in ("in", "in/*.png", "in/**/*.png"):
        with pytest.raises(ImageError, match="the results would land in in, which is read: name another folder"):
            plan([given], "in")


@pytest.mark.parametrize("given", [".", "**/*.png"])
def test_results_below_what_is_read_are_not_read_again(here, given):
    here("a.png", "out/a.png", "out/deep/b.png")
    assert results([given]) == {"a.png": "out/a.png"}


def test_an_output_must_suit_what_comes_in(here):
    here("in/a.png", "in/b.png", "x.png", "note.txt")
    assert results(["x.png"], "y.png") == {"x.png": "y.png"}
    assert results(["in"], "y.png/") == {"in/a.png": "y.png/a.png", "in/b.png": "y.png/b.png"}
    for inputs, output, says in (
        (["in"], "y.png", "y.png is named like one picture, but 2 files come in"),
        (["x.pn?"], "y.png", "y.png is named like one picture, but a folder, a pattern or several inputs are read"),
        (["x.png", "missing.png"], "y.png", "a folder, a pattern or several inputs are read"),
        (["in"], "note.txt", "note.txt is a file: name a folder"),
        (["in"], os.devnull, "name a folder"),
        (["in"], "", "the output is empty"),
    ):
        with pytest.raises(ImageError, match=says):
            plan(inputs, output)


def test_what_is_no_file_is_named_and_what_may_be_a_picture_is_a_loss(here, monkeypatch):
    here("in/a.png", "in/n.txt", "in/n.tga", "in/n.3fr", "in/locked/b.png", "in/.hidden/c.png", "other/d.png")
    Path("in/lost.png").symlink_to("nowhere.png")
    Path("in/linked").symlink_to(Path("other").absolute(), target_is_directory=True)
    pipes = pipe("in/pipe.png")
    names = os.listdir
    locked = Path("in/locked")

    def refused(folder):
        if Path(folder) == locked:
            raise PermissionError(13, "Permission denied", str(folder))
        return names(folder)

    monkeypatch.setattr(os, "listdir", refused)
    planned = plan(["in"], "out")
    assert [job.source for job in planned.jobs] == [Path("in/a.png")]
    assert {(each.path.name, each.kind, each.is_loss) for each in planned.passed} == {
        ("n.txt", ".txt", False),
        ("n.tga", ".tga", True),
        ("n.3fr", ".3fr", True),
        ("lost.png", "broken link", True),
        ("linked", "link to a folder", False),
        ("locked", "locked folder", True),
        *((path, "named pipe", False) for path in pipes),
    }
    alone = plan(["in/locked"], "out")
    assert not alone.jobs and alone.problems[0].startswith(f"{locked}: you have no right to it")


def test_what_was_passed_over_is_counted_and_some_of_it_named():
    lost = [Passed(Path(name), "broken link") for name in "abcd"]
    files = [Passed(Path(f"{number}.txt"), ".txt") for number in range(5)]
    assert counted([*lost, *files, Passed(Path("p"), "named pipe")]) == (
        "5 .txt, 4 broken links (a, b, c and 1 more), 1 named pipe (p)"
    )


def test_what_is_named_and_is_no_file_is_called_what_it_is(here):
    here("a.png")
    Path("lost.png").symlink_to("nowhere.png")
    Path("circle.png").symlink_to("circle.png")
    pipes = pipe("pipe.png")
    planned = plan(["a.png", "lost.png", "circle.png", os.devnull, "a\0.png", *pipes], "out")
    assert [job.source.name for job in planned.jobs] == ["a.png"]
    lost, circle, null, none, *others = planned.problems
    assert lost == "lost.png is a link to nowhere.png, where nothing is: name the file itself"
    assert circle.startswith("circle.png is a link to circle.png")
    assert [other.partition(",")[0] for other in others] == [f"{name} is a named pipe" for name in pipes]
    assert null.startswith(f"{os.devnull} is a device")
    assert none.startswith("no file or folder at a\0.png")
