import os
from pathlib import Path

import pytest

from lessons_lib.course import kinds


@pytest.mark.parametrize("kind", [*kinds.KINDS.values(), kinds.TRIAL], ids=["numpy", "keras", "trial"])
def test_a_box_has_settings_of_its_own_and_numpy(kind):
    settings = kinds.settings(kind)
    assert settings["PYTHONHASHSEED"] == "0" and settings["OMP_NUM_THREADS"] == "1" and settings["HOME"] == "/tmp"
    assert all(isinstance(value, str) for value in settings.values())
    assert "numpy" in kind.packages
    assert all(Path(kinds.__file__).parents[1].joinpath(name).is_file() for name in kind.ours)


def test_only_the_second_box_sees_the_trial_and_none_sees_what_judges():
    assert "course/trial.py" in kinds.TRIAL.ours
    for kind in kinds.KINDS.values():
        assert "course/trial.py" not in kind.ours
        assert not {"course/checks.py", "course/grading.py", "course/source.py"} & set(kind.ours)


def test_limits_of_keras_leave_room_for_what_tensorflow_maps():
    numpy, keras = (kinds.KINDS[name].limits for name in ("numpy", "keras"))
    assert keras.AS > numpy.AS and 0 < keras.DATA < keras.AS
    assert keras.NPROC >= 16 + 4 * (os.cpu_count() or 1) > numpy.NPROC
    assert numpy.cpu < numpy.busy < numpy.wall and numpy.idle < numpy.dozing < numpy.wall
