"""A pytest plugin beside nbval: after a notebook's last cell, its exercises' solutions run in the same kernel.

So each is executed in CI with all that the chapter has defined, and no chapter runs twice.
See `tools.publish.exercises.trials`.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import nbformat
from nbval.plugin import IPyNbCell, IPyNbFile

from tools.publish import exercises

_collect = IPyNbFile.collect


def collect(self):
    last = -1
    for item in _collect(self):
        last = item.cell_num
        yield item
    if os.environ.get("LESSONS_EXERCISES") != "all":  # `make prove` sets it; `make test` runs the chapters alone
        return
    source = Path(self.path).parent / "exercises" / f"{Path(self.path).stem}.yml"
    found = exercises.trials(self.nb, exercises.read(source) if source.exists() else None)
    for number, (name, code) in enumerate(found, last + 1):
        yield IPyNbCell.from_parent(
            self,
            name=f"Cell {number}, {name}",
            cell_num=number,
            cell=nbformat.v4.new_code_cell(code),
            options=defaultdict(bool, check=False),
        )


IPyNbFile.collect = collect
