"""Write lessons_lib/datasets/checksums.tsv from a folder that holds the sets, one below each set's name.

    python -m tools.data.checksums FOLDER

A row: path, bytes, sha256 and, for the classic pictures whose public copies differ in their packing (BMP, or PNG by
another writer), the sha256 of the decoded pixels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lessons_lib.datasets import registry, store

OUT = Path(registry.__file__).with_name("checksums.tsv")
BY_PIXELS = ("set5", "set12", "set14")


def rows(folder: Path) -> list[str]:
    """One tab-separated row for each file of each registered set that is in `folder`."""
    found = []
    for name in registry.names():
        for path in sorted((folder / name).rglob("*")):
            if path.is_file():
                pixels = store.pixel_sum(path) if name in BY_PIXELS else ""
                row = (path.relative_to(folder).as_posix(), path.stat().st_size, store.file_sum(path), pixels)
                found.append("\t".join(map(str, row)).rstrip("\t"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    found = rows(parser.parse_args().folder)
    if not found:
        raise SystemExit("none of the registered sets is in that folder")
    OUT.write_text("\n".join(["path\tbytes\tsha256\tpixels", *found]) + "\n", encoding="utf-8", newline="\n")
    print(f"{len(found)} files in {OUT.name}")


if __name__ == "__main__":
    main()
