"""A recipe is a small file that says how a network is trained; `train` does what it says, and goes on if it was killed.

Sections and keys are those of the dataclasses below; `recipes/` holds the ones behind the shipped weights.
"""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import numpy as np

from lessons_lib import degrade
from lessons_lib.degrade import Degradation
from lessons_lib.images import ImageError

FOLDER = Path(__file__).resolve().parents[2] / "recipes"


RENAMED = {"damage": "degradation", "told": "noise_conditioned"}  # until version 0.3


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
class DegradationRange:
    """The degradations that clean patches get, each patch another one.

    `sigma`: noise, drawn from..to (0..255). `kernels`: kinds of degrade.RANDOM_KERNELS, of which one is drawn.
    `scale`: how many times smaller the patch becomes. `noise_conditioned`: the noise level goes along as the last
    channel.
    """

    sigma: tuple[float, float] = (0.0, 0.0)
    kernels: tuple[str, ...] = ()
    scale: int = 1
    noise_conditioned: bool = False

    def draw(self, rng: np.random.Generator) -> Degradation:
        """One of them."""
        kernel = None
        if self.kernels:
            kernel = degrade.RANDOM_KERNELS[self.kernels[rng.integers(len(self.kernels))]](rng)
        return Degradation(kernel, self.scale, level=rng.uniform(*self.sigma) / 255)

    def __call__(self, clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A degraded patch as the network takes it, degraded by a draw of its own."""
        degradation = self.draw(rng)
        degraded = degradation(clean, rng)
        return degrade.with_level(degraded, degradation.level) if self.noise_conditioned else degraded

    def middle(self) -> DegradationRange:
        """The range with one level of noise, in its middle, so that epochs compare."""
        level = sum(self.sigma) / 2
        return dataclasses.replace(self, sigma=(level, level))


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
    degradation: DegradationRange = DegradationRange()
    seed: int = 0
    start: str = ""
    ship: dict = dataclasses.field(default_factory=dict)
    halo: int = 32
    multiple: int = 1
    limits: str = ""


def find_recipe(name: str | Path) -> Path:
    """The file of a recipe given by path, or by its name in `recipes/`. Raises RecipeError."""
    for path in (Path(name), FOLDER / f"{name}.toml"):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.toml")))
    raise RecipeError(f"no recipe {str(name)!r}: give the path of a .toml file, or one of {known}")


def read_recipe(path: Path) -> Recipe:
    """The recipe in a file. Raises RecipeError for what is missing, unknown or does not fit together."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not TOML: {error}") from error
    for section, kind in (("schedule", Schedule), ("data", Data), ("degradation", DegradationRange)):
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
        if old := sorted(set(unknown) & set(RENAMED)):
            renamed = ", ".join(f"{key}, which is {RENAMED[key]} now" for key in old)
            raise RecipeError(f"{place} has {renamed}: rename it")
        raise RecipeError(f"{place} has {', '.join(unknown)}: it takes {', '.join(known)}")
    needed = {name for name, f in known.items() if f.default is f.default_factory is dataclasses.MISSING}
    if missing := sorted(needed - set(values)):
        raise RecipeError(f"{place} lacks {', '.join(missing)}")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def _check(recipe: Recipe, place: str) -> None:
    data, schedule = recipe.data, recipe.schedule
    sigma, kernels, scale = recipe.degradation.sigma, recipe.degradation.kernels, recipe.degradation.scale
    known, tasks = degrade.RANDOM_KERNELS, degrade.TASKS
    wrong = {
        f"task {recipe.task!r}: choose one of {', '.join(tasks)}": recipe.task not in tasks,
        f"kernels {kernels}: choose of {', '.join(known)}": set(kernels) - set(known),
        f"sigma {sigma}: give two numbers, 0 <= from <= to <= 255": len(sigma) != 2
        or not 0 <= sigma[0] <= sigma[1] <= 255,
        f"scale {scale}: it has to be 1 or more and to divide the patch, {data.patch}": scale < 1 or data.patch % scale,
        f"steps {schedule.steps}, save_every {schedule.save_every}: steps is a multiple of save_every, both above 0": (
            min(schedule.steps, schedule.save_every) < 1 or schedule.steps % schedule.save_every
        ),
        f"batch {data.batch}: half of it are real pairs, so it has to be even": data.real and data.batch % 2,
        "[model] lacks kind": "kind" not in recipe.model,
    }
    if faults := [text for text, there in wrong.items() if there]:
        raise RecipeError(f"{place}: {'; '.join(faults)}")
