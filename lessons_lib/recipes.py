"""A recipe is a small file that says how a network is trained; `train` does what it says, and goes on if it was killed.

Sections and keys are those of the dataclasses below; `recipes/` holds the ones behind the shipped weights.
"""

from __future__ import annotations

import dataclasses
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from lessons_lib import batches, datasets, degrade, distribute, images, metrics, models, training, weights
from lessons_lib.images import ImageError

FOLDER = Path(__file__).resolve().parent.parent / "recipes"
RUNS = FOLDER.parent / "runs"


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
        f"task {recipe.task!r}: choose one of {', '.join(weights.TASKS)}": recipe.task not in weights.TASKS,
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


def damager(damage: Damage) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    """The function (clean, rng) -> degraded that a recipe describes."""

    def spoil(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        spoilt = clean
        if damage.kernels:
            spoilt = degrade.blur(spoilt, KERNELS[damage.kernels[rng.integers(len(damage.kernels))]](rng))
        if damage.scale > 1:  # in 8 bits, as the papers store their small pictures
            spoilt = images.to_float(images.to_uint8(degrade.imresize(spoilt, 1 / damage.scale)))
        sigma = rng.uniform(*damage.sigma) / 255
        spoilt = degrade.gaussian_noise(spoilt, sigma, rng)
        return degrade.with_level(spoilt, sigma) if damage.told else spoilt

    return spoil


def train(
    recipe: Recipe,
    folder: Path | None = None,
    *,
    quiet: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, training.History]:
    """Follow a recipe to its end: the network, with the averaged weights of its best epoch, and what was measured.

    `folder` keeps the state, written whole after every `save_every` steps, which make an epoch; the same call goes on
    from there. Precision is bfloat16 where it pays; several GPUs share each batch. `callbacks` are further ones.
    Raises DatasetError, WeightsError, training.GateError.
    """
    folder, schedule = folder or RUNS / recipe.name, recipe.schedule
    stream, held_out = _stream(recipe), _held_out(recipe)
    training.set_precision("auto")
    with distribute.scope():
        training.seed_everything(recipe.seed)
        model = models.build(**recipe.model)
        if recipe.start:
            model.set_weights(weights.load(recipe.start).get_weights())
        model.compile(_adam(schedule), schedule.loss)
        epochs = schedule.steps // schedule.save_every
        watch = _Watch(held_out)
        watchers = [watch, *callbacks]
        history = training.fit(
            model, stream, epochs=epochs, seed=recipe.seed, resume=folder, quiet=quiet, callbacks=watchers
        )
    return model, history


def _stream(recipe: Recipe) -> batches.PairStream | batches.SideBySide:
    """What the recipe trains on: damaged patches, and beside them as many real ones if it wants them."""
    data, halves = recipe.data, 2 if recipe.data.real else 1
    settings = {
        "batch_size": data.batch // halves,
        "patch": data.patch,
        "augment": [batches.flip, batches.rotate90],
        "seed": recipe.seed,
        "steps": recipe.schedule.save_every,
    }
    made = batches.PairStream(_pictures(data, data.train), damager(recipe.damage), **settings)
    if not data.real:
        return made
    pairs = [(noisy, clean) for _, noisy, clean in datasets.real_pairs("train")]
    return batches.SideBySide([made, batches.RealPairs(pairs, **settings)])


def _held_out(recipe: Recipe, side: int = 192) -> list[tuple[np.ndarray, np.ndarray]]:
    """The middles of the pictures to validate with, as (degraded, clean)."""
    if recipe.data.real:
        pairs = [(noisy, clean) for _, noisy, clean in datasets.real_pairs("validation")]
        return [tuple(images.center_crop(picture, (side, side)) for picture in pair) for pair in pairs]
    spoil, middle = damager(_middle(recipe.damage)), side - side % recipe.damage.scale
    rng = np.random.default_rng((recipe.seed, 1))
    pictures = _pictures(recipe.data, (recipe.data.validation,))
    return [(spoil(clean, rng), clean) for clean in (images.center_crop(p, (middle, middle)) for p in pictures)]


def _pictures(data: Data, splits: tuple[str, ...]) -> list[np.ndarray]:
    if data.set:
        found = [images.read(path) for split in splits for path in datasets.paths(data.set, split)]
    else:
        found = [picture for split in splits for picture in datasets.photos(split).values()]
    return [images.to_gray(picture) for picture in found] if data.gray else found


def _adam(schedule: Schedule) -> keras.optimizers.Optimizer:
    warmup = min(schedule.warmup, schedule.steps // 2)
    rate = keras.optimizers.schedules.CosineDecay(
        schedule.rate / 50, schedule.steps - warmup, alpha=0.01, warmup_target=schedule.rate, warmup_steps=warmup
    )
    return keras.optimizers.Adam(rate, clipnorm=schedule.clipnorm, use_ema=True, ema_momentum=schedule.ema)


class _Watch(keras.callbacks.Callback):
    """After every epoch: dB on the middles of the held-out pictures, of the averaged weights; and how long it took."""

    def __init__(self, held_out: list[tuple[np.ndarray, np.ndarray]]):
        super().__init__()
        self.held_out = held_out

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        current = self.model.get_weights()
        self.model.set_weights(training.averaged_weights(self.model))
        answers = [(np.clip(self.model.predict_on_batch(x[None])[0], 0, 1), clean) for x, clean in self.held_out]
        self.model.set_weights(current)
        pairs = [(clean, restored) for restored, clean in answers]
        logs["val_loss"] = float(np.mean([metrics.mse(*pair) for pair in pairs]))
        logs["val_psnr"] = float(np.mean([metrics.psnr(*pair, data_range=1.0) for pair in pairs]))
        logs["seconds"] = time.perf_counter() - self.started


def _middle(damage: Damage) -> Damage:
    """The damage with one level of noise, in the middle of its range, so that epochs compare."""
    level = sum(damage.sigma) / 2
    return dataclasses.replace(damage, sigma=(level, level))
