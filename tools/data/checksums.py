"""Write lessons_lib/datasets/checksums.tsv from a folder that holds the sets, one below each set's name.

    python -m tools.data.checksums FOLDER

A row: path, bytes, sha256 and, for the classic pictures whose public copies differ in their packing (BMP, or PNG by
another writer), the sha256 of the decoded pixels. Rows of sets that are not in the folder stay as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lessons_lib.datasets import registry, store

OUT = Path(registry.__file__).with_name("checksums.tsv")
BY_PIXELS = ("set5", "set12", "set14")


def rows(folder: Path, old: list[str]) -> list[str]:
    """One tab-separated row a file, for each registered set in `folder`, and the old rows of the others."""
    found = []
    for name in registry.names():
        if not (folder / name).is_dir():
            found += [row for row in old if row.startswith(f"{name}/")]
        for path in sorted((folder / name).rglob("*")):
            if path.is_file():
                pixels = store.pixel_sum(path) if name in BY_PIXELS else ""
                row = (path.relative_to(folder).as_posix(), path.stat().st_size, store.file_sum(path), pixels)
                found.append("\t".join(map(str, row)).rstrip("\t"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    here = [name for name in registry.names() if (folder / name).is_dir()]
    if not here:
        raise SystemExit(f"{folder} has no folder named as a registered set: {', '.join(registry.names())}")
    found = rows(folder, OUT.read_text(encoding="utf-8").splitlines()[1:])
    OUT.write_text("\n".join(["path\tbytes\tsha256\tpixels", *found]) + "\n", encoding="utf-8", newline="\n")
    print(f"{len(found)} files in {OUT.name}; written anew: {', '.join(here)}")


if __name__ == "__main__":
    main()
