"""Whatever a run directory contains, readers return what makes sense or raise InputError with the file and a reason."""

import contextlib
import copy
import hashlib
import json
import math
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minilocal.datasets.prepare import prepare
from minilocal.errors import InputError
from minilocal.networks.vgg import build_network
from minilocal.runs import sealed
from minilocal.runs.config import Config
from minilocal.runs.directory import RunDirectory
from minilocal.runs.record import train_into
from minilocal.training.recipe import Recipe
from minilocal.training.trainer import Trainer

# What JSON may contain where something else is expected.
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(),
    st.floats(),
    st.text(max_size=9),
    st.text(st.characters(), max_size=9),
    st.sampled_from(
        ["G3S2", "BP", "vgg8b", "a2", "npz:x", "1", "nan", 10**400, 2**63, -0.0, [], {}, [[]], [None], [1.0], {"a": 1}]
    ),
    st.lists(st.floats(), max_size=4),
    st.lists(st.integers(), max_size=4),
)


@st.composite
def altered(draw, content):
    """Draw a JSON document with one to three of its values replaced, left out or added."""
    content = copy.deepcopy(content)
    for _ in range(draw(st.integers(1, 3))):
        place = content
        while True:
            keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            if draw(st.integers(0, 4)):
                place[key] = copy.deepcopy(draw(odd))  # the next round may alter it
            else:
                del place[key]
            break
    return content


class StopError(Exception):
    pass


def make_trainer(images, epochs=2):
    data = prepare(images)
    network = build_network("4 M 4", [8], data.image_shape, 4, "G2S1", features=16)
    return Trainer(network, data, Recipe(algo="G2S1", epochs=epochs, batch_size=16))


@pytest.fixture
def run(images, tmp_path, monkeypatch):
    """A run that was stopped in the middle of an epoch."""
    run, trainer = RunDirectory(tmp_path), make_trainer(images)
    run.write_config(Config(dataset="squares"), trainer.data)
    reports = train_into(run, trainer, checkpoint_every=4, keep=0)
    next(reports)

    def stop(*_):
        if trainer.totals.steps == 5:
            raise StopError

    trainer.on_step = stop
    with pytest.raises(StopError):
        next(reports)
    monkeypatch.setattr(os, "fsync", lambda file: None)  # for speed
    return run


def accepted(read, path):
    """Return True if something was read, False if it was refused in the right way."""
    try:
        read()
    except InputError as error:
        message = str(error)
    else:
        return True
    assert str(path) in message
    assert "\n" not in message
    return False


def begin(run, trainer):
    """Restore a run, and train nothing."""

    def stop(position):
        raise StopError

    with contextlib.suppress(StopError):
        next(train_into(run, trainer, on_begin=stop), None)


def test_every_change_of_a_checkpoint_is_noticed(run, fuzz, damage):
    changes, damaged = damage
    path = run.checkpoints.newest
    good = path.read_bytes()

    @fuzz
    @given(changes=changes)
    def check(changes):
        content = damaged(good, changes)
        path.write_bytes(content)
        assert accepted(lambda: sealed.read(path), path) == (content == good)

    check()


def test_a_changed_checkpoint_with_the_right_checksum(run, images, fuzz, damage):
    """As someone might forge it. It is read as it is, or refused."""
    changes, damaged = damage
    path, trainer = run.checkpoints.newest, make_trainer(images)
    good = path.read_bytes()

    @fuzz
    @given(changes=changes, keep_end=st.booleans())
    def check(changes, keep_end):
        cut = -86 if keep_end else -64
        content = damaged(good[:cut], changes) + (good[-86:-64] if keep_end else b"")
        path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())
        if accepted(lambda: run.read_checkpoint(trainer.network), path):
            assert all(np.isfinite(array).all() for array in trainer.network.arrays().values())

    check()


def test_a_checkpoint_that_says_odd_things_with_the_right_checksum(run, images, fuzz):
    path, trainer = run.checkpoints.newest, make_trainer(images)
    arrays, about = sealed.read(path)

    @fuzz
    @given(about=altered(about))
    def check(about):
        with path.open("w+b") as file:
            sealed.write(file, arrays, about)
        if accepted(lambda: begin(run, trainer), path):
            assert trainer.totals.epoch >= 0
            assert all(math.isfinite(norm) for norm in trainer.totals.gradient_norms.values())

    check()


def check_config(run):
    if accepted(run.read_config, run.path / "config.json"):
        _, info = run.read_config()
        assert info.image_shape[2] == len(info.normalisation.mean) == len(info.normalisation.std)
        assert np.isfinite([info.normalisation.mean, info.normalisation.std]).all()
        "".join(info.classes).encode()


def test_config_bytes(run, fuzz, damage):
    changes, damaged = damage
    good = (run.path / "config.json").read_bytes()

    @fuzz
    @given(changes=changes)
    def check(changes):
        (run.path / "config.json").write_bytes(damaged(good, changes))
        check_config(run)

    check()


def test_config_values(run, fuzz):
    good = json.loads((run.path / "config.json").read_text())

    @fuzz
    @given(content=altered(good))
    def check(content):
        (run.path / "config.json").write_text(json.dumps(content))
        check_config(run)

    check()


@pytest.mark.parametrize("name", ["metrics.csv", "gradients.csv", "timing.csv"])
def test_tables(run, name, fuzz, damage):
    changes, damaged = damage
    path = run.path / name
    good = path.read_bytes()
    fields = st.one_of(
        odd.map(str), st.sampled_from(["", "1", "2", "1e9", "1_0", "0x1", '"', ",", "\n", "\r", "\0", " 1 "])
    )

    @fuzz
    @given(changes=changes, fields=st.lists(st.tuples(st.integers(0, 99), fields), max_size=3), bytewise=st.booleans())
    def check(changes, fields, bytewise):
        if bytewise:
            content = damaged(good, changes)
        else:
            values = good.decode().replace("\n", ",\n,").split(",")
            for place, value in fields:
                values[place % len(values)] = value
            content = ",".join(values).replace(",\n,", "\n").encode(errors="replace")
        path.write_bytes(content)
        if accepted(lambda: run.read_rows(name), path):
            for row in run.read_rows(name):
                assert all(0 <= number < math.inf for number in row.values())
                assert all(number <= 1 for key, number in row.items() if key.endswith("accuracy"))

    check()
