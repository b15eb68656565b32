"""The gate holds: the very command line of `make nbval` is red for each way in which a notebook can be wrong."""

import base64
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import nbformat
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import tasks  # noqa: E402
from tests.book import rules  # noqa: E402
from tools.publish import notebooks  # noqa: E402

CELLS = {
    "numbers": "import numpy as np\nprint(np.arange(4).sum())",
    "picture": "from lessons_lib import plots\nplots.show(np.eye(8), alt='a white diagonal on black')",
    "last": "print('done')",
}
TRAINING = {
    "model": "import os\nos.environ['KERAS_BACKEND'] = 'jax'\nimport keras\nimport numpy as np\n"
    "from lessons_lib import training\n"
    "x = np.random.default_rng(0).random((256, 8), dtype=np.float32)\n"
    "training.seed_everything(0)\n"
    "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
    "model.compile(keras.optimizers.SGD(RATE), 'mse')\n"
    "history = training.fit(model, (x, x.sum(1)), epochs=4, quiet=True)",
    "gate": "training.gate(1 - history.loss[-1] / 8, 0.9, 'share explained', unit='')",
}


def executed(folder, cells, name="chapter"):
    """A notebook with these cells, run and cleaned as `make notebooks` does it."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text, id=key) for key, text in cells.items()])
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    finished, seconds, megabytes = notebooks.execute(path, timeout=120)
    assert seconds > 0
    assert megabytes > 20
    notebooks.store(path, notebooks.as_text(finished))
    return path


def nbval(path):
    """Exit code and output of the project's own nbval command on one notebook."""
    done = subprocess.run(
        [sys.executable, *tasks.NBVAL, "-p", "no:cacheprovider", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LESSONS_BUDGET": "smoke", "LESSONS_EXERCISES": "all"},
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return executed(tmp_path_factory.mktemp("book"), CELLS)


def copy_with(good, folder, edit):
    notebook = nbformat.read(good, 4)
    edit({cell.id: cell for cell in notebook.cells})
    path = folder / "chapter.ipynb"
    nbformat.write(notebook, path)
    return path


def test_an_honest_notebook_is_green_and_a_second_run_changes_nothing(good):
    code, output = nbval(good)
    assert code == 0, output
    finished, _, _ = notebooks.execute(good, timeout=120)
    assert notebooks.as_text(finished) == good.read_text(encoding="utf-8")
    assert not notebooks.store(good, notebooks.as_text(finished))


def one_changed_digit(cells):
    cells["numbers"].outputs[0].text = "7\n"


def a_raising_cell(cells):
    cells["last"].source = "print('done')\nraise ValueError('on purpose')"


def a_missing_output(cells):
    cells["numbers"].outputs = []


def another_picture(cells):
    output = cells["picture"].outputs[0]
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(output.data["image/png"]), np.uint8), cv2.IMREAD_COLOR)
    output.data["image/png"] = base64.b64encode(cv2.imencode(".png", 255 - picture)[1].tobytes()).decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (one_changed_digit, "Cell outputs differ"),
        (a_raising_cell, "on purpose"),
        (a_missing_output, "Unexpected output"),
        (another_picture, "picture 1 differs"),
    ],
)
def test_a_wrong_notebook_is_red(good, tmp_path, edit, message):
    code, output = nbval(copy_with(good, tmp_path, edit))
    assert code == 1, output
    assert message in output


def test_a_stripped_notebook_is_red_by_our_rules(good, tmp_path):
    def strip(cells):
        for cell in cells.values():
            cell.outputs, cell.execution_count = [], None

    stripped = nbformat.read(copy_with(good, tmp_path, strip), 4)
    assert rules.has_outputs(stripped)
    assert rules.was_executed(stripped)


@pytest.mark.slow
def test_a_training_that_learns_nothing_is_red(tmp_path):
    path = executed(tmp_path, {key: text.replace("RATE", "0.1") for key, text in TRAINING.items()})
    path.write_text(path.read_text(encoding="utf-8").replace("SGD(0.1)", "SGD(0.0)"), encoding="utf-8")
    code, output = nbval(path)
    assert code == 1
    assert "below the floor" in output


@pytest.mark.parametrize(("colour", "channels"), [((90, 90, 90), 2), ((90, 91, 90), 3)])
def test_pictures_are_packed_pixel_for_pixel(colour, channels):
    picture = np.full((40, 60, 3), 255, np.uint8)
    picture[5:30, 10:50] = colour
    packed = base64.b64encode(cv2.imencode(".png", picture)[1].tobytes()).decode()
    output = nbformat.v4.new_output("display_data", {"image/png": packed})
    cell = nbformat.v4.new_code_cell("", outputs=[output])
    [slim] = notebooks.clean(nbformat.v4.new_notebook(cells=[cell])).cells[0].outputs
    stored = np.frombuffer(base64.b64decode(slim["data"]["image/png"]), np.uint8)
    np.testing.assert_array_equal(cv2.imdecode(stored, cv2.IMREAD_COLOR), picture)
    assert cv2.imdecode(stored, cv2.IMREAD_UNCHANGED).ndim == channels


def test_a_failing_notebook_is_left_as_it_was(tmp_path, monkeypatch, capsys):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0", id="bad")])
    path = tmp_path / "bad.ipynb"
    nbformat.write(notebook, path)
    before = path.read_bytes()
    monkeypatch.setattr(sys, "argv", ["notebooks.py", str(path)])
    with pytest.raises(SystemExit, match="failed: bad"):
        notebooks.main()
    assert path.read_bytes() == before
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_notebook_is_named(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["notebooks.py", "no-such-chapter"])
    with pytest.raises(SystemExit, match="no-such-chapter"):
        notebooks.main()


def test_an_unchanged_notebook_keeps_its_measured_row(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "RESULTS", tmp_path / "notebooks.json")
    row = functools.partial(notebooks.record, "toy", "cpu")
    row(10.2, 500, changed=False)
    first = notebooks.RESULTS.read_bytes()
    row(11.9, 510, changed=False)
    assert notebooks.RESULTS.read_bytes() == first
    row(11.9, 510, changed=True)
    assert [(r["seconds"], r["peak_mb"]) for r in json.loads(notebooks.RESULTS.read_text())["rows"]] == [(12, 510)]
