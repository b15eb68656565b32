"""Tune the classical methods on the validation photographs: `python -m tools.measure.tune [METHOD ...]`, 15 minutes.

Writes lessons_lib/tuned.json, the best parameters at each noise level (in 0..255), and results/tuning.json, what each
scored there. Test photographs are never looked at. Noise is Gaussian and unclipped, images are colour; the score is
PSNR, the mean over pictures, and for deblurring over a Gaussian and a motion blur too.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import numpy as np

from lessons_lib import classical, evaluate, metrics

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "results" / "tuning.json"
LEVELS = {"denoise": (5, 10, 15, 25, 35, 50), "deblur": (0, 2, 8)}
BLURS = {"denoise": (None,), "deblur": ("gaussian-1.6", "motion-15")}
GRIDS = {
    "denoise": {
        "gaussian": {"width": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 2.0)},
        "median": {"size": (3, 5)},
        "bilateral": {"space": (1.0, 1.4, 2.0, 2.8, 4.0), "similar": (2.0, 2.8, 4.0, 5.0, 6.0, 8.0)},
        "wavelet": {"shifts": (3,)},
        "total-variation": {"weight": (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)},
        "nonlocal-means": {"strength": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8), "patch": (3, 5, 7, 9)},
        "dct": {"threshold": (2.1, 2.4, 2.7, 3.0, 3.3), "side": (8, 12, 16)},
    },
    "deblur": {
        "unsharp": {"width": (1.0, 1.5, 2.0, 3.0, 4.0), "amount": (0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0, 3.0)},
        "wiener": {"balance": (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.02, 0.03, 0.06, 0.1, 0.2, 0.3, 1.0)},
        "richardson-lucy": {"iterations": (3, 5, 8, 12, 20, 30, 50, 80, 150)},
    },
}


def score(task: str, name: str, level: float, parameters: dict[str, float]) -> float:
    """Mean PSNR of a method over the validation photographs and the task's blurs."""
    scores = []
    for kernel in BLURS[task]:
        protocol = evaluate.Protocol(task, "sample-validation", level, kernel)
        for index, (_, picture) in enumerate(evaluate.pictures(protocol)):
            degraded, clean, info = evaluate.degrade_one(picture, protocol, index)
            restored = classical.METHODS[task][name](degraded, info, **parameters)
            scores.append(metrics.psnr(clean, restored, data_range=1.0))
    return float(np.mean(scores))


def main() -> None:
    names = {name for grids in GRIDS.values() for name in grids}
    wanted = set(sys.argv[1:]) or names
    if wanted - names:
        raise SystemExit(f"nothing to tune in {', '.join(wanted - names)}: choose from {', '.join(sorted(names))}")
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if RESULTS.exists() else []
    rows = [row for row in rows if row["method"] not in wanted]
    for task, grids in GRIDS.items():
        for name in [name for name in grids if name in wanted]:
            for level in LEVELS[task]:
                tries = [
                    dict(zip(grids[name], values, strict=True)) for values in itertools.product(*grids[name].values())
                ]
                best, psnr = max(((t, score(task, name, level, t)) for t in tries), key=lambda found: found[1])
                rows.append({"task": task, "method": name, "sigma": level, "parameters": best, "psnr": round(psnr, 2)})
                print(rows[-1], flush=True)
    rows.sort(key=lambda row: (list(GRIDS).index(row["task"]), row["method"], row["sigma"]))
    tuned = {}
    for row in rows:
        tuned.setdefault(row["task"], {}).setdefault(row["method"], {})[str(row["sigma"])] = row["parameters"]
    RESULTS.write_text(json.dumps({"rows": rows}, indent=1) + "\n", encoding="utf-8")
    (ROOT / "lessons_lib" / "tuned.json").write_text(json.dumps(tuned, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
