"""A check that a learner runs on an answer of their own: it hints, it does not judge, and it never stops a notebook.

An exercise's cell holds the place for the answer and, below it, what there is to say about it:

    kernel = ...  # your answer


    @exercises.check(kernel)
    def hint_1(kernel):
        if np.shape(kernel) != (3, 3):
            return "Three rows and three columns, please."
"""

from __future__ import annotations

from collections.abc import Callable

NO_ANSWER = "No answer yet. Put yours in place of the three dots and run this cell again."
NOTHING_TO_ADD = "Nothing to add: this is what was asked for. Now compare with the solution."


def check(*answers: object) -> Callable[[Callable[..., str | None]], str]:
    """Decorate a function of the answers that returns a hint, or None if it has none; it is called at once.

    What it says is printed. As long as an answer is `...` it is not called. If it fails, since an answer is of another
    kind than it expects or the chapter has not been run, that is a hint too. In place of the function stays what was
    said: "" if there was nothing to.
    """

    def look(function: Callable[..., str | None]) -> str:
        if any(answer is ... for answer in answers):
            print(NO_ANSWER)
            return NO_ANSWER
        try:
            said = function(*answers)
        except NameError as error:
            said = f"{error}. Run the chapter's cells above first."
        except Exception as error:  # whatever an answer of the wrong kind may raise
            said = f"your answer could not be tried, {type(error).__name__}: {error}. Is it of the kind asked for?"
        print(f"A hint: {said}" if said else NOTHING_TO_ADD)
        return said or ""

    return look
