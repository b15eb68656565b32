import pytest

from lessons_lib import datasets
from lessons_lib.cli import doctor


def by_topic(findings):
    return {finding.topic: finding for finding in findings}


def test_a_healthy_machine_has_no_problem(monkeypatch):
    monkeypatch.delenv("LESSONS_BUDGET", raising=False)
    found = by_topic(doctor.examine(measure=False))
    assert {finding.state for finding in found.values()} <= {"ok", "note"}
    assert found["Backend"].text.startswith("Keras 3.")
    assert found["Budget"].text.startswith("cpu: minutes")
    assert "25 photographs" in found["Sample"].text
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
    class Memory:
        total, available = 4 * doctor.GIB, 1 * doctor.GIB

    monkeypatch.setattr("psutil.virtual_memory", Memory)
    assert doctor._memory().state == "note"


@pytest.mark.slow
def test_precision_is_measured():
    assert "times as fast" in doctor._precision().text


def test_the_mirror_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("LESSONS_DATA", str(tmp_path))
    monkeypatch.setenv("LESSONS_CACHE", str(tmp_path / "cache"))
    assert "none; `lessons data fetch" in doctor._full_sets().text
    for member in datasets.REGISTRY["set5"].files:
        path = tmp_path / "set5" / member
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert doctor._full_sets().text.startswith("set5")
