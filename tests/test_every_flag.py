"""Every flag of every command with random and hostile values: success, or one sentence and exit status 2.

Commands parse their options and set up as always; the work that would follow is skipped.
"""

import argparse
import functools
import importlib
import itertools
import urllib.error
import urllib.request

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minilocal.bench.__main__
import minilocal.compare.__main__
import minilocal.costs.__main__
import minilocal.datasets.prepare
from minilocal import gradcheck, train
from minilocal.console import cli, options
from minilocal.datasets import load
from minilocal.runs.config import Config

HOSTILE = [
    "", " ", "0", "-0", "-1", "3", "nan", "inf", "-inf", "1e999", "1e-999", "0.3", "1.5", str(2**31), str(2**63),
    str(-(2**63)), "9" * 400, "9" * 5000, "0x10", "1_000", "١", "½", "\0", "a\nb", "\udcff", "\U0001f4a9" * 50,
    "x" * 5000, ".", "..", "/", "~", "/dev/null", "/dev/zero", "/proc/self/mem", "/proc/self/environ", "/no/x\0", "-",
    "--", "-x", "--lr", "None", "True", "[]", "%s%n%d", "{0.__class__}", "'; exit", "G0", "G3S2", "G3S3", "g2s1",
    "G1000", "BP", "vgg8b", "a2", "npz:", "npz:/dev/zero", "npz:/proc/self/environ", "npz:\0", "mnist", "http://[",
    "http://127.0.0.1:1", "ftp://127.0.0.1:1", "file:///", "data:,x",
]  # fmt: skip
values = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=9),
    st.integers().map(str),
    st.integers(-3, 9).map(str),
    st.floats().map(str),
)


class SetUp(BaseException):
    """Everything is set up; now the work would begin."""


class Found(BaseException):
    """The parser of a command."""


def stop(*_, **__):
    raise SetUp


@pytest.fixture(scope="module")
def finished(tmp_path_factory, quick):
    """A run, for commands that read one."""
    path = tmp_path_factory.mktemp("arguments") / "run"
    assert train.main([*quick, "--algo", "BP", "--epochs", "1", "--quiet", "--run-dir", str(path)]) == 0
    return path


@pytest.fixture(autouse=True)
def no_work(monkeypatch, tmp_path):
    """Skip the work, read the images once, and let nothing reach the network or write anywhere but here."""

    def refuse(request, timeout):
        if request.type not in ("file", "data"):
            raise urllib.error.URLError("no network here")
        return urlopen(request, timeout=timeout)

    urlopen = urllib.request.urlopen
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINILOCAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(minilocal.datasets.prepare, "load", functools.lru_cache(load))
    monkeypatch.setattr(train, "train_into", stop)
    monkeypatch.setattr(train, "workers", stop)
    monkeypatch.setattr(minilocal.compare.__main__, "train_all", stop)
    monkeypatch.setattr(minilocal.bench.__main__, "measure", stop)
    monkeypatch.setattr(minilocal.costs.__main__, "draw", stop)
    monkeypatch.setattr(gradcheck, "check_layers", stop)


def parser_of(command):
    """Return the parser that a command uses, whichever way it makes it."""
    original = cli.Parser.parse_args

    def caught(self, *_):
        raise Found(self)

    cli.Parser.parse_args = caught
    try:
        importlib.import_module(cli.COMMANDS[command][0]).main([])
    except Found as found:
        return found.args[0]
    finally:
        cli.Parser.parse_args = original


def arguments(parser):
    """Return all arguments of a parser, and of its sub-parsers, each with the words that must come before it."""
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                required = ["mnist"] if name == "fetch" else []
                found += [([name, *required], other) for _, other in arguments(sub)]
        elif "--help" not in action.option_strings:
            found.append(([], action))
    return found


FLAGS = {
    command: [(front, action.option_strings[-1:], action.nargs) for front, action in arguments(parser_of(command))]
    for command in cli.COMMANDS
    if command != "doctor"  # has no options
}
BEFORE = {"train": ["--width", "0.0625", "--train-size", "256", "--test-size", "100", "--batch-size", "64", "--quiet"]}
READERS = ("evaluate", "report", "export")  # commands whose first argument is a run
HEAVY = {("--width", value) for value in ("3", "4", "8", "2")}  # good, but slow to set up


@st.composite
def command_lines(draw, command):
    """Draw a command's arguments: one to three of its flags, each with any number of values."""
    front, argv = [], []
    for _ in range(draw(st.integers(1, 3))):
        front, flag, nargs = draw(st.sampled_from(FLAGS[command]))
        count = (
            0 if nargs == 0 else draw(st.integers(1, 3)) if nargs == "+" else draw(st.sampled_from([1, 1, 1, 1, 0, 2]))
        )
        argv += [*flag, *draw(st.lists(values, min_size=count, max_size=count))]
    return [*front, *argv]


def check(command, argv, capsys):
    """Run a command; it must succeed or end with one sentence and status 2."""
    argv = [*BEFORE.get(command, []), *argv]
    if any(pair in HEAVY for pair in itertools.pairwise(argv)):
        return
    try:
        status = cli.main([command, *argv])
    except SystemExit as exit_:
        status = exit_.code
    except SetUp:
        status = 0
    out, err = capsys.readouterr()
    assert status in (0, 2), err
    if status == 2:
        *progress, last = err.splitlines()
        assert last.startswith("minilocal"), err
        assert not any(line.startswith(("minilocal", "Traceback")) for line in progress), err
        assert out == ""


@pytest.mark.parametrize("command", FLAGS)
@pytest.mark.parametrize("count", [100, pytest.param(3000, marks=pytest.mark.slow)])
def test_random_command_lines(command, count, finished, capsys):
    @settings(max_examples=count)
    @given(argv=command_lines(command), on_a_run=st.booleans())
    def check_one(argv, on_a_run):
        if command in READERS and on_a_run:
            argv = [str(finished), *argv]
        if command == "train" and on_a_run:
            argv = ["--resume", str(finished), *argv]
        check(command, argv, capsys)

    check_one()


@pytest.mark.slow
@pytest.mark.parametrize("command", FLAGS)
def test_every_flag_with_every_hostile_value(command, finished, capsys):
    run = [str(finished)] if command in READERS else []
    for front, flag, _ in FLAGS[command]:
        for value in HOSTILE:
            check(command, [*run, *front, *flag, value], capsys)
            if flag:
                check(command, [*run, *front, f"{flag[0]}={value}"], capsys)


def test_all_flags_are_known_here():
    known = {"".join(flag).replace("--no-", "--") for _, flag, _ in FLAGS["train"]}
    assert known >= {"--resume", "--keep", *map(options.flag, Config().as_dict())}
    assert {tuple(flag) for _, flag, _ in FLAGS["datasets"]} >= {("--mirror",), ("--data-dir",), ()}
    assert all(FLAGS.values())
