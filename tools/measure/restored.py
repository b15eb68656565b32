"""The table of the shipped networks: `python -m tools.measure.restored [WEIGHTS ...]` writes results/restored.json.

Every network (or those named) on the papers' sets, as `lessons evaluate` scores them; beside them the classical
methods, taken over from the chapters' own tables, and published rows. Then weights/README.md, the cards in one page.
The sets need LESSONS_DATA or a download.
"""

from __future__ import annotations

import functools
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from lessons_lib import classical, degrade, evaluate, images, pretrained, training
from lessons_lib.evaluate import Protocol

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "results" / "restored.json"
LEVELS = (15, 25, 50)
QUALITIES = (10, 30, 50, 70, 90)
# (sigma 15, 25, 50) for noise that is not clipped; one tuple a set.
NOISE = {
    "cbsd68": {
        "BM3D (2007)": (33.52, 30.71, 27.38),
        "DnCNN (2017)": (33.90, 31.24, 27.95),
        "FFDNet (2018)": (33.87, 31.21, 27.96),
        "DRUNet (2021)": (34.30, 31.69, 28.51),
        "SwinIR (2021)": (34.42, 31.78, 28.56),
    },
    "bsd68": {
        "BM3D (2007)": (31.08, 28.57, 25.60),
        "DnCNN (2017)": (31.73, 29.23, 26.23),
        "FFDNet (2018)": (31.63, 29.19, 26.29),
        "DRUNet (2021)": (31.91, 29.48, 26.59),
        "SwinIR (2021)": (31.97, 29.50, 26.58),
    },
}
# (x2, x3, x4) on channel Y.
ENLARGED = {
    "set5": {
        "SRCNN (2014)": (36.66, 32.75, 30.48),
        "VDSR (2016)": (37.53, 33.66, 31.35),
        "EDSR (2017)": (38.11, 34.65, 32.46),
        "SwinIR (2021)": (38.42, 34.97, 32.92),
    },
    "set14": {
        "SRCNN (2014)": (32.42, 29.28, 27.49),
        "VDSR (2016)": (33.03, 29.77, 28.01),
        "EDSR (2017)": (33.92, 30.52, 28.80),
        "SwinIR (2021)": (34.46, 30.93, 29.09),
    },
    "bsd100": {
        "SRCNN (2014)": (31.36, 28.41, 26.90),
        "VDSR (2016)": (31.90, 28.82, 27.29),
        "EDSR (2017)": (32.32, 29.25, 27.71),
        "SwinIR (2021)": (32.53, 29.46, 27.92),
    },
}
REAL_RIVALS = ("identity", "median", "wavelet", "nonlocal-means", "dct", "denoise-medium", "denoise-medium:blind")
SOURCE = "as listed in the tables of DPIR (Zhang et al., 2021), SwinIR (Liang et al., 2021) and EDSR (Lim et al., 2017)"


def noisy(name: str, sigma: float) -> Protocol:
    """CBSD68, or its gray twin BSD68, under noise that may leave [0, 1]."""
    return Protocol("denoise", "cbsd68", float(sigma), colour=name == "cbsd68")


def small(name: str, scale: int) -> Protocol:
    """A set reduced as the super-resolution papers do it."""
    return Protocol("upscale", name, scale=scale, channel="y", border=scale, rounded=True)


def rows(name: str) -> Iterator[dict]:
    """Everything that is measured of one shipped network."""
    card = pretrained.card(name)
    if name == "denoise-auto":
        yield from (evaluate.evaluate("auto", protocol) for protocol in files())
        yield evaluate.evaluate(name, Protocol("denoise", evaluate.REAL))
    elif name == "denoise-real":
        for method in (name, *REAL_RIVALS):
            yield evaluate.evaluate(method, Protocol("denoise", evaluate.REAL))
    elif card["task"] == "denoise":
        for sigma in LEVELS:
            protocol = noisy("cbsd68" if card["channels"] == 3 else "bsd68", sigma)
            yield evaluate.evaluate(name, protocol)
            if card["noise_conditioned"]:
                yield evaluate.evaluate(f"{name}:blind", protocol)
        yield evaluate.evaluate(f"{name}:x8", noisy("cbsd68" if card["channels"] == 3 else "bsd68", 25))
    elif card["task"] == "dejpeg":
        for quality, method in itertools.product(QUALITIES, (*classical.METHODS["dejpeg"], name)):
            yield evaluate.evaluate(method, Protocol("dejpeg", "sample-test", jpeg=quality))
    elif card["task"] == "upscale":
        for kind in ENLARGED:
            yield evaluate.evaluate(name, small(kind, card["scale"]))
        yield evaluate.evaluate(f"{name}:x8", small("set5", card["scale"]))
    elif card["task"] == "deblur":
        for kernel, method in itertools.product(degrade.KERNELS, (name, "auto")):
            yield evaluate.evaluate(method, Protocol("deblur", "sample-test", 2.0, kernel))


def files() -> Iterator[Protocol]:
    """Degradations as people's files have them, on the test photographs, and real noise."""
    make = functools.partial(Protocol, "denoise", "sample-test", clipped=True)
    yield Protocol("denoise", evaluate.REAL)
    yield make(sigma=20)
    yield from (make(sigma=20, jpeg=quality) for quality in (90, 60))
    yield from (make(sigma=sigma, noise="correlated") for sigma in (8, 20))
    yield make(sigma=10, noise="camera", jpeg=90)
    yield from (make(jpeg=quality) for quality in (10, 30, 50, 70, 90))


def published() -> Iterator[dict]:
    """The papers' rows, in the shape of measured ones, with their source."""
    for table, protocols in ((NOISE, [(noisy, x) for x in LEVELS]), (ENLARGED, [(small, x) for x in (2, 3, 4)])):
        for kind, methods in table.items():
            for method, values in methods.items():
                for (make, x), psnr in zip(protocols, values, strict=True):
                    yield evaluate.row(method, make(kind, x)) | {"psnr": psnr, "source": SOURCE}


def taken_over() -> Iterator[dict]:
    """Classical rows on the same sets from the chapters' tables."""
    for file in ("denoising", "super-resolution", "published", "deblurring"):
        for row in json.loads((TABLE.parent / f"{file}.json").read_text(encoding="utf-8"))["rows"]:
            if row["method"] in classical.METHODS.get(row["task"], {}) and row["set"] in ("cbsd68", *ENLARGED):
                yield row


def cards() -> str:
    """The cards of all shipped networks as one Markdown page."""
    found = json.loads(TABLE.read_text(encoding="utf-8"))["rows"]
    parts = [
        "# The shipped networks\n\nWritten by `python -m tools.measure.restored` from the cards beside this file and "
        "from `results/restored.json`. PSNR in dB; `:blind` estimates the noise level, `:x8` averages over eight "
        "turned copies.\n"
    ]
    for name in pretrained.names():
        card = pretrained.card(name)
        recipe, model = card["recipe"], card["model"]
        size = (pretrained.FOLDER / f"{name}.npz").stat().st_size
        kilobytes = f"{size / 1e3:,.0f} kB"
        arguments = ", ".join(f"{key} {value}" for key, value in model["arguments"].items())
        lines = [
            f"## {name}\n",
            f"- **Task:** {card['task']}, {'gray' if card['channels'] == 1 else 'colour'}"
            + (f", {card['scale']} times larger" if card["scale"] > 1 else "")
            + (", noise-conditioned" if card["noise_conditioned"] else "")
            + (", finds the noise itself" if card.get("strength") else ""),
            f"- **Network:** {model['kind']}, {arguments}; {kilobytes}",
            f"- **Data:** {card['data']}",
            f"- **Recipe:** `recipes/{recipe['name']}.toml`, seed {recipe['seed']}, {card['steps']:,} steps of "
            f"{recipe['data']['batch']} patches, {card['hours']} hours on {card['machine']} ({card['precision']})",
            f"- **Held out:** {card['validation_psnr']} dB",
            f"- **Licence:** {card['licence']}",
            f"- **Limits:** {card['limits']}\n",
        ]
        methods = {name, "auto"} if card.get("strength") else {name}
        own = [row for row in found if row["method"].split(":")[0] in methods]
        if own:
            lines += ["| method | set | protocol | PSNR | SSIM | s/MP |", "|:--|:--|:--|--:|--:|--:|"]
            lines += [
                f"| {row['method']} | {row['set']} | {_short(row['protocol'])} | {row['psnr']:.2f} | {row['ssim']:.4f} "
                f"| {row['seconds_per_megapixel']:.2f} |"
                for row in own
            ]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _short(protocol: dict) -> str:
    kind = f"{protocol['noise']} noise, " if "noise" in protocol else ""
    said = [f"{kind}sigma {protocol['sigma']:g}"] if protocol["sigma"] else []
    said += ["clipped"] if protocol["clipped"] and protocol["sigma"] else []
    said += [f"JPEG of quality {protocol['jpeg']}"] if "jpeg" in protocol else []
    said += [protocol["kernel"]] if protocol["kernel"] else []
    said += [f"x{protocol['scale']}, Y"] if protocol["scale"] > 1 else []
    return ", ".join(said) + ("" if protocol["colour"] else ", gray")


if __name__ == "__main__":
    training.set_precision("auto")
    evaluate.store([*published(), *taken_over()], TABLE)
    for network in sys.argv[1:] or pretrained.names():
        for measured in rows(network):
            evaluate.store([measured], TABLE)
            where = f"{measured['set']:<12} {_short(measured['protocol']):<20}"
            print(f"{measured['method']:<24} {where} {measured['psnr']:.2f} dB", flush=True)
    images.write_atomic(pretrained.FOLDER / "README.md", cards().encode())
