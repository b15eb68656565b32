"""Run notebooks from a fresh kernel and store clean outputs: `python -m tools.publish.notebooks [NAME ...] [--check]`.

A notebook is written only if every cell ran, whole or not at all; what differs from run to run (times, kernel versions,
stderr) is left out, so that a second run writes nothing. Seconds and peak memory go to results/notebooks.json.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import platform
import re
import sys
import threading
import time
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image, ImageChops

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
RESULTS = ROOT / "results" / "notebooks.json"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
SECONDS, MEGABYTES = 180, 2048  # a notebook's limits in the cpu budget


def clean(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with nothing in it that another run would write otherwise; changes its argument."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if cell.cell_type == "code":
            cell.outputs = [_slim(output) for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def _slim(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A picture packed as small as PNG can, pixel for pixel: one channel where all three are the same."""
    data = output.get("data", {})
    if "image/png" in data:
        raw = base64.b64decode(data["image/png"])
        buffer = io.BytesIO()
        picture = Image.open(io.BytesIO(raw)).convert("RGB")
        first, *others = picture.split()
        gray = not any(ImageChops.difference(first, other).getbbox() for other in others)
        (first if gray else picture).save(buffer, "png", optimize=True)
        small = min(raw, buffer.getvalue(), key=len)
        data["image/png"] = base64.b64encode(small).decode()
    return output


def execute(path: Path, timeout: int = 900, before: str = "") -> tuple[nbformat.NotebookNode, float, float]:
    """Run a notebook in its own folder; returns it cleaned, the seconds, and the peak memory of its kernel in MB.

    `before` is code that runs ahead of the first cell, and is no part of what is returned.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    if before:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(before))
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # not its advice on how to reach it over a network
    )
    peak, done = [0.0], threading.Event()
    watcher = threading.Thread(target=_watch, args=(peak, done), daemon=True)
    started = time.monotonic()
    watcher.start()
    try:
        client.execute()
    finally:
        done.set()
        watcher.join()
    if before:
        del notebook.cells[0]
    return clean(notebook), time.monotonic() - started, peak[0]


def _watch(peak: list[float], done: threading.Event) -> None:
    """Keep the largest sum of the memory of all child processes: the kernel and what it starts."""
    while not done.wait(0.25):
        total = 0
        for child in psutil.Process().children(recursive=True):
            try:
                total += child.memory_info().rss
            except psutil.Error:  # it ended meanwhile
                continue
        peak[0] = max(peak[0], total / 2**20)


def as_text(notebook: nbformat.NotebookNode) -> str:
    """The notebook as we commit it: sorted keys, one space, non-ASCII readable, a newline at the end."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook, indent=1, ensure_ascii=False, sort_keys=True).rstrip("\n") + "\n"


def store(path: Path, text: str) -> bool:
    """Replace the file in one step; False if it says this already."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)
    return True


def record(name: str, budget: str, seconds: float, megabytes: float, changed: bool) -> None:
    """Put this run's row into results/notebooks.json in place of the one before; an unchanged notebook keeps its row.

    Seconds are never twice the same, and a second run shall write nothing. Delete a row to have it measured again.
    """
    table = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"rows": []}
    rows = [row for row in table["rows"] if (row["notebook"], row["budget"]) != (name, budget)]
    if len(rows) < len(table["rows"]) and not changed:
        return
    rows.append(
        {
            "notebook": name,
            "budget": budget,
            "seconds": round(seconds),
            "peak_mb": round(megabytes),
            "cores": psutil.cpu_count(logical=False),
            "python": platform.python_version(),
        }
    )
    rows.sort(key=lambda row: (row["notebook"], row["budget"]))
    store(RESULTS, json.dumps({"rows": rows}, indent=1) + "\n")


def failure(error: Exception) -> str:
    """What went wrong, in the words of the cell, without the client's own traceback."""
    if isinstance(error, CellExecutionError):
        return re.sub(r"\x1b\[[\d;]*m", "", error.traceback).strip()
    if isinstance(error, CellTimeoutError):
        return f"a cell ran out of time: {error}"
    if isinstance(error, DeadKernelError):
        return "the kernel died without a word: most often it ran out of memory"
    raise error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="notebooks of book/ by name or path; all without")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if outputs would change")
    args = parser.parse_args()
    paths = [Path(n) if n.endswith(".ipynb") else BOOK / f"{n}.ipynb" for n in args.names] or sorted(
        BOOK.glob("*.ipynb")
    )
    absent = [str(path) for path in paths if not path.is_file()]
    if absent:
        here = ", ".join(sorted(path.stem for path in BOOK.glob("*.ipynb")))
        raise SystemExit(f"no notebook at {', '.join(absent)}: choose from {here}")
    os.environ.update(PYTHONHASHSEED="0", TF_CPP_MIN_LOG_LEVEL="3")
    budget, failed = os.environ.get("LESSONS_BUDGET", "cpu"), []
    for path in paths:
        print(f"{path.stem}: running ...", flush=True)
        try:
            notebook, seconds, megabytes = execute(path)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            print(f"{path.stem}: FAILED, the file is as it was\n{failure(error)}", file=sys.stderr)
            failed.append(path.stem)
            continue
        text = as_text(notebook)
        changed = path.read_text(encoding="utf-8") != text
        if not args.check:
            store(path, text)
            if path.parent == BOOK:
                record(path.stem, budget, seconds, megabytes, changed)
        over = budget == "cpu" and (seconds > SECONDS or megabytes > MEGABYTES)
        print(
            f"{path.stem}: {seconds:.0f} s, {megabytes:.0f} MB at most, {len(text) / 1e6:.2f} MB, "
            f"{'outputs changed' if changed else 'as before'}{' - OVER THE LIMIT' if over else ''}",
            flush=True,
        )
        if args.check and changed:
            failed.append(path.stem)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
