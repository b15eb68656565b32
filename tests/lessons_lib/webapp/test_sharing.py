import gc

import pytest

pytest.importorskip("streamlit", reason='the web app needs Streamlit: pip install -c constraints.txt -e ".[app]"')

from lessons_lib.webapp import sharing
from lessons_lib.webapp.safe_fetch import RefusedError


class Thing:
    def __init__(self, size):
        self.size = size

    def megabytes(self):
        return self.size


@pytest.fixture(autouse=True)
def empty(monkeypatch):
    monkeypatch.setattr(sharing, "_held", type(sharing._held)())
    monkeypatch.setattr(sharing, "MEGABYTES", 100)


def test_what_is_held_is_counted_until_it_is_let_go():
    first, second = Thing(60), Thing(60)
    sharing.keep(first)
    with pytest.raises(RefusedError, match="too many pictures"):
        sharing.keep(second)
    del first
    gc.collect()
    sharing.keep(second)


def test_what_is_refused_is_not_counted():
    small, large = Thing(50), Thing(101)
    with pytest.raises(RefusedError):
        sharing.keep(large)
    sharing.keep(small)


def test_a_turn_ends_whatever_happens_in_it():
    class Stop(BaseException):
        """As Streamlit's own, by which it ends a run."""

    with pytest.raises(Stop), sharing.turn():
        assert sharing.TURN.locked()
        raise Stop
    assert not sharing.TURN.locked()
