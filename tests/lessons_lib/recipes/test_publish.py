"""What a finished training leaves: weights, a card, a curve; and that a killed one goes on to the same."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lessons_lib import pretrained, recipes
from tests.lessons_lib.recipes.test_recipe import TINY, written

RUN = """
import sys
from pathlib import Path
from lessons_lib import pretrained, recipes
from lessons_lib.recipes import publish
here = Path(sys.argv[1])
pretrained.FOLDER, publish.CURVES = here / "weights", here / "curves"
recipe = recipes.read_recipe(here / "tiny.toml")
publish.publish(recipe, *recipes.train(recipe, here / "state"))
"""


@pytest.mark.prove
def test_a_killed_training_goes_on_and_ends_as_an_undisturbed_one(tmp_path):
    def start(folder):
        folder.mkdir(exist_ok=True)
        written(folder, TINY)
        log = (folder / "log").open("a")  # the process writes on after this function
        environment = {**os.environ, "LESSONS_PRECISION": "float32"}
        command = [sys.executable, "-c", RUN, str(folder)]
        return subprocess.Popen(
            command, stdout=log, stderr=subprocess.DEVNULL, env=environment, cwd=recipes.FOLDER.parent
        )

    calm, shaken = tmp_path / "calm", tmp_path / "shaken"
    other = start(calm)
    process = start(shaken)
    deadline = time.monotonic() + 1200
    while "epoch  3" not in (shaken / "log").read_text() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    process.wait()
    assert not (shaken / "weights").exists()
    assert start(shaken).wait() == 0
    assert other.wait() == 0
    assert "epoch  4/10" in (shaken / "log").read_text()
    curves = [json.loads((folder / "curves" / "tiny.json").read_text()) for folder in (calm, shaken)]
    assert curves[0]["steps"] == curves[1]["steps"] == list(range(4, 41, 4))
    np.testing.assert_allclose(curves[0]["val_psnr"], curves[1]["val_psnr"], atol=2e-3)
    stored = [np.load(folder / "weights" / "tiny.npz") for folder in (calm, shaken)]
    for name in stored[0].files:
        np.testing.assert_allclose(stored[0][name], stored[1][name], atol=1e-3)
    card = json.loads((shaken / "weights" / "tiny.json").read_text())
    assert card["steps"] == 40
    assert set(card) >= pretrained.NEEDED
