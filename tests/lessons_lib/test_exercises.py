"""Checks hint, stay silent until there is an answer, and survive any answer."""

import numpy as np
import pytest

from lessons_lib import exercises


def told(capsys, *answers):
    @exercises.check(*answers)
    def hint(*given):
        if len(given[0]) != 3:
            return "three numbers, please."

    return hint, capsys.readouterr().out.strip()


@pytest.mark.parametrize("answers", [(...,), ([1, 2, 3], ...)])
def test_without_an_answer_it_only_invites(capsys, answers):
    assert told(capsys, *answers) == (exercises.NO_ANSWER, exercises.NO_ANSWER)


def test_an_answer_that_needs_no_hint(capsys):
    assert told(capsys, [1, 2, 3]) == ("", exercises.NOTHING_TO_ADD)


def test_a_hint_is_printed_and_kept(capsys):
    assert told(capsys, [1, 2]) == ("three numbers, please.", "A hint: three numbers, please.")


@pytest.mark.parametrize("answer", [5, None, np.float32(1)])
def test_an_answer_of_another_kind_stops_nothing(capsys, answer):
    said, printed = told(capsys, answer)
    assert "TypeError" in said
    assert printed == f"A hint: {said}"


def test_a_chapter_that_was_not_run_is_told_from_a_wrong_answer(capsys):
    @exercises.check(3)
    def hint(_):
        return correlate  # noqa: F821

    assert capsys.readouterr().out == "A hint: name 'correlate' is not defined. Run the chapter's cells above first.\n"


def test_an_array_is_an_answer(capsys):
    assert told(capsys, np.zeros(3))[0] == ""


def test_a_stop_by_the_reader_is_no_hint():
    with pytest.raises(KeyboardInterrupt):

        @exercises.check(1)
        def hint(_):
            raise KeyboardInterrupt
