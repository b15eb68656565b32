"""Own photographs beside the book's: `python -m tools.data.pictures FOLDER --author NAME --licence TERMS`.

Each is made as `tools/data/sample.py` makes the shipped ones (turned upright, reduced, 8-bit PNG, without the camera's
data) and enters data/manifest.json. Then `datasets.photos`, recipes without a set, `lessons evaluate` and the
graded trainings draw from them too; chapters still find the photographs that they name. Pictures in FOLDER/train,
FOLDER/validation and FOLDER/test keep their split; of others each fifth validates and each sixth tests.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from tools.data import sample

ROOT = Path(__file__).resolve().parents[2]

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
SMALLEST = 240  # pixels of a side after the reduction: chapters cut pieces from places within
SPLITS = ("train", "validation", "test")


def name_of(path: Path) -> str:
    """A photograph's name from its file's: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")


def split_of(path: Path, folder: Path, number: int) -> str:
    """By the folder it lies in, else by its place in the list."""
    first = path.relative_to(folder).parts[0]
    if first in SPLITS:
        return first
    return "test" if number % 6 == 5 else "validation" if number % 5 == 4 else "train"


def entries(folder: Path, author: str, licence: str, url: str) -> list[tuple[dict, bytes]]:
    """A manifest row and a PNG for each picture in a folder. Raises SystemExit for what cannot be one, naming it."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise SystemExit(f"no picture in {folder}: these are known: {' '.join(sorted(SUFFIXES))}")
    made = []
    for number, path in enumerate(paths):
        try:
            data, done = sample.make_photo(path.read_bytes())
        except Exception as error:  # whatever OpenCV says of a broken or tiny file
            raise SystemExit(f"{path} cannot be read as a photograph: take it out") from error
        if min(done["height"], done["width"]) < SMALLEST:
            raise SystemExit(f"{path} is {done['original']}: too small, give {2 * SMALLEST} pixels or more a side")
        name, split = name_of(path), split_of(path, folder, number)
        facts = {"name": name, "split": split, "author": author, "licence": licence, "licence_url": url}
        place = f"photos/{split}/{name}.png"
        row = {"path": place, "bytes": len(data), "sha256": sample.sha256(data), "kind": "photo"}
        made.append(({**row, "source": path.name, **facts, **done}, data))
    return made


def add(folder: Path, data: Path, **terms: str) -> list[dict]:
    """Put the pictures of a folder into `data` and its manifest; nothing is written if one of them cannot be."""
    manifest = json.loads((data / "manifest.json").read_text(encoding="utf-8"))
    made = entries(folder, **terms)
    names = [entry.get("name") for entry in manifest["files"]] + [row["name"] for row, _ in made]
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise SystemExit(f"the name {', '.join(twice)} is taken: rename the picture")
    for row, png in made:
        (data / row["path"]).parent.mkdir(parents=True, exist_ok=True)
        (data / row["path"]).write_bytes(png)
    manifest["files"] += [row for row, _ in made]
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    (data / "manifest.json").write_text(text, encoding="utf-8", newline="\n")
    return [row for row, _ in made]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--author", required=True, help="whom the credits name")
    parser.add_argument("--licence", required=True, help="what others may do with them, such as 'CC BY 4.0'")
    parser.add_argument("--licence-url", default="https://creativecommons.org/licenses/", help="where that is written")
    args = parser.parse_args()
    if not args.folder.is_dir():
        raise SystemExit(f"no folder at {args.folder}: check the spelling")
    for row in add(args.folder, sample.DATA, author=args.author, licence=args.licence, url=args.licence_url):
        print(f"{row['path']}: {row['width']} x {row['height']}, reduced {row['reduction']:g} times")
    print("To undo: git checkout -- data && git clean -f data")


if __name__ == "__main__":
    main()
