from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from minilocal.console.cli import Parser
from minilocal.console.options import add_options, check, flag, given, option
from minilocal.errors import InputError


@dataclass(frozen=True)
class Recipe:
    """One option of each kind."""

    batch_size: int = option(128, "images per step", least=2, most=1000)
    rate: float = option(0.1, "learning rate", above=0, below=1)
    steps: int | None = option(None, "how long to train (default: one epoch)", group="length", least=1, metavar="N")
    name: str = option("cosine", "its name", choices=("cosine", "step"))
    folder: Path | None = option(None, "where files go")
    crop: bool = option(True, "random crops")
    flip: bool | None = option(None, "mirror images")
    quiet: bool = option(False, "print nothing")
    seeds: tuple[int, ...] = option((1, 2), "seeds to try", least=0)
    algo: tuple[str, ...] = option((), "algorithms", choices=("BP", "G1"))
    internal: int = 3

    def __post_init__(self):
        check(self)


def parsed(arguments, cls=Recipe, **options):
    parser = Parser(prog="test")
    add_options(parser, cls, **options)
    return given(parser.parse_args(arguments.split()), cls)


def test_options_of_the_command_line_come_by_name_with_their_types():
    assert parsed("") == {}
    values = parsed("--batch-size 64 --rate 1e-2 --steps 3 --name step --folder a/b --seeds 3 4 --algo BP")
    assert values == {
        "batch_size": 64,
        "rate": 0.01,
        "steps": 3,
        "name": "step",
        "folder": Path("a/b"),
        "seeds": (3, 4),
        "algo": ("BP",),
    }
    assert Recipe(**values).seeds == (3, 4)


def test_switches():
    assert parsed("--no-crop --flip --quiet") == {"crop": False, "flip": True, "quiet": True}
    assert parsed("--no-flip") == {"flip": False}
    with pytest.raises(SystemExit):
        parsed("--no-quiet")  # a switch that is off by default can only be turned on


def test_undeclared_fields_and_those_left_out_are_no_options():
    for arguments, options in (("--internal 4", {}), ("--rate 0.5", {"leave_out": ("rate",)})):
        with pytest.raises(SystemExit):
            parsed(arguments, **options)


def test_given_ignores_what_other_dataclasses_declare():
    assert given(argparse.Namespace(rate=0.5, other=1), Recipe) == {"rate": 0.5}


def test_help_shows_headings_defaults_and_choices(capsys):
    with pytest.raises(SystemExit):
        parsed("--help")
    shown = " ".join(capsys.readouterr().out.split())
    for text in (
        "training: --batch-size BATCH_SIZE images per step (default: 128)",
        "learning rate (default: 0.1)",
        "length: --steps N how long to train (default: one epoch)",
        "--name {cosine,step} its name (default: cosine)",
        "--crop, --no-crop random crops (default: on)",
        "seeds to try (default: 1 2)",
    ):
        assert text in shown
    for text in ("where files go", "mirror images", "print nothing", "algorithms"):  # None, False and () are not shown
        assert f"{text} (default" not in shown


BAD = [
    ("batch_size", 1, "1; it must be at least 2 and at most 1000"),
    ("batch_size", 1001, "1001; it must be at least 2 and at most 1000"),
    ("rate", 0.0, "0.0; it must be above 0 and below 1"),
    ("rate", 1.0, "1.0; it must be above 0 and below 1"),
    ("rate", float("nan"), "nan; it must be above 0 and below 1"),
    ("steps", 0, "0; it must be at least 1"),
    ("seeds", (0, -1), "-1; it must be at least 0"),
]


@pytest.mark.parametrize(("name", "value", "says"), BAD)
def test_out_of_range_names_the_flag_on_the_command_line_and_the_field_in_python(name, value, says):
    words = " ".join(map(str, value)) if isinstance(value, tuple) else value
    with pytest.raises(InputError) as error:
        parsed(f"{flag(name)} {words}")
    assert str(error.value) == f"{flag(name)} is {says}"
    with pytest.raises(InputError) as error:
        Recipe(**{name: value})
    assert str(error.value) == f"{name} is {says}"


def test_values_on_closed_bounds_are_in_range():
    for values in ({"batch_size": 2}, {"batch_size": 1000}, {"steps": 1}, {"seeds": (0,)}):
        assert Recipe(**values)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"batch_size": 2.5}, "batch_size is 2.5; it must be a whole number"),
        ({"batch_size": True}, "batch_size is True; it must be a whole number"),
        ({"batch_size": None}, "batch_size is None; it must be a whole number"),
        ({"rate": "0.5"}, "rate is '0.5'; it must be a number"),
        ({"rate": False}, "rate is False; it must be a number"),
        ({"steps": "x" * 500}, f"steps is '{'x' * 79}; it must be a whole number or null"),
        ({"name": 3}, "name is 3; it must be text"),
        ({"name": "linear"}, "name is 'linear'; choose from cosine, step"),
        ({"crop": 1}, "crop is 1; it must be true or false"),
        ({"folder": "a"}, "folder is 'a'; it must be a path or null"),
        ({"seeds": (1, 2.5)}, "seeds is 2.5; it must be a whole number"),
        ({"seeds": 1}, "seeds is 1; it must be a tuple, and each item a whole number"),
        ({"algo": ("BP", "G2")}, "algo is 'G2'; choose from BP, G1"),
    ],
)
def test_wrong_types_and_choices_are_refused_in_python(values, says):
    with pytest.raises(InputError) as error:
        Recipe(**values)
    assert str(error.value) == says


@pytest.mark.parametrize("arguments", ["--batch-size 2.5", "--rate x", "--name linear", "--algo BP G2", "--seeds"])
def test_wrong_types_and_choices_are_refused_on_the_command_line(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        parsed(arguments)
    assert stop.value.code == 2
    assert arguments.split()[0] in capsys.readouterr().err


def test_numpys_numbers_are_accepted_and_become_pythons():
    recipe = Recipe(batch_size=np.int64(64), rate=np.float32(0.5), steps=np.uint8(3))
    assert [type(value) for value in (recipe.batch_size, recipe.rate, recipe.steps)] == [int, float, int]
    assert recipe == Recipe(batch_size=64, rate=0.5, steps=3)
    assert Recipe(seeds=(np.int32(5),)).seeds == (5,)
    assert Recipe(rate=np.float64(0.5)).rate == 0.5
    for bad in (np.float32(1.5), np.bool_(True)):
        with pytest.raises(InputError, match=r"batch_size is .*; it must be a whole number"):
            Recipe(batch_size=bad)


def test_whole_numbers_are_numbers():
    @dataclass
    class Rate:
        value: float = option(1.0, "a rate", most=5)

    check(Rate(3))
    with pytest.raises(InputError, match="value is 6; it must be at most 5"):
        check(Rate(6))
