"""The `lessons` command: parses, calls, prints."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from lessons_grader.cli import app as course
from lessons_lib import degrade
from lessons_lib.cli.restore import restore
from lessons_lib.cli.terminal import one_line_errors
from lessons_lib.images import ImageError
from lessons_lib.webapp.server import serve

if TYPE_CHECKING:
    from lessons_lib.evaluate import Protocol

app = typer.Typer(no_args_is_help=True, add_completion=False)
app.command()(restore)
app.command("app")(serve)
app.add_typer(course, name="course")
data = typer.Typer(no_args_is_help=True, help="The image sets that the chapters use.")
app.add_typer(data, name="data")

START = "make lab; on Windows: py tasks.py lab; with conda: jupyter lab book"
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
    """Commands of the book From pixels to RIDNet: restore photographs, train and measure networks, run a course."""


@app.command()
def doctor(
    quick: Annotated[
        bool, typer.Option("--quick", help="do not measure which precision is faster (saves some seconds)")
    ] = False,
) -> None:
    """Look at this machine and say in plain words what the book can do here; exit code 1 if something stops it."""
    from lessons_lib.cli.doctor import examine

    findings = []
    for finding in examine(measure=not quick):
        findings.append(finding)
        print(f"{MARKS[finding.state]} {finding.topic:<10} {finding.text}", flush=True)
    problems = [f.topic for f in findings if f.state == "problem"]
    print(f"\nTo mend: {', '.join(problems)}" if problems else f"\nReady: start with book/image-basics.ipynb ({START})")
    raise typer.Exit(1 if problems else 0)


@app.command()
def evaluate(
    methods: Annotated[
        list[str] | None,
        typer.Argument(help="classical methods, or networks in weights/; every classical method if none is named"),
    ] = None,
    task: Annotated[str, typer.Option(help="denoise, dejpeg, deblur or upscale")] = "denoise",
    pictures: Annotated[
        str, typer.Option("--set", help="the test set, such as sample-test, cbsd68 or set5; a wrong name lists all")
    ] = "sample-test",
    sigma: Annotated[
        float | None, typer.Option(help="strength of the added noise, 0 to 255; default 25 to denoise, 0 for polyu")
    ] = None,
    kernel: Annotated[str | None, typer.Option(help=f"the blur: {', '.join(degrade.KERNELS)}")] = None,
    noise: Annotated[str, typer.Option(help=f"the kind of noise: {', '.join(degrade.NOISES)}")] = "gaussian",
    jpeg: Annotated[int | None, typer.Option(help="store the pictures as JPEG of this quality, 1 to 100")] = None,
    scale: Annotated[int, typer.Option(help="to upscale: how many times smaller the pictures are made first")] = 1,
    gray: Annotated[bool, typer.Option("--gray", help="turn the pictures gray first")] = False,
    clipped: Annotated[bool, typer.Option("--clipped", help="clip the noisy pictures to the range of a file")] = False,
    channel: Annotated[str, typer.Option(help="what is scored: all channels, or y (brightness)")] = "all",
    border: Annotated[int, typer.Option(help="pixels not scored along each side")] = 0,
    rounded: Annotated[
        bool, typer.Option("--rounded", help="score pictures rounded to 8 bits, as super-resolution papers do")
    ] = False,
    seed: Annotated[int, typer.Option(help="seed of the noise")] = 0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="a JSON file of results, to which the rows are added")
    ] = None,
) -> None:
    """Degrade a test set, restore it with each method, and print PSNR, SSIM, seconds a megapixel and peak memory."""
    from lessons_lib.evaluate import REAL, Protocol

    sigma = (25.0 if task == "denoise" and pictures != REAL else 0.0) if sigma is None else sigma
    with one_line_errors():
        protocol = Protocol(
            task, pictures, sigma, kernel, scale, not gray, clipped, channel, border, rounded, seed, noise, jpeg
        )
        if output and not _can_be_written(output):  # said before the work, not after it
            raise ImageError(f"{output} cannot be written: name a results file, such as results/mine.json")
        _score(methods, protocol, output)


def _score(methods: list[str] | None, protocol: Protocol, output: Path | None) -> None:
    """Score methods under a protocol, print a line each, and add the rows to a results file, if one is named."""
    from lessons_lib import classical, training
    from lessons_lib.evaluate import evaluate, get_restorer, store

    known = classical.METHODS[protocol.task]
    names = methods or list(known)
    if set(names) - set(known):
        training.set_precision("auto")
    for name in names:
        get_restorer(protocol.task, name)  # a wrong name is said before the first row is measured
    rows = []
    for name in names:
        rows.append(evaluate(name, protocol))
        row = rows[-1]
        print(
            f"{name:<20} {row['psnr']:6.2f} dB  SSIM {row['ssim']:.4f}  {row['seconds_per_megapixel']:8.3f} s/MP  "
            f"{row['peak_mb']:5} MB  n = {row['n']}",
            flush=True,
        )
    if output:
        store(rows, output)
        print(f"{len(rows)} rows written to {output}")


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="a name in recipes/, or the path of a .toml file")],
    folder: Annotated[Path | None, typer.Option(help="where the run is saved; default runs/NAME")] = None,
) -> None:
    """Train a network as its recipe says. If the run was interrupted, the same command resumes it."""
    from lessons_lib import pretrained, recipes
    from lessons_lib.recipes.publish import publish
    from lessons_lib.training import GateError

    with one_line_errors():
        path = recipes.find_recipe(recipe)
        todo = recipes.read_recipe(path)
        try:
            model, history = recipes.train(todo, folder)
        except GateError as error:
            print(f"error: {error}", file=sys.stderr)
            raise typer.Exit(1) from error
        publish(todo, model, history)
        best = max(history.metrics["val_psnr"])
        print(f"{todo.name}: {best:.2f} dB on the held-out pictures; weights in {pretrained.FOLDER}")


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
    homeless = [name for name, dataset in datasets.REGISTRY.items() if not dataset.sources]
    print(f"No public address, so only through LESSONS_DATA: {', '.join(homeless)}.")


@data.command("fetch")
def data_fetch(names: Annotated[list[str], typer.Argument(help="sets, as `lessons data list` names them")]) -> None:
    """Get image sets, verified, into the cache; what is here already is only verified."""
    from lessons_lib import datasets

    for name in names:
        with one_line_errors():
            folder = datasets.fetch(name)
            print(f"{name} is in {folder}\n  licence: {datasets.REGISTRY[name].licence}")
            print(f"  cite: {datasets.REGISTRY[name].cite}")


@data.command("verify")
def data_verify(names: Names = None) -> None:
    """Hash every file of the sample and of the named sets (or all that are here); exit code 1 if one is wrong."""
    from lessons_lib import datasets

    failed = False
    with one_line_errors():
        print(f"sample: {datasets.check_sample()}")
        for name in names or datasets.REGISTRY:
            report = datasets.verify(name)
            failed |= bool(report.wrong) or (bool(names) and not report.whole)
            print(report)
    raise typer.Exit(1 if failed else 0)


def _can_be_written(path: Path) -> bool:
    """Whether this is a file, there or to come, in a folder, there or to come, that takes it."""
    folder = next(place for place in path.absolute().parents if place.exists())
    return not path.is_dir() and folder.is_dir() and os.access(folder, os.W_OK)
