"""Credits, read from where they are written down: `{sample} photo|clothes|digits` and `{registry}`."""

from __future__ import annotations

import json
from pathlib import Path

from sphinx.util.docutils import SphinxDirective

from lessons_lib import images

DATA = Path(__file__).resolve().parents[3] / "data"
MANIFEST = DATA / "manifest.json"
REPOSITORY = "https://github.com/pixels-to-ridnet/pixels-to-ridnet/blob/main/data/"
THUMBNAIL_WIDTH = 120


def photo_row(entry: dict, picture: str) -> dict[str, str]:
    return {
        "Picture": f"![Thumbnail of the photograph {entry['name']}]({picture})",
        "Photograph": f"**{entry['name']}**<br>{entry['split']}<br>{entry['width']} × {entry['height']},"
        f" reduced {entry['reduction']:g} times",
        "Author and licence": f"{entry['author']}<br>{licence(entry)}",
        "Source": entry["source"].replace("_", "_<wbr>"),
    }


def array_row(entry: dict) -> dict[str, str]:
    return {
        "File": f"`{entry['path']}`",
        "Images": f"{entry['count']:,}",
        "Author": entry["author"],
        "Licence": licence(entry),
        "Source": entry["source"],
    }


def licence(entry: dict) -> str:
    url = entry["licence_url"]
    return f"[{entry['licence']}]({url if url.startswith('https://') else REPOSITORY + url})"


def markdown_table(rows: list[dict[str, str]]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def thumbnail(entry: dict, folder: Path) -> Path:
    """A small JPEG of a photograph, made once."""
    path = folder / f"{entry['name']}-{entry['sha256'][:8]}.jpg"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        photo = images.read(DATA / entry["path"])
        height = round(photo.shape[0] * THUMBNAIL_WIDTH / photo.shape[1])
        images.write(path, images.resize(photo, (height, THUMBNAIL_WIDTH)))
    return path


def registry_row(dataset) -> dict[str, str]:
    sizes = [file.size for file in dataset.files.values()]
    return {
        "Name": f"`{dataset.name}`" + ("" if dataset.sources else "<br>not fetched"),
        "What": dataset.title,
        "Size": "not recorded" if None in sizes else f"{sum(sizes) / 1e6:,.0f} MB",
        "Terms": dataset.licence,
        "To cite": dataset.cite,
    }


class Sample(SphinxDirective):
    required_arguments = 1

    def run(self):
        kind = self.arguments[0]
        self.env.note_dependency(str(MANIFEST))
        self.env.note_dependency(__file__)
        entries = [e for e in json.loads(MANIFEST.read_text(encoding="utf-8"))["files"] if e["kind"] == kind]
        if not entries:
            raise self.error(f"data/manifest.json has no file of kind {kind!r}")
        if kind == "photo":
            folder = Path(self.env.app.doctreedir).parent / "thumbnails"
            entries.sort(key=lambda entry: entry["name"])
            rows = [photo_row(e, from_page(self.env, thumbnail(e, folder))) for e in entries]
        else:
            rows = [array_row(entry) for entry in entries]
        return self.parse_text_to_nodes(markdown_table(rows))


class Registry(SphinxDirective):
    """The sets that `lessons data fetch` gets, from the registry that gets them."""

    def run(self):
        from lessons_lib import datasets

        self.env.note_dependency(str(Path(datasets.__file__).with_name("registry.toml")))
        rows = [registry_row(dataset) for dataset in datasets.REGISTRY.values()]
        return self.parse_text_to_nodes(markdown_table(rows))


def from_page(env, path: Path) -> str:
    """The address of a built file as Sphinx takes it: from the root of the source."""
    return "/" + path.relative_to(env.srcdir).as_posix()
