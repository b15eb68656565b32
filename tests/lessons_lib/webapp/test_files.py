import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons_lib.webapp import files
from tests.lessons_lib.webapp.visits import FILES

# What Windows forbids, https://learn.microsoft.com/windows/win32/fileio/naming-a-file
FORBIDDEN = set('<>:"/\\|?*') | {chr(code) for code in range(32)}
DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"COM{n}" for n in range(1, 10)), *(f"LPT{n}" for n in range(1, 10))}


def fits(name):
    return not set(name) & FORBIDDEN and name[-1] not in " ." and name.split(".")[0].strip().upper() not in DEVICES


@pytest.mark.parametrize(
    ("kind", "name", "suffix"),
    [
        ("jpeg", "a.JPG", ".jpg"),
        ("jpeg", "a.jpeg", ".jpeg"),
        ("jpeg", "a.png", ".jpg"),
        ("tiff", "a.TIFF", ".tiff"),
        ("tiff", "a", ".tif"),
        ("webp", "a.jpg", ".webp"),
        ("avif", "a.avif", ".avif"),
        ("bmp", "a.bmp", ".bmp"),
        ("gif", "a.gif", None),
        ("ppm", "a.png", None),
    ],
)
def test_the_format_is_the_content_s_and_the_suffix_the_name_s(kind, name, suffix):
    assert files.own_suffix(FILES[kind], name) == suffix


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("IMG_0001.JPG", "IMG_0001"),
        ("my photo.png", "my photo"),
        ("../../etc/passwd.png", "passwd"),
        ("C:\\Users\\me\\pic.v2.jpg", "pic.v2"),
        ("a<b>c?.png", "a-b-c"),
        ("con.jpg", "_con"),
        ("LPT1.tar.png", "_LPT1.tar"),
        ("", "picture"),
        ("...", "picture"),
        (" .png", "png"),
        ("Ärger über São.jpg", "Ärger über São"),
        ("evil\u202egnp.exe.png", "evil gnp.exe"),
        (500 * "x" + ".png", 80 * "x"),
    ],
)
def test_a_name_is_one_that_every_system_takes(name, stem):
    assert files.safe_stem(name) == stem
    assert fits(f"{stem}.png")


@given(st.text())
def test_whatever_a_file_is_called_its_name_fits(name):
    stem = files.safe_stem(name)
    assert fits(stem)
    assert 0 < len(stem) <= 81
    assert fits(f"{stem}-restored.jpg")


@given(st.lists(st.text("aAbß-2.", min_size=1, max_size=4).map(files.safe_stem).map("{}.png".format), max_size=8))
def test_no_two_names_are_one_on_any_system(names):
    unlike = files.unlike(names)
    assert len({name.upper().casefold() for name in unlike}) == len(names)
    assert all(fits(name) for name in unlike)
    assert unlike[:1] == names[:1]


def test_a_zip_holds_each_file_as_it_is():
    names, contents = ["a.jpg", "A.JPG", "Ä.png", "a.jpg"], [b"one", b"two", b"three", b""]
    with zipfile.ZipFile(io.BytesIO(files.zipped(names, contents))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.jpg", "A-2.JPG", "Ä.png", "a-3.jpg"]
        assert [archive.read(name) for name in archive.namelist()] == contents
