from types import SimpleNamespace

import pytest

from lessons_lib import datasets
from lessons_lib.cli import doctor


def by_topic(findings):
    return {finding.topic: finding for finding in findings}


class Memory:
    total, available = 16 * doctor.GIB, 8 * doctor.GIB


def test_a_healthy_machine_has_no_problem(monkeypatch):
    monkeypatch.delenv("LESSONS_BUDGET", raising=False)
    monkeypatch.setattr("psutil.virtual_memory", Memory)
    monkeypatch.setattr("psutil.cpu_count", lambda logical=True: 4)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=50 * doctor.GIB))
    found = by_topic(doctor.examine(measure=False))
    states = {topic: finding.state for topic, finding in found.items() if topic != "Full sets"}  # it may have none
    assert set(states.values()) == {"ok"}, states
    assert found["Backend"].text.startswith("Keras 3.")
    assert found["Budget"].text.startswith("cpu: minutes")
    assert found["Sample"].text.startswith(datasets.check_sample())
    assert "Precision" not in found


def test_a_failing_check_is_a_finding_and_the_others_go_on(monkeypatch):
    monkeypatch.setenv("LESSONS_BUDGET", "huge")
    monkeypatch.setenv("LESSONS_DATA", "no such folder")
    found = by_topic(doctor.examine(measure=False))
    assert found["Budget"].state == "problem"
    assert "smoke, cpu, gpu" in found["Budget"].text
    assert found["Full sets"].state == "problem"
    assert "'no such folder'" in found["Full sets"].text
    assert found["Python"].state == "ok"


def test_a_damaged_sample_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("lessons_lib.datasets.sample.FOLDER", tmp_path)
    found = by_topic(doctor.examine(measure=False))
    assert found["Sample"].state == "problem"
    assert str(tmp_path) in found["Sample"].text


def test_little_memory_is_a_note(monkeypatch):
    monkeypatch.setattr("psutil.virtual_memory", Memory)
    monkeypatch.setattr(Memory, "available", 1 * doctor.GIB)
    assert by_topic(doctor.examine(measure=False))["Memory"].state == "note"


@pytest.mark.parametrize(("gain", "says"), [(3.0, "3.0 times as fast as float32: bfloat16 pays"), (0.5, "float32 is")])
def test_precision_is_measured(monkeypatch, gain, says):
    monkeypatch.setattr("lessons_lib.training.bfloat16_gain", lambda: gain)
    assert says in by_topic(doctor.examine())["Precision"].text


def test_the_mirror_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("LESSONS_DATA", str(tmp_path))
    monkeypatch.setenv("LESSONS_CACHE", str(tmp_path / "cache"))
    assert "none; `lessons data fetch" in by_topic(doctor.examine(measure=False))["Full sets"].text
    for member in datasets.REGISTRY["set5"].files:
        path = tmp_path / "set5" / member
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert by_topic(doctor.examine(measure=False))["Full sets"].text.startswith("set5")
