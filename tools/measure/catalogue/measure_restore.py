"""Measure the reference's reports of Assignment 4: `python -m tests.assignments.measure_restore [deblur | enlarge]`.

Prints the rows of the table in its solution of question 7, trained as in the sandbox: one thread, plain kernels.
"""

import os
import sys

from lessons_grader.grading import pipeline
from lessons_grader.sandbox import profiles
from tools.measure.catalogue import make_submissions

OPTIONS = {"deblur": (1.4, 1.2, 1.3), "enlarge": (2,)}


def row(space, choice, what):
    """Strength, and dB of nothing, of the classical method and of the network, for one variant."""
    import keras
    import numpy as np

    how = space["gaussian"](what) if choice == "deblur" else what
    start, classical, psnr = space["START"][choice], space["classical"], space["psnr_y"]
    learn, clean, spoiled, owners, held = space["album"](how)
    scores = [
        [psnr(clean[[n]], classical(spoiled[[n]], how, s), space["BORDER"]) for n in range(len(clean))]
        for s in space["STRENGTHS"][choice]
    ]
    strength = space["tune"](space["STRENGTHS"][choice], np.array(scores), owners, held)
    test = np.isin(owners, held)
    clean, spoiled = clean[test], spoiled[test]
    model = space["train"](learn, how, space["LEVEL"][choice], start, space["STEPS"], 1)
    given = classical(spoiled, how, start).astype(np.float32)
    made = [space["untouched"](spoiled, how), classical(spoiled, how, strength)]
    made.append(keras.ops.convert_to_numpy(model(given)))
    return [strength, *(round(float(psnr(clean, pictures, space["BORDER"])), 2) for pictures in made)]


def main():
    for choice in sys.argv[1:] or OPTIONS:
        _, space = pipeline.student_cells(make_submissions.bundle("restore"), 1, choice)
        for what in OPTIONS[choice]:
            print(f"    ({choice!r}, {what}): {row(space, choice, what)},", flush=True)


if __name__ == "__main__":
    os.environ.update(profiles.SAME_EACH_TIME | profiles.ONE_CORE)
    main()
