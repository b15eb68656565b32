import os
from pathlib import Path

import pytest

from lessons_grader.sandbox import profiles


@pytest.mark.parametrize(
    "profile", [*profiles.PROFILES.values(), profiles.MODEL_PROFILE], ids=["numpy", "keras", "models"]
)
def test_a_sandbox_has_settings_of_its_own_and_numpy(profile):
    settings = profiles.environment(profile)
    assert settings["PYTHONHASHSEED"] == "0" and settings["OMP_NUM_THREADS"] == "1" and settings["HOME"] == "/tmp"
    assert all(isinstance(value, str) for value in settings.values())
    assert "numpy" in profile.packages
    assert all(Path(profiles.__file__).parents[1].joinpath(name).is_file() for name in profile.ours)


def test_only_the_second_sandbox_opens_models_and_none_sees_what_judges():
    assert "sandbox/model_runner.py" in profiles.MODEL_PROFILE.ours
    for profile in profiles.PROFILES.values():
        assert "sandbox/model_runner.py" not in profile.ours
        assert not {"authoring/checks.py", "grading/pipeline.py", "authoring/source.py"} & set(profile.ours)


def test_limits_of_keras_leave_room_for_what_tensorflow_maps():
    numpy, keras = (profiles.PROFILES[name].limits for name in ("numpy", "keras"))
    assert keras.AS > numpy.AS and 0 < keras.DATA < keras.AS
    assert keras.NPROC >= 16 + 4 * (os.cpu_count() or 1) > numpy.NPROC
    assert numpy.cpu < numpy.busy < numpy.wall and numpy.idle < numpy.dozing < numpy.wall
