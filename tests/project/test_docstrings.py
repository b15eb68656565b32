"""Public docstrings say what goes in, what comes out and what is raised, with an example that `make unit` runs."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from types import FunctionType

import pytest
from numpydoc.validate import validate

import lessons_lib.layers
import lessons_lib.models

PACKAGES = (lessons_lib.layers, lessons_lib.models)
MODULES = [
    *("images", "metrics", "degrade", "classical", "datasets", "batches", "restore", "priors", "training"),
    "blur_estimation",
    *(f"{p.__name__.partition('.')[2]}.{m.name}" for p in PACKAGES for m in pkgutil.iter_modules(p.__path__)),
]
# Parameters that are missing, unknown, without a type or text; a return without text; no example; no summary.
RULES = {"PR01", "PR02", "PR04", "PR06", "PR07", "RT03", "EX01", "SS01", "SS02", "SS03", "SS04", "GL08"}
KERAS = {"build", "call", "compute_output_shape", "get_config", "on_epoch_end"}  # whose meaning Keras defines


def public():
    """The names of all public functions and classes of MODULES, and of the classes' own public methods."""
    for module_name in MODULES:
        module = importlib.import_module(f"lessons_lib.{module_name}")
        names = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
        for name in names:
            thing = getattr(module, name)
            if not (inspect.isfunction(thing) or inspect.isclass(thing)):
                continue
            if not thing.__module__.startswith(module.__name__):
                continue
            yield f"{thing.__module__}.{name}"
            for method, value in vars(thing).items() if inspect.isclass(thing) else ():
                if (
                    not method.startswith("_")
                    and method not in KERAS
                    and isinstance(value, FunctionType | classmethod | staticmethod)
                ):
                    yield f"{thing.__module__}.{name}.{method}"


NAMES = sorted(set(public()))


def faults(name):
    return {code: text for code, text in validate(name)["errors"] if code in RULES}


def test_there_are_many():
    assert len(NAMES) > 80
    assert "lessons_lib.restore.restore_image" in NAMES and "lessons_lib.restore.Network.load" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_public_docstring_is_whole(name):
    assert faults(name) == {}


def test_the_api_page_shows_every_module():
    page = (Path(__file__).resolve().parents[2] / "book" / "api.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"automodule:: lessons_lib\.([\w.]+)", page))
    own = {"layers.basic", "layers.dct"}  # shown as lessons_lib.layers, which gives out their names
    models = {name for name in MODULES if name.startswith("models.")}  # the extension `pages` puts them there
    assert shown >= set(MODULES) - own - models, "add the missing modules to book/api.md"


@pytest.mark.pages
def test_the_rendered_api_page_shows_every_public_name(html):
    page = (html / "api.html").read_text(encoding="utf-8")
    missing = [name for name in NAMES if f'id="{name}"' not in page and f'id="{short(name)}"' not in page]
    assert not missing


def short(name):
    """The name under which a package gives a module's class or function out."""
    for package in ("lessons_lib.layers", "lessons_lib.datasets"):
        if name.startswith(package + "."):
            return f"{package}.{name.removeprefix(package).split('.', 2)[-1]}"
    return name
