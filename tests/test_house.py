"""The house rules: who may import whom, what stays out of the code, and that tests mirror modules."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "lessons_lib"
FLOORS = [
    {"budget", "images", "metrics"},
    {"degrade", "layers", "plots"},
    {"models", "datasets", "batches", "classical"},
    {"training", "restore", "distribute"},
    {"evaluate", "export", "doctor"},
    {"cli", "app"},
]
# Within one floor: the ruler measures images, and a photograph is read by what says which files are right.
NEIGHBOURS = {("metrics", "images")}
MODULES = sorted(path for path in LIBRARY.rglob("*.py") if path.name != "__init__.py" or path.parent.name == "datasets")


def room(path):
    """The room a file belongs to: the module, or the package below lessons_lib."""
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def floor(name):
    return next(number for number, rooms in enumerate(FLOORS) if name in rooms)


def imports(path):
    """Every module that a file imports anywhere, as dotted names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            if node.module == "lessons_lib":
                yield from (f"lessons_lib.{alias.name}" for alias in node.names)
            else:
                yield node.module


def identify(path):
    return path.relative_to(LIBRARY).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_arrows_point_down(path):
    own = room(path)
    for name in imports(path):
        if name.startswith("lessons_lib."):
            other = name.split(".")[1]
            below = floor(other) < floor(own)
            assert below or other == own or (own, other) in NEIGHBOURS, f"{own} may not import {other}"


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_what_stays_out(path):
    text = path.read_text(encoding="utf-8")
    tops = {name.split(".")[0] for name in imports(path)}
    assert "tensorflow" not in tops or path.name == "distribute.py"
    assert not tops & {"torch", "jax", "pickle"}
    assert "keras" not in tops or floor(room(path)) >= 1
    assert "log10" not in text or path.name == "metrics.py"
    assert not re.search(r"np\.random\.(?!default_rng|Generator)", text), "randomness is an argument"
    assert "allow_pickle=True" not in text


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_files_are_short_and_explain_themselves(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module says what lives in it"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_tests_mirror_the_library(path):
    name = room(path) if path.parent.name == "datasets" else path.relative_to(LIBRARY).with_suffix("").as_posix()
    folder, _, stem = name.rpartition("/")
    assert (ROOT / "tests" / folder / f"test_{stem}.py").is_file()


def tracked():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.splitlines()]


def test_no_machine_is_named_and_nothing_big_is_committed():
    machine = re.compile(r"(?<![\w.])/(?:work|root|farm|home/\w+)/[A-Za-z0-9_.-]+")
    for path in tracked():
        if path.suffix in {".png", ".npz"} or not path.is_file():
            continue
        assert path.stat().st_size < 3_000_000, path
        if path.suffix in {".py", ".md", ".yml", ".toml", ".json", ".ipynb", ".cfg", ".cff"} or "." not in path.name:
            assert not machine.search(path.read_text(encoding="utf-8")), path


def test_the_sample_stays_small():
    total = sum(path.stat().st_size for path in tracked() if path.is_relative_to(ROOT / "data"))
    assert 1e6 < total < 25e6
