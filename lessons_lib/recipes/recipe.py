"""A recipe is a small file that says how a network is trained; `train` does what it says, and goes on if it was killed.

Sections and keys are those of the dataclasses below; `recipes/` holds the ones behind the shipped weights.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lessons_lib import degrade, pretrained
from lessons_lib.images import ImageError

FOLDER = Path(__file__).resolve().parents[2] / "recipes"


class RecipeError(ImageError):
    """A recipe that cannot be followed: it says which key of which file, and what would do."""


@dataclasses.dataclass(frozen=True)
class Data:
    """Pictures: a registered set ("" for the shipped photographs), its splits, side of a patch, patches a step.

    `real`: half of each step's patches, and all to validate with, are PolyU's pairs of a noisy and a clean photograph.
    """

    set: str = ""
    train: tuple[str, ...] = ("train",)
    validation: str = "validation"
    patch: int = 64
    batch: int = 16
    gray: bool = False
    real: bool = False


@dataclasses.dataclass(frozen=True)
class Damage:
    """What is done to a clean patch: noise `sigma` from..to (0..255), blur `kernels`, reduction by `scale`.

    `told`: the noise level goes along as the last channel. `kernels` names kinds of `KERNELS`; each patch draws one.
    """

    sigma: tuple[float, float] = (0.0, 0.0)
    kernels: tuple[str, ...] = ()
    scale: int = 1
    told: bool = False


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Adam with warm-up and a cosine down to a hundredth: loss, peak rate, steps, and steps between two savings."""

    steps: int
    rate: float = 1e-3
    loss: str = "mae"
    warmup: int = 200
    save_every: int = 500
    clipnorm: float = 1.0
    ema: float = 0.999


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All of it. `start` names shipped weights to go on from: another round of hours on top of the ones before.

    `ship` changes arguments of the model for its use, such as the window of an attention; the weights stay the same.
    """

    name: str
    task: str
    model: dict
    schedule: Schedule
    data: Data = Data()
    damage: Damage = Damage()
    seed: int = 0
    start: str = ""
    ship: dict = dataclasses.field(default_factory=dict)
    halo: int = 32
    multiple: int = 1
    limits: str = ""


def _gaussian(rng: np.random.Generator) -> np.ndarray:
    return degrade.gaussian_kernel(15, rng.uniform(0.4, 2.4))


def _motion(rng: np.random.Generator) -> np.ndarray:
    return degrade.motion_kernel(2 * int(rng.integers(1, 8)) + 1, rng.uniform(0, 180))


def _shake(rng: np.random.Generator) -> np.ndarray:
    return degrade.shake_kernel(2 * int(rng.integers(3, 9)) + 1, rng)


KERNELS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "gaussian": _gaussian,
    "motion": _motion,
    "shake": _shake,
}


def find(name: str | Path) -> Path:
    """The file of a recipe given by path, or by its name in `recipes/`. Raises RecipeError."""
    for path in (Path(name), FOLDER / f"{name}.toml"):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.toml")))
    raise RecipeError(f"no recipe {str(name)!r}: give the path of a .toml file, or one of {known}")


def read(path: Path) -> Recipe:
    """The recipe in a file. Raises RecipeError for what is missing, unknown or does not fit together."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not TOML: {error}") from error
    for section, kind in (("schedule", Schedule), ("data", Data), ("damage", Damage)):
        if section in found:
            found[section] = _fill(kind, found[section], f"{path.name} [{section}]")
    recipe = _fill(Recipe, found, path.name)
    _check(recipe, path.name)
    return recipe


def _fill(kind: type, values: object, place: str):
    known = {field.name: field for field in dataclasses.fields(kind)}
    if not isinstance(values, dict):
        raise RecipeError(f"{place} is {values!r}: it takes keys, {', '.join(known)}")
    if unknown := sorted(set(values) - set(known)):
        raise RecipeError(f"{place} has {', '.join(unknown)}: it takes {', '.join(known)}")
    needed = {name for name, f in known.items() if f.default is f.default_factory is dataclasses.MISSING}
    if missing := sorted(needed - set(values)):
        raise RecipeError(f"{place} lacks {', '.join(missing)}")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def _check(recipe: Recipe, place: str) -> None:
    data, damage, schedule = recipe.data, recipe.damage, recipe.schedule
    wrong = {
        f"task {recipe.task!r}: choose one of {', '.join(pretrained.TASKS)}": recipe.task not in pretrained.TASKS,
        f"kernels {damage.kernels}: choose of {', '.join(KERNELS)}": set(damage.kernels) - set(KERNELS),
        f"sigma {damage.sigma}: give two numbers, 0 <= from <= to <= 255": len(damage.sigma) != 2
        or not 0 <= damage.sigma[0] <= damage.sigma[1] <= 255,
        f"scale {damage.scale}: it has to be 1 or more and to divide the patch, {data.patch}": damage.scale < 1
        or data.patch % damage.scale,
        f"steps {schedule.steps}, save_every {schedule.save_every}: steps is a multiple of save_every, both above 0": (
            min(schedule.steps, schedule.save_every) < 1 or schedule.steps % schedule.save_every
        ),
        f"batch {data.batch}: half of it are real pairs, so it has to be even": data.real and data.batch % 2,
        "[model] lacks kind": "kind" not in recipe.model,
    }
    if faults := [text for text, there in wrong.items() if there]:
        raise RecipeError(f"{place}: {'; '.join(faults)}")
