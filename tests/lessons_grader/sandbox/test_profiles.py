import os
from pathlib import Path

import pytest

from lessons_grader.sandbox import profiles


@pytest.mark.parametrize("kind", [*profiles.KINDS.values(), profiles.TRIAL], ids=["numpy", "keras", "trial"])
def test_a_box_has_settings_of_its_own_and_numpy(kind):
    settings = profiles.settings(kind)
    assert settings["PYTHONHASHSEED"] == "0" and settings["OMP_NUM_THREADS"] == "1" and settings["HOME"] == "/tmp"
    assert all(isinstance(value, str) for value in settings.values())
    assert "numpy" in kind.packages
    assert all(Path(profiles.__file__).parents[1].joinpath(name).is_file() for name in kind.ours)


def test_only_the_second_box_sees_the_trial_and_none_sees_what_judges():
    assert "sandbox/model_runner.py" in profiles.TRIAL.ours
    for kind in profiles.KINDS.values():
        assert "sandbox/model_runner.py" not in kind.ours
        assert not {"authoring/checks.py", "grading/pipeline.py", "authoring/source.py"} & set(kind.ours)


def test_limits_of_keras_leave_room_for_what_tensorflow_maps():
    numpy, keras = (profiles.KINDS[name].limits for name in ("numpy", "keras"))
    assert keras.AS > numpy.AS and 0 < keras.DATA < keras.AS
    assert keras.NPROC >= 16 + 4 * (os.cpu_count() or 1) > numpy.NPROC
    assert numpy.cpu < numpy.busy < numpy.wall and numpy.idle < numpy.dozing < numpy.wall
