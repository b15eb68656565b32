import dataclasses
import json

import pytest

from lessons_grader.record import CheckResult, Record

PLAIN = {
    **{"student": "ada", "assignment": "tiny", "title": "Tiny", "status": "graded", "score": 1.5, "points": 2.0},
    "tests": [{"id": "q1-a", "question": "q1", "score": 1.5, "points": 2.0, "tells": "Nearly."}],
    **{"notes": ["q1: odd."], "key": "k"},
}
LINE = {
    "id": "w1-why",
    "question": "w1",
    "score": None,
    "points": 1.0,
    "tells": "A person reads this.",
    "written": True,
}
WRITTEN = PLAIN | {
    **{"status": "waiting", "score": None, "tests": [*PLAIN["tests"], LINE], "written": {"w1": "So."}},
    **{"ended": "late", "so_far": 1.5, "waiting": 1.0},
}
UNREAD = PLAIN | {"status": "corrupt", "score": None, "tests": [], "key": None, "so_far": None, "waiting": None}


@pytest.mark.parametrize("stored", [PLAIN, WRITTEN, UNREAD], ids=["plain", "written", "unread"])
def test_what_was_stored_comes_back_to_the_byte(stored):
    again = Record.from_json(json.loads(json.dumps(stored))).to_json()
    assert json.dumps(again, sort_keys=True) == json.dumps(stored, sort_keys=True)


def test_absent_keys_stay_absent():
    assert not {"written", "ended", "so_far", "waiting"} & set(Record.from_json(PLAIN).to_json())
    assert {"written", "ended"}.isdisjoint(Record.from_json(UNREAD).to_json())
    assert "written" not in Record.from_json(PLAIN).to_json()["tests"][0]


def test_an_unknown_or_missing_key_is_named():
    with pytest.raises(ValueError, match="a record has an unknown key 'grade'"):
        Record.from_json(PLAIN | {"grade": 1})
    with pytest.raises(ValueError, match="a record has no key 'key'"):
        Record.from_json({name: value for name, value in PLAIN.items() if name != "key"})
    with pytest.raises(ValueError, match="so_far and waiting together"):
        Record.from_json(PLAIN | {"so_far": 1.0})
    with pytest.raises(ValueError, match="a check's result has an unknown key 'extra', no key 'tells'"):
        CheckResult.from_json({"id": "q1-a", "question": "q1", "score": 1.0, "points": 1.0, "extra": 1})


def test_a_record_is_never_changed():
    record = Record.from_json(PLAIN)
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.score = 2.0
    assert dataclasses.replace(record, score=2.0).to_json() == PLAIN | {"score": 2.0}
