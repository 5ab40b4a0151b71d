import argparse
from dataclasses import fields

from minilocal.runs.options import add_boundaries, add_data, add_network, add_training, given

from minilocal.runs.config import Config


def parser():
    p = argparse.ArgumentParser(argument_default=argparse.SUPPRESS)
    for add in (add_network, add_boundaries, add_data, add_training):
        add(p)
    return p


def test_all_of_configs_options_are_there_but_what_sets_runs_of_a_sweep_apart():
    names = {action.dest for action in parser()._actions} - {"help"}
    assert names == {field.name for field in fields(Config)} - {"algo", "seed"}


def test_what_is_not_given_is_left_to_config():
    assert given(parser().parse_args([])) == {}
    assert given(parser().parse_args(["--no-crop", "--lr", "0.5", "--shift-every", "3"])) == {
        "crop": False, "lr": 0.5, "shift_every": 3,
    }  # fmt: skip
