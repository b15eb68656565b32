"""Who imports a module by its old name is told the new one, and that one is there."""

import importlib
import importlib.util

import pytest

from lessons_lib._moved import MOVED


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_says_the_new_one(old):
    package, _, name = old.rpartition(".")
    for statement in (f"import {old}", f"from {package} import {name}", f"from {old} import anything"):
        with pytest.raises(ImportError, match=f"{MOVED[old]}: import that instead"):
            exec(statement)
    assert importlib.util.find_spec(MOVED[old])


def test_other_missing_modules_are_missing_as_ever():
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'lessons_lib.nothing'"):
        importlib.import_module("lessons_lib.nothing")
