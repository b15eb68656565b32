"""Quizzes and exercises: their sources are whole, the notebooks hold them, solutions and checks are put to trial."""

import copy
import json
import re
from collections import Counter

import nbformat
import pytest

from lessons_lib.exercises import NO_ANSWER
from tests.book.names import quarrels
from tests.book.test_gate import nbval
from tools.publish import exercises

CHAPTERS = sorted(path.stem for path in exercises.BOOK.glob("*.ipynb"))
SOURCES = {path.stem: exercises.read(path) for path in exercises.SOURCES.glob("*.yml")}
EVERY_QUESTION = [question for source in SOURCES.values() for question in source["quiz"]]


def plain(text):
    return re.sub(r"[\W_]+", " ", text).strip().lower()


def alike(texts):
    return [text for text, count in Counter(map(plain, texts)).items() if count > 1 or not text]


def has_five_questions(source):
    return [] if len(source["quiz"]) == 5 else [f"{len(source['quiz'])} questions"]


def has_choices(source):
    return [q["ask"] for q in source["quiz"] if not 2 <= len(q["wrong"]) <= 4]


def explains_every_answer(source):
    pairs = [pair for q in source["quiz"] for pair in (q["right"], *q["wrong"])]
    return [str(pair) for pair in pairs if len(pair) != 2 or len(plain(str(pair[-1])).split()) < 4]


def has_no_two_answers_alike(source):
    return [text for q in source["quiz"] for text in alike(pair[0] for pair in (q["right"], *q["wrong"]))]


def has_no_two_reasons_alike(source):
    return alike(pair[-1] for q in source["quiz"] for pair in (q["right"], *q["wrong"]))


def has_enough_exercises(source):
    titles = [exercise["title"] for exercise in source["exercises"]]
    fine = 4 <= len(titles) <= 8 and titles[0].startswith("Warm-up") and titles[-1].startswith("Open")
    return [] if fine else titles


def tries_every_check(source):
    """A check to which no wrong answer is known might accept anything."""
    return [exercise["title"] for exercise in source["exercises"] if not exercise["wrong"] or alike(exercise["wrong"])]


def solves_every_exercise(source):
    return [e["title"] for e in source["exercises"] if not exercises.FENCE.search(e["solution"])]


def numbers_its_hints(source):
    names = [re.findall(r"^def (\w+)\(", e["check"], re.MULTILINE) for e in source["exercises"]]
    return [str(name) for number, name in enumerate(names, 1) if name != [f"hint_{number}"]]


RULES = [
    has_five_questions,
    has_choices,
    explains_every_answer,
    has_no_two_answers_alike,
    has_no_two_reasons_alike,
    has_enough_exercises,
    tries_every_check,
    solves_every_exercise,
    numbers_its_hints,
]


def test_every_chapter_has_its_exercises_and_the_other_way_round():
    assert sorted(SOURCES) == CHAPTERS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", SOURCES)
def test_the_source_keeps_the_rule(name, rule):
    assert rule(SOURCES[name]) == []


@pytest.mark.parametrize(
    ("rule", "break_it"),
    [
        (has_five_questions, lambda s: s["quiz"].pop()),
        (has_choices, lambda s: s["quiz"][0].update(wrong=[])),
        (explains_every_answer, lambda s: s["quiz"][0]["wrong"][0].pop()),
        (explains_every_answer, lambda s: s["quiz"][4].update(right=["It is", "Yes."])),
        (
            has_no_two_answers_alike,
            lambda s: s["quiz"][1]["wrong"].append([s["quiz"][1]["right"][0] + ".", "Why not?"]),
        ),
        (has_no_two_reasons_alike, lambda s: s["quiz"][1]["wrong"][0].__setitem__(1, s["quiz"][1]["wrong"][1][1])),
        (has_enough_exercises, lambda s: s["exercises"].pop()),
        (has_enough_exercises, lambda s: s["exercises"].reverse()),
        (tries_every_check, lambda s: s["exercises"][2].update(wrong=[])),
        (solves_every_exercise, lambda s: s["exercises"][2].update(solution="Think harder.")),
        (numbers_its_hints, lambda s: s["exercises"][2].update(check="def hint_2(x):\n    pass")),
    ],
)
def test_the_rule_finds_the_fault(rule, break_it):
    source = copy.deepcopy(SOURCES["convolution"])
    break_it(source)
    assert rule(source)


def test_the_right_answer_cannot_be_guessed_from_its_place_or_length():
    places, longest = Counter(), 0
    for question in EVERY_QUESTION:
        shown = exercises.answers(question)
        places[[right for _, _, right in shown].index(True)] += 1
        longest += max(shown, key=lambda answer: len(answer[0]))[2]
    assert max(places.values()) <= 0.4 * len(EVERY_QUESTION)
    assert longest <= 0.6 * len(EVERY_QUESTION)


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_notebook_is_in_step_with_its_source(name):
    """If not: `python -m tools.publish.exercises NAME`."""
    before, after = exercises.written(name, execute=False)
    assert before == after


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_check_without_an_answer_only_invites(name):
    cells = json.loads((exercises.BOOK / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    checks = [cell for cell in cells if re.fullmatch(r"exercise-\d+-check", cell["id"])]
    assert len(checks) >= 4
    for cell in checks:
        assert ["".join(output["text"]) for output in cell["outputs"]] == [NO_ANSWER + "\n"], cell["id"]


@pytest.mark.parametrize("name", CHAPTERS)
def test_exercises_stand_each_on_its_own(name):
    assert quarrels(nbformat.read(exercises.BOOK / f"{name}.ipynb", 4)) == []


# The machinery


def tiny(*exercises):
    """A notebook, and its source, with the number `secret` and exercises given as (solution, wrong answers)."""
    check = (
        "answer_{0} = ...\n\n\n@exercises.check(answer_{0})\ndef hint_{0}(a):\n    return 'no.' if a != secret else ''"
    )
    source = {
        "quiz": copy.deepcopy(SOURCES["convolution"]["quiz"]),
        "exercises": [
            {"title": "Warm-up", "task": "Guess.", "check": check.format(n), "wrong": wrong,
             "solution": f"Look:\n\n```python\n{solution}\n```\n\nSo."}
            for n, (solution, wrong) in enumerate(exercises, 1)
        ],
    }  # fmt: skip
    cells = [
        nbformat.v4.new_markdown_cell("# Tiny", id="title"),
        nbformat.v4.new_code_cell("secret = 7\nprint(secret)", id="secret"),
        nbformat.v4.new_markdown_cell(
            "## Take-aways\n\nOne.\n\n## Exercises\n\n1. Old.\n\n## Further reading\n\n- A book.", id="closing"
        ),
    ]
    cells[1].outputs = [nbformat.v4.new_output("stream", text="7\n")]
    return nbformat.v4.new_notebook(cells=cells), source


def placed(notebook, source):
    made = exercises.cells(source)
    exercises.run(made)
    exercises.place(notebook, made)
    return notebook


def test_cells_take_the_place_of_old_exercises_and_a_second_time_change_nothing():
    notebook, source = tiny(("answer_1 = secret", ["answer_1 = 6"]), ("answer_2=7", ["answer_2 = 8"]))
    once = copy.deepcopy(placed(notebook, source))
    names = [cell.id for cell in once.cells]
    assert names == ["title", "secret", "closing", "quiz", "exercises", "exercises-import",
                     *("exercise-1", "exercise-1-check", "exercise-1-solution"),
                     *("exercise-2", "exercise-2-check", "exercise-2-solution"), "further"]  # fmt: skip
    texts = {cell.id: cell.source for cell in once.cells}
    assert texts["closing"] == "## Take-aways\n\nOne."
    assert texts["further"].startswith("## Further reading")
    assert "answer_2 = 7" in texts["exercise-2-solution"], "solutions are formatted"
    assert [c.execution_count for c in once.cells if c.cell_type == "code"] == [1, 2, 3, 4]
    assert placed(notebook, source) == once


def test_a_notebook_without_further_reading_is_refused():
    notebook, source = tiny(("answer_1 = 7", ["answer_1 = 6"]))
    notebook.cells.pop()
    with pytest.raises(SystemExit, match="Further reading"):
        exercises.place(notebook, exercises.cells(source))


def test_code_that_does_not_parse_is_refused():
    with pytest.raises(SystemExit, match="parse"):
        exercises.formatted(["x = 1", "x = = 1"])


def test_text_in_answers_is_text():
    assert exercises.inline("`a < b` and *so* on, 3 < 4") == "<code>a &lt; b</code> and <em>so</em> on, 3 &lt; 4"


@pytest.mark.parametrize(
    ("solutions", "quarrel"),
    [
        (["answer_1 = secret", "answer_2 = answer_1"], "solution 1 binds answer_1, which exercise 2 uses"),
        (["secret = answer_1 = 7", "answer_2 = 7"], "solution 1 binds secret, which exercise 2 uses"),
        (["other = secret", "answer_2 = 7"], "solution 1 does not give answer_1"),
        (["answer_1 = secrets", "answer_2 = 7"], "exercise 1 asks for secrets, which nobody has"),
    ],
)
def test_a_quarrel_is_found(solutions, quarrel):
    notebook, source = tiny(*((solution, []) for solution in solutions))
    exercises.place(notebook, exercises.cells(source))
    assert quarrel in quarrels(notebook)


def test_an_answer_under_a_name_of_the_chapter_is_found():
    notebook, source = tiny(("answer_1 = 7", []))
    notebook.cells[1].source += "\nanswer_1 = 3"
    exercises.place(notebook, exercises.cells(source))
    assert quarrels(notebook) == ["exercise 1 waits for answer_1, which the chapter has"]


def test_nbval_runs_solutions_and_wrong_answers_in_the_notebooks_kernel(tmp_path):
    notebook, source = tiny(
        ("answer_1 = secret", ["answer_1 = 6"]),
        ("answer_2 = secret / 0", ["answer_2 = 6"]),
        ("answer_3 = secret + 1", ["answer_3 = 6"]),
        ("answer_4 = secret", ["answer_4 = 7"]),
    )
    nbformat.write(placed(notebook, source), tmp_path / "tiny.ipynb")
    (tmp_path / "exercises").mkdir()
    (tmp_path / "exercises" / "tiny.yml").write_text(json.dumps(source), encoding="utf-8")
    code, output = nbval(tmp_path / "tiny.ipynb")
    assert code == 1, output
    failed = sorted(re.findall(r"FAILED .*?(exercise-\d: (?:solution|wrong answer))", output))
    assert failed == ["exercise-2: solution", "exercise-3: solution", "exercise-4: wrong answer"], output
    assert re.search(r"3 failed, 11 passed", output), output
    assert "ZeroDivisionError" in output
