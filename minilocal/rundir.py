"""Run directories: what a run leaves behind, and reading it again.

    runs/20260102-030405-G3S2-vgg8b/
        config.json         every option, the normalisation, the class names, library versions
        metrics.csv         a row per epoch, shift and block; no times in it: the same run gives the same bytes (lr: the
                            learning rate of the epoch's last step)
        gradients.csv       a row per epoch, shift and layer
        timing.csv          seconds and images per second, per epoch
        checkpoint.npz      weights, running statistics and momentum after the last whole epoch
        curves.png, gradient_map.png

Files are written under a temporary name, flushed and renamed, so that none is ever half-written.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import platform
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numba
import numpy as np

from minilocal import __version__
from minilocal.config import Config
from minilocal.data import Data
from minilocal.datainfo import DataInfo
from minilocal.errors import InputError
from minilocal.files import new_directory, replacing
from minilocal.network import Network, check_arrays
from minilocal.optim import SGD
from minilocal.schedule import parse
from minilocal.trainer import EpochReport

METRICS = (
    "epoch", "shift", "block", "first_layer", "last_layer", "lr", "train_loss", "train_accuracy",
    "validation_loss", "validation_accuracy", "test_loss", "test_accuracy",
)  # fmt: skip
GRADIENTS = ("epoch", "shift", "layer", "block", "gradient_norm", "weight_norm")
TIMING = ("epoch", "train_seconds", "evaluation_seconds", "images_per_second")

TOO_LARGE = (MemoryError, OverflowError, RecursionError)  # what files that lie about their size can lead to


class RunDirectory:
    """A directory that holds one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, config: Config, path: str | None = None, base: str = "runs") -> RunDirectory:
        """Make a new directory: at path, or `base/<time>-<algo>-<model>`, numbered if that is taken.

        Raises `InputError` if it can't be made or path exists and is not an empty directory.
        """
        try:
            if path is not None:
                return cls(_make_directory(Path(path)))
            stem = f"{datetime.now():%Y%m%d-%H%M%S}-{parse(config.algo).name}-{config.model}"
            Path(base).mkdir(parents=True, exist_ok=True)
            for number in range(1, 1000):
                directory = Path(base) / (stem if number == 1 else f"{stem}-{number}")
                with contextlib.suppress(FileExistsError):
                    directory.mkdir()
                    return cls(directory)
        except InputError:
            raise
        except (OSError, ValueError) as error:
            where = path if path is not None else base
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"run directory {where!r} can't be made ({reason}); name another with --run-dir") from None
        raise InputError(f"a thousand runs are named {base}/{stem}; name one with --run-dir")

    def write_config(self, config: Config, data: Data) -> None:
        """Write config.json."""
        content = {
            "config": config.as_dict(),
            "data": DataInfo.of(data).as_dict(),
            "versions": {
                "minilocal": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
                "numba": numba.__version__,
            },
        }
        with replacing(self.path / "config.json") as file:
            file.write((json.dumps(content, indent=2) + "\n").encode())

    def append(self, report: EpochReport) -> None:
        """Add an epoch's rows to metrics.csv, gradients.csv and timing.csv."""
        metrics, gradients = [], []
        for part in report.parts:
            for number, block in enumerate(part.blocks, 1):
                row: list[Any] = [
                    report.epoch,
                    part.shift,
                    number,
                    block.block.first,
                    block.block.last,
                    report.lr,
                ]
                row += block.train
                row += block.held_out.get("validation", ("", ""))
                row += block.held_out["test"]
                metrics.append(row)
            gradients += [[report.epoch, part.shift, *vars(layer).values()] for layer in part.layers]
        rate = report.images / report.train_seconds
        timing = [[report.epoch, *(round(t, 3) for t in (report.train_seconds, report.evaluation_seconds, rate))]]
        for name, header, rows in (
            ("metrics.csv", METRICS, metrics),
            ("gradients.csv", GRADIENTS, gradients),
            ("timing.csv", TIMING, timing),
        ):
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(rows if self._has(name) else [header, *rows])
            old = (self.path / name).read_bytes() if self._has(name) else b""
            with replacing(self.path / name) as file:
                file.write(old + text.getvalue().encode())

    def write_checkpoint(self, network: Network, optimizer: SGD, epoch: int) -> None:
        """Write checkpoint.npz: arrays named as in `Network.arrays`, momentum as `momentum.<name>`, the epoch."""
        arrays = network.arrays() | _momentum(network, optimizer)
        with replacing(self.path / "checkpoint.npz") as file:
            np.savez(file, epoch=np.array(epoch), **arrays)  # type: ignore[arg-type]

    def restore(self, network: Network, optimizer: SGD) -> int:
        """Load the checkpoint, momentum too, and forget rows of later epochs; return the number of epochs behind it.

        Without a checkpoint nothing is loaded, all rows are forgotten, and the number is 0.
        """
        epoch = 0
        if self._has("checkpoint.npz"):
            arrays = self._read_checkpoint(network, momentum_of=optimizer)
            epoch = int(arrays["epoch"])
        for name in ("metrics.csv", "gradients.csv", "timing.csv"):
            if self._has(name):
                header, *rows = (self.path / name).read_text().splitlines(keepends=True)
                kept = [row for row in rows if int(row.split(",")[0]) <= epoch]
                with replacing(self.path / name) as file:
                    file.write("".join([header, *kept]).encode())
        return epoch

    def read_config(self) -> tuple[Config, DataInfo]:
        """Return the configuration and what config.json says about the data, checked."""
        path = self.path / "config.json"
        content = self._read(path, lambda: json.loads(path.read_text(encoding="utf-8")))
        if not isinstance(content, dict) or not isinstance(content.get("config"), dict):
            raise InputError(f"{path} is not a run's configuration; name another run directory")
        try:
            config = Config.from_dict(content["config"])
            config.check()
            return config, DataInfo.from_dict(content.get("data"))
        except InputError as error:
            raise InputError(f"{path} is not a run's configuration ({error}); name another run directory") from None

    def read_checkpoint(self, network: Network) -> int:
        """Load checkpoint.npz into the network; return the number of epochs behind it."""
        return int(self._read_checkpoint(network)["epoch"])

    def _read_checkpoint(self, network: Network, momentum_of: SGD | None = None) -> dict[str, np.ndarray]:
        """Load checkpoint.npz into the network, and into an optimizer if that is given; return what it holds."""
        path = self.path / "checkpoint.npz"

        def read() -> dict[str, np.ndarray]:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                wanted = archive.files if momentum_of else [n for n in archive.files if not n.startswith("momentum.")]
                return {name: archive[name] for name in wanted}

        arrays = self._read(path, read)
        epoch = arrays.get("epoch", np.array(0.0))
        try:
            if epoch.shape != () or epoch.dtype.kind != "i" or epoch < 1:
                raise InputError("its epoch is not a whole number from 1")
            if momentum_of is not None:
                momentum = _momentum(network, momentum_of)
                check_arrays(arrays, momentum)
            network.load(arrays)
        except InputError as error:
            raise InputError(f"{path} does not fit the run's configuration: {error}") from None
        if momentum_of is not None:
            for name, velocity in momentum.items():
                velocity[...] = arrays[name]
        return arrays

    def read_rows(self, name: str) -> list[dict[str, float]]:
        """Return the rows of one of the CSV files as numbers by column; empty fields are left out."""
        path = self.path / name

        def read() -> list[dict[str, float]]:
            with path.open(newline="") as file:
                return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]

        return self._read(path, read)

    def _has(self, name: str) -> bool:
        return (self.path / name).exists()

    def _read(self, path: Path, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except FileNotFoundError:
            raise InputError(
                f"{path} does not exist; name a run directory that `python -m minilocal.train` wrote"
            ) from None
        except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile, *TOO_LARGE) as error:
            raise InputError(
                f"{path} can't be read ({str(error) or type(error).__name__}); train again or name another run"
            ) from None


def _momentum(network: Network, optimizer: SGD) -> dict[str, np.ndarray]:
    """Return all momentum buffers under their names in a checkpoint."""
    return {
        f"momentum.{part}.{name}": velocity
        for part, layer in network.parts
        for name, velocity in optimizer.velocity_of(layer).items()
    }


def _make_directory(directory: Path) -> Path:
    """Make a directory that does not exist yet, or take an empty one; leave nothing behind if that fails."""
    if str(directory) in ("", "."):
        raise InputError("--run-dir is the current directory; name one that does not exist yet")
    with new_directory(directory):
        if any(directory.iterdir()):
            raise InputError(f"run directory {str(directory)!r} is not empty; name one that does not exist yet")
        probe = directory / ".probe"
        probe.touch()
        probe.unlink()
    return directory
