"""What the commands that make the instructor's materials ask for alike: chapters, and a folder."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path


def asked(says: str, kind: str, known: Iterable[str], out: Path) -> tuple[list[str], Path]:
    """The names and the folder of a command line; all names if none. Exits with the names there are for another."""
    known = sorted(known)
    parser = argparse.ArgumentParser(description=says.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"chapters; all without: {', '.join(known)}")
    parser.add_argument("-o", "--output", type=Path, default=out, help="a folder; below book/_build/kit if not given")
    args = parser.parse_args()
    if unknown := sorted(set(args.names) - set(known)):
        raise SystemExit(f"no {kind} {', '.join(unknown)}: choose from {', '.join(known)}")
    return args.names or known, args.output
