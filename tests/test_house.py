"""The house rules: who may import whom, what stays out of the code, and that tests mirror modules."""

import ast
import graphlib
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "lessons_lib"
FLOORS = [
    {"budget", "images", "metrics", "address", "exercises"},
    {"compare", "cosines", "degrade", "layers", "noise", "plots", "switches"},
    {"models", "datasets", "batches", "classical"},
    {"training", "weights", "distribute"},
    {"restore"},
    {"evaluate", "export", "doctor", "photos", "serve"},
    {"recipes", "cli_restore", "course"},
    {"cli_course", "publish"},
    {"cli", "app"},
]
# Within one floor: what scores a restoration asks first whether it is an image.
NEIGHBOURS = {("metrics", "images")}
MODULES = sorted(path for path in LIBRARY.rglob("*.py") if path.name != "__init__.py" or path.parent.name == "datasets")


def room(path):
    """The room a file belongs to: the module, or the package below lessons_lib."""
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def floor(name):
    found = [number for number, rooms in enumerate(FLOORS) if name in rooms]
    assert found, f"{name} is on no floor: say in FLOORS what it may import"
    return found[0]


def imports(text):
    """Every module that a source imports anywhere, as dotted names; relative ones start with a dot."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:  # `from package import module` means the module
                inner = ROOT.joinpath(*f"{module}.{alias.name}".split("."))
                ours = module == "lessons_lib" or inner.is_dir() or inner.with_suffix(".py").is_file()
                yield f"{module}.{alias.name}" if ours else module


def upward(text, own):
    """The rooms that a source in room `own` imports although they are not below it."""
    others = {name.split(".")[1] for name in imports(text) if name.startswith("lessons_lib.")} - {own}
    return sorted(o for o in others if floor(o) >= floor(own) and (own, o) not in NEIGHBOURS)


def strangers(text, own):
    """What a source in room `own` holds that the house keeps out."""
    names = list(imports(text))
    tops = {name.split(".")[0] for name in names}
    found = {
        "a relative import": any(name.startswith(".") for name in names),
        "TensorFlow": "tensorflow" in tops and own != "distribute",
        "a backend by name, or pickle": tops & {"torch", "jax", "pickle"},
        "keras on the ground floor": "keras" in tops and floor(own) == 0,
        "decibels of its own": "log10" in text and own != "metrics",
        "global randomness": re.search(r"np\.random\.(?!default_rng|Generator)", text),
        "a pickle let in": "allow_pickle=True" in text,
    }
    return [what for what, there in found.items() if there]


def identify(path):
    return path.relative_to(LIBRARY).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_arrows_point_down_and_strangers_stay_out(path):
    text = path.read_text(encoding="utf-8")
    assert upward(text, room(path)) == []
    assert strangers(text, room(path)) == []


def test_no_circles():
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in MODULES}
    graph = {name: set(imports(path.read_text(encoding="utf-8"))) & set(names) for name, path in names.items()}
    assert list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize(
    ("text", "own", "wrong"),
    [
        ("from lessons_lib import training", "images", ["training"]),
        ("def f():\n    import lessons_lib.models.autoencoder", "layers", ["models"]),
        ("from lessons_lib.cli import app", "training", ["cli"]),
        ("from lessons_lib import degrade", "layers", ["degrade"]),
        ("from lessons_lib import images", "degrade", []),
    ],
)
def test_an_arrow_that_points_up_is_found(text, own, wrong):
    assert upward(text, own) == wrong


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("from . import images", "degrade"),
        ("import tensorflow as tf", "training"),
        ("def f():\n    from tensorflow import keras", "layers"),
        ("import jax.numpy as jnp", "layers"),
        ("import pickle", "datasets"),
        ("import keras", "images"),
        ("x = np.log10(y)", "plots"),
        ("np.random.seed(0)", "degrade"),
        ("np.load(f, allow_pickle=True)", "datasets"),
    ],
)
def test_a_stranger_is_found(text, own):
    assert len(strangers(text, own)) == 1
    assert strangers("import numpy as np", own) == []


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


def test_no_two_keras_layers_are_registered_under_one_name():
    """The second would take the place of the first, and a saved model would come back with the wrong one."""
    registered = r"^@keras\.saving\.register_keras_serializable\(\"(\w+)\"\)\nclass (\w+)"
    found = [
        name for path in MODULES for name in re.findall(registered, path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert len(found) >= 10
    assert len(found) == len(set(found))


FOLDER = r"(?<![\w.])/(?:work|root|farm|tmp|home/\w+)/[A-Za-z0-9_.-]+"
PRIVATE = r"https?://(?:10\.|172\.(?:1[6-9]|2\d|3[01])\.|192\.168\.|[\w.-]+\.(?:internal|local|lan)\b|[\w-]+[:/])"
MACHINE = re.compile(f"{FOLDER}|(?!https?://localhost){PRIVATE}|--(?:extra-)?index-url")


def tracked():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.splitlines()]


def test_no_machine_is_named_and_nothing_big_is_committed():
    for path in tracked():
        if path.suffix in {".png", ".npz"} or not path.is_file():
            continue
        assert path.stat().st_size < 3_000_000, path
        if path.suffix in {".py", ".md", ".yml", ".toml", ".json", ".ipynb", ".cfg", ".cff"} or "." not in path.name:
            assert not MACHINE.search(path.read_text(encoding="utf-8")), path


def test_a_named_machine_is_found():
    slash, dash = "/", "-"  # apart, so that this file keeps the rule
    folders = [f"open('{slash}tmp/x.png')", f"{slash}home/ann/book"]
    for text in [*folders, f"http:{slash}/mirror:80/simple", f"{dash}-index-url"]:
        assert MACHINE.search(text), text
    fine = [f"see https://a.b{slash}work/x", f"tests{slash}work/x", "https://example.org/a", "http://localhost:8000"]
    for text in fine:
        assert not MACHINE.search(text), text


def test_the_sample_stays_small():
    total = sum(path.stat().st_size for path in tracked() if path.is_relative_to(ROOT / "data"))
    assert 1e6 < total < 25e6
