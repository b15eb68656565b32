"""A recipe is a small file that says how a network is trained; `train` does what it says, and goes on if it was killed.

Sections and keys are those of the dataclasses below; `recipes/` holds the ones behind the shipped weights.
"""

from __future__ import annotations

import dataclasses
import inspect
import tomllib
from pathlib import Path

import numpy as np

from lessons_lib import degrade, models
from lessons_lib.degrade import Degradation
from lessons_lib.images import ImageError

FOLDER = Path(__file__).resolve().parents[2] / "recipes"


RENAMED = {"damage": "degradation", "told": "noise_conditioned"}  # until version 0.3


class RecipeError(ImageError):
    """A recipe that cannot be followed: it says which key of which file, and what would do."""


@dataclasses.dataclass(frozen=True)
class Data:
    """Pictures: a registered set ("" for the shipped photographs), its splits, side of a patch, patches a step.

    `real`: the share of each step's patches that are PolyU's pairs of a noisy and a clean photograph; one that is above
    0 also validates with them. `leave_out`: cameras, by the start of PolyU's names, of which none are used. `grayed`,
    `darkened`: shares of the other patches that become gray, or darker.
    """

    set: str = ""
    train: tuple[str, ...] = ("train",)
    validation: str = "validation"
    patch: int = 64
    batch: int = 16
    gray: bool = False
    real: float = 0.0
    leave_out: tuple[str, ...] = ()
    grayed: float = 0.0
    darkened: float = 0.0

    @property
    def real_pairs(self) -> int:
        """How many of a step's patches are real pairs."""
        return round(self.batch * self.real)


@dataclasses.dataclass(frozen=True)
class DegradationRange:
    """The degradations that clean patches get, each patch another one.

    `sigma`: noise, drawn from..to (0..255); with `skew` above 1, weak noise more often. `noises`: kinds of
    degrade.NOISES, of which one is drawn. `kernels`: kinds of degrade.RANDOM_KERNELS, of which one is drawn. `scale`:
    how many times smaller the patch becomes. `jpeg`: the quality of a JPEG, drawn from..to, for `jpeg_share` of the
    patches.
    `clean`: the share of patches without noise. `stored`: values are clipped and rounded to 8 bits, as files have them,
    and gray patches get gray noise. `noise_conditioned`: the noise level goes along as the last channel. `strength`: a
    1 does, which a user will change.
    """

    sigma: tuple[float, float] = (0.0, 0.0)
    skew: float = 1.0
    noises: tuple[str, ...] = ("gaussian",)
    kernels: tuple[str, ...] = ()
    scale: int = 1
    jpeg: tuple[int, int] | tuple[()] = ()
    jpeg_share: float = 0.5
    clean: float = 0.0
    stored: bool = False
    noise_conditioned: bool = False
    strength: bool = False

    def draw(self, rng: np.random.Generator) -> Degradation:
        """One of them."""
        kernel = None
        if self.kernels:
            kernel = degrade.RANDOM_KERNELS[self.kernels[rng.integers(len(self.kernels))]](rng)
        low, high = self.sigma
        sigma = (low + (high - low) * rng.random() ** self.skew) / 255
        noise = self.noises[rng.integers(len(self.noises))] if len(self.noises) > 1 else self.noises[0]
        if self.clean and rng.random() < self.clean:
            sigma = 0.0
        jpeg = None
        if self.jpeg and rng.random() < self.jpeg_share:
            jpeg = int(rng.integers(self.jpeg[0], self.jpeg[1] + 1))
        level = degrade.NOISES[noise].level(sigma) if sigma else 0.0
        return Degradation(kernel, self.scale, noise, level, quantise=self.stored, jpeg=jpeg)

    def __call__(self, clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A degraded patch as the network takes it, degraded by a draw of its own."""
        degradation = self.draw(rng)
        gray = self.stored and clean.shape[-1] == 3 and not np.ptp(clean, axis=-1).any()
        degraded = degradation(clean[..., :1] if gray else clean, rng)  # a gray file has one noise, not three
        degraded = np.repeat(degraded, 3, -1) if gray else degraded
        if self.strength:
            return self.as_input(degraded)
        return degrade.with_level(degraded, degradation.info.sigma) if self.noise_conditioned else degraded

    def as_input(self, degraded: np.ndarray) -> np.ndarray:
        """What a network that finds the noise itself takes of a degraded picture."""
        return degrade.with_level(degraded, 1.0) if self.strength else degraded

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
    if recipe.name != path.stem:  # weights and results are filed by that name: a copied recipe would replace others'
        raise RecipeError(f"{path} is named {recipe.name!r} inside: give it the name of its file, {path.stem!r}")
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


def _model_fault(model: dict) -> str:
    """What is wrong with the section [model], or ""."""
    arguments = dict(model)
    kind = arguments.pop("kind", None)
    if kind not in models.KINDS:
        return f"[model] kind {kind!r}: choose one of {', '.join(models.KINDS)}"
    try:
        inspect.signature(models.function(kind)).bind(**arguments)
    except TypeError as error:
        return f"[model] {kind}: {error}"
    return ""


def _check(recipe: Recipe, place: str) -> None:
    data, schedule = recipe.data, recipe.schedule
    sigma, kernels, scale = recipe.degradation.sigma, recipe.degradation.kernels, recipe.degradation.scale
    noises, jpeg = recipe.degradation.noises, recipe.degradation.jpeg
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
        f"real {data.real:g}: give a share from 0 to 1, of which a patch is at least one of {data.batch}": (
            not 0 <= data.real <= 1 or (data.real > 0) != (data.real_pairs > 0)
        ),
        f"noises {noises}: choose one or more of {', '.join(degrade.NOISES)}": not noises
        or set(noises) - set(degrade.NOISES),
        f"jpeg {jpeg}: give two qualities, 1 <= from <= to <= 100": bool(jpeg)
        and not (len(jpeg) == 2 and 1 <= jpeg[0] <= jpeg[1] <= 100),
        f"jpeg_share {recipe.degradation.jpeg_share:g}: give a share from 0 to 1": not (
            0 <= recipe.degradation.jpeg_share <= 1
        ),
        f"clean {recipe.degradation.clean:g}: give a share from 0 to 1": not 0 <= recipe.degradation.clean <= 1
        or not recipe.degradation.skew >= 1,
        _model_fault(recipe.model): _model_fault(recipe.model),
    }
    if faults := [text for text, there in wrong.items() if there]:
        raise RecipeError(f"{place}: {'; '.join(faults)}")
