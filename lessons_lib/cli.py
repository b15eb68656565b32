"""The `lessons` command: parses, calls, prints."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(no_args_is_help=True, add_completion=False)
data = typer.Typer(no_args_is_help=True, help="The image sets that the chapters use.")
app.add_typer(data, name="data")

MARKS = {"ok": "[ok]     ", "note": "[note]   ", "problem": "[problem]"}
Names = Annotated[list[str] | None, typer.Argument(help="sets, as `lessons data list` names them; all if none")]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(metadata.version("lessons-lib"))
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True)] = False,
) -> None:
    """Tools of the book From pixels to RIDNet."""


@app.command()
def doctor(
    quick: Annotated[bool, typer.Option("--quick", help="skip the timing of precisions (some seconds)")] = False,
) -> None:
    """Look at this machine and say in plain words what the book can do here; exit code 1 if something stops it."""
    from lessons_lib import doctor as checks

    findings = []
    for finding in checks.examine(measure=not quick):
        findings.append(finding)
        print(f"{MARKS[finding.state]} {finding.topic:<10} {finding.text}", flush=True)
    problems = [f.topic for f in findings if f.state == "problem"]
    print(f"\nTo mend: {', '.join(problems)}" if problems else "\nReady: start with book/image-basics.ipynb (make lab)")
    raise typer.Exit(1 if problems else 0)


@data.command("list")
def data_list() -> None:
    """Show every registered image set: what it is, its size, and whether it is on this machine."""
    from lessons_lib import datasets

    print(f"Shipped with the book: {datasets.check_sample()}")
    rows = datasets.list_table()
    table = Table(box=None, pad_edge=False)
    columns = [key for key in rows[0] if key != "licence"]  # long; fetching a set shows its terms
    for key in columns:
        table.add_column(key, justify="right" if key in ("files", "MB") else "left", overflow="fold")
    for row in rows:
        table.add_row(*(row[key] for key in columns))
    Console().print("", table, "")
    print("`lessons data fetch SET` gets one; LESSONS_DATA=DIR names a folder that has them already.")


@data.command("fetch")
def data_fetch(names: Annotated[list[str], typer.Argument(help="sets, as `lessons data list` names them")]) -> None:
    """Get image sets, verified, into the cache; what is here already is only verified."""
    from lessons_lib import datasets

    for name in names:
        with _one_line():
            folder = datasets.fetch(name)
            print(f"{name} is in {folder}\n  licence: {datasets.REGISTRY[name].licence}")
            print(f"  cite: {datasets.REGISTRY[name].cite}")


@data.command("verify")
def data_verify(names: Names = None) -> None:
    """Hash every file of the sample and of the named sets (or all that are here); exit code 1 if one is wrong."""
    from lessons_lib import datasets

    failed = False
    with _one_line():
        print(f"sample: {datasets.check_sample()}")
        for name in names or datasets.REGISTRY:
            report = datasets.verify(name)
            failed |= bool(report.wrong) or (bool(names) and not report.whole)
            print(report)
    raise typer.Exit(1 if failed else 0)


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn what a learner can mend into a message and exit code 1 instead of a traceback."""
    from lessons_lib.datasets import DatasetError

    try:
        yield
    except DatasetError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
