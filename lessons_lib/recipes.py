"""A recipe is a small file that says how a network is trained; `train` does what it says, and goes on if it was killed.

Sections and keys are those of the dataclasses below; `recipes/` holds the ones behind the shipped weights.
"""

from __future__ import annotations

import dataclasses
import json
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from lessons_lib import batches, datasets, degrade, distribute, evaluate, images, metrics, models, training, weights
from lessons_lib.images import ImageError

FOLDER = Path(__file__).resolve().parent.parent / "recipes"
RUNS = FOLDER.parent / "runs"
CURVES = FOLDER.parent / "results" / "curves"


class RecipeError(ImageError):
    """A recipe that cannot be followed: it says which key of which file, and what would do."""


@dataclasses.dataclass(frozen=True)
class Data:
    """Pictures: a registered set ("" for the shipped photographs), its splits, side of a patch, patches a step."""

    set: str = ""
    train: tuple[str, ...] = ("train",)
    validation: str = "validation"
    patch: int = 64
    batch: int = 16
    gray: bool = False


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
    folder, schedule, data = folder or RUNS / recipe.name, recipe.schedule, recipe.data
    sources, held_out = _pictures(data, data.train), _pictures(data, (data.validation,))
    training.set_precision("auto")
    with distribute.scope():
        training.seed_everything(recipe.seed)
        model = models.build(**recipe.model)
        if recipe.start:
            model.set_weights(weights.load(recipe.start).get_weights())
        model.compile(_adam(schedule), schedule.loss)
        stream = batches.PairStream(
            sources,
            damager(recipe.damage),
            batch_size=data.batch,
            patch=data.patch,
            augment=[batches.flip, batches.rotate90],
            seed=recipe.seed,
            steps=schedule.save_every,
        )
        epochs = schedule.steps // schedule.save_every
        watch = _Watch(recipe, held_out)
        watchers = [watch, *callbacks]
        history = training.fit(
            model, stream, epochs=epochs, seed=recipe.seed, resume=folder, quiet=quiet, callbacks=watchers
        )
    return model, history


def publish(recipe: Recipe, model: keras.Model, history: training.History) -> None:
    """Put a trained network among the shipped weights, with its card, and its learning curve among the results.

    Raises WeightsError.
    """
    weights.save(recipe.name, model, _card(recipe, history))
    CURVES.mkdir(parents=True, exist_ok=True)
    images.write_whole(CURVES / f"{recipe.name}.json", (json.dumps(_curve(recipe, history)) + "\n").encode())


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

    def __init__(self, recipe: Recipe, pictures: list[np.ndarray], side: int = 192):
        super().__init__()
        spoil, middle = damager(_middle(recipe.damage)), side - side % recipe.damage.scale
        rng = np.random.default_rng((recipe.seed, 1))
        self.clean = [images.center_crop(picture, (middle, middle)) for picture in pictures]
        self.degraded = [spoil(picture, rng) for picture in self.clean]

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        current = self.model.get_weights()
        self.model.set_weights(training.averaged_weights(self.model))
        restored = [np.clip(self.model.predict_on_batch(picture[None])[0], 0, 1) for picture in self.degraded]
        self.model.set_weights(current)
        pairs = list(zip(self.clean, restored, strict=True))
        logs["val_loss"] = float(np.mean([metrics.mse(*pair) for pair in pairs]))
        logs["val_psnr"] = float(np.mean([metrics.psnr(*pair, data_range=1.0) for pair in pairs]))
        logs["seconds"] = time.perf_counter() - self.started


def _middle(damage: Damage) -> Damage:
    """The damage with one level of noise, in the middle of its range, so that epochs compare."""
    level = sum(damage.sigma) / 2
    return dataclasses.replace(damage, sigma=(level, level))


def _card(recipe: Recipe, history: training.History) -> dict:
    data, model = recipe.data, recipe.model | recipe.ship
    return {
        "name": recipe.name,
        "task": recipe.task,
        "model": {"kind": model.pop("kind"), "arguments": model},
        "channels": 1 if data.gray else 3,
        "told": recipe.damage.told,
        "scale": recipe.damage.scale,
        "halo": recipe.halo,
        "multiple": recipe.multiple,
        "data": f"{data.set or 'the shipped photographs'}: {', '.join(data.train)}; {data.validation} to validate",
        "recipe": dataclasses.asdict(recipe),
        "steps": history.epochs * recipe.schedule.save_every,
        "hours": round(sum(history.metrics["seconds"]) / 3600, 2),
        "precision": keras.mixed_precision.dtype_policy().name,
        "validation_psnr": round(history.metrics["val_psnr"][history.best_epoch - 1], 3),
        "licence": "MIT, as the code; the training pictures keep their own terms (see Credits)",
        "limits": recipe.limits,
        **evaluate.provenance(),
    }


def _curve(recipe: Recipe, history: training.History) -> dict:
    steps = [recipe.schedule.save_every * epoch for epoch in range(1, history.epochs + 1)]
    hours = np.cumsum(history.metrics["seconds"]) / 3600
    psnr = [round(value, 3) for value in history.metrics["val_psnr"]]
    return {"name": recipe.name, "steps": steps, "hours": [round(float(h), 3) for h in hours], "val_psnr": psnr}
