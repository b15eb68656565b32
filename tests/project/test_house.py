"""The house rules: who may import whom, what stays out of the code, and that tests mirror modules."""

import ast
import io
import json
import re
import shutil
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from tools.publish import house

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = [ROOT / name for name in house.PACKAGES]
MODULES = sorted(path for package in PACKAGES for path in package.rglob("*.py") if path.name != "__init__.py")
LONGEST = 40  # lines of a function, its docstring apart
LINT = "import sys; from importlinter.cli import lint_imports_command; sys.argv = ['lint-imports', '--no-cache']; "
LINT += "lint_imports_command()"


def identify(path):
    return path.relative_to(ROOT).as_posix()


def linted(folder):
    done = subprocess.run([sys.executable, "-c", LINT], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_every_import_points_down():
    code, said = linted(ROOT)
    assert code == 0, said


@pytest.fixture
def copied(tmp_path):
    """The packages without their data, where an import may be spoilt."""
    for name in ("lessons_lib", "lessons_grader", "tools", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("lessons_lib/images.py", "from lessons_lib import training", "Rooms of lessons_lib"),
        ("lessons_lib/layers/basic.py", "def f():\n    import lessons_lib.models.autoencoder", "Rooms of lessons_lib"),
        ("lessons_grader/sandbox/wire.py", "from lessons_grader.grading import pipeline", "Rooms of lessons_grader"),
        ("lessons_grader/notebooks.py", "from lessons_lib import images", "The grader knows nothing"),
        ("lessons_lib/degrade.py", "import keras", "What reads, degrades and measures"),
        ("tools/publish/house.py", "from tests import tiny_networks", "Commands stand on the library"),
    ],
)
def test_an_import_that_points_up_is_found(copied, module, line, broken):
    path = copied / module
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    code, said = linted(copied)
    assert code == 1
    assert re.search(rf"^{re.escape(broken)}.* BROKEN$|^.*{re.escape(broken)}.*BROKEN$", said, re.MULTILINE), said


def test_the_picture_in_contributing_is_the_house():
    """If not: `make house`."""
    assert house.PAGE.read_text(encoding="utf-8") == house.page()


def test_the_picture_shows_every_room():
    for package in PACKAGES:
        rooms = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
        assert {room for floor in house.floors(package.name) for room in floor} == rooms - {"__init__", "_moved"}


def test_no_chapter_imports_the_grader():
    for path in sorted((ROOT / "book").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert not [
            cell for cell in cells if cell["cell_type"] == "code" and "lessons_grader" in "".join(cell["source"])
        ]


def strangers(text, own):
    """What a source holds that the house keeps out, and that no linter of ours knows."""
    found = {
        "decibels of its own": own != "metrics.py" and re.search(r"\b[12]0 \* (np|math)\.log10\(", text),
        "a pickle let in": "allow_pickle=True" in text,
    }
    return [what for what, there in found.items() if there]


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_strangers_stay_out(path):
    assert strangers(path.read_text(encoding="utf-8"), path.name) == []


def test_a_stranger_is_found():
    assert strangers("x = 10 * np.log10(y)", "plots.py") and not strangers("x = 10 * np.log10(y)", "metrics.py")
    assert not strangers("x = np.log10(y)", "plots.py")
    assert strangers("np.load(f, allow_pickle=True)", "store.py")


def functions(text):
    """(name, lines without the docstring) of every function and method of a source."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            said = node.body[0].end_lineno - node.body[0].lineno + 1 if ast.get_docstring(node) else 0
            yield node.name, node.end_lineno - node.lineno + 1 - said


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_modules_explain_themselves_and_functions_are_short(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module says what lives in it"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"
    assert {name: length for name, length in functions(text) if length > LONGEST} == {}


def test_a_long_function_is_found():
    body = "\n".join(f"    x = {n}" for n in range(40))
    assert dict(functions(f'def f():\n    """Says.\n\n    More.\n    """\n{body}\n')) == {"f": 41}


# Names of ours that gave way to the field's words; assignments and their wrong answers keep the names students know.
RENAMED = {
    *("About", "Wish", "damage", "damager", "spoil", "spoiled", "spoilt", "vote", "votes", "loud", "bent", "nailed"),
    *("shelf", "desk", "BoxError", "no_box", "any_noise_told", "by_nail", "with_wire"),
}
OURS = [
    path
    for top in ("lessons_lib", "lessons_grader", "tools", "tests")
    for path in sorted((ROOT / top).rglob("*.py"))
    if not {"catalogue", "assignments"} & set(path.parts)
]


def names(text):
    """Every identifier of a source."""
    return {
        token.string for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type == tokenize.NAME
    }


def test_old_words_stay_out_of_the_code():
    found = {identify(path): names(path.read_text(encoding="utf-8")) & RENAMED for path in OURS}
    assert {path: words for path, words in found.items() if words} == {}
    for path in sorted((ROOT / "book").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [re.sub(r"(?m)^[%!].*$", "", "".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
        assert {word for source in code for word in names(source)} & RENAMED == set(), path.name


def test_an_old_word_is_found():
    assert names("def f(told): return spoilt(told)  # damage") & RENAMED == {"spoilt"}


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_tests_mirror_the_code(path):
    if path.parent.name == "datasets":
        path = path.parent
    inner = path.relative_to(ROOT).with_suffix("")
    assert (ROOT / "tests" / inner.parent / f"test_{inner.name}.py").is_file()


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
