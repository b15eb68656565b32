import keras
import numpy as np
import pytest

from lessons_grader.authoring import checks
from lessons_grader.authoring.checks import Check, Failure, Models
from lessons_grader.grading import model_answers
from lessons_grader.sandbox import launcher, profiles, runner, wire
from tests.assignments import helpers

CHECK = Check("q1-a", "q1", 1, "More.", None)
ASKED = checks.trial(checks.call("f"), on=np.ones((2, 4, 4, 1)), right=np.ones((2, 4, 4, 1)))


@pytest.fixture(scope="module")
def network():
    """A model that halves, as the sandbox hands it over."""
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Rescaling(0.5)])
    return checks.decode(runner._answer(model), "")


def settled(answer, called=ASKED, sandbox_run=helpers.run_here):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(launcher, "run", sandbox_run)
        return model_answers.settle([(CHECK, called, answer)])


def test_a_model_becomes_what_it_makes_of_the_pictures(network):
    assert isinstance(network, Models) and len(network.files) == 1
    outcome, (made,) = settled(network)
    assert outcome.started
    np.testing.assert_array_equal(made, np.full((2, 4, 4, 1), 0.5))


def test_two_models_are_a_chain_and_share_a_sandbox(network):
    jobs = []

    def seen(runs, arrays, **options):
        jobs.append((runs, options))
        return helpers.run_here(runs, arrays)

    both = Models(network.files * 2)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(launcher, "run", seen)
        _, (chained, once) = model_answers.settle([(CHECK, ASKED, both), (CHECK, ASKED, network)])
    assert (chained[0, 0, 0, 0], once[0, 0, 0, 0]) == (0.25, 0.5)
    ((runs, options),) = jobs
    assert options == {"profile": profiles.MODEL_PROFILE, "by": launcher.BUBBLEWRAP, "unsafe": False}
    assert runs[0]["cells"] == [["trial", model_answers.CELL]]  # nothing of the submission runs there


def test_without_a_model_there_is_no_second_sandbox():
    outcome, (answer,) = settled(np.ones(3), checks.call("f"), sandbox_run=None)
    assert outcome is None and answer.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("answer", "called", "failure", "told"),
    [
        (
            Models((b"x",)),
            checks.call("f"),
            Failure(("NotNumbers",), "a Keras model"),
            "It returned a Keras model, not",
        ),
        (np.ones(3), ASKED, Failure(("NotModel",), "numbers"), "It returned numbers, and a Keras model is asked for."),
        (Failure(("NotNumbers",), "NoneType"), ASKED, Failure(("NotModel",), "nothing"), "It returned nothing, and a"),
        (Failure(("NotNumbers",), "dict"), ASKED, Failure(("NotModel",), "dict"), "It returned dict, and a Keras"),
        (Failure(("KeyError",), "'x'"), ASKED, Failure(("KeyError",), "'x'"), "It raised KeyError: 'x'."),
    ],
)
def test_the_wrong_kind_of_answer_is_said(answer, called, failure, told):
    _, (found,) = settled(answer, called, sandbox_run=None)
    assert found == failure
    verdict = checks.judge(CHECK, [found], [np.ones(3)])
    assert verdict.share == 0 and verdict.tells.startswith(told)


def test_a_model_that_is_refused_says_why():
    _, (found,) = settled(Models((b"x",)))
    assert found == Failure(("ModelError",), "its file is no .keras file")
    assert checks.judge(CHECK, [found], [np.ones(3)]).tells == "The model was not accepted: its file is no .keras file."


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"0/0/end": b"busy"}, "it takes too long to answer"),
        ({"0/0/end": b"output"}, "it makes far too much"),
        ({"0/0/end": b"signal 9"}, "it needs more than the grader gives"),
        ({"0/0/0": b"Enonsense"}, "it needs more than the grader gives"),
        ({"0/0/0": b'E{"error": ["MemoryError"], "message": ""}'}, "it needs more than the grader gives"),
    ],
)
def test_a_model_that_breaks_the_second_sandbox_earns_nothing(sent, said):
    outcome = launcher.Outcome(sent, True, True, "")
    _, (found,) = settled(Models((b"x",)), sandbox_run=lambda *_, **__: outcome)
    assert found == Failure(("ModelError",), said)


def test_a_second_sandbox_that_ends_early_is_tried_again_and_one_that_never_starts_is_told():
    outcomes = iter([launcher.Outcome({}, False, False, "full"), launcher.Outcome({}, False, False, "full")])
    outcome, _ = settled(Models((b"x",)), sandbox_run=lambda *_, **__: next(outcomes))
    assert not outcome.started and next(outcomes, None) is None


def test_a_model_may_be_a_file_that_the_answer_wrote(tmp_path):
    (tmp_path / "mine.keras").write_bytes(b"anything")
    payload = runner._answer(str(tmp_path / "mine.keras"))
    assert checks.decode(payload, "") == Models((b"anything",))
    (tmp_path / "giant.keras").write_bytes(bytes(9 << 20))
    (file,) = checks.decode(runner._answer(str(tmp_path / "giant.keras")), "").files
    assert len(file) == runner.MODEL + 1  # and the trial refuses it
    assert list(wire.unpack(runner._answer("text")[1:])) == []
