"""The recipe: every hyperparameter of training, declared once, and the steps that follow from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, TypeVar

from minilocal.console.options import check, option
from minilocal.datasets.batches import margin_of
from minilocal.errors import InputError
from minilocal.optim import LR_SCHEDULES, SGD, learning_rate
from minilocal.schedule import OPTIONS, Block, Schedule, parse

R = TypeVar("R", bound="Recipe")
REMOVED = {"shift_every": None, "shift_order": "cycle"}  # options of older runs, each with the value that had no effect
OLD_MARGIN = 4  # pixels: how far crops shifted the images of older runs
MOVING = "moving boundaries, variants that are not in the paper (GXSY only)"


@dataclass(frozen=True)
class Step:
    """What one training step does, without arrays or state.

    Attributes:
        number: the step, counted from 0 since the start of training.
        epoch: its epoch, counted from 0.
        index: its minibatch within the epoch, counted from 0.
        shift: boundary shift.
        blocks: the blocks trained; layers before the first one are frozen.
        idle: layers whose classifiers learn although no block ends there.
        lr: learning rate.
    """

    number: int
    epoch: int
    index: int
    shift: int
    blocks: tuple[Block, ...]
    idle: tuple[int, ...]
    lr: float


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of training, checked when the recipe is made.

    The trainer, the command line, config.json and `compare` all read these fields. A new hyperparameter needs a field
    here, with its default, help text and range, and code that uses it. `flip=None` means "as the data set
    suggests", `lr_epochs=None` "as many as `epochs`", and `crop_margin=None` "as the images' size suggests". Raises
    `InputError` for a value out of range.
    """

    algo: str = option(
        "G3S2", "BP, GX (blocks of X layers) or GXSY (moving by Y layers every epoch)", group="algorithm"
    )
    seed: int = option(
        0, "seed of initial weights, data order, augmentation and dropout", group="algorithm", least=0, below=2**63
    )
    front: str = option(
        "rest",
        "layers before the first whole block rest, as in the paper, or form a short block",
        group=MOVING,
        choices=OPTIONS["front"],
    )
    idle: str = option(
        "rest",
        "classifiers rest while no block ends at them, as in the paper, or learn without training the layers before",
        group=MOVING,
        choices=OPTIONS["idle"],
    )
    epochs: int = option(10, "passes over the training images", least=1, most=100_000)
    batch_size: int = option(128, "images per step", least=2, most=100_000)
    lr: float = option(0.1, "learning rate at its highest", above=0, most=1000)
    lr_schedule: str = option(
        "triangle",
        "cosine to 0, ×0.25 at 50, 75, 87.5 and 93.75 %% of the steps, or a triangle: up for a quarter of the steps, "
        "then down to 0",
        choices=tuple(LR_SCHEDULES),
    )
    lr_epochs: int | None = option(
        None,
        "spread the learning-rate schedule over N epochs, so that the run can be resumed with more --epochs later "
        "(default: same as --epochs)",
        least=1,
        most=100_000,
        metavar="N",
    )
    momentum: float = option(0.9, "SGD's momentum", least=0, below=1)
    weight_decay: float = option(5e-4, "L2 penalty on all parameters", least=0, below=1)
    beta_lr: float = option(
        1.0, "factor by which BatchNorm's beta has a higher learning rate and less weight decay", above=0, most=1000
    )
    label_smoothing: float = option(0.0, "share of each label that is spread over all classes", least=0, below=1)
    crop: bool = option(True, "random crops of the padded image", group="augmentation")
    crop_margin: int | None = option(
        None, "pixels by which a crop may shift an image (default: an eighth of its shorter side, 4 of 32)",
        group="augmentation", least=1, most=100_000, metavar="PIXELS",
    )  # fmt: skip
    crop_border: str = option(
        "black",
        "what crops show beyond the image's border: black, or the image mirrored",
        group="augmentation",
        choices=("black", "mirror"),
    )
    flip: bool | None = option(
        None, "mirror half of the images (default: for objects, but not for digits or your own data)",
        group="augmentation",
    )  # fmt: skip
    flips: str = option(
        "random",
        "mirror a random half of the images in each epoch, or alternate between that of the first epoch and the other",
        group="augmentation",
        choices=("random", "alternate"),
    )
    alignment: bool = option(
        False,
        "measure after each epoch how far each layer's gradient points in BP's direction; costs two steps",
        group="measurements",
    )

    def __post_init__(self) -> None:
        check(self)
        _ = self.schedule
        if self.lr_epochs is not None and self.lr_epochs < self.epochs:
            raise InputError(
                f"lr_epochs is {self.lr_epochs}; the learning-rate schedule must last for all {self.epochs} epochs"
            )

    @cached_property  # every step asks for it
    def schedule(self) -> Schedule:
        """The schedule of the blocks' boundaries."""
        return parse(self.algo, self.front, self.idle)

    def as_dict(self) -> dict[str, Any]:
        """Return the options by name, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls: type[R], options: dict[str, Any], image_shape: tuple[int, ...] = (32, 32)) -> R:
        """Return the recipe with these options; those that are missing, as in older runs, take their defaults.

        But a run that began when the crop margin was 4 pixels for images of every size, here `image_shape`, keeps it.
        Options that no longer exist may only have the value that had no effect. Raises `InputError` for an option that
        is unknown, out of range or of another type.
        """
        if margin_of(image_shape) != OLD_MARGIN:
            options = {"crop_margin": OLD_MARGIN} | options
        options = {name: v for name, v in options.items() if name not in REMOVED or v != REMOVED[name]}
        if unknown := sorted(set(options) - {field.name for field in fields(cls)}):
            names = (name if name.isidentifier() else f"{name!r:.40}" for name in unknown)
            raise InputError(f"the configuration has unknown options: {', '.join(names)}")
        return cls(**options)

    def optimizer(self) -> SGD:
        """Return a new optimizer, whose learning rate is that of the first step."""
        return SGD(self.lr, self.momentum, self.weight_decay, self.beta_lr)

    def step(self, epoch: int, index: int, steps_per_epoch: int, layers: int) -> Step:
        """Return the step at an index of an epoch, both from 0, on a network with that many layers."""
        schedule, number = self.schedule, epoch * steps_per_epoch + index
        return Step(
            number,
            epoch,
            index,
            schedule.shift_at(epoch),
            tuple(schedule.blocks_at(epoch, layers)),
            tuple(schedule.idle_at(epoch, layers)),
            learning_rate(self.lr_schedule, self.lr, number, (self.lr_epochs or self.epochs) * steps_per_epoch),
        )

    def steps(self, epoch: int, first: int, steps_per_epoch: int, layers: int) -> Iterator[Step]:
        """Yield the steps of an epoch from index `first` on.

        >>> for step in Recipe(algo="G2S1", epochs=2).steps(epoch=1, first=1, steps_per_epoch=3, layers=4):
        ...     print(step.number, step.index, *step.blocks, f"{step.lr:.4f}")
        4 1 2-3 4 0.0333
        5 2 2-3 4 0.0111
        """
        for index in range(first, steps_per_epoch):
            yield self.step(epoch, index, steps_per_epoch, layers)
