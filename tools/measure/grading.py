"""Measure the course's grading into results/course.json: `python -m tools.measure.grading [NAME ...]`, all if none.

`class` grades 200 submissions on two cores, ten of which attack; `attacks` grades all that is hostile; `everyone`
grades the reference of each assignment as ten students; `twice` grades the catalogue of right and wrong answers at rest
and again under load; `peers` grades one class with nbgrader and otter-grader too, in turns, each in an environment of
its own that pip makes for the run. Seconds of a shared machine are noisy: compare ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import ctypes
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lessons_grader.authoring import choices
from lessons_lib import evaluate
from tools.measure import grading_peers
from tools.measure.catalogue import hostile, make_submissions

ROOT = Path(__file__).resolve().parents[2]

TABLE = ROOT / "results" / "course.json"
GRADE = [sys.executable, "-c", "from lessons_grader.cli import app; app()", "grade"]
PR_SET_CHILD_SUBREAPER = 36
WRONG = {"mutants": "MUTANTS", "networks": "NETWORKS"}  # the files of tests/assignments that hold them
LOOPS = ("endless loop", "loop that catches")
BOMBS = ("fork bomb", "fork bomb in sessions")


def adopt() -> None:
    """Become the parent of what loses its own: bubblewrap does not wait for its sandbox, and seconds would be lost."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)


def measured(words: list[object], nice: int = 0, **options: object) -> dict:
    """Run a command to its end: seconds on the clock, and seconds of cores of it and all that it started."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    words = [*(["nice", "-n", nice] if nice else []), *words]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)
    seconds = time.monotonic() - started
    time.sleep(0.5)  # the last sandbox may be ending
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words))} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu_seconds": used}


def grade(folder: Path, out: Path, jobs: int, name: str = "convolve", nice: int = 0) -> dict:
    """`lessons course grade` as an instructor calls it."""
    environment = os.environ | {"LESSONS_COURSE_SECRET": make_submissions.KEY}
    words = [*GRADE, folder, "--assignment", name, "-o", out, "-j", jobs]
    return measured(words, nice, cwd=ROOT, env=environment)


def scores(out: Path) -> dict[str, float | None]:
    """Student by student, from the gradebook."""
    with (out / "gradebook.csv").open(newline="", encoding="utf-8") as file:
        return {row["student"]: float(row["score"]) if row["score"] else None for row in csv.DictReader(file)}


def records(out: Path) -> list[dict]:
    """What the grader keeps of each submission."""
    return [json.loads(path.read_bytes())["extra_data"] for path in sorted(out.rglob("results.json"))]


def a_class(students: int = 200) -> dict:
    """200 submissions: 190 right ones, 5 endless loops, 5 fork bombs, on two cores with -j 2."""
    with tempfile.TemporaryDirectory() as place:
        folder, out = Path(place, "in"), Path(place, "out")
        attacks = {}
        for number in range(students):
            name, text = f"s{number:03}", {}
            if number % 20 == 10:
                kind = BOMBS if number % 40 == 10 else LOOPS
                attacks[name] = kind[len(attacks) // 2 % 2]
                text = {"q1": hostile.ATTACKS[attacks[name]][0].format() + make_submissions.answers()["q1"]}
            make_submissions.put(folder, name, make_submissions.handed_in(text))
        took = grade(folder, out, 2)
        found = scores(out)
    kept = sum(found[name] == 30 for name in found if name not in attacks)
    return {
        "submissions": students,
        "right": students - len(attacks),
        "right_with_all_points": kept,
        "attacks": dict(Counter(attacks.values())),
        "attacks_points": sorted({(attacks[name], found[name]) for name in attacks}),
        "jobs": 2,
        "minutes": round(took["seconds"] / 60, 1),
        "cpu_minutes": round(took["cpu_seconds"] / 60, 2),
        "load_average": round(os.getloadavg()[1], 1),
    }


def attacks() -> dict:
    """Everything hostile of tests/assignments, graded as an instructor would: what it got, of what it may earn."""
    with tempfile.TemporaryDirectory() as place:
        folder, out, canary = Path(place, "in"), Path(place, "out"), Path(place, "canary")
        canary.write_text("sings")
        most = hostile.strange_files(folder)
        for name, (attack, points) in hostile.ATTACKS.items():
            text = (
                attack.format(canary=str(canary), key=make_submissions.KEY, port=9) + make_submissions.answers()["q1"]
            )
            make_submissions.put(folder, name, make_submissions.handed_in({"q1": text}))
            most[name] = points
        took = grade(folder, out, 2)
        rows = {
            found["student"]: {"status": found["status"], "score": found["score"], "at_most": most[found["student"]]}
            for found in records(out)
        }
        sings = canary.read_text() == "sings"
    over = [name for name, row in rows.items() if row["score"] is not None and row["score"] > (row["at_most"] or 0)]
    return {"rows": rows, "more_than_earned": over, "canary_sings": sings, "minutes": round(took["seconds"] / 60, 1)}


def catalogue() -> dict[str, list[tuple[dict, dict]]]:
    """By assignment, the wrong answers that tests/assignments holds, each time with what else is answered.

    Where a network is wrong, all that needs none is right; where a plain function is wrong, nothing is trained.
    """
    found: dict[str, list[tuple[dict, dict]]] = {}
    for path in sorted(Path(make_submissions.__file__).parent.glob("*_*.py")):
        kind, _, name = path.stem.partition("_")
        module = importlib.import_module(f"tools.measure.catalogue.{path.stem}") if kind in WRONG else None
        for what, chosen in ((WRONG.get(kind), "deblur"), ("ENLARGE", "enlarge")):
            if hasattr(module, what or ""):
                always = {"choice": choices.line(chosen)} if name == "restore" else {}
                right = make_submissions.answers(name=name) if kind == "networks" else {}
                found.setdefault(name, []).append((right | always, getattr(module, what)))
    return found


def hand_in(name: str, folder: Path) -> int:
    """Hand in every right, untouched and wrong answer of an assignment; gives the number of wrong ones.

    The first wrong answers of all questions make one notebook, the second ones another, and so on.
    """
    handed = {"right": make_submissions.answers(name=name), "untouched": {}}
    for number, (always, found) in enumerate(catalogue()[name]):
        for row in range(max(map(len, found.values()))):
            wrong = {q: list(texts.values())[row][0] for q, texts in found.items() if row < len(texts)}
            handed[f"wrong {number} {row}"] = always | wrong
    for student, changed in handed.items():
        make_submissions.put(folder, student, make_submissions.handed_in(changed, "stub", name))
    return sum(len(texts) for _, found in catalogue()[name] for texts in found.values())


@contextlib.contextmanager
def load() -> Iterator[None]:
    """Every core busy with something else."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def twice() -> Iterator[dict]:
    """The catalogue at rest, then again with every core busy with something else: identical records?

    What was found so far, after each assignment: all of them take an hour.
    """
    rows = {}
    for name in catalogue():
        with tempfile.TemporaryDirectory() as place:
            wrong = hand_in(name, folder := Path(place, "in"))
            rest, loaded = Path(place, "rest"), Path(place, "load")
            took = {"rest": grade(folder, rest, 2, name)}
            average = round(os.getloadavg()[0], 1)  # a machine that others use is never quite at rest
            with load():
                took["load"] = grade(folder, loaded, 2, name)
                averages = {"rest": average, "load": round(os.getloadavg()[0], 1)}
            pairs = list(zip(records(rest), records(loaded), strict=True))
            differ = [first["student"] for first, second in pairs if first != second]
            rows[name] = {
                "wrong_answers": wrong,
                "records": len(pairs),
                "checks": sum(len(first["tests"]) for first, _ in pairs),
                "records_that_differ": differ,
                "load_averages": averages,
                "minutes": {kind: round(took[kind]["seconds"] / 60, 1) for kind in took},
                "cpu_minutes": {kind: round(took[kind]["cpu_seconds"] / 60, 2) for kind in took},
            }
        yield rows


def everyone(students: int = 10) -> Iterator[dict]:
    """The reference as many students, each with pictures and numbers of their own: does everybody keep all points?"""
    rows = {}
    for name in catalogue():
        with tempfile.TemporaryDirectory() as place:
            folder, out = Path(place, "in"), Path(place, "out")
            for number in range(students):
                always = {"choice": choices.line(("deblur", "enlarge")[number % 2])} if name == "restore" else {}
                make_submissions.put(
                    folder,
                    f"s{number}",
                    make_submissions.handed_in(make_submissions.answers(name=name) | always, name=name),
                )
            took = grade(folder, out, 2, name)
            graded = records(out)
        lost = [(r["student"], t["id"], t["tells"]) for r in graded for t in r["tests"] if t["score"] < t["points"]]
        rows[name] = {
            "students": len(graded),
            "checks_that_lost_points": lost,
            "seconds_a_submission": round(took["seconds"] / students, 1),
        }
        yield rows


def peers(students: int = 10, turns: int = 2) -> dict:
    """One class, the same answers, the same calls to check them: seconds a submission beside others' graders."""
    with tempfile.TemporaryDirectory() as place:
        graders = grading_peers.prepare(Path(place), students, measured)
        took = {name: Counter() for name in ("ours", *graders)}
        our_folder = Path(place, "ours")
        for number in range(students):
            make_submissions.put(our_folder, f"s{number}", make_submissions.handed_in())
        for turn in range(turns):
            took["ours"].update(grade(our_folder, Path(place, f"out-{turn}"), 1))
            for name, run in graders.items():
                took[name].update(run())
    each = {name: {kind: took[name][kind] / students / turns for kind in took[name]} for name in took}
    rows = [
        {
            "grader": name,
            "isolated": name == "ours",
            "seconds_a_submission": round(each[name]["seconds"], 2),
            "cpu_seconds_a_submission": round(each[name]["cpu_seconds"], 2),
            "times_ours": round(each[name]["seconds"] / each["ours"]["seconds"], 2),
            "cpu_times_ours": round(each[name]["cpu_seconds"] / each["ours"]["cpu_seconds"], 2),
        }
        for name in each
    ]
    return {"submissions": students, "turns": turns, "jobs": 1, "rows": rows}


MEASURES = {"class": a_class, "attacks": attacks, "everyone": everyone, "twice": twice, "peers": peers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="|".join(MEASURES), help="all if none")
    names = parser.parse_args().names or list(MEASURES)
    if set(names) - set(MEASURES):
        parser.error(f"choose from {', '.join(MEASURES)}")
    if make_submissions.no_sandbox():
        raise SystemExit(f"nothing was measured: {make_submissions.no_sandbox()}")
    adopt()
    for name in names:
        print(f"measuring {name}: {MEASURES[name].__doc__}", flush=True)
        found = MEASURES[name]()
        for so_far in [found] if isinstance(found, dict) else found:
            print(json.dumps(so_far, indent=1), flush=True)
            whole = json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.is_file() else {}
            whole |= {"measured": "by python -m tools.measure.grading", **evaluate.provenance(), name: so_far}
            TABLE.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
