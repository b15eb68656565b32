"""Gates of chapters over seeds: `python -m tools.measure.gates NAME ... [--seeds 0 1 2 3 4]` -> results/gates.json.

Each seed runs the chapter's code in a process of its own, with all weights and streams of patches drawn anew, and no
figure drawn. A gate is noted whether it passes or not: the floors in the chapters are chosen from this table. The
budget is that of LESSONS_BUDGET.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "results" / "gates.json"
SHOWS = ("show", "curves", "history", "table", "figure", "bars", "comparison")


def run(name: str, seed: int) -> list[dict]:
    """Run the code of book/NAME.ipynb in this process; what each gate was asked: {"gate", "floor", "value", "unit"}."""
    import keras
    from IPython.core.interactiveshell import InteractiveShell

    from lessons_lib import batches, plots, training
    from lessons_lib.plots import drawing

    found, set_seed, stream = [], keras.utils.set_random_seed, batches.PairStream.__init__

    def note(value: float, floor: float, what: str, unit: str = "dB") -> None:
        found.append({"gate": what, "floor": floor, "value": round(float(value), 3), "unit": unit})

    def streamed(self, *given, **settings):
        stream(self, *given, **settings)
        self.seed = (self.seed, seed) if seed else self.seed

    training.gate = note
    keras.utils.set_random_seed = lambda number: set_seed(number + 1000 * seed)
    batches.PairStream.__init__ = streamed
    for shows in SHOWS:
        setattr(plots, shows, lambda *given, **settings: None)
    drawing.publish = lambda *given, **settings: None
    shell = InteractiveShell.instance()
    for cell in nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4).cells:
        if cell.cell_type == "code":
            outcome = shell.run_cell(cell.source, silent=True)
            if "raises-exception" not in cell.metadata.get("tags", []):
                outcome.raise_error()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--here", action="store_true", help="in this process, and print: what each process does")
    given = parser.parse_args()
    if given.here:
        print("\n" + json.dumps(run(given.names[0], given.seeds[0])))
        return
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    rows = json.loads(TABLE.read_text(encoding="utf-8"))["rows"] if TABLE.exists() else []
    for name in given.names:
        for seed in given.seeds:
            command = [sys.executable, "-m", "tools.measure.gates", name, "--here", "--seeds", str(seed)]
            done = subprocess.run(
                command, cwd=ROOT / "book", env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(f"{name}, seed {seed}, stopped:\n{done.stdout[-500:]}\n{done.stderr[-2000:]}")
            fresh = [{"chapter": name, "seed": seed} | row for row in json.loads(done.stdout.splitlines()[-1])]
            rows = [row for row in rows if (row["chapter"], row["seed"]) != (name, seed)] + fresh
            rows.sort(key=lambda row: (row["chapter"], row["gate"], row["seed"]))
            text = '{"rows": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]}\n"
            TABLE.write_text(text, encoding="utf-8")
            for row in fresh:
                print(f"{name} seed {seed}: {row['gate']}: {row['value']} (floor {row['floor']})", flush=True)


if __name__ == "__main__":
    main()
